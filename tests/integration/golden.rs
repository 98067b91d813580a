//! The messages and SQL statements of released versions, recorded in `tests/golden`: they still
//! work today. The README there explains how to record a new version.

mod deals;
mod message;
mod released;
mod shape;
mod statements;

use std::path::{Path, PathBuf};

use paynow_process::environment::Environment;
use serde_json::Value;

/// The directories of all recorded versions, first to last.
fn versions() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut versions: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("there are golden files")
        .map(|entry| entry.expect("a directory can be listed").path())
        .filter(|path| path.is_dir())
        .collect();
    // Sorted by number, because 0.10.0 comes after 0.9.0.
    versions.sort_by_key(|path| {
        let name = path.file_name().expect("a directory has a name");
        let numbers = name.to_string_lossy().into_owned();
        numbers
            .split('.')
            .map(|number| number.parse::<u32>().expect("a version is numbers"))
            .collect::<Vec<u32>>()
    });
    versions
}

/// The version that describes the programs of today.
fn newest() -> PathBuf {
    versions().pop().expect("there is one")
}

/// Whether to record what is found instead of comparing it.
fn is_recording() -> bool {
    Environment::of_this_process()
        .text("PAYNOW_GOLDEN")
        .is_some_and(|mode| mode == "record")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Compares with what was recorded, or records it.
#[track_caller]
fn compare(path: &Path, recorded: &Value, found: &Value) {
    if is_recording() {
        write(path, found);
    } else {
        assert_eq!(found, recorded, "{}", path.display());
    }
}

fn write(path: &Path, value: &Value) {
    let text = serde_json::to_string_pretty(value).expect("a value can be written") + "\n";
    std::fs::write(path, text).expect("the golden files can be written");
}
