//! Which fault raises which alert: the tests make these faults, and `ops/seen-firing.md` lists
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::{broker, desk, processes, queue, receiver, watchers};
use crate::harness::{Alert, Monitoring, alerts, eventually};

/// A fault that a test makes, and the alerts that must fire because of it and stop after it.
pub(super) struct Fault {
    /// The fault, in the words of the table.
    pub(super) what: &'static str,
    /// The test that makes the fault, as a path below `faults`.
    pub(super) test: &'static str,
    /// `name severity`
    pub(super) alerts: &'static [&'static str],
}

const FAULTS: [&[Fault]; 6] = [
    &broker::FAULTS,
    &receiver::FAULTS,
    &queue::FAULTS,
    &desk::FAULTS,
    &processes::FAULTS,
    &watchers::FAULTS,
];

impl Fault {
    fn alerts(&self) -> BTreeSet<Alert> {
        let alert = |text: &&str| {
            let (name, severity) = text.split_once(' ').expect("a name and a severity");
            (name.to_owned(), severity.to_owned())
        };
        self.alerts.iter().map(alert).collect()
    }

    /// Before the fault: waits until none of its alerts fires.
    #[track_caller]
    pub(super) fn is_silent(&self, monitoring: &Monitoring) {
        self.is_over(monitoring, || {});
    }

    /// During the fault, which `repeat` keeps up: waits until each of its alerts has fired.
    #[track_caller]
    pub(super) fn fires(&self, monitoring: &Monitoring, mut repeat: impl FnMut()) {
        let mut missing = self.alerts();
        eventually(
            &format!("{}: these alerts fire: {missing:?}", self.what),
            || {
                repeat();
                let firing = monitoring.firing();
                let before = missing.len();
                missing.retain(|alert| !firing.contains(alert));
                if missing.len() < before {
                    println!("{}: still silent {missing:?}", self.what);
                }
                missing.is_empty().then_some(())
            },
        );
    }

    /// After the fault, while `repeat` runs: waits until none of its alerts fires any more.
    #[track_caller]
    pub(super) fn is_over(&self, monitoring: &Monitoring, mut repeat: impl FnMut()) {
        let alerts = self.alerts();
        eventually(
            &format!("{}: none of these alerts fires: {alerts:?}", self.what),
            || {
                repeat();
                alerts.is_disjoint(&monitoring.firing()).then_some(())
            },
        );
    }
}

/// The rows of `ops/seen-firing.md`: alert, severity, fault, test.
fn rows() -> Vec<[String; 4]> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/seen-firing.md");
    let text = std::fs::read_to_string(path).expect("the table is there");
    let lines = text.lines().filter(|line| line.starts_with("| PayNow"));
    lines
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            let cells: Vec<String> = cells.map(|cell| cell.trim().replace('`', "")).collect();
            <[String; 4]>::try_from(cells).unwrap_or_else(|_cells| panic!("four cells: {line}"))
        })
        .collect()
}

/// The fault and the test that the table must name for every alert that a test raises.
fn seen() -> BTreeMap<Alert, (String, String)> {
    let mut seen = BTreeMap::new();
    for fault in FAULTS.into_iter().flatten() {
        for alert in fault.alerts() {
            let row = (fault.what.to_owned(), format!("yes, {}", fault.test));
            let twice = seen.insert(alert, row);
            assert_eq!(twice, None, "{}: another fault raises it too", fault.what);
        }
    }
    seen
}

#[test]
fn the_table_names_for_every_alert_its_test_or_why_it_has_none() {
    let mut problems = Vec::new();
    let mut seen = seen();
    let mut rules: BTreeSet<Alert> = alerts().into_iter().collect();
    for [name, severity, fault, test_cell] in rows() {
        let alert = (name, severity);
        if !rules.remove(&alert) {
            problems.push(format!("{alert:?}: no such alert, or it has two rows"));
        }
        match seen.remove(&alert) {
            Some((what, test)) if (&what, &test) == (&fault, &test_cell) => {}
            Some((what, test)) => problems.push(format!("{alert:?}: | {what} | {test} |")),
            None if test_cell.starts_with("no: ") => {}
            None => problems.push(format!("{alert:?}: no test raises it")),
        }
    }
    problems.extend(
        rules
            .iter()
            .map(|alert| format!("{alert:?}: not in the table")),
    );
    problems.extend(
        seen.keys()
            .map(|alert| format!("{alert:?}: no such alert is in the table")),
    );
    assert!(
        problems.is_empty(),
        "ops/seen-firing.md:\n{}",
        problems.join("\n")
    );
}

#[test]
fn every_test_that_the_table_names_exists() {
    for fault in FAULTS.into_iter().flatten() {
        let (module, name) = fault.test.split_once("::").expect("a module and a test");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/monitoring/faults");
        let source = std::fs::read_to_string(format!("{folder}/{module}.rs"));
        let source = source.unwrap_or_else(|error| panic!("{module}: {error}"));
        assert!(source.contains(&format!("fn {name}()")), "{}", fault.test);
    }
}
