//! The receiver's settings: every variable it reads, where it is read.

use std::net::SocketAddr;
use std::time::Duration;

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::secrets::SecretSetting;

use crate::failures::FailureLimits;
use crate::source::{Networks, Sources};

/// PayNow publishes no limit and embeds whole products per line; more than this is no webhook.
const BODY_LIMIT_BYTES_MAX: usize = 64 * 1024 * 1024;
const BODY_MEMORY_BYTES_MAX: usize = 16 * 1024 * 1024 * 1024;

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
        let secrets = SecretSetting::from_required_secret("PAYNOW_SIGNING_SECRETS", environment)?;
        let default_address = SocketAddr::from(([0, 0, 0, 0], 8080));
        let default_admin = SocketAddr::from(([127, 0, 0, 1], 9464));
        let tolerance = environment.number_or("PAYNOW_TOLERANCE_SECONDS", 1..=86_400, 300)?;
        let body_limit_bytes = environment.number_or(
            "RECEIVER_BODY_LIMIT_BYTES",
            1..=BODY_LIMIT_BYTES_MAX,
            1_048_576,
        )?;
        let timeout = environment.number_or("RECEIVER_PUBLISH_TIMEOUT_MS", 10..=60_000, 5000)?;
        let in_flight_max = environment.number_or("RECEIVER_MAX_IN_FLIGHT", 1..=100_000, 1024)?;
        let connections_max =
            environment.number_or("RECEIVER_MAX_CONNECTIONS", 16..=100_000, 4096)?;
        let client_timeout = environment.number_or("RECEIVER_PATIENCE_MS", 100..=600_000, 5000)?;
        let body_memory_bytes = environment.number_or(
            "RECEIVER_BODY_MEMORY_BYTES",
            1_048_576..=BODY_MEMORY_BYTES_MAX,
            67_108_864,
        )?;
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            secrets,
            tolerance: Duration::from_secs(tolerance),
            address: environment.parsed_or("RECEIVER_ADDR", default_address)?,
            admin_address: environment.parsed_or("METRICS_ADDR", default_admin)?,
            body_limit_bytes,
            publish_timeout: Duration::from_millis(timeout),
            in_flight_max,
            sources: sources(environment)?,
            failure_limits: FailureLimits {
                per_source: failures(environment, "RECEIVER_FAILURES_PER_SOURCE", 60)?,
                overall: failures(environment, "RECEIVER_FAILURES_OVERALL", 600)?,
            },
            connections_max,
            client_timeout: Duration::from_millis(client_timeout),
            body_memory_bytes,
        })
    }
}

fn sources(environment: &Environment) -> Result<Sources, SettingError> {
    let trusted = "RECEIVER_TRUSTED_PROXIES";
    let proxies = networks(environment, trusted)?;
    if proxies.is_everybody() {
        let problem = "has everybody, who could then write any address into X-Forwarded-For";
        return Err(SettingError::new(trusted, problem));
    }
    Ok(Sources {
        allowed: networks(environment, "RECEIVER_ALLOWED_SOURCES")?,
        proxies,
    })
}

fn networks(environment: &Environment, name: &str) -> Result<Networks, SettingError> {
    let list = environment.text(name).unwrap_or_default();
    Networks::parse(list).map_err(|error| SettingError::new(name, error))
}

fn failures(environment: &Environment, name: &str, default: u32) -> Result<u32, SettingError> {
    environment.number_or(name, 0..=1_000_000, default)
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
