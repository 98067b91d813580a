//! All that the worker tells, by name: `ops/README.md` shows it as tables.

use paynow_process::telemetry::{Catalog, LogEvent, Metric};
use slog::Level;

pub(crate) const BATCH_SIZE: &str = "paynow_worker_batch_size";
pub(crate) const APPLY: &str = "paynow_worker_apply_duration_seconds";
pub(crate) const SETTLE: &str = "paynow_worker_settle_duration_seconds";
pub(crate) const EVENT_AGE: &str = "paynow_worker_event_age_seconds";
pub(crate) const EVENTS: &str = "paynow_worker_events_total";
pub(crate) const POINTS: &str = "paynow_worker_points_total";
pub(crate) const REDONE: &str = "paynow_worker_batches_redone_total";
pub(crate) const DEAD_LETTERS: &str = "paynow_worker_dead_letters_total";
pub(crate) const RETRIES: &str = "paynow_worker_retries_total";
pub(crate) const ARCHIVED: &str = "paynow_worker_dead_letters_archived_total";
pub(crate) const OPEN: &str = "paynow_worker_dead_letters_open";
pub(crate) const OPEN_OLDEST: &str = "paynow_worker_dead_letters_open_oldest_age_seconds";
pub(crate) const DEBT_WALLETS: &str = "paynow_worker_debt_wallets";
pub(crate) const DEBT_POINTS: &str = "paynow_worker_debt_points";
pub(crate) const FORGOTTEN: &str = "paynow_worker_payloads_forgotten_total";
pub(crate) const CONSUMING: &str = "paynow_worker_consuming";
pub(crate) const PAUSES: &str = "paynow_worker_pauses_total";
pub(crate) const SURVEYED: &str = "paynow_worker_survey_timestamp_seconds";
pub(crate) const VIOLATIONS: &str = "paynow_worker_ledger_violations";
pub(crate) const LEDGER_CHECKED: &str = "paynow_worker_ledger_checked_timestamp_seconds";

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

pub const CATALOG: Catalog = Catalog {
    metrics: &[
        Metric::gauge(
            CONSUMING,
            &[],
            "1 while it takes messages, 0 while it waits for a server",
        ),
        Metric::counter(
            PAUSES,
            &["cause"],
            "broker, database, schema, handing_on or panic",
        ),
        Metric::histogram(BATCH_SIZE, &[], "events in one transaction"),
        Metric::histogram(APPLY, &[], "from a batch's arrival to its commit"),
        Metric::histogram(SETTLE, &[], "from the commit to the last acknowledgement"),
        Metric::histogram(
            EVENT_AGE,
            &[],
            "from PayNow's signature to the commit, of events applied now",
        ),
        Metric::counter(
            EVENTS,
            &["outcome"],
            "as in webhook_events, or duplicate, deferred, dead",
        ),
        Metric::counter(
            POINTS,
            &["kind"],
            "points moved, by kind of ledger entry, without sign",
        ),
        Metric::counter(
            RETRIES,
            &["rung_seconds", "reason"],
            "events put on a rung of the retry ladder",
        ),
        Metric::counter(
            REDONE,
            &[],
            "batches redone event by event for one event's sake",
        ),
        Metric::counter(DEAD_LETTERS, &["reason"], "events dead-lettered"),
        Metric::counter(ARCHIVED, &[], "dead letters written to the desk"),
        Metric::gauge(OPEN, &["reason"], "open at the desk"),
        Metric::gauge(
            OPEN_OLDEST,
            &[],
            "since the oldest open one died; 0 with none",
        ),
        Metric::gauge(DEBT_WALLETS, &[], "wallets below zero"),
        Metric::gauge(DEBT_POINTS, &[], "what they lack together"),
        Metric::counter(FORGOTTEN, &[], "payloads deleted by retention"),
        Metric::gauge(
            SURVEYED,
            &[],
            "when the gauges of the database were last read",
        ),
        Metric::gauge(
            VIOLATIONS,
            &["check"],
            "things that break an invariant of the ledger, as paynowctl check has it",
        ),
        Metric::gauge(
            LEDGER_CHECKED,
            &[],
            "when the invariants were last looked at, by any worker",
        ),
    ],
    log_events: &[
        LogEvent::new("consuming", Level::Info, "it takes messages"),
        LogEvent::new(
            "paused",
            Level::Warning,
            "the broker or the database is away",
        ),
        LogEvent::new("batch_redone", Level::Warning, "one event spoiled a batch"),
        LogEvent::new(
            "event_deferred",
            Level::Info,
            "it waits on the retry ladder",
        ),
        LogEvent::new("event_dead_lettered", Level::Error, "it needs a person"),
        LogEvent::new("dead_letters_archived", Level::Info, "they are at the desk"),
        LogEvent::new(
            "dead_letters_not_archived",
            Level::Error,
            "they wait in the queue",
        ),
        LogEvent::new(
            "dead_letters_resolved",
            Level::Info,
            "another copy of their event was applied",
        ),
        LogEvent::new("payloads_forgotten", Level::Info, "retention"),
        LogEvent::new("bodies_forgotten", Level::Info, "retention at the desk"),
        LogEvent::new(
            "housekeeping_failed",
            Level::Warning,
            "retention and gauges wait for the next round",
        ),
        LogEvent::new(
            "ledger_violated",
            Level::Critical,
            "an invariant of the ledger is broken",
        ),
        LogEvent::new(
            "drain_limit_reached",
            Level::Warning,
            "the broker gives what was in hand to others",
        ),
    ],
};
