//! What batches and their events report.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::{AtRunTime, Known};
use paynow_process::telemetry::buckets;
use paynow_process::{declare_log_events, declare_metrics};
use paynow_shared::ladder::RetryLadder;
use paynow_shared::reason::Reason;
use paynow_shared::wallet::EntryKind;
use paynow_shared::wire::{Failure, Headers};
use strum::IntoEnumIterator;

declare_metrics! {
    /// events in one transaction
    static BATCH_SIZE: Histogram = "paynow_worker_batch_size" {}.buckets(&buckets::SIZE);
    /// from a batch's arrival to its commit
    static APPLY: Histogram =
        "paynow_worker_apply_duration_seconds" {}.buckets(&buckets::DURATION_SECONDS);
    /// from the commit to the last acknowledgement
    static SETTLE: Histogram =
        "paynow_worker_settle_duration_seconds" {}.buckets(&buckets::DURATION_SECONDS);
    /// from PayNow's signature to the commit, of newly recorded events
    static EVENT_AGE: Histogram =
        "paynow_worker_event_age_seconds" {}.buckets(&buckets::AGE_SECONDS);
    /// as in webhook_events, or duplicate, deferred, dead
    static EVENTS: Counter = "paynow_worker_events_total" { outcome: AtRunTime };
    /// points moved, by kind of ledger entry, without sign
    static POINTS: Counter = "paynow_worker_points_total" { kind: Known(kinds) };
    /// events published to a retry queue
    static RETRIES: Counter =
        "paynow_worker_retries_total" { rung_seconds: AtRunTime, reason: Known(retry_reasons) };
    /// batches applied again event by event, because an event failed, met a lock or views stayed stale
    static REDONE: Counter = "paynow_worker_batches_redone_total" {};
    /// events dead-lettered
    static DEAD_LETTERS: Counter = "paynow_worker_dead_letters_total" { reason: Known(reasons) };
}

declare_log_events! {
    Warning "batch_redone": "an event made its batch fail or met a lock, or views stayed stale";
    Info "event_deferred": "the event waits in a retry queue";
    Error "event_dead_lettered": "a person must decide about the event";
    Warning "identities_not_recorded": "the credits of the batch are recorded without who its customers are in games; the server's log has the SQLSTATE";
}

/// Outcomes of events that `webhook_events` does not record.
const DUPLICATE: &str = "duplicate";
const DEFERRED: &str = "deferred";
const DEAD: &str = "dead";

fn kinds() -> Vec<&'static str> {
    EntryKind::iter().map(EntryKind::code).collect()
}

pub(crate) fn reasons() -> Vec<&'static str> {
    Reason::iter().map(Reason::code).collect()
}

/// The reasons for which an event is tried again.
fn retry_reasons() -> Vec<&'static str> {
    let reasons = [
        Reason::OrderUnknown,
        // While PayNow's API does not answer.
        Reason::PartialRefund,
        Reason::LedgerRejected,
        Reason::WalletLocked,
        Reason::RowLocked,
        Reason::Unsigned,
    ];
    reasons.map(Reason::code).to_vec()
}

/// Starts the series of the outcomes at zero; `recorded` are those that `webhook_events` records.
pub(crate) fn start_outcomes(recorded: impl Iterator<Item = &'static str>) {
    let outcomes = recorded.chain([DUPLICATE, DEFERRED, DEAD]);
    outcomes.for_each(|outcome| EVENTS.start_for("outcome", outcome));
}

/// Starts the series of the retry queues at zero.
pub(crate) fn start_rungs(ladder: &RetryLadder) {
    for seconds in ladder.delays_seconds() {
        RETRIES.start_for("rung_seconds", &seconds.to_string());
    }
}

/// Measures how long the two halves of a batch's handling take: until the commit, and until the
/// acknowledgement.
pub(crate) struct BatchTimer(Instant);

impl BatchTimer {
    pub(crate) fn start(events: usize) -> Self {
        // Every possible batch size is exact as a float.
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

/// What a committed transaction did, in numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchCommitted {
    /// Newly recorded events, by the code of their outcome.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    /// Messages whose event was recorded before.
    pub(crate) duplicates: u64,
    /// Points without sign, by the code of the entry's kind.
    pub(crate) points: BTreeMap<&'static str, u64>,
    /// When PayNow signed the newly recorded events, in Unix milliseconds.
    pub(crate) signed_at_ms: Vec<i64>,
}

impl Observable for BatchCommitted {
    fn emit(self) {
        for (outcome, events) in self.outcomes {
            EVENTS.with([outcome]).increment(events);
        }
        EVENTS.with([DUPLICATE]).increment(self.duplicates);
        for (kind, points) in self.points {
            POINTS.with([kind]).increment(points);
        }
        let (ages, now_ms) = (EVENT_AGE.handle(), clock::now_ms());
        for signed_at_ms in self.signed_at_ms {
            let age_ms = u64::try_from(now_ms.saturating_sub(signed_at_ms)).unwrap_or(0);
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

/// The event's message was published to a retry queue.
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

/// The event's message was published to the dead-letter queue.
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

/// The database could not record identities, which costs no credit.
pub(crate) struct IdentitiesNotRecorded {
    pub(crate) identities: usize,
}

impl Observable for IdentitiesNotRecorded {
    fn emit(self) {
        slog_scope::warn!(# "identities_not_recorded", "identities of customers not recorded";
            "identities" => self.identities);
    }
}
