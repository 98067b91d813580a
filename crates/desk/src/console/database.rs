//! The database as the console's login has it.

use std::sync::{Arc, Mutex};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Bool};
use paynow_worker::database::SilenceLimit;
use secrecy::SecretString;

use super::permit::{Permit, RightMarker};
use super::roles::Roles;
use super::session::{Session, SessionId, SessionKey};
use crate::database::seat::{Idle, Seat};
use crate::database::{Database, DatabaseError, times};
use crate::error::DeskError;
use crate::row::row;

row! {
    struct SessionRow {
        person: String,
        shown_name: String,
        roles: String,
        must_enrol: bool,
        signed_in_at: String,
        is_recent: bool,
        ends_at: String,
    }
}

/// Shared by all requests of the console.
pub struct ConsoleDatabase {
    database: Database,
    idle: Arc<Idle>,
    /// Passwords are derived one at a time: many sign-ins must not take all processors.
    pub(crate) deriving: Mutex<()>,
}

impl ConsoleDatabase {
    /// `url` is the address with the console's own login.
    pub fn new(url: SecretString, silence: SilenceLimit) -> Self {
        Self {
            database: Database::new(url, silence),
            idle: Arc::default(),
            deriving: Mutex::new(()),
        }
    }

    /// The database for what the permit allows. Every call of the desk takes it, and is refused by PostgreSQL
    /// where it does more.
    pub fn seat<R: RightMarker>(&self, permit: &Permit<R>) -> Database {
        let role = permit.role();
        self.database.seated(Seat {
            role: role.name,
            session: permit.session().to_hex(),
            has_names: role.has_names,
            idle: Arc::clone(&self.idle),
        })
    }

    /// The session with this id; `None` when it is over, or never was.
    pub fn session(&self, id: &SessionId) -> Result<Option<Session>, DeskError> {
        self.read_session(id.key(), true)
    }

    /// The same by the key, for streams that look whether the session is over. An open page is no use of it.
    pub fn session_of(&self, key: SessionKey) -> Result<Option<Session>, DeskError> {
        self.read_session(key, false)
    }

    fn read_session(&self, key: SessionKey, is_use: bool) -> Result<Option<Session>, DeskError> {
        let query = format!(
            "SELECT person, shown_name, array_to_string(roles, ',') AS roles, must_enrol, is_recent, {} \
             FROM console_session($1, $2)",
            times(&["signed_in_at", "ends_at"])
        );
        let row: Option<SessionRow> = self.as_login(|connection| {
            sql_query(query)
                .bind::<Binary, _>(key.as_bytes())
                .bind::<Bool, _>(is_use)
                .get_result(connection)
                .optional()
        })?;
        Ok(row.and_then(|row| row.session(key)))
    }

    pub fn sign_out(&self, key: SessionKey) -> Result<(), DeskError> {
        self.about_session("SELECT console_sign_out($1)", key)
    }

    /// Ends every session of the session's person.
    pub fn sign_out_everywhere(&self, key: SessionKey) -> Result<(), DeskError> {
        self.about_session("SELECT console_sign_out_everywhere($1)", key)
    }

    fn about_session(&self, call: &str, key: SessionKey) -> Result<(), DeskError> {
        self.as_login(|connection| {
            sql_query(call)
                .bind::<Binary, _>(key.as_bytes())
                .execute(connection)
        })?;
        Ok(())
    }

    /// Whether the database answers.
    pub fn answers(&self) -> Result<(), DeskError> {
        self.as_login(|connection| sql_query("SELECT 1").execute(connection))?;
        Ok(())
    }

    /// With the rights of the login itself: sessions, and nothing that a person asks for.
    pub(crate) fn as_login<T>(
        &self,
        queries: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        self.database
            .with_login(&self.idle, |connection| Ok(queries(connection)?))
    }
}

impl SessionRow {
    fn session(self, key: SessionKey) -> Option<Session> {
        Some(Session {
            key,
            person: self.person.parse().ok()?,
            shown_name: self.shown_name,
            roles: Roles::of_codes(&self.roles),
            must_enrol: self.must_enrol,
            signed_in_at: self.signed_in_at,
            is_recent: self.is_recent,
            ends_at: self.ends_at,
        })
    }
}
