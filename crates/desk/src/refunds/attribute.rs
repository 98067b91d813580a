//! A person's decision what a refund was for: its effect first, then the decision.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::reason::Reason;
use paynow_worker::decide::Policy;

use super::{Choice, Decision};
use crate::actions::{Mode, Note};
use crate::database::{Database, DatabaseError};
use crate::error::{DeskError, Undone};
use crate::expect::{PreviewHash, refuse_other};
use crate::letters::{FoundLetter, Letter, frozen, named, newest_death};
use crate::replay::{PlannedLetter, WalletChange, balances_of, effect_of, foresee_within};
use crate::row::One;
use crate::selection::LetterState;

/// What a person says, and how far the call goes.
#[derive(Debug, Clone, Copy)]
pub struct Attributing<'a> {
    /// The number of the dead letter, or its event.
    pub name: &'a str,
    pub choice: Choice,
    pub note: &'a Note,
    pub mode: Mode,
    /// Only if everything is as in the preview with this hash.
    pub expected: Option<&'a PreviewHash>,
}

/// A decision, and the dead letter that must be replayed for it.
#[derive(Debug)]
pub struct Attributed {
    /// In a dry run its `action_id` is of no action.
    pub decision: Decision,
    pub letter: Letter,
    /// What the replay would do; empty where there is nothing to replay.
    pub letters: Vec<PlannedLetter>,
    pub wallets: Vec<WalletChange>,
    /// Of the decision, the letter's deaths, the effect and the balances.
    pub expect: PreviewHash,
    /// Of the replay alone, as a plan of it has it.
    pub expect_of_replay: PreviewHash,
}

impl Attributed {
    /// Whether the letter can be replayed.
    pub fn is_open(&self) -> bool {
        self.letter.summary.state == LetterState::Open.code()
    }
}

/// Decides what the refund of a dead letter was for, and records who decided. A dry run makes the decision, looks
/// at its effect and takes it back in one transaction.
pub fn attribute(
    database: &Database,
    asked: &Attributing<'_>,
    policy: &Policy,
) -> Result<Attributed, DeskError> {
    let attributed = database.open_as_operator()?.transaction(|connection| {
        let attributed = decide(connection, asked, policy)?;
        match asked.mode {
            Mode::DryRun => Err(Undone::OnPurpose(Box::new(attributed))),
            Mode::Apply => Ok(attributed),
        }
    });
    Undone::shown(attributed)
}

fn decide(
    connection: &mut PgConnection,
    asked: &Attributing<'_>,
    policy: &Policy,
) -> Result<Attributed, DeskError> {
    let found = named(connection, asked.name)?;
    refuse_undecidable(&found.letter)?;
    let decision = record(connection, &found, asked)?;
    let letter = found.letter;
    let [which, deaths] = frozen(std::slice::from_ref(&letter));
    let (letters, wallets) = match letter.summary.state == LetterState::Open.code() {
        true => foresee_within(connection, vec![letter.clone()], policy)?,
        false => (Vec::new(), Vec::new()),
    };
    let (effect, balances) = (effect_of(&letters, &wallets), balances_of(&wallets));
    let choice = format!("{which}{:?}", asked.choice);
    let expect_of_replay =
        PreviewHash::of([which, deaths.clone(), effect.clone(), balances.clone()]);
    let attributed = Attributed {
        expect: PreviewHash::of([choice, deaths, effect, balances]),
        expect_of_replay,
        decision,
        letter,
        letters,
        wallets,
    };
    refuse_other(&attributed.expect, asked.expected, told(&attributed))?;
    Ok(attributed)
}

