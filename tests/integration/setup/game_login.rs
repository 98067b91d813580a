//! `setup --game-login`: a login for a game backend, on a new database and on one that exists.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, ConnectionError};
use url::Url;

use crate::harness::{Outcome, Program, Servers, TestDatabase, eventually, flake};

/// A database without our schema, and the name of a login that does not exist.
struct World {
    database: TestDatabase,
    login: String,
}

impl World {
    fn new() -> Self {
        let name = format!("paynow_game_{}", flake());
        let database = TestDatabase::create(&Servers::of_this_run().database, &name);
        Self {
            database,
            login: format!("{name}_login"),
        }
    }

    fn setup(&self, more: &[&str]) -> Outcome {
        let variables = [("DATABASE_URL".to_owned(), self.database.url().to_string())];
        let game = ["setup", "--skip-broker", "--game-login"];
        let arguments = [&game[..], &[self.login.as_str()], more].concat();
        Program::run("paynowctl", &variables, &arguments)
    }

    fn log_in(&self, password: &str) -> Result<PgConnection, ConnectionError> {
        let mut url: Url = self.database.url().clone();
        url.set_username(&self.login).expect("it has a host");
        url.set_password(Some(password)).expect("it has a host");
        PgConnection::establish(url.as_str())
    }

    /// A file with a password, as an editor leaves it.
    fn file(&self, password: &str) -> String {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&self.login);
        std::fs::write(&path, format!("{password}\n")).expect("the file can be written");
        path.display().to_string()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.database.drop_it();
        let server = Servers::of_this_run().database;
        let mut connection = PgConnection::establish(server.as_str()).expect("the server answers");
        let drop_it = format!("DROP ROLE IF EXISTS {}", self.login);
        eventually("the login is dropped", || {
            connection.batch_execute(&drop_it).ok()
        });
    }
}

#[test]
fn a_game_login_is_made_once_and_its_password_is_printed_once() {
    let world = World::new();
    let first = world.setup(&[]).succeeded().stdout;
    let (_before, password) = first
        .split_once("which is shown only now: ")
        .expect("it is printed");
    let password = password.lines().next().expect("a line").to_owned();

    let again = world.setup(&[]).succeeded().stdout;

    assert!(again.contains("keeps its password"), "{again}");
    assert!(!again.contains("shown only now"), "{again}");
    let mut backend = world.log_in(&password).expect("the password is right");
    backend
        .batch_execute("SELECT wallet_id, balance FROM wallets; SELECT balance_by('steam', '1')")
        .expect("a game backend may do this");
    let refused = backend
        .batch_execute("SELECT * FROM ledger_entries")
        .unwrap_err();
    assert!(
        refused.to_string().contains("permission denied"),
        "{refused}"
    );
    let login = &world.login;
    // The setup of another database on this server sets them for its own, for all logins with the role.
    let limits = world.database.texts(&format!(
        "SELECT unnest(setconfig) AS value FROM pg_db_role_setting \
         JOIN pg_database ON pg_database.oid = setdatabase \
         WHERE setrole = '{login}'::regrole AND datname = current_database()"
    ));
    assert_eq!(limits.len(), 3, "{limits:?}");
    let stored = world.database.texts(&format!(
        "SELECT rolpassword AS value FROM pg_authid WHERE rolname = '{login}'"
    ));
    assert!(
        stored.concat().starts_with("SCRAM-SHA-256$4096:"),
        "{stored:?}"
    );
}

#[test]
fn a_password_of_a_file_is_set_also_for_a_login_that_exists() {
    let world = World::new();
    let file = world.file("a-first-password");
    let with_file = ["--password-file", file.as_str()];
    let made = world.setup(&with_file).succeeded().stdout;
    world.log_in("a-first-password").expect("it is this one");

    world.file("another-password");
    let changed = world.setup(&with_file).succeeded().stdout;

    world.log_in("another-password").expect("it is the new one");
    assert!(world.log_in("a-first-password").is_err());
    for printed in [made, changed] {
        assert!(!printed.contains("-password "), "{printed}");
        assert!(printed.contains("the password of the file"), "{printed}");
    }
    for bad in ["", "short", "two words of many"] {
        world.file(bad);
        let refused = world.setup(&with_file);
        assert_eq!(refused.code, Some(1), "{bad}: {refused:?}");
        assert!(
            refused.stderr.contains("must contain one password"),
            "{refused:?}"
        );
    }
    world.log_in("another-password").expect("it stays");
}

#[test]
fn the_login_of_a_person_or_a_program_is_never_made_a_game_login() {
    let world = World::new();
    world.setup(&[]).succeeded();
    let login = &world.login;
    let file = world.file("never-to-be-set");
    for role in [
        "paynow_operator",
        "paynow_worker",
        "paynow_reader",
        "paynow_owner",
    ] {
        world
            .database
            .execute(&format!("GRANT {role} TO {login}"))
            .unwrap();
        for more in [&[][..], &["--password-file", &file]] {
            let refused = world.setup(more);
            assert_eq!(refused.code, Some(1), "{role}: {refused:?}");
            assert!(
                refused.stderr.contains("no login of a game backend"),
                "{refused:?}"
            );
        }
        world
            .database
            .execute(&format!("REVOKE {role} FROM {login}"))
            .unwrap();
    }
    for (before, after) in [
        ("SUPERUSER", "NOSUPERUSER"),
        ("NOLOGIN", "LOGIN"),
        ("CREATEROLE", "NOCREATEROLE"),
    ] {
        let alter = |what| {
            world
                .database
                .execute(&format!("ALTER ROLE {login} {what}"))
        };
        alter(before).unwrap();
        assert_eq!(world.setup(&[]).code, Some(1), "{before}");
        alter(after).unwrap();
    }
    assert!(world.log_in("never-to-be-set").is_err());
}
