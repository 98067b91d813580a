//! What every program tells: one struct per observable writes the log line and the metrics together.
//! `CATALOG` lists it all.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use slog::Level;

use crate::broker::BrokerError;
use crate::broker::publisher::{Confirmed, LaneState, PublishError};
use crate::error_chain::chain;
use crate::telemetry::{Catalog, DROPPED, LogEvent, Metric, RECORDS};

pub(crate) const BUILD_INFO: &str = "paynow_build_info";
const CONNECTED: &str = "paynow_publisher_connected";
const BLOCKED: &str = "paynow_publisher_blocked";
const IN_FLIGHT: &str = "paynow_publisher_in_flight_messages";
const MESSAGES: &str = "paynow_publisher_messages_total";
const CONFIRM: &str = "paynow_publisher_confirm_duration_seconds";
const BATCH_SIZE: &str = "paynow_publisher_batch_size";
const CERTIFICATE: &str = "paynow_certificate_not_after_timestamp_seconds";

pub const CATALOG: Catalog = Catalog {
    metrics: &[
        Metric::gauge(BUILD_INFO, &["program", "version", "revision"], "1"),
        Metric::counter(
            RECORDS,
            &["level", "event"],
            "log records, whether written or dropped",
        ),
        Metric::counter(DROPPED, &[], "log records that were not written"),
        Metric::gauge(
            CONNECTED,
            &["connection", "lane"],
            "1 while the lane has its connection",
        ),
        Metric::gauge(
            BLOCKED,
            &["connection", "lane"],
            "1 while the broker takes nothing from it",
        ),
        Metric::gauge(
            IN_FLIGHT,
            &["connection"],
            "published or waiting to be, without an answer",
        ),
        Metric::counter(
            MESSAGES,
            &["connection", "outcome"],
            "confirmed, nacked, returned, timed_out, overloaded, blocked, disconnected",
        ),
        Metric::histogram(
            CONFIRM,
            &["connection"],
            "from the call to the broker's confirm",
        ),
        Metric::histogram(
            BATCH_SIZE,
            &["connection"],
            "messages that await their confirms together",
        ),
        Metric::gauge(
            CERTIFICATE,
            &["peer"],
            "when the certificate of the broker or the database ends; +Inf without TLS",
        ),
    ],
    log_events: &[
        LogEvent::new(
            "certificate_unseen",
            Level::Warning,
            "a server did not show its certificate",
        ),
        LogEvent::new("listening", Level::Info, "it is up"),
        LogEvent::new(
            "shutdown_requested",
            Level::Info,
            "a signal asked it to end",
        ),
        LogEvent::new("stopped", Level::Info, "it ended in order"),
        LogEvent::new(
            "panicked",
            Level::Critical,
            "a bug; the event in hand is treated as poison",
        ),
        LogEvent::new(
            "log_records_dropped",
            Level::Warning,
            "the log's reader is too slow",
        ),
        LogEvent::new("publisher_connected", Level::Info, "a lane can publish"),
        LogEvent::new(
            "publisher_disconnected",
            Level::Warning,
            "a lane lost its connection",
        ),
        LogEvent::new(
            "publisher_connect_failed",
            Level::Warning,
            "the broker cannot be reached",
        ),
        LogEvent::new(
            "publisher_blocked",
            Level::Error,
            "the broker has an alarm and takes nothing",
        ),
        LogEvent::new(
            "publish_failed",
            Level::Warning,
            "a batch of messages has no confirm",
        ),
    ],
};

/// Something that happened and is worth telling.
pub trait Observable {
    /// Writes what belongs in the log and counts what belongs in the metrics.
    fn emit(self);
}

pub struct ShutdownRequested {
    pub signal: &'static str,
}

impl Observable for ShutdownRequested {
    fn emit(self) {
        slog_scope::info!(# "shutdown_requested", "shutdown requested"; "signal" => self.signal);
    }
}

pub struct Stopped;

impl Observable for Stopped {
    fn emit(self) {
        slog_scope::info!(# "stopped", "stopped");
    }
}

/// A server's certificate was looked at; without TLS there is none, and none that ends.
pub(crate) struct CertificateSeen {
    pub(crate) peer: &'static str,
    pub(crate) not_after_seconds: Option<i64>,
}

impl Observable for CertificateSeen {
    fn emit(self) {
        let never = |seconds: i64| seconds.to_string().parse().unwrap_or(f64::INFINITY);
        let not_after = self.not_after_seconds.map_or(f64::INFINITY, never);
        gauge!(CERTIFICATE, "peer" => self.peer).set(not_after);
    }
}

pub(crate) struct CertificateUnseen<'a> {
    pub(crate) peer: &'static str,
    pub(crate) error: &'a std::io::Error,
}

impl Observable for CertificateUnseen<'_> {
    fn emit(self) {
        slog_scope::warn!(# "certificate_unseen", "certificate not seen";
            "peer" => self.peer, "error" => chain(self.error));
    }
}

