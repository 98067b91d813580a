//! Fault points are for tests: each one is struck by a test, and only the tests' builds have them.

use std::collections::BTreeSet;

use super::files::{Text, texts};
use super::nothing_of;
use crate::boundaries::BOUNDARIES;

/// The files that may name the feature: its definition, its use, the build of the tests, and this rule.
const MAY_NAME_IT: [&str; 5] = [
    "crates/process/Cargo.toml",
    "crates/process/src/fault.rs",
    "ops/lib.sh",
    "tests/integration/boundaries.rs",
    "tests/integration/tidy/fault_points.rs",
];

fn points_in(text: &Text) -> Vec<String> {
    let calls = text.content.split("fault_point!(\"").skip(1);
    calls
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[test]
fn a_test_strikes_every_fault_point() {
    let texts = texts();
    let is_source =
        |text: &&Text| text.path.starts_with("crates/") && !text.path.ends_with("/fault.rs");
    let in_sources: BTreeSet<String> = texts.iter().filter(is_source).flat_map(points_in).collect();
    let struck = BOUNDARIES
        .iter()
        .map(|(_program, point)| (*point).to_owned());
    assert_eq!(in_sources, struck.collect());
}

#[test]
fn only_the_builds_of_the_tests_have_fault_points() {
    // A text of prose may name it; what builds something may not.
    let names_it = |text: &&Text| {
        let all = text.content.contains("--all-features");
        (all || text.content.contains("fault-points")) && !text.path.ends_with(".md")
    };
    let texts = texts();
    let others = texts.iter().filter(names_it);
    let others = others.filter(|text| !MAY_NAME_IT.contains(&text.path.as_str()));
    nothing_of(others.map(|text| text.path.clone()).collect());
}
