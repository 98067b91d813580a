//! What the archive, housekeeping and the survey report.

use std::error::Error;
use std::time::Duration;

use metrics::Counter;
use paynow_process::observe::Observable;
use paynow_process::{declare_log_events, declare_metrics};

declare_metrics! {
    /// dead letters written to the table dead_letters
    static ARCHIVED: Counter = "paynow_worker_dead_letters_archived_total" {};
    /// payloads deleted by retention
    static FORGOTTEN: Counter = "paynow_worker_payloads_forgotten_total" {};
    /// checks of the ledger that failed or took too long
    static CHECK_FAILED: Counter = "paynow_worker_ledger_check_failed_total" {};
}

declare_log_events! {
    Info "dead_letters_archived": "dead letters were written to the table dead_letters";
    Error "dead_letters_not_archived": "dead letters wait in the queue";
    Info "dead_letters_resolved": "another copy of their event was applied";
    Info "payloads_forgotten": "retention deleted payloads";
    Info "bodies_forgotten": "retention deleted bodies of settled dead letters";
    Info "identities_filled": "who the customers of older orders are in games was read from payloads";
    Info "identities_forgotten": "retention deleted the identities of customers who were not seen for long";
    Info "payments_filled": "which orders older payments were for was read from payloads";
    Warning "database_unanswered": "the database does not answer an idle worker, which is not ready until it does";
    Warning "housekeeping_failed": "retention and gauges wait for the next round";
    Warning "waiting_not_recorded": "look-ups do not know that these events wait on the retry ladder, or wait no more";
    Info "ledger_checked": "this worker checked the invariants of the ledger for all workers";
    Warning "ledger_check_failed": "the invariants of the ledger could not be checked";
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
    pub(crate) error: &'a dyn Error,
}

impl Observable for DeadLettersNotArchived<'_> {
    fn emit(self) {
        slog_scope::error!(# "dead_letters_not_archived", "dead letters not archived yet";
            "letters" => self.letters, "error" => self.error.to_string());
    }
}

pub(crate) struct WaitingNotRecorded<'a> {
    pub(crate) events: usize,
    pub(crate) error: &'a dyn Error,
}

impl Observable for WaitingNotRecorded<'_> {
    fn emit(self) {
        slog_scope::warn!(# "waiting_not_recorded", "waiting events not recorded";
            "events" => self.events, "error" => self.error.to_string());
    }
}

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

pub(crate) struct IdentitiesFilled {
    /// How many events it looked at.
    pub(crate) events: i64,
}

impl Observable for IdentitiesFilled {
    fn emit(self) {
        slog_scope::info!(# "identities_filled", "identities filled in from payloads";
            "events" => self.events);
    }
}

pub(crate) struct PaymentsFilled {
    /// How many events it looked at.
    pub(crate) events: i64,
}

impl Observable for PaymentsFilled {
    fn emit(self) {
        slog_scope::info!(# "payments_filled", "payments filled in from payloads";
            "events" => self.events);
    }
}

pub(crate) struct IdentitiesForgotten {
    pub(crate) identities: i64,
}

impl Observable for IdentitiesForgotten {
    fn emit(self) {
        slog_scope::info!(# "identities_forgotten", "identities forgotten";
            "identities" => self.identities);
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

/// A round of housekeeping or of the survey failed.
pub(crate) struct DatabaseUnanswered<'a> {
    pub(crate) error: &'a dyn Error,
}

impl Observable for DatabaseUnanswered<'_> {
    fn emit(self) {
        slog_scope::warn!(# "database_unanswered", "database does not answer";
            "error" => self.error.to_string());
    }
}

pub(crate) struct HousekeepingFailed<'a> {
    pub(crate) error: &'a dyn Error,
}

impl Observable for HousekeepingFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "housekeeping_failed", "housekeeping failed";
            "error" => self.error.to_string());
    }
}

pub(crate) struct LedgerChecked {
    pub(crate) took: Duration,
}

impl Observable for LedgerChecked {
    fn emit(self) {
        slog_scope::info!(# "ledger_checked", "ledger checked";
            "took_ms" => u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
    }
}

pub(crate) struct LedgerCheckFailed<'a> {
    pub(crate) error: &'a dyn Error,
    pub(crate) wait: Duration,
}

impl Observable for LedgerCheckFailed<'_> {
    fn emit(self) {
        CHECK_FAILED.handle().increment(1);
        slog_scope::warn!(# "ledger_check_failed", "ledger check failed";
            "resume_in_ms" => u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX),
            "error" => self.error.to_string());
    }
}
