//! The settings of the benchmark: the addresses that `ops/stack env` prints.

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use secrecy::SecretString;

pub(crate) struct Config {
    /// `AMQP_URL`, for ourselves.
    pub(crate) broker: BrokerAddress,
    /// `AMQP_URL`, for the programs we start.
    pub(crate) amqp_url: SecretString,
    /// `AMQP_MANAGEMENT_URL`, for `paynowctl`.
    pub(crate) management_url: SecretString,
    /// `AMQP_PROMETHEUS_URL`: where the broker tells its version.
    pub(crate) prometheus_url: String,
    /// `DATABASE_URL`: of a superuser, because a bulk load goes past the ledger's triggers.
    pub(crate) database_url: SecretString,
}

impl Config {
    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingError> {
        let prometheus_url = environment.text("AMQP_PROMETHEUS_URL").unwrap_or_default();
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            amqp_url: environment.required_secret("AMQP_URL")?,
            management_url: environment.required_secret("AMQP_MANAGEMENT_URL")?,
            prometheus_url: prometheus_url.to_owned(),
            database_url: environment.required_secret("DATABASE_URL")?,
        })
    }
}
