//! `history send`: posts the missing events to a receiver, like any event from `PayNow`: they are
//! verified, queued and applied once.

use std::time::{Duration, Instant};

use paynow_desk::database::Database;
use paynow_desk::expect::PreviewHash;
use paynow_desk::history::{
    Delivery, SETTLED, Sendable, Sending, SendingResult, Waiting, standings,
};
use paynow_desk::text::counted;
use paynow_shared::signature::Signer;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use super::compare;
use super::options::HistorySendOptions;
use super::report::{self, Document};
use crate::config::Config;
use crate::failure::Failure;
use crate::frozen::{chosen_anew, exactly_this};
use crate::output;
use crate::pause::pause;
use crate::send::{PostingPace, Receiver, post_all};

const CONNECTIONS: usize = 4;
const STANDINGS_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn run(options: &HistorySendOptions, config: &Config) -> Result<(), Failure> {
    let signer = Signer::new(config.signing_secret()?.expose_secret());
    let url = config.webhook_url(options.url.as_ref())?;
    let to = Receiver {
        signer: &signer,
        url: &url,
        has_bar: config.terminal().has_codes,
    };
    let database = config.database()?;
    // The broker first: an event that moves on meanwhile is then counted twice instead of never.
    let waiting = Waiting::read(&config.management()?, &config.ladder()?)?;
    let comparison = &compare(&database, &options.downloaded)?;
    let compared = Document {
        comparison,
        waiting: Some(waiting),
    };
    let sendable = Sendable::of(comparison, waiting, options.despite_waiting, url.as_str());
    if !options.format.json {
        report::print(compared)?;
    }
    if !options.yes {
        return dry_run(compared, &sendable, options);
    }
    refuse_while_waiting(waiting, options)?;
    sendable.refuse_unexpected(options.expect.as_ref())?;
    let is_anew = options.expect.is_none() && sendable.deliveries.len() > 1;
    if is_anew && !options.format.json {
        output::line(&chosen_anew(&events(&sendable), &sendable.expect))?;
    }
    let sending = Sending::begin(
        &database,
        options.note.note(),
        &options.downloaded.since.to_rfc3339(),
        options.despite_waiting,
        &sendable,
    )?;
    let arrived = post(&sendable.deliveries, to, options);
    let (settled, dead) = watch(&arrived, &database, options.wait)?;
    let outcome = SendingResult {
        events: sendable.deliveries.len(),
        accepted: arrived.len(),
        settled,
        dead,
        held_back: sendable.held_back.len(),
    };
    let recorded = &sending.finish(&outcome)?;
    if options.format.json {
        output::json(&Sent {
            expect: &sendable.expect,
            chosen_anew: is_anew,
            recorded,
        })?;
    }
    ended(&outcome, options)
}

fn refuse_while_waiting(waiting: Waiting, options: &HistorySendOptions) -> Result<(), Failure> {
    match waiting.of_any_type() {
        0 => Ok(()),
        _some if options.despite_waiting => Ok(()),
        events => Err(Failure::Refused(format!(
            "{} in the broker and may be among these: nothing was sent; wait until the workers have \
             drained the queues, or add --despite-waiting",
            counted(events, "event waits", "events wait")
        ))),
    }
}

#[derive(Serialize)]
struct Sent<'a> {
    expect: &'a PreviewHash,
    /// Several events were chosen, and no preview was named.
    chosen_anew: bool,
    #[serde(flatten)]
    recorded: &'a Value,
}

#[derive(Serialize)]
struct DryRun<'a> {
    dry_run: bool,
    sendable: usize,
    expect: &'a PreviewHash,
    #[serde(flatten)]
    document: Document<'a>,
}

fn dry_run(
    document: Document<'_>,
    sendable: &Sendable<'_>,
    options: &HistorySendOptions,
) -> Result<(), Failure> {
    if options.format.json {
        return output::json(&DryRun {
            dry_run: true,
            sendable: sendable.deliveries.len(),
            expect: &sendable.expect,
            document,
        });
    }
    output::line(&format!(
        "dry run: {} would be sent; --yes does it",
        events(sendable)
    ))?;
    match sendable.deliveries.is_empty() {
        true => Ok(()),
        false => output::line(&exactly_this(&sendable.expect, "--yes")),
    }
}

fn events(sendable: &Sendable<'_>) -> String {
    let events = u64::try_from(sendable.deliveries.len()).unwrap_or(u64::MAX);
    counted(events, "event", "events")
}

fn ids<'a>(deliveries: &'a [&Delivery]) -> impl Iterator<Item = i64> + 'a {
    deliveries
        .iter()
        .filter_map(|delivery| Some(delivery.event_id?.get()))
}

/// Posts the events; returns the ids of those that the receiver accepted.
fn post(sendable: &[&Delivery], to: Receiver<'_>, options: &HistorySendOptions) -> Vec<i64> {
    let pace = PostingPace {
        events: sendable.len(),
        posts_per_event: 1,
        connections: CONNECTIONS,
        per_second: Some(options.rate),
        give_up_after: Duration::from_secs(options.give_up_after.into()),
        has_bar: to.has_bar,
    };
    let body = |event: usize| {
        let delivery = sendable.get(event);
        delivery.map_or_else(Vec::new, |delivery| delivery.body.clone())
    };
    let (_tally, accepted) = post_all(&pace, to.url, to.signer, body);
    ids(sendable)
        .zip(accepted)
        .filter_map(|(event_id, accepted)| accepted.then_some(event_id))
        .collect()
}

/// Waits until every accepted event is in the database, or for the limit. Returns how many are settled
/// and how many are dead letters.
fn watch(accepted: &[i64], database: &Database, seconds: u32) -> Result<(usize, usize), Failure> {
    let limit = Duration::from_secs(seconds.into());
    let began = Instant::now();
    loop {
        let standings = standings(database, accepted)?;
        if standings.len() >= accepted.len() || began.elapsed() >= limit {
            let settled = standings
                .values()
                .filter(|standing| *standing == SETTLED)
                .count();
            return Ok((settled, standings.len().saturating_sub(settled)));
        }
        pause(STANDINGS_INTERVAL);
    }
}

fn ended(outcome: &SendingResult, options: &HistorySendOptions) -> Result<(), Failure> {
    if !options.format.json {
        output::line(&format!(
            "{} of {} accepted: {} settled, {} dead, {} on their way; recorded for {}",
            outcome.accepted,
            outcome.events,
            outcome.settled,
            outcome.dead,
            outcome.on_the_way(),
            options.note.note().by
        ))?;
    }
    if outcome.held_back > 0 {
        return Err(Failure::Refused(format!(
            "{} refunds and chargebacks were not sent, because they may be among those on the retry \
             ladder: run this again when it is empty",
            outcome.held_back
        )));
    }
    if outcome.settled == outcome.events {
        return Ok(());
    }
    Err(Failure::Refused(
        "not all events are settled: `history missing` and `dead list` show the others".to_owned(),
    ))
}
