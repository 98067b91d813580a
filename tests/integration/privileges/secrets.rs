//! The secrets that `deploy/make-secrets` creates. No other file in `deploy` contains a secret.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::made::Made;

/// Hexadecimal digits of random bits.
const PASSWORD_DIGITS_MIN: usize = 48;
/// Our users, and their names in the Kubernetes guide.
const KUBERNETES_USERS: [(&str, &str); 6] = [
    ("receiver", "receiver"),
    ("worker", "worker"),
    ("setup", "setup"),
    ("operator", "operator"),
    ("console", "console"),
    ("monitoring", "keda"),
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The random parts of all files: passwords, also those within addresses.
fn random_parts(made: &Made) -> Vec<(String, BTreeSet<String>)> {
    let is_hex = |byte: &char| byte.is_ascii_hexdigit();
    let parts = |content: &str| {
        content
            .split(|byte| !is_hex(&byte))
            .filter(|part| part.len() >= PASSWORD_DIGITS_MIN)
            .map(str::to_owned)
            .collect()
    };
    made.files()
        .into_iter()
        .filter(|(name, _content)| name != "definitions.json")
        .map(|(name, content)| (name, parts(&content)))
        .collect()
}

#[test]
fn every_password_is_random_and_is_used_for_one_login() {
    let (first, second) = (Made::new(), Made::new());
    let all = |made: &Made| -> BTreeSet<String> {
        random_parts(made)
            .into_iter()
            .flat_map(|(_name, parts)| parts)
            .collect()
    };
    let passwords: Vec<(String, String)> = first
        .files()
        .into_iter()
        .filter(|(name, _content)| name.ends_with("_password"))
        .collect();
    let different: BTreeSet<&String> = passwords.iter().map(|(_name, it)| it).collect();

    assert_eq!(
        different.len(),
        passwords.len(),
        "two logins share a password"
    );
    assert!(passwords.len() >= 8, "{}", passwords.len());
    for (name, password) in &passwords {
        assert!(password.len() >= PASSWORD_DIGITS_MIN, "{name}");
    }
    assert!(all(&first).is_disjoint(&all(&second)));
    // Every address contains the password of its own login.
    for (name, parts) in random_parts(&first) {
        let base = name.split_once('_').map_or("", |(base, _kind)| base);
        let owner = match &*name {
            "signing" | "erlang_cookie" => continue,
            "setup_database" => "postgres_password".to_owned(),
            _ if name.ends_with("_database") => format!("{base}_password"),
            _ if name.ends_with("_password") => name.clone(),
            _amqp_or_management => format!("rabbitmq_{base}_password"),
        };
        assert_eq!(parts, BTreeSet::from([first.secret(&owner)]), "{name}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_nobody_else_reads_the_files() {
    let made = Made::new();
    let before = made.files();
    made.again();
    assert!(made.files() == before, "a second run changed a secret");

    let folder = made.folder();
    let mode = std::fs::metadata(folder)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    // A new login gets a password, and those in use stay.
    std::fs::remove_file(folder.join("operator_database")).expect("it is there");
    made.again();
    assert!(made.files() == before, "an address has another password");
    // Those of a version without console.
    let old = made.secret("definitions.json").replace("console", "other");
    std::fs::write(folder.join("definitions.json"), old).expect("it can be written");
    made.again();
    let new = made.secret("definitions.json");
    assert!(new.contains(r#""name": "console""#), "{new}");
}

#[test]
fn kept_signing_secrets_are_replaced_only_when_that_is_asked_for() {
    const NEW: &str = "orders:pn-00112233445566778899aabbccddeeff";
    let made = Made::new();
    let kept = made.secret("signing");
    let inode = |made: &Made| {
        let file = std::fs::metadata(made.folder().join("signing"));
        file.expect("it is there").ino()
    };
    let before = inode(&made);

    let (is_done, said) = made.call(&[], &kept);
    assert!(is_done && !said.contains("differs"), "{said}");
    let (is_done, said) = made.call(&[], NEW);
    assert!(is_done && said.contains("differs"), "{said}");
    assert!(!said.contains(NEW) && !said.contains(&kept), "{said}");
    assert_eq!(made.secret("signing"), kept);
    let (is_done, said) = made.call(&["--signing"], "");
    assert!(!is_done && said.contains("is not set"), "{said}");
    assert_eq!(made.secret("signing"), kept);

    let (is_done, said) = made.call(&["--signing"], NEW);
    assert!(is_done && !said.contains(NEW), "{said}");
    assert_eq!(made.secret("signing"), NEW);
    assert_eq!(
        inode(&made),
        before,
        "a container would see the old file for ever"
    );
}

#[test]
fn the_definitions_are_the_topology_and_six_users_with_hashes_only() {
    let made = Made::new();
    let committed = std::fs::read(project("deploy/rabbitmq/definitions.json")).expect("it is");
    let committed: Value = serde_json::from_slice(&committed).expect("it is JSON");
    let mut topology = made.definitions.clone();
    for extra in ["users", "permissions"] {
        let removed = topology.as_object_mut().expect("an object").remove(extra);
        assert!(removed.is_some(), "{extra}");
    }
    assert_eq!(topology, committed);
    let text = made.secret("definitions.json");
    for (name, password) in made.files() {
        assert!(
            !name.ends_with("_password") || !text.contains(&password),
            "{name} is in the definitions"
        );
    }
    let hashes: BTreeSet<&str> = made.definitions["users"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|user| user["password_hash"].as_str())
        .collect();
    assert_eq!(hashes.len(), made.names_of_users().len());
}

#[test]
fn the_kubernetes_guide_gives_the_same_rights() {
    let made = Made::new();
    let guide = std::fs::read_to_string(project("deploy/kubernetes/README.md")).expect("it is");
    for (user, in_guide) in KUBERNETES_USERS {
        let command = format!("set_permissions -p / {in_guide} ");
        let line = guide
            .lines()
            .find(|line| line.contains(&command))
            .unwrap_or_else(|| panic!("the guide has no {command}"));
        let mut rights: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        let tags = line.split_once(&format!("set_user_tags {in_guide} "));
        rights.push(tags.map_or("", |(_before, tags)| tags));
        assert_eq!(rights, made.rights_of(user), "{user}");
    }
    let commands = guide.matches("set_permissions").count();
    assert_eq!(commands, made.names_of_users().len());
}

/// The secrets that a service of the compose project may read.
fn secrets_of<'a>(compose: &'a str, service: &str) -> Vec<&'a str> {
    let start = format!("\n  {service}:\n");
    let (_before, section) = compose.split_once(&start).expect("the service exists");
    let list = section
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .find_map(|line| line.trim().strip_prefix("secrets: [")?.strip_suffix(']'));
    list.unwrap_or_default().split(", ").collect()
}

#[test]
fn a_service_of_the_compose_project_reads_its_own_logins_only() {
    let compose = std::fs::read_to_string(project("deploy/compose.yaml")).expect("it is there");
    for (service, expected) in [
        ("receiver", &["receiver_amqp", "signing"][..]),
        ("worker", &["worker_amqp", "worker_database", "signing"]),
        (
            "setup",
            &[
                "setup_amqp",
                "setup_management",
                "setup_database",
                "game_password",
            ],
        ),
        (
            "ctl",
            &[
                "operator_amqp",
                "operator_management",
                "operator_database",
                "signing",
            ],
        ),
        (
            "console",
            &["console_amqp", "console_management", "console_database"],
        ),
        ("grafana", &["grafana_password"]),
    ] {
        assert_eq!(secrets_of(&compose, service), expected, "{service}");
    }
}

/// Collects every text file below `deploy`.
fn shipped(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            // Git ignores the first, and the other contains wrong manifests on purpose.
            let is_left_out = ["secrets", "validation"]
                .iter()
                .any(|name| path.ends_with(name));
            if !is_left_out {
                shipped(&path, found);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
}

/// Whether a value is a reference or a placeholder and no password.
fn is_reference(value: &str) -> bool {
    value.is_empty() || value.starts_with(['$', '%', '<', '{', ':', '/', '[', '|', '>'])
}

/// The password in a line: in an address, or the value of a key that is named so.
fn password_in(line: &str) -> Option<&str> {
    let line = line.trim();
    let of_address = line.split("://").skip(1).find_map(|rest| {
        let authority = rest.split(['/', '"', '\'', ' ']).next()?;
        let (_user, password) = authority.rsplit_once('@')?.0.split_once(':')?;
        Some(password)
    });
    let (key, value) = line.split_once(": ").or_else(|| line.split_once('='))?;
    let key = key.trim_matches(['"', '-', ' ']).to_lowercase();
    let is_password = !key.trim().contains(' ')
        && ["password", "passwd", "default_pass", "secret_key"]
            .iter()
            .any(|name| key.trim().ends_with(name));
    let of_key = is_password.then(|| value.trim_matches(['"', '\'', ',', ' ']));
    of_address
        .into_iter()
        .chain(of_key)
        .find(|value| !is_reference(value))
}

#[test]
fn a_plain_server_gives_the_same_rights_as_compose() {
    let made = Made::new();
    let script = std::fs::read_to_string(project("deploy/debian/scripts/paynow-make-logins"));
    let script = script.expect("it is there");
    let lines = script
        .lines()
        .filter_map(|line| line.trim().strip_prefix("broker_login "));
    let mut users = 0;
    for line in lines.filter(|line| !line.starts_with('$')) {
        let words: Vec<&str> = line
            .split(' ')
            .map(|word| word.trim_matches('\''))
            .collect();
        let [user, _group, tags, rights @ ..] = &words[..] else {
            panic!("no login: {line}");
        };
        let expected = made.rights_of(user);
        assert_eq!([rights, &[*tags]].concat(), expected, "{user}");
        users += 1;
    }
    assert_eq!(users, 5);
}

#[test]
fn nothing_that_is_shipped_contains_a_password() {
    for (line, expected) in [
        ("AMQP_URL: amqp://guest:guest@rabbitmq:5672", Some("guest")),
        ("POSTGRES_PASSWORD: paynow", Some("paynow")),
        ("default_pass = hunter2", Some("hunter2")),
        ("GF_SECURITY_ADMIN_PASSWORD=\"admin\"", Some("admin")),
        ("amqps://<user>:<password>@rabbitmq:5671", None),
        ("POSTGRES_PASSWORD: ${PASSWORD}", None),
    ] {
        assert_eq!(password_in(line), expected, "{line}");
    }
    let mut files = Vec::new();
    shipped(&project("deploy"), &mut files);
    assert!(files.len() > 50, "{} files only", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| text.lines().map(move |line| (path, line)))
        .filter(|(_path, line)| password_in(line).is_some())
        .map(|(path, line)| format!("{}: {line}", path.display()))
        .collect();
    assert_eq!(found, Vec::<String>::new());
}
