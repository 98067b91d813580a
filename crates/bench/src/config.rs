//! The settings: the addresses that `ops/stack env` prints.

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use secrecy::SecretString;

pub(crate) struct Config {
    /// `AMQP_URL`, for the bare client.
    pub(crate) broker: BrokerAddress,
    /// `AMQP_URL`, for the programs that are measured.
    pub(crate) amqp_url: SecretString,
    /// `AMQP_MANAGEMENT_URL`, for `paynowctl`.
    pub(crate) management_url: SecretString,
    /// `AMQP_PROMETHEUS_URL`, whose metrics include the broker's version.
    pub(crate) prometheus_url: String,
    /// `DATABASE_URL` of a superuser, because the bulk load turns the ledger's triggers off.
    pub(crate) database_url: SecretString,
}

impl Config {
    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingError> {
        let prometheus_url = environment.text("AMQP_PROMETHEUS_URL").unwrap_or_default();
        let required = |name| match environment.text(name) {
            Some(text) => Ok(SecretString::from(text)),
            None => Err(SettingError::new(name, "is required and not set")),
        };
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            amqp_url: required("AMQP_URL")?,
            management_url: required("AMQP_MANAGEMENT_URL")?,
            prometheus_url: prometheus_url.to_owned(),
            database_url: required("DATABASE_URL")?,
        })
    }
}
