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
    pub const fn new(name: &'static str, level: Level, help: &'static str) -> Self {
        Self { name, level, help }
    }

    pub fn level_word(&self) -> &'static str {
        level_word(self.level)
    }
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
