//! The scripts notice every failure.

use super::files::texts;
use super::nothing_of;

/// In a command before one of these, bash goes on after a failure, also inside a function and despite `set -e`. So a function that runs what
/// it was given must not put one behind it: of five lints, only the last would count.
const AFTER_ANY_COMMAND: [&str; 2] = ["\"$@\" ||", "\"$@\" &&"];

#[test]
fn no_script_goes_on_after_a_failure_inside_a_step() {
    let all = texts();
    let scripts = all.iter().filter(|text| {
        text.content.starts_with("#!/usr/bin/env bash") || text.path.ends_with(".sh")
    });
    let hits = scripts.flat_map(|text| {
        let lines = text
            .content
            .lines()
            .filter(|line| AFTER_ANY_COMMAND.iter().any(|it| line.contains(it)));
        lines
            .map(|line| format!("{}: {line}", text.path))
            .collect::<Vec<_>>()
    });
    nothing_of(hits.collect());
}
