//! `paynow-worker`: see the crate's README.

use std::process::ExitCode;

use paynow_process::environment::Environment;
use paynow_process::exit::{Fatal, report};
use paynow_process::{shutdown, telemetry};
use paynow_worker::app::App;
use paynow_worker::config::Config;

fn main() -> ExitCode {
    let environment = Environment::of_this_process();
    report("paynow-worker", start(&environment))
}

fn start(environment: &Environment) -> Result<(), Fatal> {
    let level = telemetry::log_level(environment)?;
    let config = Config::read(environment)?;
    let _log = telemetry::start_log("paynow-worker", level);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Fatal::failed("could not start the runtime", error))?;
    runtime.block_on(async {
        let stop = shutdown::on_signal()
            .map_err(|error| Fatal::failed("could not listen for signals", error))?;
        App::build(config)?.run_until(stop).await
    })
}
