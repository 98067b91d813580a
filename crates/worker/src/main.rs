//! `paynow-worker`: see the crate's README.

use paynow_process::program;
use paynow_worker::app::App;
use paynow_worker::config::Config;

fn main() {
    program::run(
        "paynow-worker",
        Config::read,
        |config| config.admin_address,
        async |config, stop| App::build(config)?.run_until(stop).await,
    )
}
