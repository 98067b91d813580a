//! The letters of a replay, fixed by number with a hash that proves it later, and their effect.

use paynow_shared::digest::BodyDigest;
use paynow_worker::decide::Policy;
use serde::Serialize;
use serde_json::{Value, json};

use super::effect::{Outlook, PlannedLetter, WalletChange, foresee};
use crate::database::Database;
use crate::error::DeskError;
use crate::letters::selected_open;
use crate::selection::Selection;

/// The letters that would be replayed, and the effect by the worker's own rules.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// By number.
    pub letters: Vec<PlannedLetter>,
    /// By wallet.
    pub wallets: Vec<WalletChange>,
    /// Of the numbers of the letters, one a line.
    pub sha256: String,
    /// The selection as `operator_actions.selection` keeps it.
    #[serde(skip)]
    selection: Value,
}

/// Selects the letters and foresees their effect, without writing. `policy` must be the worker's.
pub fn plan(
    database: &Database,
    selection: &Selection,
    policy: &Policy,
) -> Result<Plan, DeskError> {
    let mut connection = database.open_as_operator()?;
    let letters = selected_open(&mut connection, selection, "replayed")?;
    let (letters, wallets) = foresee(&mut connection, letters, policy)?;
    let lines = letters.iter().map(|it| format!("{}\n", it.dead_letter_id));
    let numbers: String = lines.collect();
    Ok(Plan {
        letters,
        wallets,
        sha256: BodyDigest::of(numbers.as_bytes()).to_string(),
        selection: selection.document(),
    })
}

impl Plan {
    /// How many letters would become this.
    pub fn count(&self, outlook: Outlook) -> usize {
        let alike = self.letters.iter().filter(|it| it.would_be == outlook);
        alike.count()
    }

    pub(super) fn ids(&self) -> Vec<i64> {
        let ids = self.letters.iter().map(|letter| letter.dead_letter_id);
        ids.collect()
    }

    /// The ids as the documents of `operator_actions` have them.
    pub(super) fn id_texts(&self) -> Vec<String> {
        self.ids().iter().map(i64::to_string).collect()
    }

    /// As `operator_actions.selection` keeps it.
    pub(super) fn document(&self) -> Value {
        json!({
            "meant": self.selection,
            "dead_letter_ids": self.id_texts(),
            "sha256": self.sha256,
        })
    }
}
