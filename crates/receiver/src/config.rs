//! The receiver's settings, from environment variables. `settings.rs` declares them.

use std::net::SocketAddr;
use std::time::Duration;

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::secrets::{SIGNING, SecretSetting};
use paynow_process::setting::{Optional, Setting};

use crate::failures::FailureLimits;
use crate::settings::{self, ALLOWED_SOURCES, TRUSTED_PROXIES};
use crate::source::{Networks, Sources};

pub struct Config {
    /// `AMQP_URL`
    pub broker: BrokerAddress,
    /// `PAYNOW_SIGNING_SECRETS`: `id:secret` pairs or bare secrets, comma separated.
    pub secrets: SecretSetting,
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
    /// `RECEIVER_ALLOWED_SOURCES` and `RECEIVER_TRUSTED_PROXIES`
    pub sources: Sources,
    /// `RECEIVER_FAILURES_PER_SOURCE` and `RECEIVER_FAILURES_OVERALL`, each a minute.
    pub failure_limits: FailureLimits,
    /// `RECEIVER_MAX_CONNECTIONS`
    pub connections_max: usize,
    /// `RECEIVER_PATIENCE_MS`: how long a connection may take for the next head.
    pub client_timeout: Duration,
    /// `RECEIVER_BODY_MEMORY_BYTES`: what all bodies over 16 KiB may take together.
    pub body_memory_bytes: usize,
}

impl Config {
    pub fn read(environment: &Environment) -> Result<Self, SettingError> {
        let number = |setting| environment.number::<usize>(setting);
        let milliseconds = |setting| environment.number(setting).map(Duration::from_millis);
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            secrets: SecretSetting::from_required_secret(&SIGNING, environment)?,
            tolerance: Duration::from_secs(environment.number(&settings::TOLERANCE)?),
            address: environment.parsed_or_default(&settings::ADDRESS)?,
            admin_address: environment.parsed_or_default(&settings::ADMIN_ADDRESS)?,
            body_limit_bytes: number(&settings::BODY_LIMIT)?,
            publish_timeout: milliseconds(&settings::PUBLISH_TIMEOUT)?,
            in_flight_max: number(&settings::IN_FLIGHT)?,
            sources: sources(environment)?,
            failure_limits: FailureLimits {
                per_source: environment.number(&settings::FAILURES_PER_SOURCE)?,
                overall: environment.number(&settings::FAILURES_OVERALL)?,
            },
            connections_max: number(&settings::CONNECTIONS)?,
            client_timeout: milliseconds(&settings::PATIENCE)?,
            body_memory_bytes: number(&settings::BODY_MEMORY)?,
        })
    }
}

fn sources(environment: &Environment) -> Result<Sources, SettingError> {
    let proxies = networks(environment, &TRUSTED_PROXIES)?;
    if proxies.is_everybody() {
        let problem = "has everybody, who could then write any address into X-Forwarded-For";
        return Err(SettingError::new(TRUSTED_PROXIES.name, problem));
    }
    Ok(Sources {
        allowed: networks(environment, &ALLOWED_SOURCES)?,
        proxies,
    })
}

fn networks(
    environment: &Environment,
    setting: &Setting<Optional>,
) -> Result<Networks, SettingError> {
    let list = environment.text(setting.name).unwrap_or_default();
    Networks::parse(list).map_err(|error| SettingError::new(setting.name, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: (&str, &str) = ("PAYNOW_SIGNING_SECRETS", "orders:pn-0123456789abcdef");
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
        assert_eq!(config.sources, Sources::default());
        let limits = config.failure_limits;
        assert_eq!((limits.per_source, limits.overall), (60, 600));
        assert_eq!(config.connections_max, 4096);
        assert_eq!(config.client_timeout, Duration::from_secs(5));
        assert_eq!(config.body_memory_bytes, 67_108_864);
    }

    #[test]
    fn a_wrong_setting_is_one_sentence_that_names_it_and_tells_no_secret() {
        assert_eq!(
            problem([BROKER]),
            "PAYNOW_SIGNING_SECRETS is required and not set"
        );
        assert_eq!(problem([SECRET]), "AMQP_URL is required and not set");
        for (name, value) in [
            ("PAYNOW_SIGNING_SECRETS", "orders:x"),
            ("PAYNOW_TOLERANCE_SECONDS", "0"),
            ("RECEIVER_ADDR", "localhost"),
            ("RECEIVER_BODY_LIMIT_BYTES", "-1"),
            ("RECEIVER_MAX_IN_FLIGHT", "many"),
            ("RECEIVER_ALLOWED_SOURCES", "paynow.gg"),
            ("RECEIVER_TRUSTED_PROXIES", "10.0.0.1/8"),
            ("RECEIVER_TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0"),
            ("RECEIVER_FAILURES_OVERALL", "-1"),
            ("RECEIVER_MAX_CONNECTIONS", "1"),
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
