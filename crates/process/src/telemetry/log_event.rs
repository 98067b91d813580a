//! The names of our log records.

use slog::Level;

/// The name of a log record of ours, and how much it matters.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent {
    pub name: &'static str,
    pub level: Level,
    pub help: &'static str,
}

impl LogEvent {
    pub fn level_word(&self) -> &'static str {
        level_word(self.level)
    }
}

/// Declares `LOG_EVENTS`, the log records of a module: the level, the name and the help of each.
#[macro_export]
macro_rules! declare_log_events {
    ($($level:ident $name:literal: $help:literal;)+) => {
        pub(crate) const LOG_EVENTS: &[$crate::telemetry::LogEvent] = &[$(
            $crate::telemetry::LogEvent {
                name: $name,
                level: $crate::telemetry::Level::$level,
                help: $help,
            }
        ),+];
    };
}

/// The level as log records and metric labels spell it.
pub(super) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
