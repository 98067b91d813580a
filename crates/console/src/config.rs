//! The console's settings, from environment variables. `settings.rs` declares them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use paynow_desk::console::roles::{Role, Roles};
use paynow_desk::management::ManagementSettings;
use paynow_desk::settings::METRICS_URLS;
use paynow_process::broker::BrokerAddress;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::paynow::PayNowSettings;
use paynow_shared::ladder::RetryLadder;
use paynow_worker::config::read_policy;
use paynow_worker::database::SilenceLimit;
use paynow_worker::decide::Policy;
use paynow_worker::settings::{DATABASE_URL, LADDER};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::settings;

/// A shorter secret could be guessed.
const PROXY_SECRET_MIN: usize = 32;

pub struct Config {
    /// `CONSOLE_ADDR`
    pub address: SocketAddr,
    /// `METRICS_ADDR`
    pub admin_address: SocketAddr,
    /// `CONSOLE_PUBLIC_URL`
    pub public: PublicUrl,
    /// `CONSOLE_AUTH` and what belongs to it.
    pub auth: Auth,
    /// `CONSOLE_ENVIRONMENT`
    pub environment: Option<String>,
    /// `CONSOLE_GRAFANA_URL`
    pub grafana: Option<Url>,
    /// `DATABASE_URL`
    pub database: SecretString,
    /// `DATABASE_SILENCE_SECONDS`
    pub silence: SilenceLimit,
    /// `AMQP_URL`
    pub broker: BrokerAddress,
    /// `AMQP_MANAGEMENT_URL`, read once more for each connection, because the API is not shared.
    pub management: ManagementSettings,
    /// `RETRY_LADDER`
    pub ladder: RetryLadder,
    /// The shop's choices, as the worker reads them.
    pub policy: Policy,
    /// `PAYNOW_API_KEY` and `PAYNOW_API_URL`: with a key, players whom no order has named are asked of PayNow.
    pub paynow_api: Option<PayNowSettings>,
    /// `PAYNOW_METRICS_URLS`: the receivers and workers that `/live` shows.
    pub metrics: Vec<Url>,
}

/// How people sign in.
pub enum Auth {
    /// With a name and a password that we keep. `X-Forwarded-For` is believed of these proxies.
    Accounts { proxies: Vec<IpNet> },
    /// A proxy has signed them in.
    Proxy(ProxySettings),
}

pub struct ProxySettings {
    pub peers: Vec<IpNet>,
    pub secret: SecretString,
    pub user_header: HeaderName,
    pub groups_header: HeaderName,
    /// `None`: nobody can do what takes a fresh sign-in.
    pub signed_in_header: Option<HeaderName>,
    pub roles_of_groups: BTreeMap<String, Role>,
}

impl ProxySettings {
    /// The roles of somebody who is in these groups.
    pub(crate) fn roles(&self, groups: &str) -> Roles {
        let roles = groups
            .split(',')
            .filter_map(|group| self.roles_of_groups.get(group.trim()).copied());
        roles.collect()
    }
}

/// The address that people type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://console.shop.example`, without a path: the `Origin` that browsers send.
    pub origin: String,
    pub is_https: bool,
}

impl Config {
    pub fn read(environment: &Environment) -> Result<Self, SettingError> {
        let text = |name| environment.text(name).map(str::to_owned);
        Ok(Self {
            address: environment.parsed_or_default(&settings::ADDRESS)?,
            admin_address: environment.parsed_or_default(&settings::ADMIN_ADDRESS)?,
            public: public_url(environment)?,
            auth: auth(environment)?,
            environment: text(settings::ENVIRONMENT.name),
            grafana: environment.parsed(&settings::GRAFANA_URL)?,
            database: environment.required_secret(&DATABASE_URL)?,
            silence: SilenceLimit::from_environment(environment, &paynow_desk::settings::SILENCE)?,
            broker: BrokerAddress::from_environment(environment)?,
            management: ManagementSettings::from_environment(environment)?,
            ladder: environment.parsed_or_default(&LADDER)?,
            policy: read_policy(environment)?,
            paynow_api: PayNowSettings::from_environment(environment)?,
            metrics: metrics(environment)?,
        })
    }
}

