//! `events show`: one event's story, from its arrival to the balances it moved.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use paynow_shared::ids::EventId;
use serde_json::{Value, json};

use crate::cli::EventsCommand;
use crate::config::Config;
use crate::database::{read, time_text};
use crate::failure::Failure;
use crate::output::{self, Column, Format, or_dash};

#[derive(QueryableByName)]
struct Settled {
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    order_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    secret_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    signed_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    received_at: Option<String>,
    #[diesel(sql_type = Text)]
    settled_at: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = Text)]
    entry_key: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    wallet_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    event_id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    points: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    wallet_balance: Option<i64>,
    #[diesel(sql_type = Text)]
    created_at: String,
}

#[derive(QueryableByName)]
struct DeadLetter {
    #[diesel(sql_type = BigInt)]
    dead_letter_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    event_type: Option<String>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Text)]
    error: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    secret_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    signed_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    received_at: Option<String>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Integer)]
    deaths: i32,
    #[diesel(sql_type = Text)]
    first_dead_at: String,
    #[diesel(sql_type = Text)]
    last_dead_at: String,
    #[diesel(sql_type = Nullable<Text>)]
    resolution: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    body_forgotten_at: Option<String>,
}

#[derive(QueryableByName)]
struct OperatorAction {
    #[diesel(sql_type = BigInt)]
    action_id: i64,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    operator: String,
    #[diesel(sql_type = Text)]
    why: String,
    #[diesel(sql_type = Text)]
    acted_at: String,
}

struct Story {
    event: String,
    settled: Option<Settled>,
    entries: Vec<Entry>,
    dead_letters: Vec<DeadLetter>,
    operator_actions: Vec<OperatorAction>,
}

pub(crate) fn run(command: &EventsCommand, config: &Config) -> Result<(), Failure> {
    let EventsCommand::Show { event, format } = command;
    let story = read(&config.database_url()?, |connection| {
        story(connection, event)
    })?;
    if story.settled.is_none() && story.dead_letters.is_empty() {
        return Err(Failure::NotFound(format!(
            "event {event} is not recorded: it may still be queued (`paynowctl check` counts what \
             waits), or was never accepted"
        )));
    }
    let Format { json } = format;
    if *json {
        output::json(&story.document())
    } else {
        story.print()
    }
}

fn story(connection: &mut PgConnection, event: &str) -> QueryResult<Story> {
    let settled = match event.parse::<EventId>() {
        Ok(id) => settled(connection, id)?,
        Err(_digest_of_an_unreadable_body) => None,
    };
    let order_id = settled.as_ref().and_then(|settled| settled.order_id);
    Ok(Story {
        event: event.to_owned(),
        entries: match order_id {
            Some(order_id) => entries(connection, order_id)?,
            None => Vec::new(),
        },
        settled,
        dead_letters: dead_letters(connection, event)?,
        operator_actions: operator_actions(connection, event)?,
    })
}

/// What people did to the event, or to its dead letters.
fn operator_actions(
    connection: &mut PgConnection,
    event: &str,
) -> QueryResult<Vec<OperatorAction>> {
    sql_query(format!(
        "SELECT action_id, action, operator, why, {} AS acted_at FROM operator_actions \
         WHERE outcome -> 'event_ids' @> to_jsonb($1) \
         OR EXISTS (SELECT FROM dead_letters letter WHERE letter.event_id = $1 AND ( \
             outcome -> 'dead_letter_ids' @> to_jsonb(letter.dead_letter_id) \
             OR outcome -> 'dead_letter_ids' @> to_jsonb(letter.dead_letter_id::text))) \
         ORDER BY action_id",
        time_text("acted_at")
    ))
    .bind::<Text, _>(event)
    .load(connection)
}

