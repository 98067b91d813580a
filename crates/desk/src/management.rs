//! The broker's management API: lists, and what `paynowctl setup` changes.

mod settings;

use std::thread::park_timeout;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::broker::tls::{Material, TlsProblem};
use paynow_process::idle::IDLE_MAX;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use url::Url;

use crate::text::one_line;

pub use self::settings::ManagementSettings;

/// A cluster may need long to declare ten replicated queues.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// For a list, its whole body included.
const LIST_LIMIT: Duration = Duration::from_secs(20);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Of one call that the broker fails by itself, the first included: about 6 s of waits.
const ATTEMPTS: usize = 6;
/// A quorum queue reports its depth at this interval, unless the broker is set otherwise, and the broker samples the
/// list of consumers as often.
pub(crate) const SAMPLE_SECONDS: u64 = 5;
/// Older than what the broker shows: a figure is that of the sample before, for as long as a sample takes.
pub(crate) const FIGURES_AGE: Duration = Duration::from_secs(2 * SAMPLE_SECONDS);
/// A longer reason is cut.
const REASON_CHARS_MAX: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    #[error("the broker's management API at {at} cannot be reached")]
    Unreachable {
        at: String,
        source: Box<ureq::Error>,
    },
    #[error("no TLS connection to the broker's management API at {at}")]
    Tls { at: String, source: TlsProblem },
    #[error("the broker's management API does not allow {user} to {method} {url}: {reason}")]
    Denied {
        user: String,
        method: Method,
        url: String,
        reason: String,
    },
    #[error("{url} returns no list: is that the address of the management API?")]
    NoList { url: String },
    #[error("the broker has nothing at {url}: run `paynowctl setup` first")]
    NotThere { url: String },
    #[error("the broker refused to {method} {url} ({status}): {reason}")]
    Refused {
        method: Method,
        url: String,
        status: u16,
        reason: String,
    },
}

impl ManagementError {
    /// Whether the broker failed by itself (500 to 599), as one does that is busy with a new virtual host: the same
    /// call may succeed later.
    fn is_of_the_broker(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status >= 500)
    }
}

pub struct ManagementApi {
    /// A problem with the TLS files is reported by the first call.
    agent: Result<Agent, TlsProblem>,
    authorization: SecretString,
    settings: ManagementSettings,
}

impl ManagementApi {
    pub fn new(settings: ManagementSettings) -> Self {
        let tls = match settings.url.scheme() {
            "https" => settings.tls.read().map(|material| tls(&material)),
            _plain => Ok(TlsConfig::default()),
        };
        let credentials = format!("{}:{}", settings.user, settings.password.expose_secret());
        Self {
            agent: tls.map(new_agent),
            authorization: format!("Basic {}", STANDARD.encode(credentials)).into(),
            settings,
        }
    }

    pub fn vhost(&self) -> &str {
        &self.settings.vhost
    }

    pub fn user(&self) -> &str {
        &self.settings.user
    }

    /// A list, such as `["exchanges", vhost]`, without figures: those would come through the statistics database, which a
    /// busy broker makes wait.
    pub fn list(&self, path: &[&str]) -> Result<Vec<Value>, ManagementError> {
        let mut url = address(&self.settings.url, path);
        url.set_query(Some("disable_stats=true"));
        self.get_list(url)
    }

