//! The worker's settings, from environment variables. `settings.rs` declares them.

use std::net::SocketAddr;
use std::time::Duration;

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::paynow::PayNowSettings;
use paynow_process::secrets::{RETIRED, SIGNING, SecretSetting};
use paynow_shared::ids::StoreId;
use paynow_shared::ladder::RetryLadder;

use crate::database::DatabaseAddress;
use crate::decide::Policy;
use crate::settings;

pub struct Config {
    /// `AMQP_URL`
    pub broker: BrokerAddress,
    /// `DATABASE_URL`, `DATABASE_SILENCE_SECONDS`
    pub database: DatabaseAddress,
    /// `PAYNOW_SIGNING_SECRETS`: the receiver's list, `id:secret` pairs or bare secrets.
    pub signing_secrets: SecretSetting,
    /// `PAYNOW_RETIRED_SECRETS`: secrets that the receiver no longer accepts, and that still prove a
    /// message that was accepted earlier.
    pub retired_secrets: Option<SecretSetting>,
    /// `METRICS_ADDR`
    pub admin_address: SocketAddr,
    pub lanes: LaneSettings,
    /// `WORKER_STALL_SECONDS`: how long the worker may hold messages without a commit and be ready.
    pub stall_after: Duration,
    pub policy: Policy,
    /// `PAYNOW_API_KEY` and `PAYNOW_API_URL`: with a key, the worker asks PayNow which line a refund was for
    /// whose amounts do not tell.
    pub paynow_api: Option<PayNowSettings>,
    pub retention: RetentionSettings,
    pub survey: SurveySettings,
    /// `RETRY_LADDER`
    pub ladder: RetryLadder,
}

/// How many messages are handled at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// `WORKER_LANES`: concurrent consumers, each with its own database connection.
    pub count: u16,
    /// `WORKER_PREFETCH`: how many unacknowledged messages a lane may have.
    pub prefetch: u16,
    /// `WORKER_BATCH_MAX`: how many events one transaction may apply.
    pub batch_max: usize,
}

/// How long personal data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// `EVENT_RETENTION_DAYS`: the payload of a recorded event.
    pub payload_days: u32,
    /// `IDENTITY_RETENTION_DAYS`: who a customer is in games, since the customer's last order.
    pub identity_days: u32,
}

impl RetentionSettings {
    fn read(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            payload_days: environment.number(&settings::RETENTION)?,
            identity_days: environment.number(&settings::IDENTITY_RETENTION)?,
        })
    }
}

/// How often the survey reads the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurveySettings {
    /// `SURVEY_INTERVAL_SECONDS`: between two surveys of debts and dead letters.
    pub interval: Duration,
    /// `LEDGER_CHECK_INTERVAL_SECONDS`: between two checks of the whole ledger, which the workers
    /// share.
    pub ledger_check_interval: Duration,
}

impl SurveySettings {
    fn read(environment: &Environment) -> Result<Self, SettingError> {
        let seconds = |setting| environment.number(setting).map(Duration::from_secs);
        Ok(Self {
            interval: seconds(&settings::SURVEY)?,
            ledger_check_interval: seconds(&settings::LEDGER_CHECK)?,
        })
    }
}

impl Config {
    pub fn read(environment: &Environment) -> Result<Self, SettingError> {
        let paynow_api = PayNowSettings::from_environment(environment)?;
        Ok(Self {
            broker: BrokerAddress::from_environment(environment)?,
            database: DatabaseAddress::from_environment(environment)?,
            signing_secrets: SecretSetting::from_required_secret(&SIGNING, environment)?,
            retired_secrets: SecretSetting::from_secret(&RETIRED, environment)?,
            admin_address: environment.parsed_or_default(&settings::ADMIN_ADDRESS)?,
            lanes: LaneSettings::read(environment)?,
            stall_after: Duration::from_secs(environment.number(&settings::STALL)?),
            retention: RetentionSettings::read(environment)?,
            survey: SurveySettings::read(environment)?,
            ladder: environment.parsed_or_default(&settings::LADDER)?,
            policy: Policy {
                asks_paynow: paynow_api.is_some(),
                ..read_policy(environment)?
            },
            paynow_api,
        })
    }
}

