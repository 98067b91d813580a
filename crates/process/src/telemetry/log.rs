//! The log: from a record to a line, on a thread of its own, and every record counted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;
use slog::{Drain, FnValue, Level, Logger, Never, OwnedKVList, PushFnValue, Record, b, o, record};
use slog_async::AsyncCore;

pub(super) const RECORDS: &str = "paynow_log_records_total";
pub(super) const DROPPED: &str = "paynow_log_records_dropped_total";
/// Records waiting for the writer; past it they are dropped and the drop is reported.
const CHANNEL_RECORDS: usize = 4096;

/// Keeps the log writer alive; dropped last, it writes what is still queued.
pub struct LogGuard {
    _writer: slog_async::AsyncGuard,
}

/// Starts the log of this process. Call once, first.
pub fn start_log(program: &'static str, level: Level) -> LogGuard {
    let json = slog_json::Json::new(io::stdout())
        .add_key_value(o!(
            "time" => FnValue(|_record| crate::clock::now_rfc3339()),
            "level" => FnValue(|record| level_word(record.level())),
            "event" => PushFnValue(|record, serializer| serializer.emit(event_of(record))),
            "msg" => PushFnValue(|record, serializer| serializer.emit(record.msg())),
            "module" => FnValue(|record| record.module()),
        ))
        .build();
    let (core, writer) = AsyncCore::custom(json.fuse())
        .chan_size(CHANNEL_RECORDS)
        .build_with_guard();
    let drain = Counted {
        core,
        dropped: AtomicU64::new(0),
    };
    let logger = Logger::root(drain.filter_level(level).fuse(), o!("program" => program));
    slog_scope::set_global_logger(logger).cancel_reset();
    // Second and later calls in one process (tests) keep the first bridge: it follows the scope.
    let _already_set = slog_stdlog::init_with_level(foreign_level(level));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        // The payload is left out: it may quote what was being handled.
        slog_scope::crit!(# "panicked", "panicked"; "place" => place);
    }));
    LogGuard { _writer: writer }
}

/// Libraries are heard at our level, but never below info unless we debug: lapin traces frames.
fn foreign_level(level: Level) -> log::Level {
    match level {
        Level::Critical | Level::Error => log::Level::Error,
        Level::Warning | Level::Info => log::Level::Warn,
        Level::Debug => log::Level::Info,
        Level::Trace => log::Level::Trace,
    }
}

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

/// The name of what a record tells: our own records have it as their tag, a library's record has
/// its target there, of which the crate is enough.
fn event_of<'a>(record: &'a Record<'_>) -> &'a str {
    record.tag().split("::").next().unwrap_or_default()
}

/// Counts every record, then gives it to the writer without ever waiting for it.
struct Counted {
    core: AsyncCore,
    /// Not yet reported.
    dropped: AtomicU64,
}

impl Counted {
    fn report_dropped(&self, values: &OwnedKVList) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped == 0 {
            return;
        }
        let message = format_args!("log records dropped, their reader is too slow");
        let fields = b!("records" => dropped);
        let record = record!(Level::Warning, "log_records_dropped", &message, fields);
        if self.core.log(&record, values).is_ok() {
            count(&record);
        } else {
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
    }
}

impl Drain for Counted {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        self.report_dropped(values);
        count(record);
        // Full, or ended: threads of libraries may outlive the writer by a moment.
        if self.core.log(record, values).is_err() {
            counter!(DROPPED).increment(1);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn count(record: &Record<'_>) {
    let (level, event) = (level_word(record.level()), event_of(record).to_owned());
    counter!(RECORDS, "level" => level, "event" => event).increment(1);
}
