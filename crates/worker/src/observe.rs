//! What the worker tells about its work: one struct per observable writes the log line and the
//! metrics together. Never bodies or personal data. The names are in `catalog.rs`.

use std::time::{Duration, Instant};

use paynow_process::error_chain::chain;
use paynow_process::observe::Observable;
use paynow_shared::ladder::RetryLadder;
use paynow_shared::reason::Reason;
use paynow_shared::wire::{Failure, Headers};
use strum::IntoEnumIterator;

use crate::beside::survey::Survey;
use crate::catalog::*;
use crate::database::DatabaseError;
use crate::handle::Unavailable;
use crate::session::Ended;
use crate::tally::Tally;

/// Starts the series of the ladder's rungs at zero.
pub fn start_rungs(ladder: &RetryLadder) {
    for seconds in ladder.delays_seconds() {
        RETRIES.start_for("rung_seconds", &seconds.to_string());
    }
}

pub(crate) struct Listening {
    pub(crate) admin_address: std::net::SocketAddr,
}

impl Observable for Listening {
    fn emit(self) {
        slog_scope::info!(# "listening", "listening"; "admin_address" => %self.admin_address);
    }
}

/// The worker takes messages, or does not.
pub(crate) struct Consuming(pub(crate) bool);

impl Observable for Consuming {
    fn emit(self) {
        CONSUMING.handle().set(if self.0 { 1.0 } else { 0.0 });
        if self.0 {
            slog_scope::info!(# "consuming", "consuming");
        }
    }
}

pub(crate) struct Paused<'a> {
    pub(crate) ended: &'a Ended,
    pub(crate) wait: Duration,
}

impl Observable for Paused<'_> {
    fn emit(self) {
        let cause = match self.ended {
            // Not a pause: there is no going on.
            Ended::Stopped => return,
            Ended::Broker(_) => CAUSE_BROKER,
            Ended::Database(_) => CAUSE_DATABASE,
            Ended::Schema(_) => CAUSE_SCHEMA,
            Ended::Settle(_) => CAUSE_HANDING_ON,
            Ended::Panicked => CAUSE_PANIC,
        };
        PAUSES.with([cause]).increment(1);
        slog_scope::warn!(# "paused", "paused"; "why" => chain(self.ended),
            "resume_in_ms" => u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX));
    }
}

pub(crate) struct DrainLimitReached;

impl Observable for DrainLimitReached {
    fn emit(self) {
        slog_scope::warn!(# "drain_limit_reached",
            "drain limit reached; the broker keeps what was in hand");
    }
}

/// A batch on its way: from its arrival to its commit, and on to its acknowledgement.
pub(crate) struct BatchInHand(Instant);

impl BatchInHand {
    pub(crate) fn taken(events: usize) -> Self {
        // No batch has more events than a float holds exactly.
        BATCH_SIZE
            .handle()
            .record(u32::try_from(events).unwrap_or(u32::MAX));
        Self(Instant::now())
    }

    pub(crate) fn committed(&mut self) {
        APPLY.handle().record(self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }

    pub(crate) fn settled(self) {
        SETTLE.handle().record(self.0.elapsed().as_secs_f64());
    }
}

/// What a transaction did, told once it has committed.
pub(crate) struct Committed<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) now_ms: i64,
}

impl Observable for Committed<'_> {
    fn emit(self) {
        for (outcome, events) in &self.tally.outcomes {
            EVENTS.with([outcome.code()]).increment(*events);
        }
        EVENTS.with([DUPLICATE]).increment(self.tally.duplicates);
        for (kind, points) in &self.tally.points {
            POINTS.with([kind.code()]).increment(*points);
        }
        let ages = EVENT_AGE.handle();
        for signed_at_ms in &self.tally.signed_at_ms {
            let age_ms = u64::try_from(self.now_ms.saturating_sub(*signed_at_ms)).unwrap_or(0);
            ages.record(Duration::from_millis(age_ms).as_secs_f64());
        }
    }
}

pub(crate) struct BatchRedone {
    pub(crate) events: usize,
}

impl Observable for BatchRedone {
    fn emit(self) {
        REDONE.handle().increment(1);
        slog_scope::warn!(# "batch_redone", "batch redone event by event"; "events" => self.events);
    }
}

/// An event that was put on a rung of the retry ladder.
pub(crate) struct EventDeferred<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) headers: &'a Headers,
    pub(crate) failure: &'a Failure,
    pub(crate) delay_seconds: u32,
}

