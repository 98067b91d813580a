//! Runs a server program: settings, log, runtime, signals, exit code.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use crate::environment::{Environment, SettingError};
use crate::exit::{Fatal, exit};
use crate::interrupt::Signals;
use crate::observe::{Observable, ShutdownRequested};
use crate::{healthcheck, telemetry, usage};

/// Runs a program and ends the process. `serve` gets the settings and a token that is cancelled by
/// SIGTERM or SIGINT; it returns after an orderly stop. `admin_address` takes from the settings the
/// address that `healthcheck` requests.
pub fn run<C>(
    name: &'static str,
    read: impl FnOnce(&Environment) -> Result<C, SettingError>,
    admin_address: impl FnOnce(&C) -> SocketAddr,
    serve: impl AsyncFnOnce(C, CancellationToken) -> Result<(), Fatal>,
) -> ! {
    let environment = Environment::of_this_process();
    let mut arguments = std::env::args().skip(1);
    let result = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => run_server(name, &environment, read, serve),
        (Some("healthcheck"), None) => read(&environment)
            .map_err(Fatal::from)
            .and_then(|config| healthcheck::check(admin_address(&config))),
        (Some("--check-settings"), None) => check_settings(name, &environment, read),
        (Some("--version" | "-V"), None) => {
            usage::print_version(name);
            Ok(())
        }
        (Some("--help" | "-h"), None) => {
            usage::print_help(name);
            Ok(())
        }
        (Some(_), _) => Err(SettingError::new(
            "the command line",
            "takes healthcheck, --check-settings, --version, --help or nothing: settings come from the \
             environment",
        )
        .into()),
    };
    exit(name, result)
}

/// Threads for this runtime: half the cores, because the web server and the broker's connections have
/// threads of their own, and passing a message between more threads costs more than it gains.
pub fn half_the_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// Reads all settings as a start does, and connects to nothing.
fn check_settings<C>(
    name: &str,
    environment: &Environment,
    read: impl FnOnce(&Environment) -> Result<C, SettingError>,
) -> Result<(), Fatal> {
    telemetry::log_level(environment)?;
    telemetry::log_format(environment)?;
    read(environment)?;
    usage::print_valid_settings(name);
    Ok(())
}

fn run_server<C>(
    name: &'static str,
    environment: &Environment,
    read: impl FnOnce(&Environment) -> Result<C, SettingError>,
    serve: impl AsyncFnOnce(C, CancellationToken) -> Result<(), Fatal>,
) -> Result<(), Fatal> {
    let level = telemetry::log_level(environment)?;
    let format = telemetry::log_format(environment)?;
    let config = read(environment)?;
    // Declared before the runtime and therefore dropped after it: its last records are written.
    let _log = telemetry::start_log(name, level, format);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(half_the_cores())
        .enable_all()
        .build()
        .map_err(|error| Fatal::failed("could not start the runtime", error))?;
    let served = runtime.block_on(async {
        let stop = token_of_signals()
            .map_err(|error| Fatal::failed("could not listen for signals", error))?;
        serve(config, stop).await
    });
    // A thread that still blocks runs a database query whose result nobody needs.
    runtime.shutdown_background();
    served
}

/// A token that is cancelled by the first SIGTERM or SIGINT.
fn token_of_signals() -> std::io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let signal = signals.next().await.name();
        ShutdownRequested { signal }.emit();
        stop.cancel();
    });
    Ok(token)
}
