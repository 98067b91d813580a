//! The shop's machine: a copy of the files that the page uses, the programs, and Caddy in front of them.

use std::fs;
use std::path::{Path, PathBuf};

use paynow_process::clock;
use paynow_shared::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use serde_json::{Value, json};

use super::super::front::{Front, HOST};
use super::super::shell::{Shell, flat};
use crate::harness::{Order, Outcome, Program, Proxy, TestApp, eventually, sign};
use crate::privileges::login::{Login, with};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The files of the repository that the page's commands need.
const FILES: [&str; 5] = [
    "deploy/make-secrets",
    "deploy/caddy/Caddyfile",
    "deploy/rabbitmq/definitions.json",
    "ops/lib.sh",
    "ops/packages.sh",
];
/// Makes secrets and runs paynowctl, as the real script does. The test itself starts the other programs. A container
/// gets no variable of the shell.
const COMPOSE: &str = r#"#!/usr/bin/env bash
set -euo pipefail
case "$*" in
  up) "$(dirname "$0")/make-secrets" ;;
  'run --rm ctl '*) unset PAYNOW_SIGNING_SECRETS; exec paynowctl "${@:4}" ;;
  *) echo "no such command in this test: $*" >&2; exit 2 ;;
esac
"#;
/// What the page calls `apt install caddy`: Debian's package has to bring this program.
const TOOLS: &str = r#"apt() { [[ "$*" == "install caddy" ]] && command -v caddy; }
systemctl() { [[ "$*" == "restart caddy" ]]; }"#;
/// Invented, of the four subscriptions.
pub(super) const SECRETS: [&str; 4] = [
    "pn-0123456789abcdef0123456789abcdef",
    "pn-1123456789abcdef0123456789abcdef",
    "pn-2123456789abcdef0123456789abcdef",
    "pn-3123456789abcdef0123456789abcdef",
];

pub(super) struct Machine {
    folder: PathBuf,
    shell: Shell,
    /// Before the app, because it ends first.
    front: Option<Front>,
    login: Option<Login>,
    broker: Option<Proxy>,
    /// The broker's address behind that proxy.
    amqp: String,
    app: Option<TestApp>,
}

impl Machine {
    /// A machine with the repository, on which nothing runs.
    pub(super) fn new() -> Self {
        let name = format!("shop-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        for file in FILES {
            let copy = folder.join(file);
            fs::create_dir_all(copy.parent().expect("it is in a folder")).expect("it can be made");
            fs::copy(Path::new(ROOT).join(file), copy).expect("it can be copied");
        }
        fs::create_dir_all(folder.join("etc/caddy")).expect("it can be made");
        let compose = folder.join("deploy/compose");
        fs::write(&compose, COMPOSE).expect("it can be written");
        let mut shell = Shell::with(Vec::new()).at(folder.clone());
        shell.remember(TOOLS);
        // A file has no right to be run until it gets it.
        shell.run("chmod +x deploy/compose").succeeded();
        Self {
            folder,
            shell,
            front: None,
            login: None,
            broker: None,
            amqp: String::new(),
            app: None,
        }
    }

    fn signing(&self) -> String {
        self.folder
            .join("deploy/secrets/signing")
            .display()
            .to_string()
    }

    /// Starts the programs with the secrets that are kept, and gives the shell an operator's settings.
    pub(super) fn start(&mut self) {
        let signing = self.signing();
        let mut app = TestApp::builder()
            .receiver_setting("PAYNOW_SIGNING_SECRETS", "")
            .receiver_setting("PAYNOW_SIGNING_SECRETS_FILE", &signing)
            .worker_setting("PAYNOW_SIGNING_SECRETS", "")
            .worker_setting("PAYNOW_SIGNING_SECRETS_FILE", &signing)
            .start();
        let login = Login::with_role(&app, "paynow_operator");
        let mut amqp = app.broker.url().clone();
        let addresses = amqp.socket_addrs(|| Some(5672)).expect("it has an address");
        let broker = Proxy::to(addresses[0]);
        amqp.set_host(Some("127.0.0.1")).expect("it is a host");
        amqp.set_port(Some(broker.port())).expect("it has a host");
        self.amqp = amqp.to_string();
        let mut variables = with(app.variables(), "AMQP_URL", Some(amqp.as_str()));
        variables = with(variables, "DATABASE_URL", Some(login.url.as_str()));
        variables = with(variables, "PAYNOW_SIGNING_SECRETS", None);
        variables = with(variables, "PAYNOW_SIGNING_SECRETS_FILE", Some(&signing));
        let mut shell = Shell::with(variables).at(self.folder.clone());
        shell.remember(TOOLS);
        self.shell = shell;
        self.start_receiver(&mut app, &[]);
        self.app = Some(app);
        self.login = Some(login);
        self.broker = Some(broker);
    }

    /// Starts the receiver anew, with its broker behind the proxy of this test.
    fn start_receiver(&self, app: &mut TestApp, more: &[(String, String)]) {
        app.receiver = None;
        let mut variables = with(app.receiver_variables(), "AMQP_URL", Some(&self.amqp));
        variables.extend(more.iter().cloned());
        let log = self.folder.join("receiver.log");
        app.receiver = Some(Program::start("paynow-receiver", log, &variables));
        eventually("the receiver is ready", || {
            app.receiver_ready().filter(|(status, _)| *status == 200)
        });
    }

    pub(super) fn app(&self) -> &TestApp {
        self.app.as_ref().expect("it was started")
    }

