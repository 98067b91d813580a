//! Every setting of `paynowctl`, read from the environment when a command needs it.

mod subject;

use std::time::Duration;

use paynow_desk::check::Broker;
use paynow_desk::database::Database;
use paynow_desk::find::PlayersAtPayNow;
use paynow_desk::management::{ManagementApi, ManagementSettings};
use paynow_desk::settings::{
    LOGIN_IDLE_IN_TRANSACTION, LOGIN_LOCK, LOGIN_STATEMENT, METRICS_URLS, PUBLIC_URL, SILENCE,
    WEBHOOK_URL,
};
use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::paynow::{KEY, PayNowApi, PayNowSettings};
use paynow_process::secrets::{RETIRED, SIGNING, SecretSetting, SigningSecrets};
use paynow_shared::ids::StoreId;
use paynow_shared::ladder::RetryLadder;
use paynow_worker::database::SilenceLimit;
use paynow_worker::decide::Policy;
use paynow_worker::settings::{DATABASE_URL, LADDER, STORE};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::arguments::http_url;

/// A list of all products is long, and a person waits for it.
const PAYNOW_LIMIT: Duration = Duration::from_secs(30);

/// The time-outs that somebody asked for, in seconds; 0 is no limit. Where nothing is asked, a login gets
/// the default unless it has a value already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginLimits {
    pub(crate) idle_in_transaction_seconds: Option<u32>,
    pub(crate) lock_seconds: Option<u32>,
    pub(crate) statement_seconds: Option<u32>,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// That move its cursor.
    pub(crate) has_codes: bool,
    pub(crate) has_colours: bool,
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
        self.environment.required_secret(&DATABASE_URL)
    }

    /// `PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS`, `PAYNOW_LOGIN_LOCK_SECONDS`, `PAYNOW_LOGIN_STATEMENT_SECONDS`:
    /// the time-outs that `setup` gives to every login but its own.
    pub(crate) fn login_limits(&self) -> Result<LoginLimits, SettingError> {
        let seconds = |setting| self.environment.number_if_set(setting);
        Ok(LoginLimits {
            idle_in_transaction_seconds: seconds(&LOGIN_IDLE_IN_TRANSACTION)?,
            lock_seconds: seconds(&LOGIN_LOCK)?,
            statement_seconds: seconds(&LOGIN_STATEMENT)?,
        })
    }

    /// `TERM`, `NO_COLOR`: as every program of a terminal reads them.
    pub(crate) fn terminal(&self) -> Terminal {
        let has_codes = self.environment.text("TERM") != Some("dumb");
        Terminal {
            has_codes,
            has_colours: has_codes && self.environment.text("NO_COLOR").is_none(),
        }
    }

    /// `PAYNOW_WEBHOOK_URL`: the receiver that `send` and `history send` post to.
    pub(crate) fn webhook_url(&self, given: Option<&Url>) -> Result<Url, SettingError> {
        match given {
            Some(url) => Ok(url.clone()),
            None => {
                let url: String = self.environment.parsed_or_default(&WEBHOOK_URL)?;
                url_of(WEBHOOK_URL.name, &url)
            }
        }
    }

    /// `PAYNOW_PUBLIC_URL`: where PayNow posts to.
    pub(crate) fn public_url(&self) -> Result<Option<Url>, SettingError> {
        let url = self.environment.text(PUBLIC_URL.name);
        url.map(|url| url_of(PUBLIC_URL.name, url)).transpose()
    }

    /// `PAYNOW_METRICS_URLS`: the metrics of receivers and workers that `top` reads, comma separated.
    pub(crate) fn metrics_urls(&self) -> Result<Vec<Url>, SettingError> {
        let list: String = self.environment.parsed_or_default(&METRICS_URLS)?;
        list.split(',')
            .map(|text| url_of(METRICS_URLS.name, text))
            .collect()
    }

    pub(crate) fn database(&self) -> Result<Database, SettingError> {
        Ok(Database::new(self.database_url()?, self.silence()?))
    }

    /// `DATABASE_SILENCE_SECONDS`: how long a statement may be unanswered.
    pub(crate) fn silence(&self) -> Result<SilenceLimit, SettingError> {
        SilenceLimit::from_environment(&self.environment, &SILENCE)
    }

    /// `RETRY_LADDER`: must be the worker's.
    pub(crate) fn ladder(&self) -> Result<RetryLadder, SettingError> {
        self.environment.parsed_or_default(&LADDER)
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
        let store = self.environment.parsed(&STORE)?;
        store.ok_or_else(|| {
            SettingError::new(STORE.name, "must be set: it names the store at PayNow")
        })
    }

    /// `PAYNOW_API_KEY`, `PAYNOW_API_URL`: PayNow's management API, which is only read.
    pub(crate) fn paynow_api(&self) -> Result<PayNowApi, SettingError> {
        let settings = PayNowSettings::from_environment(&self.environment)?;
        let settings = settings.ok_or_else(|| {
            SettingError::new(KEY.name, "must be set: PayNow answers only with a key")
        })?;
        Ok(PayNowApi::new(settings.with_time_limit(PAYNOW_LIMIT)))
    }

    /// `PAYNOW_API_KEY` and `PAYNOW_STORE_ID`: where `find` asks for players whom no order has named.
    pub(crate) fn players_at_paynow(&self) -> Result<Option<PlayersAtPayNow>, SettingError> {
        let settings = PayNowSettings::from_environment(&self.environment)?;
        let store = self.environment.parsed(&STORE)?;
        Ok(settings.map(|settings| PlayersAtPayNow::new(settings, store)))
    }

    /// The broker with its management API and the queues that it must have.
    pub(crate) fn whole_broker(&self) -> Result<Broker, SettingError> {
        Ok(Broker {
            api: self.management()?,
            ladder: self.ladder()?,
            address: self.broker()?,
        })
    }

    /// `AMQP_MANAGEMENT_URL`, completed from `AMQP_URL`.
    pub(crate) fn management(&self) -> Result<ManagementApi, SettingError> {
        ManagementSettings::from_environment(&self.environment).map(ManagementApi::new)
    }

    /// `PAYNOW_SIGNING_SECRETS`, and `PAYNOW_RETIRED_SECRETS` where they are set: of which one must have
    /// signed every event.
    pub(crate) fn signing_secrets(&self) -> Result<Vec<SigningSecrets>, SettingError> {
        let signing = SecretSetting::from_required_secret(&SIGNING, &self.environment)?;
        let retired = SecretSetting::from_secret(&RETIRED, &self.environment)?;
        let settings = [Some(signing), retired].into_iter().flatten();
        Ok(settings.map(|setting| setting.secrets).collect())
    }

    /// The first of `PAYNOW_SIGNING_SECRETS`: `id:secret` or a bare secret.
    pub(crate) fn signing_secret(&self) -> Result<SecretString, SettingError> {
        let list = self.environment.required_secret(&SIGNING)?;
        let first = list.expose_secret().split(',').next().unwrap_or_default();
        let first = first.trim();
        match first.split_once(':').map_or(first, |(_id, secret)| secret) {
            "" => Err(SettingError::new(
                SIGNING.name,
                "starts with an empty secret",
            )),
            secret => Ok(secret.into()),
        }
    }
}

