//! `history send`: posts what is missing to a receiver, so that it takes the way of every event:
//! verified, queued, applied once.

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use paynow_shared::signature::Signer;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::books::{self, SETTLED};
use super::compare::{Comparison, compare};
use super::page::Delivery;
use super::report;
use super::waiting::{self, Waiting};
use crate::actions::{Action, record};
use crate::cli::HistorySendOptions;
use crate::config::Config;
use crate::database::{self, open_as_operator};
use crate::failure::Failure;
use crate::output;
use crate::pause::pause;
use crate::send::{Pace, post_all};

/// The only types that wait on the retry ladder, for an order that has not come.
const DEFERRABLE: [&str; 3] = ["ON_REFUND", "ON_CHARGEBACK", "ON_CHARGEBACK_CLOSED"];
const CONNECTIONS: usize = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What became of what was sent.
#[derive(Debug, Default)]
struct Outcome {
    accepted: usize,
    settled: usize,
    dead: usize,
}

impl Outcome {
    fn on_the_way(&self) -> usize {
        self.accepted
            .saturating_sub(self.settled.saturating_add(self.dead))
    }

    fn is_settled(&self, events: usize) -> bool {
        self.settled == events
    }
}

pub(super) fn run(options: &HistorySendOptions, config: &Config) -> Result<(), Failure> {
    let secret = config.signing_secret()?;
    let database_url = config.database_url()?;
    // The broker first: what moves on meanwhile is then counted twice rather than not at all.
    let waiting = waiting::look(config)?;
    let comparison = compare(&database_url, &options.downloaded)?;
    let (sendable, held_back) = divided(&comparison, waiting, options);
    if !options.format.json {
        report::print(&comparison, Some(waiting))?;
    }
    if !options.yes {
        return dry_run(&comparison, waiting, sendable.len(), options);
    }
    refuse_while_waiting(waiting, options)?;
    let mut connection = open_as_operator(&database_url)?;
    let action_id = begin(&mut connection, options, &sendable)?;
    let outcome = post(&sendable, &secret, &database_url, options)?;
    let document = json!({
        "history_send": action_id.to_string(),
        "events": sendable.len(),
        "accepted": outcome.accepted,
        "settled": outcome.settled,
        "dead": outcome.dead,
        "on_the_way": outcome.on_the_way(),
        "held_back": held_back,
    });
    let selection = json!({"history_send": action_id.to_string()});
    record(
        &mut connection,
        Action::HistorySend,
        &options.note,
        &selection,
        &document,
    )?;
    if options.format.json {
        output::json(&document)?;
    }
    ended(&outcome, sendable.len(), held_back, options)
}

/// What may be sent now, oldest first, and how many events may not.
fn divided<'a>(
    comparison: &'a Comparison,
    waiting: Waiting,
    options: &HistorySendOptions,
) -> (Vec<&'a Delivery>, usize) {
    let may_go = |delivery: &&Delivery| {
        waiting.ladder == 0
            || options.despite_waiting
            || !DEFERRABLE.contains(&delivery.event_type.as_str())
    };
    let sendable: Vec<&Delivery> = comparison.missing.values().filter(may_go).collect();
    let held_back = comparison.missing.len().saturating_sub(sendable.len());
    (sendable, held_back)
}

fn refuse_while_waiting(waiting: Waiting, options: &HistorySendOptions) -> Result<(), Failure> {
    match waiting.of_any_type() {
        0 => Ok(()),
        _some if options.despite_waiting => Ok(()),
        events => Err(Failure::Refused(format!(
            "{events} events wait in the broker and may be among these: nothing was sent; wait until \
             the workers have drained them, or add --despite-waiting"
        ))),
    }
}

fn dry_run(
    comparison: &Comparison,
    waiting: Waiting,
    events: usize,
    options: &HistorySendOptions,
) -> Result<(), Failure> {
    if options.format.json {
        let mut document = report::document(comparison, Some(waiting));
        document["dry_run"] = Value::Bool(true);
        document["sendable"] = events.into();
        return output::json(&document);
    }
    output::line(&format!(
        "dry run: {events} events would be sent; --yes does it"
    ))
}

/// Recorded before the first post: whatever happens then, it is known what was meant.
fn begin(
    connection: &mut PgConnection,
    options: &HistorySendOptions,
    sendable: &[&Delivery],
) -> Result<i64, Failure> {
    let selection = json!({
        "since": options.downloaded.since.to_rfc3339(),
        "despite_waiting": options.despite_waiting,
    });
    let outcome = json!({"begun": true, "event_ids": ids(sendable).map(|id| id.to_string()).collect::<Vec<_>>()});
    Ok(record(
        connection,
        Action::HistorySend,
        &options.note,
        &selection,
        &outcome,
    )?)
}

fn ids<'a>(deliveries: &'a [&Delivery]) -> impl Iterator<Item = i64> + 'a {
    deliveries
        .iter()
        .filter_map(|delivery| Some(delivery.event_id?.get()))
}

fn post(
    sendable: &[&Delivery],
    secret: &SecretString,
    database_url: &SecretString,
    options: &HistorySendOptions,
) -> Result<Outcome, Failure> {
    let pace = Pace {
        events: sendable.len(),
        posts_per_event: 1,
        connections: CONNECTIONS,
        per_second: Some(options.rate),
        give_up_after: Duration::from_secs(options.give_up_after.into()),
    };
    let signer = Signer::new(secret.expose_secret());
    let body = |event: usize| {
        let delivery = sendable.get(event);
        delivery.map_or_else(Vec::new, |delivery| delivery.body.clone())
    };
    let (_tally, accepted) = post_all(&pace, &options.url, &signer, body);
    let arrived: Vec<i64> = ids(sendable)
        .zip(accepted)
        .filter_map(|(event_id, accepted)| accepted.then_some(event_id))
        .collect();
    watch(&arrived, database_url, options.wait)
}

/// Waits until every event is somewhere, or for the limit.
fn watch(arrived: &[i64], database_url: &SecretString, seconds: u32) -> Result<Outcome, Failure> {
    let limit = Duration::from_secs(seconds.into());
    let began = Instant::now();
    loop {
        let standings = database::read(database_url, |connection| {
            books::standings(connection, arrived)
        })?;
        let settled = standings
            .values()
            .filter(|standing| *standing == SETTLED)
            .count();
        let outcome = Outcome {
            accepted: arrived.len(),
            settled,
            dead: standings.len().saturating_sub(settled),
        };
        if outcome.on_the_way() == 0 || began.elapsed() >= limit {
            return Ok(outcome);
        }
        pause(LOOK_AGAIN);
    }
}

fn ended(
    outcome: &Outcome,
    events: usize,
    held_back: usize,
    options: &HistorySendOptions,
) -> Result<(), Failure> {
    if !options.format.json {
        output::line(&format!(
            "{} of {events} accepted: {} settled, {} dead, {} on their way; recorded for {}",
            outcome.accepted,
            outcome.settled,
            outcome.dead,
            outcome.on_the_way(),
            options.note.by
        ))?;
    }
    if held_back > 0 {
        return Err(Failure::Refused(format!(
            "{held_back} refunds and chargebacks were not sent, because they may be among those on \
             the retry ladder: run this again when it is empty"
        )));
    }
    if outcome.is_settled(events) {
        return Ok(());
    }
    Err(Failure::Refused(
        "not all are settled: `history missing` and `dead list` show the others".to_owned(),
    ))
}
