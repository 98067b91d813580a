//! `PayNow`'s management API, which is only read. Every call blocks, for at most the time limit of the
//! settings.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use url::{Host, Url};

use crate::declare_settings;
use crate::environment::{Environment, SettingError};
use crate::idle::IDLE_MAX;

declare_settings! {
    pub const SETTINGS;
    /// a key of PayNow's management API: with it the worker asks which line a refund was for whose
    /// amounts do not tell ([refunds](refunds.md)), `paynowctl products import --from-paynow` reads the
    /// products, and the console and `paynowctl find` ask for players whom no order has named
    /// ([the console](console.md#names-that-no-order-has-told))
    pub const KEY: Secret = "PAYNOW_API_KEY" { absent: Some("PayNow is not asked") };
    /// where that API is; `http://` only on this machine
    const URL: Text = "PAYNOW_API_URL" { default: "https://api.paynow.gg" };
}

const KEY_NAME: &str = KEY.name;
const URL_NAME: &str = URL.name;
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(3);
/// A page of 100 products with long descriptions is a few hundred kilobytes.
const ANSWER_BYTES_MAX: u64 = 8 << 20;
/// A longer reason is cut.
const REASON_CHARS_MAX: usize = 200;

/// Where the API is and the key that opens it.
#[derive(Clone)]
pub struct PayNowSettings {
    url: Url,
    key: SecretString,
    time_limit: Duration,
    answer_bytes_max: u64,
}

impl PayNowSettings {
    /// `None` when `PAYNOW_API_KEY` is not set.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, SettingError> {
        let url = environment.parsed_or_default::<String>(&URL)?;
        let url = address(&url).map_err(|problem| SettingError::new(URL_NAME, problem))?;
        let Some(key) = environment.secret(&KEY)? else {
            return Ok(None);
        };
        if !key.expose_secret().bytes().all(|it| it.is_ascii_graphic()) {
            let problem =
                "is no key of PayNow: it has a space or another character that no key has";
            return Err(SettingError::new(KEY_NAME, problem));
        }
        Ok(Some(Self {
            url,
            key,
            time_limit: DEFAULT_TIME_LIMIT,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }))
    }

    /// How long one call may take, its second attempt included; 3 seconds unless set.
    #[must_use]
    pub fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// How long an answer may be; 8 MiB unless set.
    #[must_use]
    pub fn with_answer_limit(self, answer_bytes_max: u64) -> Self {
        Self {
            answer_bytes_max,
            ..self
        }
    }
}

/// Why a question has no answer. The texts hold neither the key nor data of a customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It may answer later.
    #[error("PayNow's API is not available: {0}")]
    Unavailable(String),
    /// It does not answer with this key.
    #[error("PayNow's API refuses the key: {0}")]
    Denied(String),
    #[error("PayNow's API does not know it")]
    NotFound,
    /// It answered something else than it documents.
    #[error("PayNow's API gave an answer that cannot be used: {0}")]
    Unreadable(String),
}

pub struct PayNowApi {
    agent: Agent,
    settings: PayNowSettings,
}

impl PayNowApi {
    pub fn new(settings: PayNowSettings) -> Self {
        // The API is outside our network, so a proxy for outgoing traffic (`HTTPS_PROXY`) is used.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The key goes to no other address than the one that was set.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(IDLE_MAX)
            .build()
            .new_agent();
        Self { agent, settings }
    }