fn settled(connection: &mut PgConnection, id: EventId) -> QueryResult<Option<Settled>> {
    sql_query(format!(
        "SELECT event_type, outcome::text AS outcome, order_id, secret_id, attempts, \
                {} AS signed_at, {} AS received_at, {} AS settled_at \
         FROM webhook_events WHERE event_id = $1",
        time_text("signed_at"),
        time_text("received_at"),
        time_text("settled_at")
    ))
    .bind::<BigInt, _>(id.get())
    .get_result(connection)
    .optional()
}

/// All of the order: another event may have been the first to tell of it.
fn entries(connection: &mut PgConnection, order_id: i64) -> QueryResult<Vec<Entry>> {
    sql_query(format!(
        "SELECT entry_key, kind::text AS kind, wallet_id, event_id, points, \
                balance AS wallet_balance, {} AS created_at \
         FROM ledger_entries LEFT JOIN wallets USING (wallet_id) \
         WHERE order_id = $1 ORDER BY entry_id",
        time_text("created_at")
    ))
    .bind::<BigInt, _>(order_id)
    .load(connection)
}

fn dead_letters(connection: &mut PgConnection, event: &str) -> QueryResult<Vec<DeadLetter>> {
    sql_query(format!(
        "SELECT dead_letter_id, event_type, reason, error, state, secret_id, attempts, \
                deaths, resolution, {} AS signed_at, {} AS received_at, \
                {} AS first_dead_at, {} AS last_dead_at, {} AS body_forgotten_at \
         FROM dead_letters WHERE event_id = $1 ORDER BY dead_letter_id",
        time_text("signed_at"),
        time_text("received_at"),
        time_text("first_dead_at"),
        time_text("last_dead_at"),
        time_text("body_forgotten_at")
    ))
    .bind::<Text, _>(event)
    .load(connection)
}

impl Story {
    fn document(&self) -> Value {
        let settled = self.settled.as_ref();
        let dead_type = || self.dead_letters.first()?.event_type.clone();
        json!({
            "event_id": self.event,
            "event_type": settled.map(|it| it.event_type.clone()).or_else(dead_type),
            "outcome": settled.map(|it| &it.outcome),
            "order_id": settled.and_then(|it| it.order_id).map(|id| id.to_string()),
            "secret_id": settled.and_then(|it| it.secret_id.as_ref()),
            "signed_at": settled.and_then(|it| it.signed_at.as_ref()),
            "received_at": settled.and_then(|it| it.received_at.as_ref()),
            "settled_at": settled.map(|it| &it.settled_at),
            "attempts": settled.map(|it| it.attempts),
            "entries": self.entries.iter().map(Entry::row).collect::<Vec<Value>>(),
            "dead_letters": self.dead_letters.iter().map(DeadLetter::row).collect::<Vec<Value>>(),
            "operator_actions":
                self.operator_actions.iter().map(OperatorAction::row).collect::<Vec<Value>>(),
        })
    }

    fn print(&self) -> Result<(), Failure> {
        match &self.settled {
            None => {
                let first = self.dead_letters.first();
                let text = |of: fn(&DeadLetter) -> &Option<String>| {
                    or_dash(first.and_then(|it| of(it).as_ref()))
                };
                output::facts(&[
                    ("event", self.event.clone()),
                    ("type", text(|it| &it.event_type)),
                    ("outcome", "none: it is a dead letter".to_owned()),
                    ("signed with", text(|it| &it.secret_id)),
                    ("signed at", text(|it| &it.signed_at)),
                    ("received at", text(|it| &it.received_at)),
                ])?;
            }
            Some(settled) => output::facts(&[
                ("event", self.event.clone()),
                ("type", settled.event_type.clone()),
                ("outcome", settled.outcome.clone()),
                ("order", or_dash(settled.order_id)),
                ("signed with", or_dash(settled.secret_id.as_ref())),
                ("signed at", or_dash(settled.signed_at.as_ref())),
                ("received at", or_dash(settled.received_at.as_ref())),
                ("settled at", settled.settled_at.clone()),
                ("attempts", settled.attempts.to_string()),
            ])?,
        }
        self.print_entries()?;
        self.print_dead_letters()?;
        self.print_operator_actions()
    }

