//! For whom the console acts: a role of the database, and the session that what is written is recorded under.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

/// As many as work at once when some people look.
const IDLE_MAX: usize = 4;
/// A page that takes longer is answered with what is wrong.
const STATEMENT_LIMIT: &str = "5s";
/// The same for what reads or changes whole tables, such as a check of the ledger.
const PATIENT_LIMIT: &str = "600s";

/// Connections that nobody uses at the moment.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<PgConnection>>);

impl Idle {
    pub(super) fn one(&self) -> Option<PgConnection> {
        self.connections().pop()
    }

    pub(super) fn keep(&self, connection: PgConnection) {
        let mut connections = self.connections();
        if connections.len() < IDLE_MAX {
            connections.push(connection);
        }
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A role of the console for one session of a person.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) role: &'static str,
    /// The SHA-256 of the session's id, in hexadecimal digits.
    pub(crate) session: String,
    pub(crate) has_names: bool,
    pub(crate) idle: Arc<Idle>,
}

impl Seat {
    pub(super) fn idle(&self) -> &Idle {
        &self.idle
    }

    pub(super) fn may_see_names(&self) -> bool {
        self.has_names
    }

    /// Gives the connection the rights of the seat, whatever it had before.
    pub(super) fn take(&self, connection: &mut PgConnection, is_patient: bool) -> QueryResult<()> {
        let limit = if is_patient {
            PATIENT_LIMIT
        } else {
            STATEMENT_LIMIT
        };
        set(connection, self.role, &self.session, limit)
    }
}

/// Takes the rights of a seat from the connection.
pub(super) fn stand_up(connection: &mut PgConnection) -> QueryResult<()> {
    set(connection, "none", "", STATEMENT_LIMIT)
}

/// Without the compilation of statements: it takes a third of a second where the planner expects many rows, for statements
/// that take less.
fn set(
    connection: &mut PgConnection,
    role: &str,
    session: &str,
    statement_limit: &str,
) -> QueryResult<()> {
    sql_query(
        "SELECT set_config('role', $1, false), set_config('paynow.console_session', $2, false), \
                set_config('statement_timeout', $3, false), set_config('jit', 'off', false)",
    )
    .bind::<Text, _>(role)
    .bind::<Text, _>(session)
    .bind::<Text, _>(statement_limit)
    .execute(connection)
    .map(drop)
}