fn metrics(environment: &Environment) -> Result<Vec<Url>, SettingError> {
    let list: String = environment.parsed_or_default(&METRICS_URLS)?;
    let url = |text: &str| {
        let url = text.trim().parse().ok();
        let url = url.filter(|url: &Url| ["http", "https"].contains(&url.scheme()));
        url.ok_or_else(|| {
            SettingError::new(METRICS_URLS.name, "must be http addresses, comma separated")
        })
    };
    list.split(',').map(url).collect()
}

fn public_url(environment: &Environment) -> Result<PublicUrl, SettingError> {
    let name = settings::PUBLIC_URL.name;
    let wrong = |problem: &str| SettingError::new(name, problem);
    let url: Option<Url> = environment.parsed(&settings::PUBLIC_URL)?;
    let url = url.ok_or_else(|| wrong("is required and not set"))?;
    let host = url.host_str().unwrap_or_default();
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    let is_https = url.scheme() == "https";
    let is_local = url.scheme() == "http" && is_loopback;
    if !is_https && !is_local {
        return Err(wrong(
            "must begin with https://, except on a loopback address",
        ));
    }
    if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
        return Err(wrong(
            "must be an address without a path, a query or a user",
        ));
    }
    Ok(PublicUrl {
        origin: url.origin().ascii_serialization(),
        is_https,
    })
}

fn auth(environment: &Environment) -> Result<Auth, SettingError> {
    let name = settings::AUTH.name;
    match environment.text(name) {
        Some("accounts") => Ok(Auth::Accounts {
            proxies: peers(environment)?,
        }),
        Some("proxy") => proxy(environment).map(Auth::Proxy),
        Some(other) => {
            let problem = format!("must be accounts or proxy, and is {other:?}");
            Err(SettingError::new(name, problem))
        }
        None => Err(SettingError::new(
            name,
            "is required and not set: accounts or proxy",
        )),
    }
}

fn proxy(environment: &Environment) -> Result<ProxySettings, SettingError> {
    let secret = environment.required_secret(&settings::PROXY_SECRET)?;
    if secret.expose_secret().len() < PROXY_SECRET_MIN {
        let problem = format!("must have at least {PROXY_SECRET_MIN} characters");
        return Err(SettingError::new(settings::PROXY_SECRET.name, problem));
    }
    let peers = peers(environment)?;
    if peers.is_empty() {
        let problem = "is required with CONSOLE_AUTH=proxy";
        return Err(SettingError::new(settings::PROXY_PEERS.name, problem));
    }
    Ok(ProxySettings {
        peers,
        secret,
        user_header: environment.parsed_or_default(&settings::PROXY_USER_HEADER)?,
        groups_header: environment.parsed_or_default(&settings::PROXY_GROUPS_HEADER)?,
        signed_in_header: environment.parsed(&settings::PROXY_SIGNED_IN_HEADER)?,
        roles_of_groups: roles_of_groups(environment)?,
    })
}

fn peers(environment: &Environment) -> Result<Vec<IpNet>, SettingError> {
    let name = settings::PROXY_PEERS.name;
    let list = environment.text(name).unwrap_or_default();
    let texts = list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let peers: Vec<IpNet> = texts
        .map(|text| network(text).ok_or_else(|| wrong_network(name, text)))
        .collect::<Result<_, _>>()?;
    match peers.iter().find(|net| net.prefix_len() == 0) {
        Some(_everybody) => Err(SettingError::new(
            name,
            "has everybody, who could then say to be anybody",
        )),
        None => Ok(peers),
    }
}

/// A network, or a single address.
fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

fn wrong_network(name: &str, text: &str) -> SettingError {
    SettingError::new(
        name,
        format!("has {text:?}, which is no address or network"),
    )
}

