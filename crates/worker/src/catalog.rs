//! All that the worker tells, by name: `ops/README.md` shows it as tables.

use metrics::{Counter, Gauge, Histogram};
use paynow_process::declare_metrics;
use paynow_process::telemetry::Values::{AtRunTime, Known};
use paynow_process::telemetry::{Catalog, LogEvent, buckets};
use paynow_shared::reason::Reason;
use paynow_shared::wallet::EntryKind;
use strum::IntoEnumIterator;

use crate::ledger::plan::Outcome;

declare_metrics! {
    /// 1 while it takes messages, 0 while it waits for a server
    pub(crate) static CONSUMING: Gauge = "paynow_worker_consuming" {};
    /// broker, database, schema, handing_on or panic
    pub(crate) static PAUSES: Counter = "paynow_worker_pauses_total" { cause: Known(pause_causes) };
    /// events in one transaction
    pub(crate) static BATCH_SIZE: Histogram = "paynow_worker_batch_size" {}.buckets(&buckets::SIZE);
    /// from a batch's arrival to its commit
    pub(crate) static APPLY: Histogram =
        "paynow_worker_apply_duration_seconds" {}.buckets(&buckets::DURATION_SECONDS);
    /// from the commit to the last acknowledgement
    pub(crate) static SETTLE: Histogram =
        "paynow_worker_settle_duration_seconds" {}.buckets(&buckets::DURATION_SECONDS);
    /// from PayNow's signature to the commit, of events applied now
    pub(crate) static EVENT_AGE: Histogram =
        "paynow_worker_event_age_seconds" {}.buckets(&buckets::AGE_SECONDS);
    /// as in webhook_events, or duplicate, deferred, dead
    pub(crate) static EVENTS: Counter = "paynow_worker_events_total" { outcome: Known(outcomes) };
    /// points moved, by kind of ledger entry, without sign
    pub(crate) static POINTS: Counter = "paynow_worker_points_total" { kind: Known(kinds) };
    /// events put on a rung of the retry ladder
    pub(crate) static RETRIES: Counter =
        "paynow_worker_retries_total" { rung_seconds: AtRunTime, reason: Known(retry_reasons) };
    /// batches redone event by event for one event's sake
    pub(crate) static REDONE: Counter = "paynow_worker_batches_redone_total" {};
    /// events dead-lettered
    pub(crate) static DEAD_LETTERS: Counter =
        "paynow_worker_dead_letters_total" { reason: Known(reasons) };
    /// dead letters written to the desk
    pub(crate) static ARCHIVED: Counter = "paynow_worker_dead_letters_archived_total" {};
    /// open at the desk
    pub(crate) static OPEN: Gauge = "paynow_worker_dead_letters_open" { reason: Known(reasons) };
    /// since the oldest open one died; 0 with none
    pub(crate) static OPEN_OLDEST: Gauge = "paynow_worker_dead_letters_open_oldest_age_seconds" {};
    /// wallets below zero
    pub(crate) static DEBT_WALLETS: Gauge = "paynow_worker_debt_wallets" {}.absent_until_set();
    /// what they lack together
    pub(crate) static DEBT_POINTS: Gauge = "paynow_worker_debt_points" {}.absent_until_set();
    /// payloads deleted by retention
    pub(crate) static FORGOTTEN: Counter = "paynow_worker_payloads_forgotten_total" {};
    /// when the gauges of the database were last read
    pub(crate) static SURVEYED: Gauge = "paynow_worker_survey_timestamp_seconds" {};
    /// things that break an invariant of the ledger, as paynowctl check has it
    pub(crate) static VIOLATIONS: Gauge = "paynow_worker_ledger_violations" { check: AtRunTime };
    /// when the invariants were last looked at, by any worker
    pub(crate) static LEDGER_CHECKED: Gauge = "paynow_worker_ledger_checked_timestamp_seconds" {};
}

/// Outcomes of events beside those that `webhook_events` keeps.
pub(crate) const DUPLICATE: &str = "duplicate";
pub(crate) const DEFERRED: &str = "deferred";
pub(crate) const DEAD: &str = "dead";

pub(crate) const CAUSE_BROKER: &str = "broker";
pub(crate) const CAUSE_DATABASE: &str = "database";
pub(crate) const CAUSE_SCHEMA: &str = "schema";
pub(crate) const CAUSE_HANDING_ON: &str = "handing_on";
pub(crate) const CAUSE_PANIC: &str = "panic";
pub(crate) const PAUSE_CAUSES: [&str; 5] = [
    CAUSE_BROKER,
    CAUSE_DATABASE,
    CAUSE_SCHEMA,
    CAUSE_HANDING_ON,
    CAUSE_PANIC,
];

fn outcomes() -> Vec<&'static str> {
    let kept = Outcome::iter().map(Outcome::code);
    kept.chain([DUPLICATE, DEFERRED, DEAD]).collect()
}

fn kinds() -> Vec<&'static str> {
    EntryKind::iter().map(EntryKind::code).collect()
}

fn reasons() -> Vec<&'static str> {
    Reason::iter().map(Reason::code).collect()
}

/// The reasons for which an event is tried again.
fn retry_reasons() -> Vec<&'static str> {
    let reasons = [Reason::OrderUnknown, Reason::LedgerRejected];
    reasons.map(Reason::code).to_vec()
}

fn pause_causes() -> Vec<&'static str> {
    PAUSE_CAUSES.to_vec()
}

pub const CATALOG: Catalog = Catalog {
    metrics: &[METRICS],
    log_events: &[&[
        LogEvent::info("consuming", "it takes messages"),
        LogEvent::warning("paused", "the broker or the database is away"),
        LogEvent::warning("batch_redone", "one event spoiled a batch"),
        LogEvent::info("event_deferred", "it waits on the retry ladder"),
        LogEvent::error("event_dead_lettered", "it needs a person"),
        LogEvent::info("dead_letters_archived", "they are at the desk"),
        LogEvent::error("dead_letters_not_archived", "they wait in the queue"),
        LogEvent::info(
            "dead_letters_resolved",
            "another copy of their event was applied",
        ),
        LogEvent::info("payloads_forgotten", "retention"),
        LogEvent::info("bodies_forgotten", "retention at the desk"),
        LogEvent::warning(
            "housekeeping_failed",
            "retention and gauges wait for the next round",
        ),
        LogEvent::critical("ledger_violated", "an invariant of the ledger is broken"),
        LogEvent::warning(
            "drain_limit_reached",
            "the broker gives what was in hand to others",
        ),
    ]],
};
