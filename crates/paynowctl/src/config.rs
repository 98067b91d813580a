//! Every setting of `paynowctl`, read from the environment when a command needs it.

use std::time::Duration;

use paynow_desk::database::Database;
use paynow_desk::management::{ManagementApi, ManagementSettings};
use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::paynow::{PayNowApi, PayNowSettings};
use paynow_process::secrets::{SecretSetting, SigningSecrets};
use paynow_shared::ids::StoreId;
use paynow_shared::ladder::RetryLadder;
use paynow_worker::database::SilenceLimit;
use paynow_worker::decide::Policy;
use secrecy::{ExposeSecret, SecretString};

/// A list of all products is long, and a person waits for it.
const PAYNOW_LIMIT: Duration = Duration::from_secs(30);
/// Longer than a login waits for a lock.
const SILENCE_SECONDS: u64 = 60;
/// A day.
const LOGIN_LIMIT_SECONDS_MAX: u32 = 86_400;

/// The time-outs that somebody asked for, in seconds; 0 is no limit. Where nothing is asked, a login gets
/// the default unless it has a value already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginLimits {
    pub(crate) idle_in_transaction_seconds: Option<u32>,
    pub(crate) lock_seconds: Option<u32>,
    pub(crate) statement_seconds: Option<u32>,
}

pub(crate) struct Config {
    environment: Environment,
}

impl Config {
    pub(crate) fn of_this_process() -> Self {
        Self {
            environment: Environment::of_this_process(),
        }
    }

    /// `DATABASE_URL`, an address as libpq takes it.
    pub(crate) fn database_url(&self) -> Result<SecretString, SettingError> {
        self.environment.required_secret("DATABASE_URL")
    }

    /// `PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS`, `PAYNOW_LOGIN_LOCK_SECONDS`, `PAYNOW_LOGIN_STATEMENT_SECONDS`:
    /// the time-outs that `setup` gives to every login but its own.
    pub(crate) fn login_limits(&self) -> Result<LoginLimits, SettingError> {
        let seconds = |name: &str| {
            self.environment.text(name).map_or(Ok(None), |_given| {
                let range = 0..=LOGIN_LIMIT_SECONDS_MAX;
                self.environment.number_or(name, range, 0).map(Some)
            })
        };
        Ok(LoginLimits {
            idle_in_transaction_seconds: seconds("PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS")?,
            lock_seconds: seconds("PAYNOW_LOGIN_LOCK_SECONDS")?,
            statement_seconds: seconds("PAYNOW_LOGIN_STATEMENT_SECONDS")?,
        })
    }

    pub(crate) fn database(&self) -> Result<Database, SettingError> {
        Ok(Database::new(self.database_url()?, self.silence()?))
    }

    /// `DATABASE_SILENCE_SECONDS`: how long a statement may be unanswered.
    pub(crate) fn silence(&self) -> Result<SilenceLimit, SettingError> {
        SilenceLimit::from_environment(&self.environment, SILENCE_SECONDS)
    }

    /// `RETRY_LADDER`: must be the worker's.
    pub(crate) fn ladder(&self) -> Result<RetryLadder, SettingError> {
        self.environment
            .parsed_or("RETRY_LADDER", RetryLadder::default())
    }

    /// `AMQP_URL`: the broker, to publish to.
    pub(crate) fn broker(&self) -> Result<BrokerAddress, SettingError> {
        BrokerAddress::from_environment(&self.environment)
    }

    /// The shop's choices (`ops/points.md`): must be the worker's, or a preview decides otherwise than the
    /// worker will.
    pub(crate) fn policy(&self) -> Result<Policy, SettingError> {
        paynow_worker::config::read_policy(&self.environment)
    }

    /// `PAYNOW_STORE_ID`: whose products are imported.
    pub(crate) fn store(&self) -> Result<StoreId, SettingError> {
        const NAME: &str = "PAYNOW_STORE_ID";
        let store = self.environment.parsed(NAME)?;
        store.ok_or_else(|| SettingError::new(NAME, "must be set: it names the store at PayNow"))
    }

