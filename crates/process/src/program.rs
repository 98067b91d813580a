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
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Fatal::failed("could not start the runtime", error))?;
    runtime.block_on(async {
        let stop = shutdown::on_signal()
            .map_err(|error| Fatal::failed("could not listen for signals", error))?;
        serve(config, stop).await
    })
}
