//! The log: from a record to a line, on a thread of its own, and every record counted.

use std::io::{self, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use metrics::{Counter, SharedString};
use slog::{
    Drain, FnValue, Level, Logger, Never, OwnedKV, OwnedKVList, PushFnValue, Record,
    SendSyncRefUnwindSafeKV, b, o, record,
};
use slog_async::{AsyncCore, AsyncGuard};
use slog_json::Json;

use super::log_event::{LogEvent, level_word};
use super::metric::Metric;
use super::metric::Values::AtRunTime;
use crate::declare_metrics;

declare_metrics! {
    pub(super) static RECORDS: Metric<Counter, 2> = Metric::new(
        "paynow_log_records_total",
        // Each record of a catalog is started by the catalog.
        &[("level", AtRunTime), ("event", AtRunTime)],
        "log records, whether written or dropped",
    );
    static DROPPED: Metric<Counter, 0> = Metric::new(
        "paynow_log_records_dropped_total",
        &[],
        "log records that were not written",
    );
}

pub(super) const LOG_EVENTS: &[LogEvent] = &[
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
];

/// Records waiting for the writer; past it they are dropped and the drop is reported.
const CHANNEL_RECORDS: usize = 4096;
/// For the last words of a process. A reader that is stuck must not keep it from its end.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(2);
/// Targets that are not told. Spans are no events; a message that the broker returns is quoted by
/// lapin byte for byte, and it is PayNow's body; what a client sends that is no HTTP is its own
/// mistake, answered with 400, and a flood of it would be all that a log tells.
const UNTOLD: [&str; 3] = [
    "tracing::span",
    "lapin::returned_messages",
    "actix_http::h1::dispatcher",
];

/// Keeps the log writer alive; dropped last, it writes what is still queued.
pub struct LogGuard {
    writer: Option<AsyncGuard>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let writer = self.writer.take();
        let (ended, end) = sync_channel(1);
        let waiter = thread::Builder::new().spawn(move || {
            drop(writer);
            let _nobody_waits = ended.send(());
        });
        if waiter.is_ok() {
            let _too_late = end.recv_timeout(LAST_WORDS_LIMIT);
        }
    }
}

/// Starts the log of this process. Call once, first.
pub fn start_log(program: &'static str, level: Level) -> LogGuard {
    let dropped = Arc::new(Dropped::default());
    let written = Written {
        json: Json::new(io::stdout()).build(),
        dropped: Arc::clone(&dropped),
    };
    let (core, writer) = AsyncCore::custom(written)
        .chan_size(CHANNEL_RECORDS)
        .build_with_guard();
    let drain = Counted { core, dropped }.filter(is_told);
    let logger = Logger::root(drain.filter_level(level).fuse(), fields(program));
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
    LogGuard {
        writer: Some(writer),
    }
}

/// What every record has beside its time. The last comes first on the line.
fn fields(program: &'static str) -> OwnedKV<impl SendSyncRefUnwindSafeKV + 'static> {
    o!(
        "program" => program,
        "module" => PushFnValue(|record, serializer| serializer.emit(module_of(record))),
        "msg" => PushFnValue(|record, serializer| serializer.emit(record.msg())),
        "event" => PushFnValue(|record, serializer| serializer.emit(event_of(record))),
        "level" => FnValue(|record| level_word(level_of(record))),
    )
}

/// Libraries are heard less than we are, and never at trace: lapin traces frames, and in them the
/// broker's password and PayNow's bodies.
fn foreign_level(level: Level) -> log::Level {
    match level {
        Level::Critical | Level::Error => log::Level::Error,
        Level::Warning | Level::Info => log::Level::Warn,
        Level::Debug => log::Level::Info,
        Level::Trace => log::Level::Debug,
    }
}

fn is_told(record: &Record<'_>) -> bool {
    !UNTOLD.iter().any(|target| record.tag().starts_with(target))
}

/// An error means that a person must act, and a library cannot know that: it calls a client's broken
/// request an error, and a connection that is made anew.
fn level_of(record: &Record<'_>) -> Level {
    match record.level() {
        Level::Error if !record.module().starts_with("paynow_") => Level::Warning,
        level @ (Level::Critical
        | Level::Error
        | Level::Warning
        | Level::Info
        | Level::Debug
        | Level::Trace) => level,
    }
}

/// The name of what a record tells: our own records have it as their tag, a library's record has
/// its target there, of which the crate is enough.
fn event_of<'a>(record: &'a Record<'_>) -> &'a str {
    record.tag().split("::").next().unwrap_or_default()
}

/// Where a record comes from: a library's record that went through `tracing` has lost its module,
/// and its target is as good.
fn module_of<'a>(record: &'a Record<'_>) -> &'a str {
    match record.module() {
        "<unknown>" => record.tag(),
        module => module,
    }
}

/// Records that were not written and are not yet reported.
#[derive(Default)]
struct Dropped(AtomicU64);

impl Dropped {
    fn one_more(&self) {
        DROPPED.handle().increment(1);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes, on the writer's thread. What cannot be written is dropped and the next record tried: a
/// disk that was full has room again some day.
struct Written {
    json: Json<Stdout>,
    dropped: Arc<Dropped>,
}

impl Drain for Written {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.json.log(record, values).is_err() {
            self.dropped.one_more();
        }
        Ok(())
    }
}

/// Counts every record, then gives it to the writer without ever waiting for it.
struct Counted {
    core: AsyncCore,
    dropped: Arc<Dropped>,
}

impl Counted {
    fn report_dropped(&self, values: &OwnedKVList) {
        let dropped = self.dropped.0.swap(0, Ordering::Relaxed);
        if dropped == 0 {
            return;
        }
        let message = format_args!("log records dropped, their reader is too slow");
        let fields = b!("records" => dropped);
        let record = record!(Level::Warning, "log_records_dropped", &message, fields);
        if self.core.log(&record, values).is_ok() {
            count(&record);
        } else {
            self.dropped.0.fetch_add(dropped, Ordering::Relaxed);
        }
    }
}

impl Drain for Counted {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        // Now, because the writer may be minutes behind.
        let values = o!(values.clone(), "time" => crate::clock::now_rfc3339()).into();
        self.report_dropped(&values);
        count(record);
        // Full, or ended: threads of libraries may outlive the writer by a moment.
        if self.core.log(record, &values).is_err() {
            self.dropped.one_more();
        }
        Ok(())
    }
}

fn count(record: &Record<'_>) {
    let level = SharedString::from(level_word(level_of(record)));
    RECORDS
        .with([level, event_of(record).to_owned().into()])
        .increment(1);
}
