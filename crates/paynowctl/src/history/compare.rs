//! Reads the downloaded pages one after another and compares each.

use paynow_desk::database::Database;
use paynow_desk::history::{Comparison, read_page};

use super::options::Downloaded;
use crate::failure::Failure;

pub(super) fn compare(database: &Database, downloaded: &Downloaded) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let since_ms = downloaded.since.timestamp_millis();
    for file in &downloaded.files {
        let unreadable = || format!("{} cannot be read", file.display());
        let bytes = std::fs::read(file).map_err(|error| Failure::failed(unreadable(), error))?;
        let page = read_page(&bytes).map_err(|error| Failure::failed(unreadable(), error))?;
        comparison.add(database, page, since_ms)?;
    }
    Ok(comparison)
}
