//! The receiver's settings: every variable it reads, where it is read.

use std::net::SocketAddr;
use std::time::Duration;

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SecretFile, SettingError};
use secrecy::ExposeSecret;

use crate::secrets::SigningSecrets;

/// More than this is no webhook: PayNow publishes no limit, and embeds whole products per line.
const BODY_LIMIT_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub struct Config {
    /// `AMQP_URL`
    pub broker: BrokerAddress,
    /// `PAYNOW_SIGNING_SECRETS`: `id:secret` pairs or bare secrets, comma separated.
    pub secrets: SigningSecrets,
    /// Where they come from, if `PAYNOW_SIGNING_SECRETS_FILE` names it.
    pub secrets_file: Option<SecretFile>,
    /// `PAYNOW_TOLERANCE_SECONDS`: how far a timestamp may be off, either way.
    pub tolerance: Duration,
    /// `RECEIVER_ADDR`
    pub address: SocketAddr,
    /// `METRICS_ADDR`
    pub admin_address: SocketAddr,
    /// `RECEIVER_BODY_LIMIT_BYTES`
    pub body_limit_bytes: usize,
    /// `RECEIVER_PUBLISH_TIMEOUT_MS`
    pub publish_timeout: Duration,
    /// `RECEIVER_MAX_IN_FLIGHT`
    pub in_flight_max: usize,
}

impl Config {
    pub fn read(environment: &Environment) -> Result<Self, SettingError> {
        let secrets = environment.required_secret("PAYNOW_SIGNING_SECRETS")?;
        let default_address = SocketAddr::from(([0, 0, 0, 0], 8080));
        let default_admin = SocketAddr::from(([127, 0, 0, 1], 9464));
        let tolerance = environment.number_or("PAYNOW_TOLERANCE_SECONDS", 1..=86_400, 300)?;
        let body_limit = environment.number_or(
            "RECEIVER_BODY_LIMIT_BYTES",
            1..=BODY_LIMIT_BYTES_MAX,
            1_048_576,
        )?;
        let timeout = environment.number_or("RECEIVER_PUBLISH_TIMEOUT_MS", 10..=60_000, 5000)?;
        let in_flight = environment.number_or("RECEIVER_MAX_IN_FLIGHT", 1..=100_000, 1024)?;
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            secrets: SigningSecrets::parse(secrets.expose_secret())
                .map_err(|error| SettingError::new("PAYNOW_SIGNING_SECRETS", error))?,
            secrets_file: environment.secret_file("PAYNOW_SIGNING_SECRETS"),
            tolerance: Duration::from_secs(tolerance),
            address: environment.parsed_or("RECEIVER_ADDR", default_address)?,
            admin_address: environment.parsed_or("METRICS_ADDR", default_admin)?,
            // Both ranges fit into any usize of the platforms we build for.
            body_limit_bytes: usize::try_from(body_limit).unwrap_or(usize::MAX),
            publish_timeout: Duration::from_millis(timeout),
            in_flight_max: usize::try_from(in_flight).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: (&str, &str) = ("PAYNOW_SIGNING_SECRETS", "orders:pn-1");
    const BROKER: (&str, &str) = ("AMQP_URL", "amqp://user:hidden@broker/%2f");

    fn problem<const N: usize>(pairs: [(&str, &str); N]) -> String {
        Config::read(&Environment::of(pairs))
            .err()
            .unwrap()
            .to_string()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = Config::read(&Environment::of([SECRET, BROKER])).unwrap();
        assert_eq!(config.address.to_string(), "0.0.0.0:8080");
        assert_eq!(config.admin_address.to_string(), "127.0.0.1:9464");
        assert_eq!(config.tolerance, Duration::from_secs(300));
        assert_eq!(config.body_limit_bytes, 1_048_576);
        assert_eq!(config.publish_timeout, Duration::from_millis(5000));
        assert_eq!(config.in_flight_max, 1024);
    }

    #[test]
    fn a_wrong_setting_is_one_sentence_that_names_it_and_tells_no_secret() {
        assert_eq!(
            problem([BROKER]),
            "PAYNOW_SIGNING_SECRETS is required and not set"
        );
        assert_eq!(problem([SECRET]), "AMQP_URL is required and not set");
        for (name, value) in [
            ("PAYNOW_TOLERANCE_SECONDS", "0"),
            ("RECEIVER_ADDR", "localhost"),
            ("RECEIVER_BODY_LIMIT_BYTES", "-1"),
            ("RECEIVER_MAX_IN_FLIGHT", "many"),
        ] {
            let problem = problem([SECRET, BROKER, (name, value)]);
            assert!(problem.starts_with(name), "{problem}");
        }
        let problem = problem([SECRET, ("AMQP_URL", "http://user:hidden@broker")]);
        assert!(
            problem.starts_with("AMQP_URL") && !problem.contains("hidden"),
            "{problem}"
        );
    }
}