    /// The consumers of all queues, which only the statistics database knows; `None` from a broker that collects no metrics.
    pub(crate) fn consumers(&self) -> Result<Option<Vec<Value>>, ManagementError> {
        match self.get_list(address(&self.settings.url, &["consumers", self.vhost()])) {
            Ok(consumers) => Ok(Some(consumers)),
            Err(ManagementError::Refused { status: 400, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The queues with the depths that their nodes report themselves, every five seconds. Those of the
    /// plain list come through the statistics database: twice as old (seen up to 9 s on 3.10), and
    /// missing at first.
    pub fn queues_with_depths(&self) -> Result<Vec<Value>, ManagementError> {
        let mut url = address(&self.settings.url, &["queues", &self.settings.vhost]);
        url.set_query(Some("disable_stats=true&enable_queue_totals=true"));
        self.get_list(url)
    }

    fn get_list(&self, url: Url) -> Result<Vec<Value>, ManagementError> {
        let answer = self.call(Method::GET, &url, None)?;
        let url = url.to_string();
        let rows = answer.as_array().cloned();
        rows.ok_or(ManagementError::NoList { url })
    }

    pub fn put(&self, path: &[&str], body: &Value) -> Result<(), ManagementError> {
        self.call(Method::PUT, &address(&self.settings.url, path), Some(body))
            .map(drop)
    }

    pub fn post(&self, path: &[&str], body: &Value) -> Result<(), ManagementError> {
        self.call(Method::POST, &address(&self.settings.url, path), Some(body))
            .map(drop)
    }

    fn no_tls(&self, source: TlsProblem) -> ManagementError {
        ManagementError::Tls {
            at: self.settings.url.to_string(),
            source,
        }
    }

    fn unreachable(&self, error: ureq::Error) -> ManagementError {
        let host = self.settings.url.host_str().unwrap_or_default();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the other errors do not come from TLS"
        )]
        let problem = match &error {
            _any if self.settings.url.scheme() != "https" => None,
            ureq::Error::Rustls(cause) => self.settings.tls.problem(host, cause),
            ureq::Error::Io(cause) => self.settings.tls.problem(host, cause),
            _other => None,
        };
        match problem {
            Some(problem) => self.no_tls(problem),
            None => ManagementError::Unreachable {
                at: self.settings.url.to_string(),
                source: Box::new(error),
            },
        }
    }

    /// Calls again while the broker fails by itself. Each of our calls may be repeated: it reads, or makes what then exists.
    fn call(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Value, ManagementError> {
        let mut backoff = ReconnectBackoff::new();
        for _attempt in 1..ATTEMPTS {
            match self.call_once(&method, url, body) {
                Err(error) if error.is_of_the_broker() => park_timeout(backoff.next_wait()),
                other => return other,
            }
        }
        self.call_once(&method, url, body)
    }

    fn call_once(
        &self,
        method: &Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Value, ManagementError> {
        let unreachable = |source: ureq::Error| self.unreachable(source);
        let agent = self.agent.as_ref();
        let agent = agent.map_err(|problem| self.no_tls(problem.clone()))?;
        let request = Request::builder()
            .method(method.clone())
            .uri(url.as_str())
            .header("authorization", self.authorization.expose_secret())
            .header("content-type", "application/json")
            .body(body.map(Value::to_string).unwrap_or_default())
            .map_err(|error| unreachable(error.into()))?;
        let limit = if *method == Method::GET {
            LIST_LIMIT
        } else {
            CALL_LIMIT
        };
        let request = agent.configure_request(request).timeout_global(Some(limit));
        let mut answer = agent.run(request.build()).map_err(unreachable)?;
        let text = answer.body_mut().read_to_string().map_err(unreachable)?;
        let status = answer.status().as_u16();
        let url = url.to_string();
        match status {
            200..=299 => Ok(serde_json::from_str(&text).unwrap_or_default()),
            401 | 403 => Err(ManagementError::Denied {
                user: self.settings.user.clone(),
                method: method.clone(),
                url,
                reason: reason(&text),
            }),
            404 => Err(ManagementError::NotThere { url }),
            _other => Err(ManagementError::Refused {
                method: method.clone(),
                url,
                status,
                reason: reason(&text),
            }),
        }
    }
}

/// The messages of a queue in a list of queues; `None` when it is missing or has reported none yet.
pub(crate) fn depth(queues: &[Value], name: &str) -> Option<u64> {
    named(queues, name)?.get("messages")?.as_u64()
}

/// The messages of a rung that have waited for its delay and are not back in the workers' queue: neither
/// ready nor unacknowledged, they wait for the broker's dead-letter worker, whose copy is not confirmed.
/// Usually that takes milliseconds. Of what the broker tells without a disturbance, only this separates
/// them from those that still have to wait: an age does not exist, and taking a message for a look counts
/// as a failed delivery. A rung without its delay expires nothing; that is a difference from our policy,
/// which `paynowctl check` reports itself.
pub fn expired(queue: &Value) -> Option<u64> {
    let number = |field| queue.get(field).and_then(Value::as_u64);
    let kept = number("messages_ready")?.checked_add(number("messages_unacknowledged")?)?;
    number("messages")?.checked_sub(kept)
}

/// The member of a list that has this name.
pub(crate) fn named<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.iter().find(|member| name_of(member) == name)
}

pub(crate) fn name_of(member: &Value) -> &str {
    text_of(member, "name").unwrap_or_default()
}

pub(crate) fn text_of<'a>(member: &'a Value, field: &str) -> Option<&'a str> {
    member.get(field).and_then(Value::as_str)
}

fn new_agent(tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .timeout_connect(Some(CONNECT_LIMIT))
        .http_status_as_error(false)
        // The broker is inside our network, which a proxy for outgoing traffic does not know.
        .proxy(None)
        .max_idle_age(IDLE_MAX)
        .tls_config(tls)
        .build()
        .new_agent()
}

/// The certificates and our key, as the HTTP client takes them.
fn tls(material: &Material) -> TlsConfig {
    let own = |der: &[u8]| Certificate::from_der(der).to_owned();
    let roots: Vec<Certificate<'static>> = material.roots.iter().map(|der| own(der)).collect();
    let client = material.identity.as_ref().and_then(|identity| {
        let chain: Vec<Certificate<'static>> = identity.chain.iter().map(|der| own(der)).collect();
        // `BrokerTls::read` has already parsed it as a key.
        let key = PrivateKey::from_pem(identity.key_pem.expose_secret()).ok()?;
        Some(ClientCert::new_with_certs(&chain, key))
    });
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .client_cert(client)
        .build()
}

/// The address of a resource; each part is escaped, so that `/` may be the name of a virtual host.
fn address(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // An http URL always has a path to extend.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("api").extend(path);
    }
    url
}

