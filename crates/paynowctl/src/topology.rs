//! `topology export`: prints the document that brokers load at boot, `deploy/rabbitmq/definitions.json`.

use paynow_shared::topology::definitions;

use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// The virtual host of a broker that loads the document at boot.
const DEFAULT_VHOST: &str = "/";

pub(crate) fn export(config: &Config) -> Result<(), Failure> {
    output::json(&definitions(DEFAULT_VHOST, &config.ladder()?))
}
