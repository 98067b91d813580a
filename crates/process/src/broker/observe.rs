//! What publishers report.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};
use strum::IntoEnumIterator;

use super::connect::BrokerError;
use super::job::{Confirmed, LaneState, PublishError};
use crate::error_chain::chain;
use crate::observe::Observable;
use crate::telemetry::Values::{AtRunTime, Known};
use crate::telemetry::buckets;
use crate::{declare_log_events, declare_metrics};

declare_metrics! {
    /// 1 while the lane has its connection
    static CONNECTED: Gauge =
        "paynow_publisher_connected" { connection: AtRunTime, lane: AtRunTime };
    /// 1 while the broker blocks the lane
    static BLOCKED: Gauge = "paynow_publisher_blocked" { connection: AtRunTime, lane: AtRunTime };
    /// messages that wait to be sent or for their confirm
    static IN_FLIGHT: Gauge = "paynow_publisher_in_flight_messages" { connection: AtRunTime };
    /// confirmed, nacked, returned, timed_out, overloaded, blocked, disconnected
    static MESSAGES: Counter =
        "paynow_publisher_messages_total" { connection: AtRunTime, outcome: Known(outcomes) };
    /// from the call of publish to the broker's confirm
    static CONFIRM: Histogram =
        "paynow_publisher_confirm_duration_seconds" { connection: AtRunTime }
        .buckets(&buckets::DURATION_SECONDS);
    /// messages that wait for their confirms at the same time
    static BATCH_SIZE: Histogram =
        "paynow_publisher_batch_size" { connection: AtRunTime }.buckets(&buckets::SIZE);
}

const CONFIRMED: &str = "confirmed";

fn outcomes() -> Vec<&'static str> {
    let failed = PublishError::iter().map(PublishError::code);
    failed.chain([CONFIRMED]).collect()
}

declare_log_events! {
    Info "publisher_connected": "a lane can publish";
    Warning "publisher_disconnected": "a lane lost its connection";
    Warning "publisher_connect_failed": "the broker cannot be reached";
    Error "publisher_blocked": "the broker has an alarm and blocks publishers";
    Warning "publish_failed": "a channel failed before it confirmed its messages";
}

/// A lane of a publisher, as logs and metrics name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneName {
    pub(super) connection: &'static str,
    pub(super) lane: usize,
}

pub(super) struct LaneEntered {
    pub(super) name: LaneName,
    pub(super) state: LaneState,
}

impl Observable for LaneEntered {
    fn emit(self) {
        let LaneName { connection, lane } = self.name;
        let labels = [connection.to_owned(), lane.to_string()];
        let is_connected = f64::from(self.state != LaneState::Disconnected);
        CONNECTED.with(labels.clone()).set(is_connected);
        let is_blocked = f64::from(self.state == LaneState::Blocked);
        BLOCKED.with(labels).set(is_blocked);
        match self.state {
            LaneState::Open => slog_scope::info!(# "publisher_connected", "publisher connected";
                "connection" => connection, "lane" => lane),
            LaneState::Blocked => slog_scope::error!(# "publisher_blocked",
                "the broker blocks publishers"; "connection" => connection, "lane" => lane),
            // Its reason is logged where it is known: `PublisherDisconnected`.
            LaneState::Disconnected => {}
        }
    }
}

pub(super) struct PublisherDisconnected {
    pub(super) name: LaneName,
    pub(super) why: &'static str,
}

impl Observable for PublisherDisconnected {
    fn emit(self) {
        slog_scope::warn!(# "publisher_disconnected", "publisher lost its connection";
            "connection" => self.name.connection, "lane" => self.name.lane, "why" => self.why);
    }
}

pub(super) struct PublisherConnectFailed<'a> {
    pub(super) name: LaneName,
    pub(super) error: &'a BrokerError,
}

impl Observable for PublisherConnectFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "publisher_connect_failed", "publisher could not connect";
            "connection" => self.name.connection, "lane" => self.name.lane,
            "error" => chain(self.error));
    }
}

pub(super) struct PublishFailed<'a> {
    pub(super) name: LaneName,
    pub(super) error: &'a lapin::Error,
}

impl Observable for PublishFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "publish_failed", "publish failed";
            "connection" => self.name.connection, "lane" => self.name.lane,
            "error" => chain(self.error));
    }
}

pub(super) struct BatchPublished {
    pub(super) name: LaneName,
    pub(super) messages: usize,
}

impl Observable for BatchPublished {
    fn emit(self) {
        // No batch has more messages than a float holds exactly.
        BATCH_SIZE
            .with([self.name.connection])
            .record(u32::try_from(self.messages).unwrap_or(u32::MAX));
    }
}

/// The calls of one publisher. Its handles are looked up once, because every event takes this path.
pub(super) struct PublishCalls {
    connection: &'static str,
    in_flight: Gauge,
    confirmed: Counter,
    confirm: Histogram,
}

/// One call, from its start to its answer. It is dropped without an answer when its caller leaves.
pub(super) struct PublishCall<'a> {
    calls: &'a PublishCalls,
    began: Instant,
}

impl PublishCalls {
    pub(super) fn new(connection: &'static str) -> Self {
        MESSAGES.start_for("connection", connection);
        Self {
            connection,
            in_flight: IN_FLIGHT.with([connection]),
            confirmed: MESSAGES.with([connection, CONFIRMED]),
            confirm: CONFIRM.with([connection]),
        }
    }

    pub(super) fn begin(&self) -> PublishCall<'_> {
        self.in_flight.increment(1);
        PublishCall {
            calls: self,
            began: Instant::now(),
        }
    }
}

impl PublishCall<'_> {
    pub(super) fn answered(&self, answer: Result<Confirmed, PublishError>) {
        match answer {
            Ok(_confirmed) => {
                self.calls.confirmed.increment(1);
                let took = self.began.elapsed().as_secs_f64();
                self.calls.confirm.record(took);
            }
            Err(error) => MESSAGES
                .with([self.calls.connection, error.code()])
                .increment(1),
        }
    }
}

impl Drop for PublishCall<'_> {
    fn drop(&mut self) {
        self.calls.in_flight.decrement(1);
    }
}
