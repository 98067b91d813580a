//! What the receiver reports: one struct per observable writes the log record and the metrics together.
//! It knows codes, causes and numbers, and no type of the receiver's own; it never reports bodies,
//! signatures or headers as sent.

pub(crate) mod requests;
pub(crate) mod secrets;
pub(crate) mod sockets;

use paynow_process::telemetry::Catalog;

pub const CATALOG: Catalog = Catalog {
    metrics: &[requests::METRICS, sockets::METRICS, secrets::METRICS],
    log_events: &[requests::LOG_EVENTS, sockets::LOG_EVENTS],
};
