//! Every setting of `paynowctl`, read from the environment when a command needs it.

use paynow_process::broker::BrokerAddress;
use paynow_process::broker::tls::BrokerTls;
use paynow_process::environment::{Environment, SettingError};
use paynow_shared::ladder::RetryLadder;
use paynow_worker::decide::Policy;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

const MANAGEMENT_PORT: u16 = 15672;

pub(crate) struct Config {
    environment: Environment,
}

/// Where the management API is, and as whom to use it.
pub(crate) struct Management {
    /// Without user and password.
    pub(crate) url: Url,
    pub(crate) user: String,
    pub(crate) password: SecretString,
    /// The virtual host of `AMQP_URL`, where the pipeline lives.
    pub(crate) vhost: String,
    /// Of `AMQP_URL` too: the same server, so the same proof.
    pub(crate) tls: BrokerTls,
}

impl Config {
    pub(crate) fn of_this_process() -> Self {
        Self {
            environment: Environment::of_this_process(),
        }
    }

    /// `DATABASE_URL`: the store, as libpq takes it.
    pub(crate) fn database_url(&self) -> Result<SecretString, SettingError> {
        self.environment.required_secret("DATABASE_URL")
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

    /// `PAYNOW_STORE_ID`, `PARTIAL_REFUNDS`, `POINTS_METADATA_KEY`: read as the worker does, and must
    /// be the worker's, or a preview tells of another shop.
    pub(crate) fn policy(&self) -> Result<Policy, SettingError> {
        paynow_worker::config::read_policy(&self.environment)
    }

    /// `AMQP_MANAGEMENT_URL`; what it leaves out, and the virtual host, comes from `AMQP_URL`.
    pub(crate) fn management(&self) -> Result<Management, SettingError> {
        const NAME: &str = "AMQP_MANAGEMENT_URL";
        let broker = BrokerAddress::from_environment(&self.environment)?;
        let text = match self.environment.secret(NAME)? {
            Some(text) => text,
            None => format!("http://{}:{MANAGEMENT_PORT}", bracketed(broker.host())).into(),
        };
        let mut url: Url = text
            .expose_secret()
            .parse()
            .map_err(|error| SettingError::new(NAME, format!("is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingError::new(
                NAME,
                "must start with http:// or https://",
            ));
        }
        let (user, password) = match (url.username(), url.password()) {
            ("", None) => (broker.user().to_owned(), broker.password().to_owned()),
            (user, password) => (decoded(user)?, decoded(password.unwrap_or_default())?),
        };
        // Neither can fail on an http URL, which has a host.
        let _removed = (url.set_username(""), url.set_password(None));
        Ok(Management {
            url,
            user,
            password: password.into(),
            vhost: broker.vhost().to_owned(),
            tls: broker.tls().clone(),
        })
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

/// An IPv6 address stands in brackets within a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Undoes the escaping of a user or a password: a form value without `=`, `&` and `+` is the same.
fn decoded(text: &str) -> Result<String, SettingError> {
    let escaped = text.replace('+', "%2B").replace('&', "%26");
    url::form_urlencoded::parse(format!("={escaped}").as_bytes())
        .next()
        .map(|(_name, value)| value.into_owned())
        .ok_or_else(|| SettingError::new("AMQP_MANAGEMENT_URL", "has a user we cannot read"))
}

#[cfg(test)]
mod tests {
    use paynow_worker::decide::PartialRefunds;

    use super::*;

    fn config_of(environment: Environment) -> Config {
        Config { environment }
    }

    const AMQP_URL: (&str, &str) = (
        "AMQP_URL",
        "amqp://me:p%40ss@broker.example:5671/orders%2F1",
    );

    #[test]
    fn the_management_api_is_where_the_broker_is() {
        let config = config_of(Environment::of([AMQP_URL]));
        let management = config.management().unwrap();
        assert_eq!(management.url.as_str(), "http://broker.example:15672/");
        assert_eq!(management.user, "me");
        assert_eq!(management.password.expose_secret(), "p@ss");
        assert_eq!(management.vhost, "orders/1");
    }

    #[test]
    fn its_own_address_and_user_come_first() {
        let own = "https://op%2Bs:a%25b+&c@admin.example/rabbit";
        let config = config_of(Environment::of([AMQP_URL, ("AMQP_MANAGEMENT_URL", own)]));
        let management = config.management().unwrap();
        assert_eq!(management.url.as_str(), "https://admin.example/rabbit");
        assert_eq!(management.user, "op+s");
        assert_eq!(management.password.expose_secret(), "a%b+&c");
    }

    #[test]
    fn an_address_without_a_user_takes_the_brokers() {
        let config = config_of(Environment::of([
            AMQP_URL,
            ("AMQP_MANAGEMENT_URL", "http://[::1]:1"),
        ]));
        let management = config.management().unwrap();
        assert_eq!(management.user, "me");
        assert_eq!(management.url.as_str(), "http://[::1]:1/");
        assert_eq!(bracketed("::1"), "[::1]");
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for own in ["ftp://u:hidden@h", "u:hidden@h", "http://u:hidden@h:x"] {
            let config = config_of(Environment::of([AMQP_URL, ("AMQP_MANAGEMENT_URL", own)]));
            let error = config.management().err().unwrap().to_string();
            assert!(error.starts_with("AMQP_MANAGEMENT_URL "), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
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
        };
        assert_eq!(config.policy(), Ok(expected));
        let config = config_of(Environment::of([("PARTIAL_REFUNDS", "maybe")]));
        let error = config.policy().unwrap_err().to_string();
        assert!(error.starts_with("PARTIAL_REFUNDS "), "{error}");
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
