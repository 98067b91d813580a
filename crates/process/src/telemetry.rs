//! Logs and metrics. Logs are one JSON object a line on standard output, our own records and those
//! of lapin, actix and diesel through the same drain. Metrics are rendered by the admin server.
//! Catalogs list all metrics and log records; the tables in `ops/telemetry.md` come from them.

pub mod buckets;
mod catalog;
mod log;
mod log_event;
mod metric;
mod metrics;

pub use catalog::Catalog;
pub use log::{LogGuard, start_log};
pub use log_event::LogEvent;
pub use metric::{Declaration, Handle, Kind, Label, Metric, Values};
pub use metrics::{Metrics, MetricsError, start_metrics};
pub use slog::Level;

use crate::environment::{Environment, SettingError};

/// `LOG_LEVEL`: error, warning, info, debug or trace; info when unset.
pub fn log_level(environment: &Environment) -> Result<Level, SettingError> {
    match environment
        .text("LOG_LEVEL")
        .unwrap_or("info")
        .to_ascii_lowercase()
        .as_str()
    {
        "error" => Ok(Level::Error),
        "warn" | "warning" => Ok(Level::Warning),
        "info" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        "trace" => Ok(Level::Trace),
        other => Err(SettingError::new(
            "LOG_LEVEL",
            format!("must be error, warning, info, debug or trace, and is {other:?}"),
        )),
    }
}

pub(crate) const METRICS: [&[&Declaration]; 2] = [log::METRICS, metrics::METRICS];
pub(crate) const LOG_EVENTS: &[LogEvent] = log::LOG_EVENTS;
