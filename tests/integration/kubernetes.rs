//! The manifests in `deploy/kubernetes`: our programs run with their settings and files and with
//! the broker's rights in their README. `deploy/kubernetes/validate` checks the manifests
//! themselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    Answer, Order, Program, SECRET, Servers, TestApp, eventually, flake, free_port, try_post,
};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN_PRODUCT: i64 = 600_000_000_000_000_666;
/// Any password, because the test deletes the broker's user.
const PASSWORD: &str = "0123456789abcdef";

type Variables = Vec<(String, String)>;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[track_caller]
fn read(path: &str) -> String {
    std::fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines `NAME=value` of a program's settings.
fn settings(program: &str) -> Variables {
    let path = format!("deploy/kubernetes/base/{program}/settings.env");
    read(&path)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('=').expect("a line is NAME=value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The secrets that a program gets as files, without the ending `_FILE`.
fn secrets(manifest: &str) -> Vec<String> {
    read(&format!("deploy/kubernetes/base/{manifest}"))
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- name: ")?.strip_suffix("_FILE"))
        .map(str::to_owned)
        .collect()
}

/// A program's variables as the manifest has them, with its secrets in files of this test.
fn variables(app: &TestApp, manifest: &str, broker: &Url) -> Variables {
    let program = manifest.split('/').next().expect("a path has a beginning");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = |name: String| {
        let value = match name.as_str() {
            "AMQP_URL" => broker.to_string(),
            "AMQP_MANAGEMENT_URL" => Servers::of_this_run().management.to_string(),
            "DATABASE_URL" => app.database.url().to_string(),
            "PAYNOW_SIGNING_SECRETS" => format!("test:{SECRET}"),
            other => panic!("{manifest}: the test has no value for {other}"),
        };
        let path = folder.join(format!("{}-{program}-{name}", app.broker.vhost()));
        std::fs::write(&path, value).expect("the file can be written");
        (format!("{name}_FILE"), path.display().to_string())
    };
    secrets(manifest).into_iter().map(file).collect()
}

/// The settings of a server with its admin port replaced. The address stays.
fn settings_at(program: &str, port: u16) -> Variables {
    let mut settings = settings(program);
    let admin = settings
        .iter_mut()
        .find(|(name, _)| name == "METRICS_ADDR")
        .expect("the admin server must be reached from outside the pod");
    let host = admin.1.rsplit_once(':').expect("an address has a port").0;
    admin.1 = format!("{host}:{port}");
    settings
}

/// The rights of a user of the broker in the README: configure, write, read.
fn rights(user: &str) -> [String; 3] {
    let readme = read("deploy/kubernetes/README.md");
    let command = format!("set_permissions -p / {user} ");
    let line = readme
        .lines()
        .find(|line| line.contains(&command))
        .unwrap_or_else(|| panic!("the README has no {command}"));
    let quoted: Vec<String> = line
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    quoted.try_into().expect("three patterns in quotes")
}

fn put(path: &str, body: &Value) {
    let management = Servers::of_this_run().management;
    let url = management
        .join(&format!("/api/{path}"))
        .expect("the path is valid");
    ureq::put(url.as_str())
        .header("Content-Type", "application/json")
        .send(body.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// A user of the broker with exactly the rights of the README, and the broker's address for it.
struct User {
    name: String,
    url: Url,
}

impl User {
    fn create(app: &TestApp, role: &str) -> Self {
        let vhost = app.broker.vhost();
        let name = format!("{vhost}_{role}");
        put(
            &format!("users/{name}"),
            &json!({"password": PASSWORD, "tags": ""}),
        );
        let [configure, write, read] = rights(role);
        put(
            &format!("permissions/{vhost}/{name}"),
            &json!({"configure": configure, "write": write, "read": read}),
        );
        let mut url = app.broker.url().clone();
        url.set_username(&name).expect("the address has a host");
        url.set_password(Some(PASSWORD))
            .expect("the address has a host");
        Self { name, url }
    }

    fn delete(self, app: &TestApp) {
        app.broker.delete(&format!("users/{}", self.name));
    }
}

fn start(app: &TestApp, program: &'static str, variables: &[(String, String)]) -> Program {
    let log = format!("{}-kubernetes-{program}.log", app.broker.vhost());
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(log);
    Program::start(program, log, variables)
}

#[test]
fn the_programs_run_on_the_settings_the_files_and_the_rights_of_the_manifests() {
    let app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let [receiver_user, worker_user] = ["receiver", "worker"].map(|it| User::create(&app, it));
    let public = free_port();
    let buyer = flake();

    let mut of_setup = variables(&app, "setup/job.yaml", app.broker.url());
    let ladder = settings("worker").into_iter();
    of_setup.extend(ladder.filter(|(name, _)| name == "RETRY_LADDER"));
    Program::run("paynowctl", &of_setup, &["setup"]).succeeded();
    let mut of_receiver = variables(&app, "receiver/deployment.yaml", &receiver_user.url);
    of_receiver.extend(settings_at("receiver", free_port()));
    of_receiver.push(("RECEIVER_ADDR".to_owned(), format!("127.0.0.1:{public}")));
    let mut receiver = start(&app, "paynow-receiver", &of_receiver);
    let mut of_worker = variables(&app, "worker/deployment.yaml", &worker_user.url);
    of_worker.extend(settings_at("worker", free_port()));
    let mut worker = start(&app, "paynow-worker", &of_worker);

    let url = format!("http://127.0.0.1:{public}/webhooks/paynow");
    for product in [POINTS, UNKNOWN_PRODUCT] {
        let body = Order::of(product, buyer).body();
        let answer = eventually("the receiver accepts a webhook", || {
            try_post(&url, &body).ok().filter(Answer::accepted)
        });
        app.note_accepted(answer.event_id());
    }
    app.drain();
    let letters = app.dead_letters();
    receiver.stop();
    worker.stop();
    receiver_user.delete(&app);
    worker_user.delete(&app);

    assert_eq!(app.balance_of(buyer), 500);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].ends_with(": unknown_product"), "{letters:?}");
}

#[test]
fn every_setting_is_on_the_page_of_settings() {
    let page = read("ops/settings.md");
    for program in ["receiver", "worker"] {
        for (name, _value) in settings(program) {
            assert!(page.contains(&format!("`{name}`")), "{program}: {name}");
        }
    }
}

#[test]
fn the_rules_for_the_operator_are_those_of_prometheus() {
    let names = |folder: &str, ending: &str| -> BTreeSet<String> {
        std::fs::read_dir(project(folder))
            .unwrap_or_else(|error| panic!("{folder}: {error}"))
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
            .collect()
    };
    let written = "deploy/kubernetes/components/monitoring/rules";
    let alerts = names("deploy/prometheus/alerts", ".yml");
    assert_eq!(alerts, names(written, ".yaml"));
    for name in alerts {
        let indented: String = read(&format!("deploy/prometheus/alerts/{name}.yml"))
            .lines()
            .map(|line| match line {
                "" => "\n".to_owned(),
                line => format!("  {line}\n"),
            })
            .collect();
        assert!(
            read(&format!("{written}/{name}.yaml")).ends_with(&indented),
            "{name} has changed: run deploy/kubernetes/write-rules"
        );
    }
}
