//! Logs and metrics. Logs are lines on standard output, each a JSON object or a text, our own records and those
//! of lapin, actix and diesel through the same drain. Metrics are rendered by the admin server.
//! Catalogs list all metrics and log records; the tables in `ops/telemetry.md` come from them.

pub mod buckets;
mod catalog;
mod log;
mod log_event;
mod metric;
mod metrics;
mod text;

pub use catalog::Catalog;
pub use log::{LogFormat, LogGuard, start_log};
pub use log_event::LogEvent;
pub use metric::{Declaration, Handle, Kind, Label, Metric, Values};
pub use metrics::{Metrics, MetricsError, start_metrics};
pub use slog::Level;

use crate::declare_settings;
use crate::environment::{Environment, SettingError};

declare_settings! {
    pub const SETTINGS;
    /// the least important log records that are written
    const LEVEL: Choice = "LOG_LEVEL" {
        values: "error, warning, info, debug or trace",
        default: "info",
    };
    /// how log records are written: one JSON object a line for a collector (`json`), or a line for people
    /// (`text`)
    const FORMAT: Choice = "LOG_FORMAT" { values: "json or text", default: "json" };
}

/// `LOG_LEVEL`: error, warning, info, debug or trace; info when unset.
pub fn log_level(environment: &Environment) -> Result<Level, SettingError> {
    match environment
        .text(LEVEL.name)
        .unwrap_or(LEVEL.kind.default)
        .to_ascii_lowercase()
        .as_str()
    {
        "error" => Ok(Level::Error),
        "warn" | "warning" => Ok(Level::Warning),
        "info" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        "trace" => Ok(Level::Trace),
        other => Err(SettingError::new(
            LEVEL.name,
            format!("must be {}, and is {other:?}", LEVEL.kind.values),
        )),
    }
}

/// `LOG_FORMAT`
pub fn log_format(environment: &Environment) -> Result<LogFormat, SettingError> {
    environment.choice(&FORMAT)
}

pub(crate) const METRICS: [&[&Declaration]; 2] = [log::METRICS, metrics::METRICS];
pub(crate) const LOG_EVENTS: &[LogEvent] = log::LOG_EVENTS;