/// The reason that the API returns, in one line.
fn reason(text: &str) -> String {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let reason = text_of(&document, "reason").unwrap_or(text);
    one_line(reason).chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Instant;

    use paynow_process::environment::Environment;
    use serde_json::json;

    use super::*;

    /// Answers with an empty list, and closes a connection whose next request came after more than `idle`.
    fn answer(stream: TcpStream, idle: Duration) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut began = Instant::now();
        while let Some(Ok(line)) = lines.next() {
            if began.elapsed() > idle {
                return;
            }
            if line.is_empty() {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";
                (&stream).write_all(head.as_bytes()).unwrap();
                began = Instant::now();
            }
        }
    }

    #[test]
    fn a_connection_that_the_broker_may_be_closing_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let idle = IDLE_MAX + Duration::from_millis(500);
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || answer(stream.unwrap(), idle));
            }
        });
        let url = format!("http://127.0.0.1:{port}");
        let environment = Environment::of([
            ("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
            ("AMQP_MANAGEMENT_URL", &url),
        ]);
        let api = ManagementApi::new(ManagementSettings::from_environment(&environment).unwrap());
        assert_eq!(api.list(&["exchanges"]).unwrap(), Vec::<Value>::new());
        let used = Instant::now();
        while used.elapsed() <= idle + Duration::from_millis(200) {
            park_timeout(idle);
        }
        assert_eq!(api.list(&["exchanges"]).unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn a_virtual_host_is_one_part_of_the_path() {
        for (base, vhost, expected) in [
            ("http://h:1", "/", "http://h:1/api/queues/%2F"),
            ("http://h:1/", "a b", "http://h:1/api/queues/a%20b"),
            (
                "http://h/rabbit/",
                "50%",
                "http://h/rabbit/api/queues/50%25",
            ),
        ] {
            let url = address(&base.parse().unwrap(), &["queues", vhost]);
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn what_is_neither_ready_nor_unacknowledged_has_expired() {
        let figures = json!({"messages": 9, "messages_ready": 3, "messages_unacknowledged": 1});
        assert_eq!(expired(&figures), Some(5));
        let without = json!({"messages": 9, "messages_ready": 3});
        assert_eq!(expired(&without), None);
    }

    #[test]
    fn a_reason_is_one_line() {
        let text = r#"{"error":"bad_request","reason":"Validation failed\n\n 5 is odd"}"#;
        assert_eq!(reason(text), "Validation failed 5 is odd");
        assert_eq!(reason("<html>"), "<html>");
    }
}
