//! The tables of `ops/telemetry.md` agree with the code and with a live scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use paynow_process::telemetry::Catalog;

use crate::console::Console;
use crate::harness::{Order, TestApp, eventually, flake, guide_table, rewrite_guide_table};

/// The metrics of all programs, and of each alone.
const CATALOGS: [(&str, Catalog); 4] = [
    ("both", paynow_process::catalog::CATALOG),
    ("receiver", paynow_receiver::observe::CATALOG),
    ("worker", paynow_worker::catalog::CATALOG),
    ("console", paynow_console::observe::CATALOG),
];
/// If this variable is set, the tables of the guide are rewritten instead of compared.
const REWRITE: &str = "REWRITE_GUIDE_TABLES";

/// Checks that the rows of a table of the guide are `coded`, in this order.
#[expect(
    clippy::disallowed_methods,
    reason = "no program reads it; it is for whoever runs the test"
)]
#[track_caller]
fn the_guide_has(table: &str, coded: &[Vec<String>]) {
    if std::env::var_os(REWRITE).is_some() {
        rewrite_guide_table(table, coded);
    }
    let documented = guide_table(table);
    assert_eq!(
        documented, coded,
        "to write the table of ops/telemetry.md, set {REWRITE}=1"
    );
}

fn row<const CELLS: usize>(cells: [&str; CELLS]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[test]
fn the_table_of_metrics_is_what_the_code_has() {
    let metrics = CATALOGS
        .iter()
        .flat_map(|(_program, catalog)| catalog.metrics());
    let coded: Vec<Vec<String>> = metrics
        .map(|metric| {
            let labels: Vec<&str> = metric.labels.iter().map(|(name, _values)| *name).collect();
            row([
                metric.name,
                metric.kind.word(),
                &labels.join(", "),
                metric.help,
            ])
        })
        .collect();

    the_guide_has("Metric", &coded);
}

#[test]
fn the_table_of_log_events_is_what_the_code_has() {
    let events = CATALOGS.iter().flat_map(|(program, catalog)| {
        let events = catalog.log_events();
        events.map(|event| row([event.name, event.level_word(), program, event.help]))
    });
    let coded: Vec<Vec<String>> = events.collect();

    the_guide_has("Event", &coded);
}

/// `paynowctl top` names the metrics that it reads, because it shares no code with the programs.
#[test]
fn every_metric_that_top_reads_is_declared() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/desk/src/top/metric.rs"
    );
    let source = std::fs::read_to_string(path).expect("top has a file of metric names");
    let literals = source.split('"').skip(1).step_by(2);
    let read: Vec<&str> = literals
        .filter(|literal| literal.starts_with("paynow_"))
        .map(|name| name.trim_end_matches("_bucket").trim_end_matches("_count"))
        .collect();
    let declared: BTreeSet<&str> = CATALOGS
        .iter()
        .flat_map(|(_program, catalog)| catalog.metrics())
        .map(|metric| metric.name)
        .collect();

    assert!(read.len() > 10, "{read:?}");
    for name in read {
        assert!(declared.contains(name), "{name}");
    }
}

/// Kind and label names of each metric of ours in a scrape, without `le`.
fn reported(scrape: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut reported = BTreeMap::new();
    for line in scrape.lines().filter(|line| line.contains("paynow_")) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type has a name and a kind");
            reported.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| {
                    name.strip_suffix(suffix)
                        .filter(|n| reported.contains_key(*n))
                })
                .unwrap_or(name);
            let (_kind, labels) = reported.get_mut(family).expect("a sample has its type");
            labels.extend(label_names(line));
        }
    }
    reported
}

fn label_names(sample: &str) -> Vec<String> {
    let inner = sample
        .split_once('{')
        .and_then(|(_name, rest)| rest.rsplit_once('}'));
    let pairs = inner.map_or("", |(labels, _value)| labels);
    let names = pairs.split(',').filter_map(|pair| pair.split_once("=\""));
    names
        .map(|(name, _value)| name.to_owned())
        .filter(|name| name != "le")
        .collect()
}

fn promtool_finds_nothing(scrape: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs: apt-get install prometheus");
    let mut input = promtool.stdin.take().expect("it has an input");
    input.write_all(scrape.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
}

/// A system with a credited order, a waiting refund and a dead body, so that every series has a
/// sample.
fn busy_app() -> TestApp {
    let app = TestApp::builder()
        .worker_setting("SURVEY_INTERVAL_SECONDS", "1")
        .start();
    let product = flake();
    app.set_product(product, 10);
    let order = Order::of(product, flake());
    assert_eq!(app.deliver(&order).status, 202);
    assert_eq!(app.deliver_bytes(b"{\"event_id\":\"77\"}").status, 202);
    eventually("the order is credited", || {
        (app.worker_metric("paynow_worker_events_total{outcome=\"credited\"}") == Some(1.0))
            .then_some(())
    });
    eventually("the dead letter is archived and was counted", || {
        let open = "paynow_worker_dead_letters_open{reason=\"malformed\"}";
        (app.worker_metric(open) == Some(1.0)).then_some(())
    });
    app
}

#[test]
fn a_live_scrape_has_every_metric_of_the_table_and_passes_promtool() {
    let app = busy_app();

    let receiver = app.receiver_admin("/metrics").expect("it answers").1;
    let worker = app.worker_admin("/metrics").expect("it answers").1;
    let console = Console::start(&app).scrape();

    let mut reported_by_all = BTreeMap::new();
    for scrape in [&receiver, &worker, &console] {
        promtool_finds_nothing(scrape);
        reported_by_all.extend(reported(scrape));
    }
    let documented = guide_table("Metric").into_iter().map(|row| {
        let labels = row[2].split(", ").filter(|label| !label.is_empty());
        let labels: BTreeSet<String> = labels.map(str::to_owned).collect();
        (row[0].clone(), (row[1].clone(), labels))
    });
    assert_eq!(reported_by_all, documented.collect());
    for scrape in [&receiver, &worker, &console] {
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes"] {
            assert!(scrape.contains(&format!("\n{name} ")), "{name}: {scrape}");
        }
    }
}

#[test]
fn a_refusal_and_a_secret_are_counted_from_zero() {
    let app = TestApp::builder()
        .receiver_setting(
            "PAYNOW_SIGNING_SECRETS",
            &format!("old:unused-secret,test:{}", crate::harness::SECRET),
        )
        .start();
    let before = |name: &str| app.receiver_metric(name);
    assert_eq!(
        before("paynow_receiver_requests_total{outcome=\"stale\"}"),
        Some(0.0)
    );
    let uses = |id: &str| format!("paynow_receiver_secret_uses_total{{secret_id=\"{id}\"}}");
    let last = |id: &str| {
        format!("paynow_receiver_secret_last_used_timestamp_seconds{{secret_id=\"{id}\"}}")
    };

    let product = flake();
    app.set_product(product, 10);
    let order = Order::of(product, flake());
    assert_eq!(app.deliver(&order).status, 202);

    assert_eq!(app.receiver_metric(&uses("test")), Some(1.0));
    assert_eq!(app.receiver_metric(&uses("old")), Some(0.0));
    assert_eq!(app.receiver_metric(&last("old")), Some(0.0));
    let now_s = f64::from(u32::try_from(paynow_process::clock::now_ms() / 1000).unwrap());
    let last_used = app.receiver_metric(&last("test")).unwrap();
    assert!((now_s - last_used).abs() < 60.0, "{last_used}");
}
