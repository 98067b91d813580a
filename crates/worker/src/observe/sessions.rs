//! What sessions report: whether the worker consumes messages, and why it does not.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use metrics::{Counter, Gauge};
use paynow_process::error_chain::chain;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::Known;
use paynow_process::{declare_log_events, declare_metrics};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

declare_metrics! {
    /// 1 while the worker consumes messages, 0 while it waits for a server
    static CONSUMING: Gauge = "paynow_worker_consuming" {};
    /// how long the worker has held messages without a commit, 0 when it holds none
    static UNCOMMITTED: Gauge = "paynow_worker_uncommitted_seconds" {};
    /// how long the database has not answered an idle worker, 0 while it answers
    static UNANSWERED: Gauge = "paynow_worker_database_unanswered_seconds" {};
    /// 1 while the worker has held messages without a commit, or the database has not answered, for WORKER_STALL_SECONDS
    static STALLED: Gauge = "paynow_worker_stalled" {};
    /// broker, database, schema, handing_on or panic
    static PAUSES: Counter = "paynow_worker_pauses_total" { cause: Known(pause_causes) };
}

declare_log_events! {
    Info "consuming": "the worker consumes messages";
    Warning "paused": "the broker or the database is not available";
    Warning "stalled": "nothing is committed although messages are held, or the database does not answer an idle worker";
    Info "stall_ended": "something is committed again, or the database answers and the worker holds no messages";
    Warning "drain_limit_reached": "the broker delivers the unsettled messages again";
}

/// The label `cause` of pauses.
#[derive(Debug, Clone, Copy, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum PauseCause {
    Broker,
    Database,
    Schema,
    HandingOn,
    Panic,
}

fn pause_causes() -> Vec<&'static str> {
    PauseCause::iter().map(Into::into).collect()
}

pub(crate) struct Listening {
    pub(crate) admin_address: SocketAddr,
}

impl Observable for Listening {
    fn emit(self) {
        slog_scope::info!(# "listening", "listening"; "admin_address" => %self.admin_address);
    }
}

pub(crate) struct Consuming(pub(crate) bool);

impl Observable for Consuming {
    fn emit(self) {
        CONSUMING.handle().set(f64::from(self.0));
        if self.0 {
            slog_scope::info!(# "consuming", "consuming");
        }
    }
}

pub(crate) struct Paused<'a> {
    pub(crate) cause: PauseCause,
    pub(crate) error: &'a dyn Error,
    pub(crate) wait: Duration,
}

impl Observable for Paused<'_> {
    fn emit(self) {
        PAUSES.with([<&str>::from(self.cause)]).increment(1);
        slog_scope::warn!(# "paused", "paused"; "why" => chain(self.error),
            "resume_in_ms" => u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX));
    }
}

/// How long nothing has been committed although messages are held, and how long the database has not
/// answered a worker that holds none.
pub(crate) struct Uncommitted {
    pub(crate) held_for: Duration,
    pub(crate) unanswered_for: Duration,
    pub(crate) is_stalled: bool,
}

impl Observable for Uncommitted {
    fn emit(self) {
        UNCOMMITTED.handle().set(self.held_for.as_secs_f64());
        UNANSWERED.handle().set(self.unanswered_for.as_secs_f64());
        STALLED.handle().set(f64::from(self.is_stalled));
    }
}

pub(crate) struct Stalled {
    pub(crate) held_for: Duration,
    pub(crate) unanswered_for: Duration,
}

impl Observable for Stalled {
    fn emit(self) {
        slog_scope::warn!(# "stalled", "stalled: nothing is committed";
            "uncommitted_seconds" => self.held_for.as_secs(),
            "unanswered_seconds" => self.unanswered_for.as_secs());
    }
}

pub(crate) struct StallEnded;

impl Observable for StallEnded {
    fn emit(self) {
        slog_scope::info!(# "stall_ended", "stall ended");
    }
}

pub(crate) struct DrainLimitReached;

impl Observable for DrainLimitReached {
    fn emit(self) {
        slog_scope::warn!(# "drain_limit_reached",
            "drain limit reached; the broker keeps the unsettled messages");
    }
}