fn url_of(name: &str, text: &str) -> Result<Url, SettingError> {
    http_url(text.trim()).map_err(|problem| {
        SettingError::new(name, format!("has a value that is not valid: {problem}"))
    })
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
    fn addresses_come_from_the_command_line_then_from_a_setting_then_from_here() {
        let unset = config_of(Environment::of([]));
        let set = config_of(Environment::of([
            ("PAYNOW_WEBHOOK_URL", "https://shop.example/webhooks/paynow"),
            ("PAYNOW_METRICS_URLS", "http://a/metrics, http://b/metrics"),
        ]));
        let given: Url = "http://c/".parse().unwrap();
        let webhook = |config: &Config, given| config.webhook_url(given).unwrap().to_string();
        assert_eq!(webhook(&unset, None), WEBHOOK_URL.kind.default);
        assert_eq!(webhook(&set, None), "https://shop.example/webhooks/paynow");
        assert_eq!(webhook(&set, Some(&given)), "http://c/");
        let ports = |config: &Config| -> Vec<Option<u16>> {
            config
                .metrics_urls()
                .unwrap()
                .iter()
                .map(Url::port)
                .collect()
        };
        assert_eq!(ports(&unset), [Some(9464), Some(9465)]);
        assert_eq!(ports(&set).len(), 2);
        let wrong = config_of(Environment::of([("PAYNOW_METRICS_URLS", "a:9464")]));
        let error = wrong.metrics_urls().unwrap_err().to_string();
        assert!(error.starts_with("PAYNOW_METRICS_URLS "), "{error}");
    }

    #[test]
    fn a_dumb_terminal_gets_no_codes_and_nobody_gets_unwanted_colours() {
        for (variables, has_codes, has_colours) in [
            ([("TERM", "xterm"), ("NO_COLOR", "")], true, true),
            ([("TERM", "xterm"), ("NO_COLOR", "1")], true, false),
            ([("TERM", "dumb"), ("NO_COLOR", "")], false, false),
        ] {
            let expected = Terminal {
                has_codes,
                has_colours,
            };
            assert_eq!(config_of(Environment::of(variables)).terminal(), expected);
        }
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
