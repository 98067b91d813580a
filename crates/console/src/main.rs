//! `paynow-console`: see the crate's README.

use paynow_console::app::App;
use paynow_console::config::Config;
use paynow_process::program;

fn main() {
    program::run(
        "paynow-console",
        Config::read,
        |config| config.admin_address,
        async |config, stop| App::build(config)?.run_until(stop).await,
    )
}
