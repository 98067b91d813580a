//! `paynow-receiver`: see the crate's README.

use paynow_process::program;
use paynow_receiver::app::App;
use paynow_receiver::config::Config;

fn main() {
    program::run(
        "paynow-receiver",
        Config::read,
        |config| config.admin_address,
        async |config, stop| App::build(config)?.run_until(stop).await,
    )
}
