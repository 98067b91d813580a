//! The console in the browser, over HTTP: the program against a real database and broker.

mod acting;
mod attacks;
mod door;
mod every_route;
mod live;
mod looking;
mod names;
mod replaying;
mod using;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::harness::{Program, TestApp, eventually, free_port, metric_at};
use crate::privileges::login::Login;

/// What a browser gets.
#[derive(Debug)]
struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What stands between the first `before` and the next `after`.
    #[track_caller]
    fn between(&self, before: &str, after: &str) -> &str {
        let found = self.text.split_once(before).map(|(_, rest)| rest);
        let found = found.and_then(|rest| rest.split_once(after));
        found
            .unwrap_or_else(|| panic!("no {before}: {}", self.text))
            .0
    }
}

/// A browser of somebody, with a cookie or without.
#[derive(Clone)]
struct Browser {
    port: u16,
    cookie: String,
    token: String,
    headers: Vec<(String, String)>,
}

impl Browser {
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            other.headers.push((name.to_owned(), value.to_owned()));
        }
        other
    }

    fn get(&self, path: &str) -> Page {
        let mut request = agent().get(format!("{}{path}", self.origin()));
        if !self.cookie.is_empty() {
            request = request.header("Cookie", &self.cookie);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        page(request.call())
    }

    /// Sends a form as a browser does, with the token of the session.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = [("token", self.token.as_str())];
        self.post_bare(path, &[&token, fields].concat())
    }

    fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut request = agent().post(format!("{}{path}", self.origin()));
        let origin = self.origin();
        for (name, value) in [
            ("Origin", origin.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
        ] {
            if !self.headers.iter().any(|(given, _)| given == name) {
                request = request.header(name, value);
            }
        }
        if !self.cookie.is_empty() {
            request = request.header("Cookie", &self.cookie);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        page(request.send_form(fields.iter().copied()))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build(),
    )
}

fn page(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Page {
    let mut answer = answer.expect("the console answers");
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    Page {
        status: answer.status().as_u16(),
        headers: headers.collect(),
        text: answer.body_mut().read_to_string().expect("a page is text"),
    }
}

/// A console over the database and broker of a test.
pub(crate) struct Console {
    program: Program,
    port: u16,
    admin: u16,
    // Dropped after the program that uses it.
    _login: Login,
}

impl Console {
    pub(crate) fn start(app: &TestApp) -> Self {
        Self::start_with(app, &[("CONSOLE_AUTH", "accounts")])
    }

    pub(crate) fn start_with(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let login = Login::with_role(app, "paynow_console");
        let (port, admin) = (free_port(), free_port());
        let mut variables = app.variables();
        variables.retain(|(name, _)| name != "DATABASE_URL" && name != "PAYNOW_SIGNING_SECRETS");
        let public = format!("http://127.0.0.1:{port}");
        let own = [
            ("DATABASE_URL", login.url.as_str()),
            ("CONSOLE_ADDR", public.trim_start_matches("http://")),
            ("CONSOLE_PUBLIC_URL", &public),
            ("METRICS_ADDR", &format!("127.0.0.1:{admin}")),
        ];
        let own = own.iter().chain(settings);
        variables.extend(own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("console-{port}.log"));
        let program = Program::start("paynow-console", log, &variables);
        eventually("the console answers", || {
            metric_at(admin, "paynow_console_requests_total{status=\"2xx\"}")
        });
        Self {
            program,
            port,
            admin,
            _login: login,
        }
    }

    /// Its metrics, as a monitoring system reads them.
    pub(crate) fn scrape(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.admin);
        page(agent().get(url).call()).text
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Somebody without a session.
    fn stranger(&self) -> Browser {
        Browser {
            port: self.port,
            cookie: String::new(),
            token: String::new(),
            headers: Vec::new(),
        }
    }

    /// The secret of a new session of somebody with these roles, however they proved who they are.
    pub(crate) fn session(app: &TestApp, name: &str, roles: &str) -> String {
        let id: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let key: String = hex(digest(&SHA256, &id).as_ref());
        let rows = format!(
            "INSERT INTO console_people (name, shown_name, source, roles) \
             VALUES ('{name}', '{name}', 'proxy', string_to_array('{roles}', ',')) \
             ON CONFLICT ON CONSTRAINT console_people_pkey DO UPDATE SET roles = excluded.roles; \
             INSERT INTO console_sessions (id_sha256, person, roles) \
             VALUES ('\\x{key}', '{name}', string_to_array('{roles}', ','))"
        );
        app.database
            .execute(&rows)
            .expect("a superuser signs anybody in");
        URL_SAFE_NO_PAD.encode(id)
    }

    /// Somebody with these roles and a session.
    fn somebody(&self, app: &TestApp, name: &str, roles: &str) -> Browser {
        let cookie = format!("paynow-dev={}", Self::session(app, name, roles));
        let mut browser = Browser {
            cookie,
            ..self.stranger()
        };
        let me = browser.get("/me");
        assert_eq!(me.status, 200, "{me:?}");
        let token = me.between("name=\"token\" value=\"", "\"");
        browser.token = token.to_owned();
        browser
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every row of every table but what the console records about looks: two of them are equal when nothing
/// was changed.
fn rows_of(app: &TestApp) -> Vec<String> {
    let tables = app.database.texts(
        "SELECT table_name::text AS value FROM information_schema.tables \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' \
             AND table_name NOT IN ('console_access', 'console_sessions') ORDER BY 1",
    );
    assert!(tables.len() > 10, "{tables:?}");
    let rows = tables.iter().map(|table| {
        let sql = format!(
            "SELECT '{table} ' || coalesce(md5(string_agg(it::text, '|' ORDER BY it::text)), '') AS value \
             FROM {table} AS it"
        );
        app.database.texts(&sql).remove(0)
    });
    rows.collect()
}
