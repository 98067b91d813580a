//! The patches that break the worker on purpose still fit its sources, and say what they break.
//! `ops/faults --broken` builds them and expects each to be caught.

use std::path::Path;
use std::process::Command;

use super::files::{root, under};
use super::nothing_of;

fn problem(patch: &Path) -> Option<String> {
    let text = std::fs::read_to_string(patch).expect("a patch is text");
    let mut head = text.lines();
    let says = |line: Option<&str>, word: &str| line.is_some_and(|line| line.starts_with(word));
    if !says(head.next(), "Breaks: ") || !says(head.next(), "Faults: ") {
        return Some("it begins with a line `Breaks: ` and a line `Faults: `".to_owned());
    }
    let checked = Command::new("git")
        .args(["apply", "--check"])
        .arg(patch)
        .current_dir(root())
        .output()
        .expect("git runs");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    (!checked.status.success()).then_some(said)
}

#[test]
fn every_patch_that_breaks_the_worker_fits_its_sources() {
    let patches = under("tests/faults/broken");
    assert!(patches.len() >= 7, "{patches:?}");
    let of = |patch: &std::path::PathBuf| Some(format!("{}: {}", patch.display(), problem(patch)?));
    nothing_of(patches.iter().filter_map(of).collect());
}