    /// Reads one resource, such as `["v1", "stores", store, "payments", payment]`. An attempt that
    /// found no server that answers is made once more, if there is time.
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        self.get_within(path, query, self.settings.time_limit)
    }

    /// The same within another limit: what is left of one for several calls.
    pub fn get_within<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        limit: Duration,
    ) -> Result<T, ApiError> {
        let url = self.resource(path, query);
        let began = Instant::now();
        // Two thirds for the first attempt: a silent connection leaves time for a second one.
        let first = self.attempt(&url, limit.saturating_sub(limit / 3));
        let left = limit.saturating_sub(began.elapsed());
        match first {
            Err(Attempt::Again(_unavailable)) if !left.is_zero() => self.attempt(&url, left),
            ended => ended,
        }
        .map_err(Attempt::into_error)
    }

    fn resource(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.url.clone();
        // An http URL always has a path to extend.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn attempt<T: DeserializeOwned>(&self, url: &Url, limit: Duration) -> Result<T, Attempt> {
        let authorization = format!("APIKey {}", self.settings.key.expose_secret());
        let answer = self
            .agent
            .get(url.as_str())
            .header("authorization", authorization)
            .header("accept", "application/json")
            .config()
            .timeout_global(Some(limit))
            .build()
            .call();
        let mut answer = answer.map_err(|error| self.unanswered(&error))?;
        let body = answer.body_mut().with_config();
        let body = body.limit(self.settings.answer_bytes_max);
        let body = body.read_to_vec();
        let status = answer.status();
        if !status.is_success() {
            let reason = self.reason(&body.unwrap_or_default());
            return Err(refusal(status.as_u16(), &reason));
        }
        let body = body.map_err(|error| self.unanswered(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            // The error's own text may repeat a value of the answer.
            let (line, column) = (error.line(), error.column());
            let problem = format!("it differs from the documentation at {line}:{column}");
            Attempt::Final(ApiError::Unreadable(problem))
        })
    }

    fn unanswered(&self, error: &ureq::Error) -> Attempt {
        if matches!(error, ureq::Error::BodyExceedsLimit(_)) {
            let most = self.settings.answer_bytes_max;
            let problem = format!("it has more than {most} bytes");
            return Attempt::Final(ApiError::Unreadable(problem));
        }
        if matches!(error, ureq::Error::Timeout(_)) {
            return Attempt::Again("no answer in time".to_owned());
        }
        Attempt::Again(self.clean(&error.to_string()))
    }

    /// The message of an error that the API answered, in one line.
    fn reason(&self, body: &[u8]) -> String {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = document.get("message").and_then(Value::as_str);
        self.clean(message.unwrap_or("no message"))
    }

    /// One line of limited length, without the key.
    fn clean(&self, text: &str) -> String {
        let text = text.replace(self.settings.key.expose_secret(), "(the key)");
        let words: Vec<&str> = text
            .split(|it: char| it.is_whitespace() || it.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ").chars().take(REASON_CHARS_MAX).collect()
    }
}

/// An attempt without an answer.
enum Attempt {
    /// A second attempt may find another server of the API, or the same one well again.
    Again(String),
    Final(ApiError),
}

impl Attempt {
    fn into_error(self) -> ApiError {
        match self {
            Self::Again(cause) => ApiError::Unavailable(cause),
            Self::Final(error) => error,
        }
    }
}

fn refusal(status: u16, reason: &str) -> Attempt {
    let told = format!("status {status}, {reason}");
    match status {
        401 | 403 => Attempt::Final(ApiError::Denied(told)),
        404 => Attempt::Final(ApiError::NotFound),
        // A second attempt at once would only add to what the limit refuses.
        429 => Attempt::Final(ApiError::Unavailable(told)),
        // A redirect says that the address is wrong, and nothing about what was asked.
        300..=399 => Attempt::Final(ApiError::Unavailable(told)),
        408 | 500.. => Attempt::Again(told),
        _other => Attempt::Final(ApiError::Unreadable(told)),
    }
}

