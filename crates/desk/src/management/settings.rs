//! Where the management API is and which user calls it, read from the environment.

use paynow_process::broker::BrokerAddress;
use paynow_process::broker::tls::BrokerTls;
use paynow_process::environment::{Environment, SettingError};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::settings::MANAGEMENT_URL;

const NAME: &str = MANAGEMENT_URL.name;
const DEFAULT_PORT: u16 = 15672;

#[derive(Clone)]
pub struct ManagementSettings {
    /// Without user and password.
    pub(super) url: Url,
    pub(super) user: String,
    pub(super) password: SecretString,
    /// The virtual host of `AMQP_URL`, where the pipeline's queues are.
    pub(super) vhost: String,
    /// That of `AMQP_URL`: it is the same server.
    pub(super) tls: BrokerTls,
}

impl ManagementSettings {
    /// Reads `AMQP_MANAGEMENT_URL`; what it leaves out, and the virtual host, comes from `AMQP_URL`.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let broker = BrokerAddress::from_environment(environment)?;
        let text = match environment.secret(&MANAGEMENT_URL)? {
            Some(text) => text,
            None => format!("http://{}:{DEFAULT_PORT}", bracketed(broker.host())).into(),
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
        Ok(Self {
            url,
            user,
            password: password.into(),
            vhost: broker.vhost().to_owned(),
            tls: broker.tls().clone(),
        })
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

/// Undoes the escaping of a user or a password, with the decoder of form values: `+` and `&`, which
/// mean something else in a form, are escaped first.
fn decoded(text: &str) -> Result<String, SettingError> {
    let escaped = text.replace('+', "%2B").replace('&', "%26");
    url::form_urlencoded::parse(format!("={escaped}").as_bytes())
        .next()
        .map(|(_name, value)| value.into_owned())
        .ok_or_else(|| SettingError::new(NAME, "has a user we cannot read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMQP_URL: (&str, &str) = (
        "AMQP_URL",
        "amqp://me:p%40ss@broker.example:5671/orders%2F1",
    );

    fn settings(own: &str) -> Result<ManagementSettings, SettingError> {
        ManagementSettings::from_environment(&Environment::of([AMQP_URL, (NAME, own)]))
    }

    #[test]
    fn the_management_api_is_where_the_broker_is() {
        let management = settings("").unwrap();
        assert_eq!(management.url.as_str(), "http://broker.example:15672/");
        assert_eq!(management.user, "me");
        assert_eq!(management.password.expose_secret(), "p@ss");
        assert_eq!(management.vhost, "orders/1");
    }

    #[test]
    fn its_own_address_and_user_come_first() {
        let management = settings("https://op%2Bs:a%25b+&c@admin.example/rabbit").unwrap();
        assert_eq!(management.url.as_str(), "https://admin.example/rabbit");
        assert_eq!(management.user, "op+s");
        assert_eq!(management.password.expose_secret(), "a%b+&c");
    }

    #[test]
    fn an_address_without_a_user_takes_the_brokers() {
        let management = settings("http://[::1]:1").unwrap();
        assert_eq!(management.user, "me");
        assert_eq!(management.url.as_str(), "http://[::1]:1/");
        assert_eq!(bracketed("::1"), "[::1]");
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for own in ["ftp://u:hidden@h", "u:hidden@h", "http://u:hidden@h:x"] {
            let error = settings(own).err().unwrap().to_string();
            assert!(error.starts_with("AMQP_MANAGEMENT_URL "), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