impl Observable for EventDeferred<'_> {
    fn emit(self) {
        let Failure { reason, error } = self.failure;
        EVENTS.with([DEFERRED]).increment(1);
        let rung = self.delay_seconds.to_string();
        RETRIES.with([rung, reason.code().to_owned()]).increment(1);
        slog_scope::info!(# "event_deferred", "event deferred"; "event_id" => self.message_id,
            "reason" => reason.code(), "error" => error,
            "retry_in_seconds" => self.delay_seconds, "replay" => self.headers.replay);
    }
}

/// An event that the dead-letter queue has.
pub(crate) struct EventDeadLettered<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) headers: &'a Headers,
    pub(crate) failure: &'a Failure,
}

impl Observable for EventDeadLettered<'_> {
    fn emit(self) {
        let Failure { reason, error } = self.failure;
        EVENTS.with([DEAD]).increment(1);
        DEAD_LETTERS.with([reason.code()]).increment(1);
        slog_scope::error!(# "event_dead_lettered", "event dead-lettered";
            "event_id" => self.message_id, "reason" => reason.code(), "error" => error,
            "replay" => self.headers.replay);
    }
}

pub(crate) struct DeadLettersArchived {
    pub(crate) letters: usize,
}

impl Observable for DeadLettersArchived {
    fn emit(self) {
        ARCHIVED
            .handle()
            .increment(u64::try_from(self.letters).unwrap_or(u64::MAX));
        slog_scope::info!(# "dead_letters_archived", "dead letters archived";
            "letters" => self.letters);
    }
}

pub(crate) struct DeadLettersNotArchived<'a> {
    pub(crate) letters: usize,
    pub(crate) error: &'a Unavailable,
}

impl Observable for DeadLettersNotArchived<'_> {
    fn emit(self) {
        slog_scope::error!(# "dead_letters_not_archived", "dead letters not archived yet";
            "letters" => self.letters, "error" => self.error.to_string());
    }
}

/// What retention did.
pub(crate) struct PayloadsForgotten {
    pub(crate) events: i64,
}

impl Observable for PayloadsForgotten {
    fn emit(self) {
        FORGOTTEN
            .handle()
            .increment(u64::try_from(self.events).unwrap_or(0));
        slog_scope::info!(# "payloads_forgotten", "payloads forgotten"; "events" => self.events);
    }
}

pub(crate) struct BodiesForgotten {
    pub(crate) letters: i64,
}

impl Observable for BodiesForgotten {
    fn emit(self) {
        slog_scope::info!(# "bodies_forgotten", "bodies of settled dead letters forgotten";
            "letters" => self.letters);
    }
}

pub(crate) struct DeadLettersResolved {
    pub(crate) letters: i64,
}

impl Observable for DeadLettersResolved {
    fn emit(self) {
        slog_scope::info!(# "dead_letters_resolved", "dead letters resolved";
            "letters" => self.letters);
    }
}

/// Work beside the work did not get done this time.
pub(crate) struct HousekeepingFailed<'a> {
    pub(crate) error: &'a DatabaseError,
}

impl Observable for HousekeepingFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "housekeeping_failed", "housekeeping failed";
            "error" => self.error.to_string());
    }
}

/// What the database said when it was asked for its gauges.
pub(crate) struct Surveyed<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) now_ms: i64,
}

impl Observable for Surveyed<'_> {
    fn emit(self) {
        let survey = self.survey;
        DEBT_WALLETS.handle().set(float(survey.debt_wallets));
        DEBT_POINTS.handle().set(float(survey.debt_points));
        for reason in Reason::iter() {
            let open = survey.open.iter().find(|row| row.reason == reason.code());
            OPEN.with([reason.code()])
                .set(float(open.map_or(0, |row| row.letters)));
        }
        let oldest = survey.open.iter().map(|row| row.oldest_age_seconds).max();
        OPEN_OLDEST.handle().set(float(oldest.unwrap_or(0)));
        for check in &survey.checks {
            VIOLATIONS
                .with([check.check_id.clone()])
                .set(float(check.violations));
            if check.violations > 0 {
                slog_scope::crit!(# "ledger_violated", "an invariant of the ledger is broken";
                    "check" => &check.check_id, "violations" => check.violations);
            }
        }
        let oldest_check = survey
            .checks
            .iter()
            .map(|check| check.checked_at_seconds)
            .min();
        LEDGER_CHECKED
            .handle()
            .set(float(oldest_check.unwrap_or(0)));
        SURVEYED.handle().set(float(self.now_ms / 1000));
    }
}

/// A gauge is a float: past 2^53 it is a rounded number, and as good to a person.
fn float(number: i64) -> f64 {
    number.to_string().parse().unwrap_or(f64::MAX)
}
