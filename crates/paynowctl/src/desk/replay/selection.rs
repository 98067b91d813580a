//! Which letters a replay is of: fixed once, by number, with a hash that proves it later.

use diesel::pg::PgConnection;
use paynow_shared::digest::BodyDigest;
use serde_json::{Value, json};

use super::super::letters::{Letter, check_open, chosen};
use crate::actions::meant_by;
use crate::cli::ReplayOptions;
use crate::failure::Failure;

pub(super) struct Chosen {
    /// By number.
    pub(super) letters: Vec<Letter>,
    /// What was typed.
    meant: Value,
}

impl Chosen {
    pub(super) fn ids(&self) -> Vec<i64> {
        self.letters
            .iter()
            .map(|letter| letter.dead_letter_id)
            .collect()
    }

    /// SHA-256 of the numbers, one a line.
    pub(super) fn hash(&self) -> String {
        let lines: String = self.ids().iter().map(|id| format!("{id}\n")).collect();
        BodyDigest::of(lines.as_bytes()).to_string()
    }

    /// As `operator_actions.selection` keeps it.
    pub(super) fn document(&self) -> Value {
        json!({"meant": self.meant, "dead_letter_ids": self.names(), "sha256": self.hash()})
    }

    /// Ids are strings in every document of ours.
    pub(super) fn names(&self) -> Vec<String> {
        self.ids().iter().map(i64::to_string).collect()
    }
}

pub(super) fn choose(
    connection: &mut PgConnection,
    options: &ReplayOptions,
) -> Result<Chosen, Failure> {
    let letters = chosen(connection, &options.letters, &options.filter)?;
    check_open(&letters, "replayed")?;
    Ok(Chosen {
        letters,
        meant: meant_by(&options.letters, &options.filter),
    })
}
