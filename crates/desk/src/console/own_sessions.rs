//! A person's own sessions. Whoever lost a device ends the one that was begun there.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary};
use serde::Serialize;

use super::database::ConsoleDatabase;
use super::session::SessionKey;
use crate::database::times;
use crate::error::DeskError;
use crate::ids;
use crate::row::{One, row};

row! {
    #[derive(Serialize)]
    pub struct OwnSession {
        /// Stands for the session's id, which the database does not tell.
        #[serde(serialize_with = "ids::text")]
        pub session_id: i64,
        /// `account` or `proxy`.
        pub source: String,
        /// Whether it is the one that asks.
        pub is_this: bool,
        pub signed_in_at: String,
        pub seen_at: String,
        pub ends_at: String,
    }
}

impl ConsoleDatabase {
    /// The sessions of the session's person that are not over, the newest first.
    pub fn own_sessions(&self, key: SessionKey) -> Result<Vec<OwnSession>, DeskError> {
        let query = format!(
            "SELECT session_id, source, is_this, {} FROM console_own_sessions($1) AS own \
             ORDER BY own.signed_in_at DESC, session_id DESC",
            times(&["signed_in_at", "seen_at", "ends_at"])
        );
        Ok(self.as_login(|connection| {
            sql_query(query)
                .bind::<Binary, _>(key.as_bytes())
                .load(connection)
        })?)
    }

    /// Ends one of them.
    pub fn end_own_session(&self, key: SessionKey, session_id: i64) -> Result<(), DeskError> {
        let is_over: One<bool> = self.as_login(|connection| {
            sql_query("SELECT console_end_own_session($1, $2) AS value")
                .bind::<Binary, _>(key.as_bytes())
                .bind::<BigInt, _>(session_id)
                .get_result(connection)
        })?;
        match is_over.value {
            true => Ok(()),
            false => Err(DeskError::NotFound(format!(
                "you have no open session {session_id}: nothing was done"
            ))),
        }
    }
}