    fn print_operator_actions(&self) -> Result<(), Failure> {
        if self.operator_actions.is_empty() {
            return Ok(());
        }
        output::line("\noperator actions")?;
        output::table(
            &[
                Column::Number("id"),
                Column::Text("action"),
                Column::Text("by"),
                Column::Text("at"),
                Column::Text("why"),
            ],
            self.operator_actions.iter().map(|act| {
                vec![
                    act.action_id.to_string(),
                    act.action.clone(),
                    act.operator.clone(),
                    act.acted_at.clone(),
                    act.why.clone(),
                ]
            }),
        )
    }

    fn print_entries(&self) -> Result<(), Failure> {
        if self.entries.is_empty() {
            return Ok(());
        }
        output::line("\nledger entries of the order")?;
        output::table(
            &[
                Column::Text("key"),
                Column::Number("points"),
                Column::Text("wallet"),
                Column::Number("its balance now"),
                Column::Text("told by event"),
            ],
            self.entries.iter().map(|entry| {
                vec![
                    entry.entry_key.clone(),
                    entry.points.to_string(),
                    entry.wallet_id.to_string(),
                    or_dash(entry.wallet_balance),
                    or_dash(entry.event_id),
                ]
            }),
        )
    }

    fn print_dead_letters(&self) -> Result<(), Failure> {
        if self.dead_letters.is_empty() {
            return Ok(());
        }
        output::line("\ndead letters")?;
        output::table(
            &[
                Column::Number("id"),
                Column::Text("state"),
                Column::Text("reason"),
                Column::Number("deaths"),
                Column::Text("last dead at"),
                Column::Text("error"),
            ],
            self.dead_letters.iter().map(|dead| {
                vec![
                    dead.dead_letter_id.to_string(),
                    dead.state_text(),
                    dead.reason.clone(),
                    dead.deaths.to_string(),
                    dead.last_dead_at.clone(),
                    dead.error.clone(),
                ]
            }),
        )
    }
}

impl Entry {
    fn row(&self) -> Value {
        json!({
            "entry_key": self.entry_key,
            "kind": self.kind,
            "wallet_id": self.wallet_id.to_string(),
            "event_id": self.event_id.map(|id| id.to_string()),
            "points": self.points,
            "wallet_balance": self.wallet_balance,
            "created_at": self.created_at,
        })
    }
}

impl OperatorAction {
    fn row(&self) -> Value {
        json!({
            "action_id": self.action_id.to_string(),
            "action": self.action,
            "by": self.operator,
            "why": self.why,
            "acted_at": self.acted_at,
        })
    }
}

impl DeadLetter {
    fn row(&self) -> Value {
        json!({
            "dead_letter_id": self.dead_letter_id.to_string(),
            "event_type": self.event_type,
            "reason": self.reason,
            "error": self.error,
            "state": self.state,
            "secret_id": self.secret_id,
            "signed_at": self.signed_at,
            "received_at": self.received_at,
            "attempts": self.attempts,
            "deaths": self.deaths,
            "first_dead_at": self.first_dead_at,
            "last_dead_at": self.last_dead_at,
            "resolution": self.resolution,
            "body_forgotten_at": self.body_forgotten_at,
        })
    }

    fn state_text(&self) -> String {
        match &self.resolution {
            Some(code) => format!("{}: {}", self.state, resolution_text(code)),
            None => self.state.clone(),
        }
    }
}

/// Why a dead letter is resolved, in words.
pub(crate) fn resolution_text(code: &str) -> &str {
    match code {
        "applied_by_another_copy" => "its event was applied by another copy of the message",
        "applied_after_replay" => "its event was applied after a replay",
        newer => newer,
    }
}
