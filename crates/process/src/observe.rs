//! What every program reports: one struct per observable writes the log record and the metrics together.

use std::error::Error;

use metrics::Gauge;

use crate::error_chain::chain;
use crate::telemetry::Values::AtRunTime;
use crate::{declare_log_events, declare_metrics};

declare_metrics! {
    /// when the certificate of the broker or the database expires; +Inf without TLS
    static CERTIFICATE: Gauge =
        "paynow_certificate_not_after_timestamp_seconds" { peer: AtRunTime };
}

declare_log_events! {
    Warning "certificate_unseen": "the certificate of a server could not be read";
    Info "listening": "the program is up";
    Info "shutdown_requested": "a signal requested an orderly end";
    Info "stopped": "the program ended in an orderly way";
}

/// Something that happened and is worth reporting.
pub trait Observable {
    /// Writes what belongs in the log and counts what belongs in the metrics.
    fn emit(self);
}

pub(crate) struct ShutdownRequested {
    pub(crate) signal: &'static str,
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

/// A server's certificate was read. Without TLS there is none, and the gauge is infinite.
pub(crate) struct CertificateSeen {
    pub(crate) peer: &'static str,
    /// In Unix seconds.
    pub(crate) not_after: Option<i64>,
}

impl Observable for CertificateSeen {
    fn emit(self) {
        let float = |seconds: i64| seconds.to_string().parse().unwrap_or(f64::INFINITY);
        let not_after = self.not_after.map_or(f64::INFINITY, float);
        CERTIFICATE.with([self.peer]).set(not_after);
    }
}

pub(crate) struct CertificateUnseen<'a> {
    pub(crate) peer: &'static str,
    pub(crate) error: &'a dyn Error,
}

impl Observable for CertificateUnseen<'_> {
    fn emit(self) {
        slog_scope::warn!(# "certificate_unseen", "certificate not seen";
            "peer" => self.peer, "error" => chain(self.error));
    }
}
