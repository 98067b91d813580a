//! Connections to the public address.

use std::net::SocketAddr;
use std::sync::LazyLock;

use metrics::{Counter, Gauge};
use paynow_process::observe::Observable;
use paynow_process::{declare_log_events, declare_metrics};

declare_metrics! {
    /// open connections to the public address
    static CONNECTIONS: Gauge = "paynow_receiver_connections" {};
    /// connections closed to make room for others
    static CROWDED_OUT: Counter = "paynow_receiver_connections_crowded_out_total" {};
    /// memory held by bodies over 16 KiB, until they are answered
    static BODY_BYTES: Gauge = "paynow_receiver_body_bytes_held" {};
}

declare_log_events! {
    Warning "connections_limited": "it may open too few files for RECEIVER_MAX_CONNECTIONS";
}

pub(crate) fn connections_changed(by: f64) {
    static SERIES: LazyLock<Gauge> = LazyLock::new(|| CONNECTIONS.handle());
    SERIES.increment(by);
}

pub(crate) fn body_bytes_changed(by: f64) {
    BODY_BYTES.handle().increment(by);
}

pub(crate) fn connection_evicted() {
    CROWDED_OUT.handle().increment(1);
}

/// The system allows fewer connections than the settings.
pub(crate) struct ConnectionsLimited {
    pub(crate) connections: usize,
}

impl Observable for ConnectionsLimited {
    fn emit(self) {
        slog_scope::warn!(# "connections_limited", "too few file descriptors for the connections set";
            "connections" => self.connections);
    }
}

pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) admin_address: SocketAddr,
}

impl Observable for Listening {
    fn emit(self) {
        slog_scope::info!(# "listening", "listening";
            "address" => %self.address, "admin_address" => %self.admin_address);
    }
}
