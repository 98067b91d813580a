//! Logs and metrics. Logs are one JSON object a line on standard output, our own records and those
//! of lapin, actix and diesel through the same drain. Metrics are rendered by the admin server.

use std::io;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use slog::{Drain, FnValue, Level, Logger, PushFnValue, o};

use crate::environment::{Environment, SettingError};

/// Records waiting for the writer; past it they are dropped and the drop is reported.
const LOG_CHANNEL_RECORDS: usize = 4096;
/// Without upkeep the exporter's histograms grow for ever.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Seconds; fixed buckets, because summaries cannot be added up over replicas.
const LATENCY_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const COUNT_BUCKETS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Keeps the log writer alive; dropped last, it writes what is still queued.
pub struct LogGuard {
    _writer: slog_async::AsyncGuard,
}

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

/// Starts the log of this process. Call once, first.
pub fn start_log(program: &'static str, level: Level) -> LogGuard {
    let json = slog_json::Json::new(io::stdout())
        .add_key_value(o!(
            "ts" => FnValue(|_record| crate::clock::now_ms()),
            "level" => FnValue(|record| record.level().as_str()),
            "msg" => PushFnValue(|record, serializer| serializer.emit(record.msg())),
        ))
        .build();
    let (drain, writer) = slog_async::Async::new(json.filter_level(level).fuse())
        .chan_size(LOG_CHANNEL_RECORDS)
        .build_with_guard();
    // Threads of libraries may outlive the writer by a moment; their last words are nobody's panic.
    let logger = Logger::root(drain.ignore_res(), o!("program" => program));
    slog_scope::set_global_logger(logger).cancel_reset();
    // Second and later calls in one process (tests) keep the first bridge: it follows the scope.
    let _already_set = slog_stdlog::init_with_level(foreign_level(level));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        // The payload is left out: it may quote what was being handled.
        slog_scope::error!("panicked"; "place" => place);
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

/// Starts the metrics recorder of this process; the handle renders what it holds.
/// Needs a running tokio runtime. Fails when a recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &COUNT_BUCKETS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