    pub(super) fn start_front(&mut self) {
        let front = Front::start(&self.folder, self.app().receiver_port());
        self.shell.remember(&front.curl());
        self.front = Some(front);
    }

    pub(super) fn stop_front(&mut self) {
        self.front = None;
    }

    pub(super) fn cut_broker(&self, cut: bool) {
        let proxy = self.broker.as_ref().expect("it was started");
        if cut {
            proxy.refuse(true);
            proxy.reset_all();
        } else {
            proxy.heal();
        }
    }

    /// Runs a command of the page, which must succeed. What it prints is flat: single spaces.
    pub(super) fn run(&mut self, command: &str) -> String {
        let outcome = self.try_run(command);
        assert_eq!(outcome.code, Some(0), "{command}: {outcome:?}");
        if command.starts_with("export ") {
            let command = self.filled(command);
            self.shell.remember(&command);
        }
        flat(&outcome)
    }

    pub(super) fn try_run(&self, command: &str) -> Outcome {
        self.shell.run(&self.filled(command))
    }

    /// What `paynowctl` prints, with the words that the page puts before its name.
    pub(super) fn ctl(&self, arguments: &str) -> String {
        let outcome = self.try_run(&format!("deploy/compose run --rm ctl {arguments}"));
        assert_eq!(outcome.code, Some(0), "{arguments}: {outcome:?}");
        flat(&outcome)
    }

    /// The page's command with the secrets in it, and the places of this test.
    fn filled(&self, command: &str) -> String {
        let mut command = command.to_owned();
        for secret in SECRETS {
            command = command.replacen("pn-…", secret, 1);
        }
        if let Some(app) = &self.app {
            let receiver = format!("http://127.0.0.1:{}", app.receiver_port());
            command = command.replace("http://receiver:8080", &receiver);
        }
        let caddy = self.folder.join("etc/caddy");
        command.replace("/etc/caddy", &caddy.display().to_string())
    }

    /// What a person would wait for after this command.
    pub(super) fn after(&mut self, command: &str, printed: &str) {
        if command.contains("ctl send") {
            self.await_balance(super::SAMPLE, 500);
        } else if command.contains("ctl doctor") {
            let fails = printed.lines().filter(|line| line.starts_with("fail "));
            assert_eq!(fails.count(), 0, "{printed}");
            for warns in ["warn secrets", "warn webhook_order_completed"] {
                assert!(printed.contains(warns), "{printed}");
            }
        } else if command == "deploy/compose up" {
            self.takes_the_settings();
        } else if command.starts_with("curl") {
            assert!(printed.starts_with("HTTP/2 400"), "{printed}");
        }
    }

    /// Restarts the receiver with the settings that the page wrote into `deploy/.env`.
    fn takes_the_settings(&mut self) {
        let text = fs::read_to_string(self.folder.join("deploy/.env")).expect("the page wrote it");
        let mut settings: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let trusted = settings
            .iter_mut()
            .find(|(name, _)| name == "RECEIVER_TRUSTED_PROXIES");
        // Here the proxy does not come from one of Docker's networks.
        trusted.expect("the page sets it").1.push_str(",127.0.0.1");
        let mut app = self.app.take().expect("it was started");
        self.start_receiver(&mut app, &settings);
        self.app = Some(app);
    }

    pub(super) fn await_balance(&self, wallet: i64, points: i64) {
        eventually("the points are there", || {
            (self.app().balance_of(wallet) == points).then_some(())
        });
    }

    /// Posts over TLS like PayNow, signed so many milliseconds ago. Returns the status, and the answer.
    pub(super) fn paynow_sends(&self, body: &Value, secret: &str, ago_ms: i64) -> (u16, String) {
        let body = body.to_string();
        fs::write(self.folder.join("body"), &body).expect("it can be written");
        let timestamp = (clock::now_ms() - ago_ms).to_string();
        let signature = sign(secret, &timestamp, body.as_bytes());
        let answer = self.shell.run(&format!(
            "curl --write-out '\\n%{{http_code}}' --data-binary @body --header 'Content-Type: application/json' \
             --header '{SIGNATURE_HEADER}: {signature}' --header '{TIMESTAMP_HEADER}: {timestamp}' \
             https://{HOST}/webhooks/paynow"
        ));
        let (text, status) = answer
            .stdout
            .rsplit_once('\n')
            .unwrap_or_else(|| panic!("{answer:?}"));
        let status = status.parse().expect("a status");
        if status == 202 {
            let event: Value = serde_json::from_str(&body).expect("it is JSON");
            self.app()
                .note_accepted(event["event_id"].as_str().expect("an id"));
        }
        (status, text.to_owned())
    }

    pub(super) fn receiver_logs(&self, code: &str) {
        let receiver = self.app().receiver.as_ref().expect("it runs");
        receiver.await_log(&format!("\"code\":\"{code}\""));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.front = None;
        self.app = None;
        if !std::thread::panicking() {
            let _gone = fs::remove_dir_all(&self.folder);
        }
    }
}

/// An order of one product that a coupon made free, by a player of this name.
pub(super) fn free_order(order: &Order, name: &str) -> Value {
    let mut told = order.json();
    told["body"]["customer"]["name"] = json!(name);
    told["body"]["customer"]["minecraft"] = Value::Null;
    told["body"]["discount_amount"] = told["body"]["subtotal_amount"].clone();
    told["body"]["total_amount"] = json!(0);
    let line = &mut told["body"]["lines"][0];
    line["discount_amount"] = line["subtotal_amount"].clone();
    line["total_amount"] = json!(0);
    told
}