/// What each part of the hash is now.
fn told(attributed: &Attributed) -> [String; 4] {
    let (letter, refund) = (&attributed.letter.summary, attributed.decision.refund_id);
    let changes: Vec<String> = attributed
        .wallets
        .iter()
        .map(|it| format!("{:+} points for wallet {}", it.change, it.wallet_id))
        .collect();
    let balances: Vec<String> = attributed
        .wallets
        .iter()
        .map(|it| format!("{} of wallet {}", it.balance, it.wallet_id))
        .collect();
    [
        format!(
            "the decision is another, now about refund {refund} of dead letter {}",
            letter.dead_letter_id
        ),
        newest_death(std::slice::from_ref(&attributed.letter)),
        format!("the effect is another, now {}", or_none(&changes)),
        format!("a balance is another, now {}", or_none(&balances)),
    ]
}

fn or_none(texts: &[String]) -> String {
    match texts {
        [] => "none".to_owned(),
        texts => texts.join(", "),
    }
}

fn refuse_undecidable(letter: &Letter) -> Result<(), DeskError> {
    let (number, reason) = (letter.summary.dead_letter_id, &letter.summary.reason);
    if reason == Reason::PartialRefund.code() {
        return Ok(());
    }
    Err(DeskError::Refused(format!(
        "dead letter {number} died of {reason}, so there is nothing to attribute: only a refund that died of \
         {} can be",
        Reason::PartialRefund.code()
    )))
}

fn record(
    connection: &mut PgConnection,
    found: &FoundLetter,
    asked: &Attributing<'_>,
) -> Result<Decision, DeskError> {
    let (line, points) = match asked.choice {
        Choice::Everything => (None, None),
        Choice::Line(line) => (Some(line.get()), None),
        Choice::Points { points, wallet: _ } => (None, Some(points.get())),
    };
    let wallet = match (asked.choice, found.content.order_id) {
        (Choice::Everything | Choice::Line(_), _) => None,
        (
            Choice::Points {
                wallet: Some(wallet),
                ..
            },
            _,
        ) => Some(wallet.get()),
        (Choice::Points { wallet: None, .. }, order) => {
            Some(only_wallet(connection, order.unwrap_or_default())?)
        }
    };
    sql_query(
        "SELECT decided_by AS action_id, of_refund AS refund_id, of_order AS order_id, is_new \
         FROM attribute_refund($1, $2, $3, $4, $5, $6)",
    )
    .bind::<BigInt, _>(found.letter.summary.dead_letter_id)
    .bind::<Nullable<BigInt>, _>(line)
    .bind::<Nullable<BigInt>, _>(wallet)
    .bind::<Nullable<BigInt>, _>(points)
    .bind::<Text, _>(&asked.note.by)
    .bind::<Text, _>(&asked.note.why)
    .get_result(connection)
    .map_err(refused)
}

/// The only wallet that an order gave points to.
fn only_wallet(connection: &mut PgConnection, order_id: i64) -> Result<i64, DeskError> {
    let wallets: Vec<One<i64>> = sql_query(
        "SELECT DISTINCT wallet_id AS value FROM ledger_entries \
         WHERE order_id = $1 AND kind = 'order_line' ORDER BY wallet_id",
    )
    .bind::<BigInt, _>(order_id)
    .load(connection)?;
    if let [wallet] = wallets.as_slice() {
        return Ok(wallet.value);
    }
    let wallets: Vec<String> = wallets.iter().map(|it| it.value.to_string()).collect();
    Err(DeskError::Refused(format!(
        "order {order_id} gave points to {} wallets: choose one of them with --wallet: {}",
        wallets.len(),
        wallets.join(", ")
    )))
}

/// The database's rules say in their messages what is wrong with a decision.
fn refused(error: Error) -> DeskError {
    if let Error::DatabaseError(_kind, information) = &error
        && let Some(rule) = information.constraint_name()
        && rule.starts_with("refund_attributions_")
    {
        let why = match rule {
            "refund_attributions_line_key" => "another refund was decided to be for this line",
            "refund_attributions_form" => "points must not be below zero",
            _any_other => information.message(),
        };
        return DeskError::Refused(format!("{why}: nothing was decided ({rule})"));
    }
    DatabaseError::from(error).into()
}
