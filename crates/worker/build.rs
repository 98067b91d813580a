//! Passes the newest migration to the compiler, in the form in which diesel records it.

use std::io::{Error, Result};

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=../../migrations");
    let mut versions = Vec::new();
    for entry in std::fs::read_dir("../../migrations")? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        // `<date>-<number>_<name>`; diesel records the digits.
        versions.extend(
            name.split_once('_')
                .map(|(version, _)| version.replace('-', "")),
        );
    }
    let newest = versions.into_iter().max();
    let newest = newest.ok_or_else(|| Error::other("there are no migrations"))?;
    println!("cargo::rustc-env=PAYNOW_NEWEST_MIGRATION={newest}");
    Ok(())
}