fn roles_of_groups(environment: &Environment) -> Result<BTreeMap<String, Role>, SettingError> {
    let name = settings::ROLES.name;
    let list = environment.text(name).unwrap_or_default();
    let pairs = list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let role_of = |pair: &str| {
        let (group, role) = pair.split_once('=')?;
        Some((group.trim().to_owned(), role.trim().parse().ok()?))
    };
    pairs
        .map(|pair| {
            role_of(pair).ok_or_else(|| {
                let problem = format!("has {pair:?}, which is no group=role");
                SettingError::new(name, problem)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 4] = [
        ("AMQP_URL", "amqp://user:hidden@broker/%2f"),
        ("DATABASE_URL", "postgres://user:hidden@db/points"),
        ("CONSOLE_PUBLIC_URL", "https://console.shop.example"),
        ("CONSOLE_AUTH", "accounts"),
    ];
    const PROXY: [(&str, &str); 3] = [
        ("CONSOLE_AUTH", "proxy"),
        ("CONSOLE_PROXY_PEERS", "10.0.0.0/8, 192.0.2.1"),
        ("CONSOLE_PROXY_SECRET", "0123456789abcdef0123456789abcdef"),
    ];

    fn read(others: &[(&str, &str)]) -> Result<Config, SettingError> {
        let mut pairs = [("", ""); 8];
        let later = ALL.iter().chain(others);
        for (place, pair) in pairs.iter_mut().zip(later) {
            *place = *pair;
        }
        Config::read(&Environment::of(pairs))
    }

    #[test]
    fn the_console_starts_with_an_address_and_a_way_to_sign_in() {
        let config = read(&[]).unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:8090");
        assert_eq!(config.public.origin, "https://console.shop.example");
        assert!(matches!(config.auth, Auth::Accounts { .. }));
        let http = read(&[("CONSOLE_PUBLIC_URL", "http://127.0.0.1:8090")]).unwrap();
        assert!(!http.public.is_https);
    }

    #[test]
    fn a_proxy_is_believed_only_with_its_addresses_and_its_secret() {
        let Auth::Proxy(proxy) = read(&PROXY).unwrap().auth else {
            panic!("it is a proxy")
        };
        assert_eq!(proxy.peers.len(), 2);
        for (name, value) in [
            ("CONSOLE_PROXY_PEERS", ""),
            ("CONSOLE_PROXY_PEERS", "0.0.0.0/0"),
            ("CONSOLE_PROXY_PEERS", "proxy.example"),
            ("CONSOLE_PROXY_SECRET", "short"),
            ("CONSOLE_ROLES", "staff=owner"),
        ] {
            let wrong = [PROXY[0], PROXY[1], PROXY[2], (name, value)];
            let problem = read(&wrong).err().unwrap().to_string();
            assert!(problem.starts_with(name), "{problem}");
        }
    }

    #[test]
    fn groups_give_roles() {
        let roles = ("CONSOLE_ROLES", "desk=operator, lead=approver");
        let Auth::Proxy(proxy) = read(&[PROXY[0], PROXY[1], PROXY[2], roles]).unwrap().auth else {
            panic!("it is a proxy")
        };
        assert_eq!(proxy.roles("others"), Roles::default());
        let expected: Roles = [Role::Operator, Role::Approver].into_iter().collect();
        assert_eq!(proxy.roles("lead, desk"), expected);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (name, value) in [
            ("CONSOLE_PUBLIC_URL", "http://console.shop.example"),
            ("CONSOLE_PUBLIC_URL", "https://console.shop.example/path"),
            ("CONSOLE_AUTH", "none"),
            ("CONSOLE_ADDR", "localhost"),
            ("CONSOLE_GRAFANA_URL", "grafana"),
            ("PAYNOW_API_URL", "http://api.paynow.example"),
            ("PAYNOW_API_KEY", "two words"),
        ] {
            let problem = read(&[(name, value)]).err().unwrap().to_string();
            assert!(problem.starts_with(name), "{problem}");
        }
    }
}
