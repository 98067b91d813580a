//! The frame around a server program: settings, log, runtime, signals, exit code.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::environment::{Environment, SettingError};
use crate::exit::{Fatal, report};
use crate::{shutdown, telemetry};

/// Runs a program from its environment to its exit code. `serve` gets the settings and a token
/// that is cancelled when the process is asked to end; it returns once everything is tidied up.
pub fn run<C>(
    name: &'static str,
    read: impl FnOnce(&Environment) -> Result<C, SettingError>,
    serve: impl AsyncFnOnce(C, CancellationToken) -> Result<(), Fatal>,
) -> ExitCode {
    report(name, start(name, read, serve))
}

/// The other half is for the threads beside this runtime, of the web server and of the broker's
/// connections: a message that changes threads at every step costs more than it gains.
pub fn half_the_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

fn start<C>(
    name: &'static str,
    read: impl FnOnce(&Environment) -> Result<C, SettingError>,
    serve: impl AsyncFnOnce(C, CancellationToken) -> Result<(), Fatal>,
) -> Result<(), Fatal> {
    let environment = Environment::of_this_process();
    let level = telemetry::log_level(&environment)?;
    let config = read(&environment)?;
    // Declared before the runtime, so dropped after it: the last words are written.
    let _log = telemetry::start_log(name, level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(half_the_cores())
        .enable_all()
        .build()
        .map_err(|error| Fatal::failed("could not start the runtime", error))?;
    let served = runtime.block_on(async {
        let stop = shutdown::on_signal()
            .map_err(|error| Fatal::failed("could not listen for signals", error))?;
        serve(config, stop).await
    });
    // What blocks a thread now is a question to the database whose answer nobody waits for.
    runtime.shutdown_background();
    served
}
