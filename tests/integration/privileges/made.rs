//! The secrets that `deploy/make-secrets` creates, and its broker users for one test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use ureq::http::Request;
use url::Url;

use crate::harness::{Servers, TestApp};

/// A directory of secrets, created as for a deployment.
pub(super) struct Made {
    folder: PathBuf,
    pub(super) definitions: Value,
}

impl Made {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("secrets-{}-{serial}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        make(&folder);
        let text = std::fs::read(folder.join("definitions.json")).expect("the file exists");
        let definitions = serde_json::from_slice(&text).expect("it is JSON");
        Self {
            folder,
            definitions,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs the script once more.
    pub(super) fn again(&self) {
        make(&self.folder);
    }

    /// Every file by its name.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(&self.folder).expect("the folder exists");
        let mut files: Vec<(String, String)> = entries
            .map(|entry| entry.expect("it can be listed").path())
            .map(|path| {
                let name = path.file_name().expect("a file has a name");
                let content = std::fs::read_to_string(&path).expect("it is text");
                (name.to_string_lossy().into_owned(), content)
            })
            .collect();
        files.sort();
        files
    }

    pub(super) fn secret(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Calls the script once more. Returns whether it succeeded, and what it says.
    pub(super) fn call(&self, arguments: &[&str], signing: &str) -> (bool, String) {
        let called = run(&self.folder, arguments, signing);
        let said = [called.stdout, called.stderr].concat();
        (
            called.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    pub(super) fn names_of_users(&self) -> Vec<&str> {
        let users = self.definitions["users"].as_array().expect("a list");
        users
            .iter()
            .map(|user| user["name"].as_str().expect("a user has a name"))
            .collect()
    }

    /// The patterns for configure, write and read, and the tags.
    pub(super) fn rights_of(&self, user: &str) -> [String; 4] {
        let row = find(&self.definitions["permissions"], "user", user);
        let [configure, write, read] = ["configure", "write", "read"]
            .map(|right| row[right].as_str().expect("a pattern").to_owned());
        let tags = find(&self.definitions["users"], "name", user)["tags"].as_array();
        let tags: Vec<&str> = tags
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        [configure, write, read, tags.join(",")]
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn make(folder: &Path) {
    let made = run(folder, &[], "");
    assert!(made.status.success(), "{made:?}");
}

/// Without secrets of the environment if `signing` is empty.
fn run(folder: &Path, arguments: &[&str], signing: &str) -> Output {
    Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/make-secrets"
    ))
    .args(arguments)
    .env("PAYNOW_SECRETS", folder)
    .env("PAYNOW_SIGNING_SECRETS", signing)
    .output()
    .expect("deploy/make-secrets runs")
}

fn find<'a>(rows: &'a Value, field: &str, value: &str) -> &'a Value {
    let rows = rows.as_array().expect("a list");
    let row = rows.iter().find(|row| row[field] == value);
    row.unwrap_or_else(|| panic!("no {field} is {value}"))
}

/// The users of the definitions with their hashes, in the virtual host of one test. Their names are
/// unique, because users belong to the whole broker.
pub(crate) struct Users<'a> {
    app: &'a TestApp,
    pub(super) made: Made,
}

impl<'a> Users<'a> {
    pub(crate) fn for_app(app: &'a TestApp) -> Self {
        let made = Made::new();
        let vhost = app.broker.vhost();
        let own = |row: &Value, field: &str| {
            let name = row[field].as_str().expect("a name");
            json!(format!("{vhost}_{name}"))
        };
        let renamed = |list: &str, field: &str| -> Vec<Value> {
            let rows = made.definitions[list].as_array().expect("a list").clone();
            let rename = |mut row: Value| {
                row[field] = own(&row, field);
                if row.get("vhost").is_some() {
                    row["vhost"] = json!(vhost);
                }
                row
            };
            rows.into_iter().map(rename).collect()
        };
        let document = json!({
            "users": renamed("users", "name"), "permissions": renamed("permissions", "user"),
        });
        let management = Servers::of_this_run().management;
        let (status, answer) = call(&management, "POST", "definitions", Some(&document));
        assert!(status < 300, "{answer}");
        Self { app, made }
    }

    fn login(&self, base: &Url, user: &str) -> Url {
        let mut url = base.clone();
        url.set_username(&format!("{}_{user}", self.app.broker.vhost()))
            .expect("the address has a host");
        url.set_password(Some(
            &self.made.secret(&format!("rabbitmq_{user}_password")),
        ))
        .expect("the address has a host");
        url
    }

    /// Gives a user these rights instead of its own: to configure, to write and to read.
    pub(super) fn limit(&self, user: &str, configure: &str, write: &str, read: &str) {
        let vhost = self.app.broker.vhost();
        let rights = json!({"configure": configure, "write": write, "read": read});
        let path = format!("permissions/{vhost}/{vhost}_{user}");
        let management = Servers::of_this_run().management;
        let (status, answer) = call(&management, "PUT", &path, Some(&rights));
        assert!(status < 300, "{answer}");
    }

    /// The broker's URL for this user, with the created password.
    pub(crate) fn amqp(&self, user: &str) -> Url {
        self.login(self.app.broker.url(), user)
    }

    pub(crate) fn management(&self, user: &str) -> Url {
        self.login(&Servers::of_this_run().management, user)
    }
}

impl Drop for Users<'_> {
    fn drop(&mut self) {
        for user in self.made.names_of_users() {
            let path = format!("users/{}_{user}", self.app.broker.vhost());
            let management = Servers::of_this_run().management;
            let _gone = call(&management, "DELETE", &path, None);
        }
    }
}

/// Calls the management API as the user of the URL. Returns the status and the text of the answer.
pub(super) fn call(base: &Url, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
    let url = base.join(&format!("/api/{path}")).expect("a path");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let request = Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("Content-Type", "application/json")
        .body(body.map(Value::to_string).unwrap_or_default())
        .expect("the request is valid");
    let mut response = agent.run(request).expect("the management API answers");
    let text = response.body_mut().read_to_string().expect("text");
    (response.status().as_u16(), text)
}
