//! The command line of a trial.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::kind::{Area, FaultKind};

fn parse(line: &str) -> Result<Option<Arguments>, String> {
    let given: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Arguments::parse(&given)
}

#[test]
fn the_arguments_of_cargo_test_start_no_trial() {
    assert_eq!(parse("--test-threads 4"), Ok(None));
    assert_eq!(parse(""), Ok(None));
}

#[test]
fn the_command_runs_the_same_trial_again() {
    let line = "--seed 7 --minutes 2 --faults kill_worker,broker --rate 5 --report r";
    let arguments = parse(line).unwrap().unwrap();
    let again = arguments.command(&[3, 9]);
    assert_eq!(
        again,
        "ops/faults --seed 7 --minutes 2 --faults kill_worker,broker --rate 5 --only 3,9"
    );
    let again = parse(again.strip_prefix("ops/faults").unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(again.kinds, arguments.kinds);
    assert_eq!(again.length, Duration::from_secs(120));
    assert_eq!(again.only, BTreeSet::from([3, 9]));
}

#[test]
fn an_area_is_all_its_usual_kinds() {
    let arguments = parse("--seed 1 --faults process").unwrap().unwrap();
    let of_area = |kind: &FaultKind| kind.area() == Area::Process;
    assert!(arguments.kinds.contains(&FaultKind::KillWorker));
    assert!(arguments.kinds.iter().all(of_area));
    assert_eq!(parse("--seed 1 --faults none").unwrap().unwrap().kinds, []);
}

#[test]
fn what_is_wrong_is_refused() {
    for line in [
        "--seed x",
        "--seed",
        "--seed 1 --minutes 0",
        "--seed 1 --minutes x",
        "--seed 1 --faults nonsense",
        "--seed 1 --only 1,x",
        "--seed 1 --rate 0",
        "--seed 1 --wrong 1",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
