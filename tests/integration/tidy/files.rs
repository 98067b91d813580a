//! The files of the repository: those that git tracks, and new ones that it does not ignore.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that a tool or another author wrote.
const NOT_OURS: [&str; 7] = [
    "Cargo.lock",
    "tests/fuzz/Cargo.lock",
    "tests/integration/upgrade/0.1.sql",
    "tests/integration/upgrade/0.2.sql",
    "tests/integration/upgrade/0.3.refunds.sql",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

pub(super) struct Text {
    /// The path below the root, with slashes.
    pub(super) path: String,
    pub(super) content: String,
}

pub(super) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are a folder of the repository")
        .to_owned()
}

pub(super) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

#[track_caller]
pub(super) fn read(path: &str) -> String {
    let found = std::fs::read_to_string(root().join(path));
    found.unwrap_or_else(|error| panic!("{path}:1: {error}"))
}

/// The entries of a folder, sorted.
pub(super) fn under(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    paths.sort();
    paths
}

/// Every text file of ours.
pub(super) fn texts() -> Vec<Text> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(
        listed.status.success(),
        "this is no git checkout: {listed:?}"
    );
    let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let paths = listed
        .split_terminator('\0')
        .filter(|path| !NOT_OURS.contains(path));
    // Git still lists a deleted file before the commit, and an image is no text.
    let text = |path: &str| {
        let content = std::fs::read_to_string(root().join(path)).ok()?;
        Some(Text {
            path: path.to_owned(),
            content,
        })
    };
    let texts: Vec<Text> = paths.filter_map(text).collect();
    assert!(texts.len() > 50, "git lists {} files only", texts.len());
    texts
}