    /// `PAYNOW_API_KEY`, `PAYNOW_API_URL`: PayNow's management API, which is only read.
    pub(crate) fn paynow_api(&self) -> Result<PayNowApi, SettingError> {
        let settings = PayNowSettings::from_environment(&self.environment)?;
        let settings = settings.ok_or_else(|| {
            SettingError::new(
                "PAYNOW_API_KEY",
                "must be set: PayNow answers only with a key",
            )
        })?;
        Ok(PayNowApi::new(settings.with_time_limit(PAYNOW_LIMIT)))
    }

    /// `AMQP_MANAGEMENT_URL`, completed from `AMQP_URL`.
    pub(crate) fn management(&self) -> Result<ManagementApi, SettingError> {
        ManagementSettings::from_environment(&self.environment).map(ManagementApi::new)
    }

    /// `PAYNOW_SIGNING_SECRETS`, and `PAYNOW_RETIRED_SECRETS` where they are set: of which one must have
    /// signed every event.
    pub(crate) fn signing_secrets(&self) -> Result<Vec<SigningSecrets>, SettingError> {
        let signing =
            SecretSetting::from_required_secret("PAYNOW_SIGNING_SECRETS", &self.environment)?;
        let retired = SecretSetting::from_secret("PAYNOW_RETIRED_SECRETS", &self.environment)?;
        let settings = [Some(signing), retired].into_iter().flatten();
        Ok(settings.map(|setting| setting.secrets).collect())
    }

    /// The first of `PAYNOW_SIGNING_SECRETS`: `id:secret` or a bare secret.
    pub(crate) fn signing_secret(&self) -> Result<SecretString, SettingError> {
        const NAME: &str = "PAYNOW_SIGNING_SECRETS";
        let list = self.environment.required_secret(NAME)?;
        let first = list.expose_secret().split(',').next().unwrap_or_default();
        let first = first.trim();
        match first.split_once(':').map_or(first, |(_id, secret)| secret) {
            "" => Err(SettingError::new(NAME, "starts with an empty secret")),
            secret => Ok(secret.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use paynow_worker::decide::PartialRefunds;

    use super::*;

    fn config_of(environment: Environment) -> Config {
        Config { environment }
    }

    #[test]
    fn a_policy_is_the_workers_and_needs_none_of_its_other_settings() {
        let config = config_of(Environment::of([
            ("PAYNOW_STORE_ID", "600000000000000002"),
            ("PARTIAL_REFUNDS", "dead_letter"),
            ("POINTS_METADATA_KEY", "points"),
            ("WORKER_LANES", "none"),
            ("METRICS_ADDR", "nowhere"),
            ("RETRY_LADDER", "4,1"),
        ]));
        let expected = Policy {
            store_id: Some("600000000000000002".parse().unwrap()),
            partial_refunds: PartialRefunds::DeadLetter,
            points_metadata_key: Some("points".to_owned()),
            ..Policy::default()
        };
        assert_eq!(config.policy(), Ok(expected));
        let config = config_of(Environment::of([("PARTIAL_REFUNDS", "maybe")]));
        let error = config.policy().unwrap_err().to_string();
        assert!(error.starts_with("PARTIAL_REFUNDS "), "{error}");
    }

    #[test]
    fn a_time_out_of_logins_that_is_not_set_is_told_from_none() {
        let config = config_of(Environment::of([
            ("PAYNOW_LOGIN_LOCK_SECONDS", "0"),
            ("PAYNOW_LOGIN_STATEMENT_SECONDS", ""),
        ]));
        let expected = LoginLimits {
            lock_seconds: Some(0),
            ..LoginLimits::default()
        };
        assert_eq!(config.login_limits(), Ok(expected));
        let config = config_of(Environment::of([(
            "PAYNOW_LOGIN_STATEMENT_SECONDS",
            "86401",
        )]));
        let error = config.login_limits().unwrap_err().to_string();
        assert!(
            error.starts_with("PAYNOW_LOGIN_STATEMENT_SECONDS "),
            "{error}"
        );
    }

    #[test]
    fn the_first_signing_secret_signs() {
        for list in ["pn-1", "orders:pn-1,refunds:pn-2", " pn-1 , pn-2"] {
            let config = config_of(Environment::of([("PAYNOW_SIGNING_SECRETS", list)]));
            assert_eq!(config.signing_secret().unwrap().expose_secret(), "pn-1");
        }
        let config = config_of(Environment::of([("PAYNOW_SIGNING_SECRETS", "orders:")]));
        assert!(config.signing_secret().is_err());
    }
}
