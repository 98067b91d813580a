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
    pub const fn debug(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Level::Debug, help)
    }

    pub const fn info(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Level::Info, help)
    }

    pub const fn warning(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Level::Warning, help)
    }

    pub const fn error(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Level::Error, help)
    }

    pub const fn critical(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Level::Critical, help)
    }

    const fn new(name: &'static str, level: Level, help: &'static str) -> Self {
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
