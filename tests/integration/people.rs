//! The people of the console: how they sign in, what each role may do, and what the database refuses although
//! nobody else did.

mod corrections;
mod lists;
mod long_lists;
mod previews;
mod replays;
mod rights;
mod sessions;
#[cfg(feature = "unguarded")]
mod unguarded;

use std::fmt::Debug;

use paynow_desk::console::database::ConsoleDatabase;
use paynow_desk::console::permit::{Permit, RightMarker};
use paynow_desk::console::refusal::Refusal;
use paynow_desk::console::session::{Session, SessionId};
use paynow_desk::error::DeskError;
use paynow_desk::settings::SILENCE;
use paynow_process::environment::Environment;
use paynow_worker::database::SilenceLimit;
use url::Url;

use crate::contract::database::Ledger;
use crate::harness::TestDatabase;

const WALLET: i64 = 20;

/// A ledger with rows, and the console's login.
struct World {
    ledger: Ledger,
    console: ConsoleDatabase,
}

impl World {
    fn new() -> Self {
        let ledger = Ledger::with_rows();
        ledger.log_in_as("paynow_console");
        let console = console_at(&ledger.url_of(0));
        Self { ledger, console }
    }

    fn sign_in(&self, name: &str, roles: &str) -> Session {
        sign_in(&self.ledger.database, &self.console, name, roles)
    }

    fn execute(&self, sql: &str) {
        let done = self.ledger.database.execute(sql);
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
}

fn console_at(url: &Url) -> ConsoleDatabase {
    let nothing: [(&str, &str); 0] = [];
    let environment = Environment::of(nothing);
    let silence = SilenceLimit::from_environment(&environment, &SILENCE).expect("the default");
    ConsoleDatabase::new(url.to_string().into(), silence)
}

/// A session of a person with these roles, however the person proved who they are.
fn sign_in(database: &TestDatabase, console: &ConsoleDatabase, name: &str, roles: &str) -> Session {
    let id = SessionId::new().expect("the system has random bytes");
    let key = hex(id.key().as_bytes());
    let rows = format!(
        "INSERT INTO console_people (name, shown_name, source, roles) \
         VALUES ('{name}', '{name}', 'proxy', string_to_array('{roles}', ',')) \
         ON CONFLICT ON CONSTRAINT console_people_pkey DO UPDATE SET roles = excluded.roles; \
         INSERT INTO console_sessions (id_sha256, person, roles) \
         VALUES ('\\x{key}', '{name}', string_to_array('{roles}', ','))"
    );
    database
        .execute(&rows)
        .expect("a superuser signs anybody in");
    let session = console.session(&id).expect("the database answers");
    session.expect("the session is not over")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn permit<R: RightMarker>(session: &Session) -> Permit<R> {
    session.permit().expect("the person has the right")
}

#[track_caller]
fn refusal<T: Debug>(result: Result<T, DeskError>) -> Refusal {
    let error = result.expect_err("this is refused");
    Refusal::of(&error).unwrap_or_else(|| panic!("this was refused for another cause: {error:?}"))
}
