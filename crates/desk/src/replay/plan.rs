//! The letters of a replay, fixed by number with a hash that proves it later, and their effect.

use std::collections::BTreeSet;

use paynow_shared::digest::BodyDigest;
use paynow_worker::decide::Policy;
use paynow_worker::proof::is_not_required_yet;
use serde::Serialize;
use serde_json::Value;

use super::effect::{Outlook, PlannedLetter, WalletChange, balances_of, effect_of, foresee};
use crate::database::Database;
use crate::error::DeskError;
use crate::expect::PreviewHash;
use crate::ids;
use crate::letters::{Letter, frozen, selected_open};
use crate::selection::Selection;
use crate::ticket::Ticket;

/// The letters that would be replayed, and the effect by the worker's own rules.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// By number.
    pub letters: Vec<PlannedLetter>,
    /// By wallet.
    pub wallets: Vec<WalletChange>,
    /// Of nothing but the numbers of the letters, one a line: which letters a recorded replay was about.
    pub sha256: String,
    /// Of the letters, their deaths, the effect and the balances: `refuse_unexpected` takes it.
    pub expect: PreviewHash,
    /// The matching letters that are left out, because they have no signature and nobody vouches for
    /// them.
    #[serde(serialize_with = "ids::list")]
    pub without_signature: BTreeSet<i64>,
    /// Whether whoever starts the replay vouches for its letters.
    pub without_proof: bool,
    /// The selection as `operator_actions.selection` keeps it.
    #[serde(skip)]
    selection: Value,
    /// The case that the replay is for.
    #[serde(skip)]
    ticket: Option<Ticket>,
}

/// Selects the letters and foresees their effect, without writing. `policy` must be the worker's.
pub fn plan(
    database: &Database,
    selection: &Selection,
    policy: &Policy,
    without_proof: bool,
) -> Result<Plan, DeskError> {
    let mut connection = database.patient().open_as_operator()?;
    let mut letters = selected_open(&mut connection, selection, "replayed")?;
    let is_let_through = without_proof
        || is_not_required_yet(&mut connection)
            .map_err(|error| DeskError::failed("the rule for proofs cannot be read", error))?;
    let without_signature = match is_let_through {
        true => BTreeSet::new(),
        false => leave_out_unsigned(&mut letters, selection)?,
    };
    let [which, deaths] = frozen(&letters);
    let (letters, wallets) = foresee(&mut connection, letters, policy)?;
    let expect = PreviewHash::of([
        which,
        deaths,
        effect_of(&letters, &wallets),
        balances_of(&wallets),
    ]);
    let lines = letters.iter().map(|it| format!("{}\n", it.dead_letter_id));
    let numbers: String = lines.collect();
    Ok(Plan {
        letters,
        wallets,
        sha256: BodyDigest::of(numbers.as_bytes()).to_string(),
        expect,
        without_signature,
        without_proof,
        selection: selection.document(),
        ticket: None,
    })
}

/// Leaves out the letters that a worker would refuse because they have no signature, and returns their
/// numbers. Fails if nothing is left, or if the operator has named one of them.
fn leave_out_unsigned(
    letters: &mut Vec<Letter>,
    selection: &Selection,
) -> Result<BTreeSet<i64>, DeskError> {
    let unsigned = letters.extract_if(.., |letter| !letter.has_signature);
    let unsigned: BTreeSet<i64> = unsigned
        .map(|letter| letter.summary.dead_letter_id)
        .collect();
    let is_named = matches!(selection, Selection::Named(_));
    if unsigned.is_empty() || (!letters.is_empty() && !is_named) {
        return Ok(unsigned);
    }
    let numbers: Vec<String> = unsigned.iter().map(i64::to_string).collect();
    Err(DeskError::Refused(format!(
        "no signature proves that PayNow sent these dead letters, nothing was done: {}; whoever has \
         checked them against PayNow may vouch for them with --without-proof",
        numbers.join(", ")
    )))
}

impl Plan {
    /// The same, for this case.
    #[must_use]
    pub fn with_ticket(self, ticket: Option<Ticket>) -> Self {
        Self { ticket, ..self }
    }

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
        let fields = [
            ("meant", Some(self.selection.clone())),
            ("dead_letter_ids", Some(self.id_texts().into())),
            ("sha256", Some(self.sha256.clone().into())),
            ("expect", Some(self.expect.as_str().into())),
            ("ticket", self.ticket.as_ref().map(|it| it.as_str().into())),
            // The function `is_vouched` looks for this.
            (
                "without_proof",
                self.without_proof.then_some(Value::Bool(true)),
            ),
        ];
        let given = fields.into_iter();
        let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect())
    }
}
