//! Tables of reports.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::judge::{Broken, Promise};
use crate::kind::FaultKind;
use crate::load::Counts;
use crate::recovery::Struck;
use crate::report::{Report, table};

fn report(recovery_ms: u64, broken: &[Broken]) -> String {
    let arguments = ["--seed", "5", "--minutes", "1"].map(str::to_owned);
    let arguments = Arguments::parse(&arguments).unwrap().unwrap();
    let struck = Struck {
        kind: FaultKind::KillWorker,
        began: Duration::ZERO,
        ended: Duration::from_secs(1),
    };
    let times = vec![Duration::from_millis(recovery_ms)];
    Report::new(&arguments, Duration::from_secs(70))
        .with_load(9, &Counts::default())
        .with_faults(&[struck], &BTreeMap::from([(struck.kind, times)]))
        .with_verdict(broken)
        .line()
}

#[test]
fn a_table_sums_reports_up() {
    let lost = Broken {
        promise: Promise::NothingLost,
        what: "one".to_owned(),
    };
    let lines = [report(1200, &[]), report(3400, &[lost])].join("\n");
    let table = table(&lines).unwrap();
    let row =
        "| process  | kill_worker                  |      2 |        2 |      3.4 |      3.4 |";
    assert!(table.contains(row), "{table}");
    for line in [
        "events accepted: 18",
        "lost: 1",
        "seed 5: kept",
        "seed 5: broken",
    ] {
        assert!(table.contains(line), "{table}");
    }
}