/// Reads the shop's choices. A preview of events needs no other setting of the worker.
pub fn read_policy(environment: &Environment) -> Result<Policy, SettingError> {
    Ok(Policy {
        store_id: environment.parsed::<StoreId>(&settings::STORE)?,
        partial_refunds: environment.choice(&settings::PARTIAL_REFUNDS)?,
        asks_paynow: false,
        points_metadata_key: environment
            .text(settings::METADATA_KEY.name)
            .map(str::to_owned),
        unknown_products: environment.choice(&settings::UNKNOWN_PRODUCTS)?,
        order_types: environment
            .parsed(&settings::ORDER_TYPES)?
            .unwrap_or_default(),
        trials: environment.choice(&settings::TRIALS)?,
    })
}

impl LaneSettings {
    fn read(environment: &Environment) -> Result<Self, SettingError> {
        let batch_max = environment.number::<u16>(&settings::BATCH)?;
        // RabbitMQ holds a prefetch count in 16 bits.
        let prefetch = environment.number::<u16>(&settings::PREFETCH)?;
        let count = environment.number(&settings::LANES)?;
        let name = settings::PREFETCH.name;
        if environment.text(name).is_some() && prefetch < batch_max {
            let least = settings::BATCH.name;
            let problem = format!("must be at least {least}, {batch_max}, and is {prefetch}");
            return Err(SettingError::new(name, problem));
        }
        Ok(Self {
            count,
            prefetch: prefetch.max(batch_max),
            batch_max: batch_max.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: (&str, &str) = ("AMQP_URL", "amqp://user:hidden@broker/%2f");
    const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://user:hidden@db/points");
    const SECRETS: (&str, &str) = ("PAYNOW_SIGNING_SECRETS", "orders:pn-0123456789abcdef");

    #[test]
    fn defaults_are_as_documented() {
        let config = Config::read(&Environment::of([BROKER, DATABASE, SECRETS])).unwrap();
        assert_eq!(config.admin_address.to_string(), "127.0.0.1:9465");
        assert_eq!(
            config.lanes,
            LaneSettings {
                count: 2,
                prefetch: 500,
                batch_max: 200
            }
        );
        assert_eq!(config.policy.store_id, None);
        assert!(config.paynow_api.is_none() && !config.policy.asks_paynow);
    }

    #[test]
    fn with_a_key_paynow_is_asked() {
        let key = ("PAYNOW_API_KEY", "pnapi-0123");
        let config = Config::read(&Environment::of([BROKER, DATABASE, SECRETS, key])).unwrap();
        assert!(config.paynow_api.is_some() && config.policy.asks_paynow);
    }

    #[test]
    fn a_prefetch_is_at_least_a_batch() {
        let read = |pairs| Config::read(&Environment::of(pairs)).map(|config| config.lanes);
        let lanes = read([
            BROKER,
            DATABASE,
            SECRETS,
            ("WORKER_BATCH_MAX", "1000"),
            ("LANES", ""),
        ])
        .unwrap();
        assert_eq!(lanes.prefetch, 1000);
        let wrong = [
            BROKER,
            DATABASE,
            SECRETS,
            ("WORKER_BATCH_MAX", "10"),
            ("WORKER_PREFETCH", "9"),
        ];
        assert!(
            read(wrong)
                .unwrap_err()
                .to_string()
                .starts_with("WORKER_PREFETCH must")
        );
    }

    #[test]
    fn the_error_about_a_wrong_setting_names_it_and_shows_no_secret() {
        for (name, value) in [
            ("DATABASE_URL", "mysql://user:hidden@db"),
            ("PAYNOW_SIGNING_SECRETS", ""),
            ("PAYNOW_SIGNING_SECRETS", "hidden"),
            ("PAYNOW_RETIRED_SECRETS", "old:hidden"),
            ("PAYNOW_STORE_ID", "my store"),
            ("WORKER_LANES", "0"),
            ("WORKER_STALL_SECONDS", "0"),
            ("DATABASE_SILENCE_SECONDS", "0"),
            ("EVENT_RETENTION_DAYS", "36501"),
            ("IDENTITY_RETENTION_DAYS", "0"),
            ("PARTIAL_REFUNDS", "maybe"),
            ("UNKNOWN_PRODUCTS", "one"),
            ("ORDER_TYPES", "renewal=credit"),
            ("TRIALS", "free"),
            ("PAYNOW_API_KEY", "hidden key"),
            ("PAYNOW_API_URL", "http://hidden.example"),
            ("RETRY_LADDER", "4,1"),
            ("METRICS_ADDR", "9465"),
        ] {
            let pairs = [BROKER, DATABASE, SECRETS, (name, value)];
            let problem = Config::read(&Environment::of(pairs))
                .err()
                .unwrap()
                .to_string();
            assert!(
                problem.starts_with(name) && !problem.contains("hidden"),
                "{problem}"
            );
        }
    }
}