/// A lane of a publisher, as the telling of it needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneName {
    pub(crate) connection: &'static str,
    pub(crate) lane: usize,
}

pub(crate) struct LaneEntered {
    pub(crate) name: LaneName,
    pub(crate) state: LaneState,
}

impl Observable for LaneEntered {
    fn emit(self) {
        let LaneName { connection, lane } = self.name;
        let one_if = |yes: bool| if yes { 1.0 } else { 0.0 };
        gauge!(CONNECTED, "connection" => connection, "lane" => lane.to_string())
            .set(one_if(self.state != LaneState::Disconnected));
        gauge!(BLOCKED, "connection" => connection, "lane" => lane.to_string())
            .set(one_if(self.state == LaneState::Blocked));
        match self.state {
            LaneState::Open => slog_scope::info!(# "publisher_connected", "publisher connected";
                "connection" => connection, "lane" => lane),
            LaneState::Blocked => slog_scope::error!(# "publisher_blocked",
                "the broker blocks publishers"; "connection" => connection, "lane" => lane),
            // Told with its reason, where that is known.
            LaneState::Disconnected => {}
        }
    }
}

pub(crate) struct PublisherDisconnected {
    pub(crate) name: LaneName,
    pub(crate) why: &'static str,
}

impl Observable for PublisherDisconnected {
    fn emit(self) {
        slog_scope::warn!(# "publisher_disconnected", "publisher lost its connection";
            "connection" => self.name.connection, "lane" => self.name.lane, "why" => self.why);
    }
}

pub(crate) struct PublisherConnectFailed<'a> {
    pub(crate) name: LaneName,
    pub(crate) error: &'a BrokerError,
}

impl Observable for PublisherConnectFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "publisher_connect_failed", "publisher could not connect";
            "connection" => self.name.connection, "lane" => self.name.lane,
            "error" => chain(self.error));
    }
}

pub(crate) struct PublishFailed<'a> {
    pub(crate) name: LaneName,
    pub(crate) error: &'a lapin::Error,
}

impl Observable for PublishFailed<'_> {
    fn emit(self) {
        slog_scope::warn!(# "publish_failed", "publish failed";
            "connection" => self.name.connection, "lane" => self.name.lane,
            "error" => chain(self.error));
    }
}

pub(crate) struct BatchPublished {
    pub(crate) name: LaneName,
    pub(crate) messages: usize,
}

impl Observable for BatchPublished {
    fn emit(self) {
        // No batch has more messages than a float holds exactly.
        histogram!(BATCH_SIZE, "connection" => self.name.connection)
            .record(u32::try_from(self.messages).unwrap_or(u32::MAX));
    }
}

/// The calls of one publisher. Its handles are looked up once: this is every event's way.
pub(crate) struct PublishCalls {
    connection: &'static str,
    in_flight: Gauge,
    confirmed: Counter,
    confirm: Histogram,
}

/// One call, from its beginning to its answer; dropped without one, its caller went away.
pub(crate) struct PublishCall<'a> {
    calls: &'a PublishCalls,
    began: Instant,
}

impl PublishCalls {
    pub(crate) fn new(connection: &'static str) -> Self {
        for outcome in PublishError::ALL {
            counter!(MESSAGES, "connection" => connection, "outcome" => outcome.code())
                .increment(0);
        }
        Self {
            connection,
            in_flight: gauge!(IN_FLIGHT, "connection" => connection),
            confirmed: counter!(MESSAGES, "connection" => connection, "outcome" => "confirmed"),
            confirm: histogram!(CONFIRM, "connection" => connection),
        }
    }

    pub(crate) fn begin(&self) -> PublishCall<'_> {
        self.in_flight.increment(1);
        PublishCall {
            calls: self,
            began: Instant::now(),
        }
    }
}

impl PublishCall<'_> {
    pub(crate) fn answered(&self, answer: Result<Confirmed, PublishError>) {
        match answer {
            Ok(_confirmed) => {
                self.calls.confirmed.increment(1);
                self.calls
                    .confirm
                    .record(self.began.elapsed().as_secs_f64());
            }
            Err(error) => counter!(MESSAGES, "connection" => self.calls.connection,
                "outcome" => error.code())
            .increment(1),
        }
    }
}

impl Drop for PublishCall<'_> {
    fn drop(&mut self) {
        self.calls.in_flight.decrement(1);
    }
}