/// The key is sent only over TLS, or to this machine.
fn address(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|error| format!("is no address: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _other => return Err("must start with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("must not contain a user; the key is {KEY_NAME}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const KEY: &str = "pnapi-0123";

    fn api(url: &str, limit_ms: u64) -> PayNowApi {
        let environment = Environment::of([(KEY_NAME, KEY), (URL_NAME, url)]);
        let settings = PayNowSettings::from_environment(&environment).unwrap();
        let limit = Duration::from_millis(limit_ms);
        PayNowApi::new(settings.unwrap().with_time_limit(limit))
    }

    /// Gives each answer to one connection, keeps further ones silent, and returns what was asked.
    fn server(answers: &'static [&str]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/base/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let asked = answers.iter().map(|answer| {
                let (mut stream, _peer) = listener.accept().unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                stream.write_all(answer.as_bytes()).unwrap();
                lines.join("\n")
            });
            asked.collect()
        });
        (url, served)
    }

    fn get(answers: &'static [&str]) -> (Result<Vec<u8>, ApiError>, Vec<String>) {
        let (url, served) = server(answers);
        let answer = api(&url, 5000).get(&["v1", "a/b"], &[("limit", "1")]);
        (answer, served.join().unwrap())
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1,2]";
    const BROKEN: &str = "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n<html>";

    #[test]
    fn a_resource_is_asked_for_with_the_key() {
        let (answer, asked) = get(&[OK]);
        assert_eq!(answer, Ok(vec![1, 2]));
        assert!(asked[0].starts_with("GET /base/v1/a%2Fb?limit=1 HTTP/1.1"));
        let line = format!("authorization: APIKey {KEY}");
        assert!(asked[0].lines().any(|it| it == line), "{asked:?}");
    }

    #[test]
    fn a_server_error_is_tried_once_more() {
        assert_eq!(get(&[BROKEN, OK]).0, Ok(vec![1, 2]));
        let told = "status 500, no message".to_owned();
        assert_eq!(get(&[BROKEN, BROKEN]).0, Err(ApiError::Unavailable(told)));
    }

    #[test]
    fn an_answer_that_is_none_says_which() {
        let (denied, _asked) = get(&[
            "HTTP/1.1 401 No\r\nConnection: close\r\n\r\n{\"message\":\"key pnapi-0123\\nis old\"}",
        ]);
        let told = "status 401, key (the key) is old".to_owned();
        assert_eq!(denied, Err(ApiError::Denied(told)));
        let (unknown, _asked) = get(&["HTTP/1.1 404 No\r\nConnection: close\r\n\r\n"]);
        assert_eq!(unknown, Err(ApiError::NotFound));
        let (other, _asked) =
            get(&["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[\"a@b.example\"]"]);
        let told = "it differs from the documentation at 1:14".to_owned();
        assert_eq!(other, Err(ApiError::Unreadable(told)));
        let (moved, asked) =
            get(&["HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n"]);
        assert!(matches!(moved, Err(ApiError::Unavailable(_))), "{moved:?}");
        assert_eq!(asked.len(), 1);
        assert!(matches!(
            refusal(429, ""),
            Attempt::Final(ApiError::Unavailable(_))
        ));
        assert!(matches!(
            refusal(400, ""),
            Attempt::Final(ApiError::Unreadable(_))
        ));
    }

    #[test]
    fn a_silent_server_is_left_within_the_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let began = Instant::now();
        let answer: Result<Value, ApiError> = api(&url, 300).get(&["v1"], &[]);
        let told = "no answer in time".to_owned();
        assert_eq!(answer, Err(ApiError::Unavailable(told)));
        assert!(began.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn an_answer_that_is_too_long_is_not_read() {
        let (url, served) = server(&[OK]);
        let api = api(&url, 5000);
        let settings = api.settings.with_answer_limit(4);
        let answer: Result<Value, ApiError> = PayNowApi::new(settings).get(&["v1"], &[]);
        served.join().unwrap();
        let told = "it has more than 4 bytes".to_owned();
        assert_eq!(answer, Err(ApiError::Unreadable(told)));
    }

    #[test]
    fn a_wrong_setting_is_refused_and_does_not_show_the_key() {
        let read = |key: &str, url: &str| {
            let environment = Environment::of([(KEY_NAME, key), (URL_NAME, url)]);
            PayNowSettings::from_environment(&environment)
                .map(|settings| settings.map(|it| it.url.to_string()))
        };
        assert_eq!(read("", ""), Ok(None));
        assert_eq!(read(KEY, ""), Ok(Some("https://api.paynow.gg/".to_owned())));
        assert!(read(KEY, "http://localhost:1").is_ok());
        for (key, url, name) in [
            (KEY, "http://api.paynow.gg", URL_NAME),
            (KEY, "https://u:hidden@h", URL_NAME),
            (KEY, "api.paynow.gg", URL_NAME),
            ("hidden key", "", KEY_NAME),
        ] {
            let error = read(key, url).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
