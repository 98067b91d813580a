//! A migration that was released never changes.

use std::collections::BTreeMap;
use std::path::Path;

use paynow_shared::digest::BodyDigest;

use super::{is_recording, newest, versions};
use crate::harness::migrations;

const LIST: &str = "migrations.txt";

/// The digest of each `up.sql`, by directory.
fn digests() -> BTreeMap<String, String> {
    let of = |migration: &Path| {
        let name = migration.file_name().expect("a directory has a name");
        let sql = std::fs::read(migration.join("up.sql")).expect("it has an up.sql");
        let digest = BodyDigest::of(&sql).to_string();
        (name.to_string_lossy().into_owned(), digest)
    };
    migrations().iter().map(|migration| of(migration)).collect()
}

fn record(list: &Path) {
    let digests = digests();
    let lines = digests
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"));
    std::fs::write(list, lines.collect::<String>()).expect("the golden files can be written");
}

#[test]
fn no_released_migration_was_changed() {
    if is_recording() {
        record(&newest().join(LIST));
    }
    let digests = digests();
    for version in versions() {
        let list = version.join(LIST);
        let text = std::fs::read_to_string(&list).expect("a version has its migrations");
        assert!(text.lines().count() >= 7, "{}", list.display());
        for line in text.lines() {
            let (digest, name) = line.split_once("  ").expect("digest and name");
            let now = digests.get(name).map(String::as_str);
            assert_eq!(now, Some(digest), "{name} was released and has changed");
        }
    }
    assert!(!is_recording(), "recorded: check what changed");
}
