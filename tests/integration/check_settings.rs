//! `paynow-receiver --check-settings` and `paynow-worker --check-settings`: as a start reads them, without one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Program;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/debian/scripts/paynow-check-settings"
);
const ENV_FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/debian/env");

/// Nothing listens at port 1.
const SETTINGS: [(&str, &str); 3] = [
    ("AMQP_URL", "amqp://guest:hidden@127.0.0.1:1/%2f"),
    (
        "DATABASE_URL",
        "postgres://points:hidden@127.0.0.1:1/points",
    ),
    ("PAYNOW_SIGNING_SECRETS", "orders:pn-0123456789abcdef"),
];

#[test]
fn settings_are_checked_without_a_connection_and_a_wrong_one_is_named() {
    for (program, name, value) in [
        ("paynow-receiver", "RECEIVER_MAX_IN_FLIGHT", "many"),
        ("paynow-receiver", "LOG_LEVEL", "loud"),
        ("paynow-worker", "TRIALS", "maybe"),
        ("paynow-worker", "LOG_FORMAT", "xml"),
        ("paynow-worker", "DATABASE_URL", "mysql://points:hidden@db"),
    ] {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let fine: Vec<(String, String)> = SETTINGS.map(owned).into();
        let checked = Program::run(program, &fine, &["--check-settings"]).succeeded();
        assert_eq!(
            checked.stdout,
            format!("{program}: every setting is valid\n")
        );

        let others = fine.into_iter().filter(|(other, _value)| other != name);
        let wrong: Vec<_> = others.chain([owned((name, value))]).collect();
        let refused = Program::run(program, &wrong, &["--check-settings"]);
        assert_eq!(refused.code, Some(64), "{refused:?}");
        assert!(refused.stderr.contains(name), "{refused:?}");
        assert!(!refused.stderr.contains("hidden"), "{refused:?}");
    }
}

/// What the package would have in `/etc/paynow`, with the settings as they are shipped.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("etc-paynow");
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets).expect("the folder can be made");
    for name in ["receiver.env", "worker.env"] {
        fs::copy(Path::new(ENV_FILES).join(name), folder.join(name)).expect("it is shipped");
    }
    let [broker, database, signing] = SETTINGS.map(|(_name, value)| value);
    for (name, value) in [
        ("receiver_amqp", broker),
        ("worker_amqp", broker),
        ("worker_database", database),
        ("signing", signing),
    ] {
        fs::write(secrets.join(name), value).expect("it can be written");
    }
    folder
}

#[test]
fn the_package_checks_what_its_units_would_read() {
    let folder = installed();
    let here = std::env::current_exe().expect("this program has a path");
    let programs = here
        .parent()
        .and_then(Path::parent)
        .expect("it is below debug");
    let check = || {
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let mut script = Command::new(SCRIPT);
        script
            .arg(&folder)
            .env("PATH", path)
            .output()
            .expect("it runs")
    };
    let fine = check();
    let said = String::from_utf8_lossy(&fine.stdout).into_owned();
    assert!(fine.status.success(), "{fine:?}");
    let both = ["paynow-receiver", "paynow-worker"];
    assert_eq!(
        said,
        both.map(|it| format!("{it}: every setting is valid\n"))
            .concat()
    );

    // Quoted, with spaces around it and after a comment, as systemd reads it.
    let worker = "# of our shop\n  TRIALS=\"sometimes\"  \nORDER_TYPES=unknown=credit\n";
    fs::write(folder.join("worker.env"), worker).expect("it can be written");
    let wrong = check();
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        said.contains("TRIALS must be") && said.contains("\"sometimes\""),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("paynow-receiver: every"));
    fs::remove_file(folder.join("secrets/worker_database")).expect("it is there");
    let missing = String::from_utf8_lossy(&check().stderr).into_owned();
    assert!(
        missing.contains("DATABASE_URL_FILE names a file"),
        "{missing}"
    );
}
