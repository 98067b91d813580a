//! The log: a thread of its own writes each record as a line, and every record is counted.

use std::io::{self, Stdout, Write};
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

use super::log_event::level_word;
use super::metric::Values::AtRunTime;
use super::text;
use crate::{declare_log_events, declare_metrics};

declare_metrics! {
    /// log records, whether written or dropped
    pub(super) static RECORDS: Counter =
        "paynow_log_records_total" { level: AtRunTime, event: AtRunTime };
    /// log records that were not written
    static DROPPED: Counter = "paynow_log_records_dropped_total" {};
}

declare_log_events! {
    Critical "panicked": "a bug; the worker dead-letters the event it was processing";
    Warning "log_records_dropped": "whatever reads the log is too slow";
}

/// Records that may wait for the writer. More are dropped, counted and reported.
const CHANNEL_RECORDS: usize = 4096;
/// How long the end of the process waits for the writer: a log that nobody reads must not hold it up.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// Targets that are not logged. Spans are not events. lapin quotes a returned message byte for byte,
/// and that is PayNow's body. A client that does not send HTTP gets a 400, and many of them would
/// fill the log.
const MUTED_TARGETS: [&str; 3] = [
    "tracing::span",
    "lapin::returned_messages",
    "actix_http::h1::dispatcher",
];

/// Keeps the log writer alive. When dropped, it writes the records that are still queued.
pub struct LogGuard {
    writer: Option<AsyncGuard>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let writer = self.writer.take();
        let (done, wait) = sync_channel(1);
        let flusher = thread::Builder::new().spawn(move || {
            drop(writer);
            let _nobody_waits = done.send(());
        });
        if flusher.is_ok() {
            let _too_late = wait.recv_timeout(FLUSH_LIMIT);
        }
    }
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for a collector.
    Json,
    /// A line for people.
    Text,
}

/// Starts the log of this process. Call once, first.
pub fn start_log(program: &'static str, level: Level, format: LogFormat) -> LogGuard {
    let dropped = Arc::new(Dropped::default());
    let writer = Writer {
        form: match format {
            LogFormat::Json => Form::Json(Json::new(stdout()).build()),
            LogFormat::Text => Form::Text,
        },
        dropped: Arc::clone(&dropped),
    };
    let (core, writer) = AsyncCore::custom(writer)
        .chan_size(CHANNEL_RECORDS)
        .build_with_guard();
    let drain = CountingDrain { core, dropped }.filter(is_logged);
    let logger = Logger::root(drain.filter_level(level).fuse(), fields(program));
    slog_scope::set_global_logger(logger).cancel_reset();
    // Second and later calls in one process (tests) keep the first bridge: it follows the scope.
    let _already_set = slog_stdlog::init_with_level(library_level(level));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        // The message of the panic is left out: it may quote an event.
        slog_scope::crit!(# "panicked", "panicked"; "place" => place);
    }));
    LogGuard {
        writer: Some(writer),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the log is for a collector too, and both of its forms escape control characters"
)]
fn stdout() -> Stdout {
    io::stdout()
}

/// The fields of every record except its time. slog-json writes the last one first.
fn fields(program: &'static str) -> OwnedKV<impl SendSyncRefUnwindSafeKV + 'static> {
    o!(
        "program" => program,
        "module" => PushFnValue(|record, serializer| serializer.emit(module_of(record))),
        "msg" => PushFnValue(|record, serializer| serializer.emit(record.msg())),
        "event" => PushFnValue(|record, serializer| serializer.emit(event_of(record))),
        "level" => FnValue(|record| level_word(level_of(record))),
    )
}

/// Libraries are logged one level lower than our code, and never at trace: lapin traces frames, which
/// contain the broker's password and PayNow's bodies.
fn library_level(level: Level) -> log::Level {
    match level {
        Level::Critical | Level::Error => log::Level::Error,
        Level::Warning | Level::Info => log::Level::Warn,
        Level::Debug => log::Level::Info,
        Level::Trace => log::Level::Debug,
    }
}

fn is_logged(record: &Record<'_>) -> bool {
    !MUTED_TARGETS
        .iter()
        .any(|target| record.tag().starts_with(target))
}

/// An error means that a person must act. A library cannot know that: it reports a client's broken
/// request, or a connection that is about to be replaced, as an error.
fn level_of(record: &Record<'_>) -> Level {
    if record.level() == Level::Error && !record.module().starts_with("paynow_") {
        Level::Warning
    } else {
        record.level()
    }
}

/// The name of a record's event: the tag of our own record, or the crate of a library's record, with
/// which its tag begins.
fn event_of<'a>(record: &'a Record<'_>) -> &'a str {
    record.tag().split("::").next().unwrap_or_default()
}

/// The module of a record. A library's record that went through `tracing` has no module, so its target
/// is given, which is its tag.
fn module_of<'a>(record: &'a Record<'_>) -> &'a str {
    match record.module() {
        "<unknown>" => record.tag(),
        module => module,
    }
}

/// How many records were dropped since the last report.
#[derive(Default)]
struct Dropped(AtomicU64);

impl Dropped {
    fn count(&self) {
        DROPPED.handle().increment(1);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes records on the writer's thread. One that cannot be written is dropped, and the next one is
/// tried: a full disk may be freed.
struct Writer {
    form: Form,
    dropped: Arc<Dropped>,
}

enum Form {
    Json(Json<Stdout>),
    Text,
}

impl Form {
    fn write(&self, record: &Record<'_>, values: &OwnedKVList) -> io::Result<()> {
        match self {
            Self::Json(json) => json.log(record, values),
            Self::Text => {
                let level = level_word(level_of(record));
                let line = text::line(record, values, level, event_of(record))
                    .map_err(io::Error::other)?;
                writeln!(stdout(), "{line}")
            }
        }
    }
}

impl Drain for Writer {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.form.write(record, values).is_err() {
            self.dropped.count();
        }
        Ok(())
    }
}

/// Counts every record and passes it to the writer, without waiting.
struct CountingDrain {
    core: AsyncCore,
    dropped: Arc<Dropped>,
}

impl CountingDrain {
    fn report_dropped(&self, values: &OwnedKVList) {
        let dropped = self.dropped.0.swap(0, Ordering::Relaxed);
        if dropped == 0 {
            return;
        }
        let message = format_args!("log records dropped: slow reader, or failed writes");
        let fields = b!("records" => dropped);
        let record = record!(Level::Warning, "log_records_dropped", &message, fields);
        if self.core.log(&record, values).is_ok() {
            count(&record);
        } else {
            self.dropped.0.fetch_add(dropped, Ordering::Relaxed);
        }
    }
}

impl Drain for CountingDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        // The time is taken here, because the writer may be minutes behind.
        let values = o!(values.clone(), "time" => crate::clock::now_rfc3339()).into();
        self.report_dropped(&values);
        count(record);
        // The queue is full, or the writer has ended: a library's thread may outlive it.
        if self.core.log(record, &values).is_err() {
            self.dropped.count();
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
