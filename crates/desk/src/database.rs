//! The connection to PostgreSQL and the role that a query runs as.

pub(crate) mod seat;

use std::time::Duration;

use self::seat::Seat;
use crate::row::row;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use paynow_process::certificate::TlsPeer;
use paynow_worker::connect::{ConnectProblem, establish, limit_silence, silence, tls_peer};
use paynow_worker::database::SilenceLimit;
use secrecy::{ExposeSecret, SecretString};

/// A check of a ledger that has grown for years reads for minutes, and `setup` limits the statements of
/// logins.
const NO_STATEMENT_LIMIT: &str = "SET LOCAL statement_timeout TO 0";
/// Without it libpq waits for a silent server as long as TCP does.
const CONNECT_LIMIT_SECONDS: u32 = 10;

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("this database has no tables of ours: run `paynowctl setup` first")]
    NoSchema,
    #[error(
        "this database has no role paynow_operator: run `paynowctl setup` of this version first"
    )]
    NoOperator,
    #[error(
        "the login {login} may not do that: log in as paynow_operator, or as one that may act as it \
         (GRANT paynow_operator TO {login})"
    )]
    NotAnOperator { login: String },
    #[error(
        "the login {login} may not do that: log in as setup does, as one that may act as paynow_owner"
    )]
    NotTheOwner { login: String },
    #[error("the database cannot be reached or refuses the login")]
    Unreachable(#[source] ConnectProblem),
    /// The server may work on, and commit: only the connection is over.
    #[error(
        "the database has said nothing for {} s, so its connection was closed; a change may have been \
         made or not",
        .0.as_secs()
    )]
    Silent(Duration),
    #[error("the database refused a query")]
    Refused(#[source] diesel::result::Error),
}

impl From<diesel::result::Error> for DatabaseError {
    fn from(error: diesel::result::Error) -> Self {
        silence().map_or(Self::Refused(error), Self::Silent)
    }
}

/// Connects as the login of the address. A statement may be unanswered for `limit`.
pub fn open(url: &SecretString, limit: Duration) -> Result<PgConnection, DatabaseError> {
    establish(&with_connect_limit(url.expose_secret()), limit).map_err(DatabaseError::Unreachable)
}

/// Adds the limit to an address, or to libpq's other form, a list of `name=value`.
fn with_connect_limit(url: &str) -> String {
    let setting = format!("connect_timeout={CONNECT_LIMIT_SECONDS}");
    let separator = match (url.contains("connect_timeout"), url.contains("://")) {
        (true, _) => return url.to_owned(),
        (false, true) if url.contains('?') => '&',
        (false, true) => '?',
        (false, false) => ' ',
    };
    format!("{url}{separator}{setting}")
}

row! {
    struct Access {
        has_schema: bool,
        may_read_as_reader: bool,
        /// `None` where the role does not exist.
        may_operate: Option<bool>,
        may_own: bool,
        login: String,
    }
}

/// What `pg_has_role` calls the right to take a role: the word changed in PostgreSQL 16.
pub const ROLE_RIGHT: &str =
    "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";

/// The pipeline's database. Every call opens a connection of its own.
#[derive(Clone)]
pub struct Database {
    url: SecretString,
    /// How long the statements of a call may be unanswered.
    limit: Duration,
    silence: SilenceLimit,
    /// For whom the console acts; `None` for a person's own login.
    seat: Option<Seat>,
}

impl Database {
    /// `url` is an address as libpq takes it.
    pub fn new(url: SecretString, silence: SilenceLimit) -> Self {
        Self {
            url,
            limit: silence.ordinary(),
            silence,
            seat: None,
        }
    }

    /// The same database, whose calls all have the rights of the seat.
    pub(crate) fn seated(&self, seat: Seat) -> Self {
        Self {
            seat: Some(seat),
            ..self.clone()
        }
    }

    /// The server whose certificate can be read; `None` if there is not exactly one.
    pub(crate) fn tls_peer(&self) -> Option<TlsPeer> {
        tls_peer(self.url.expose_secret())
    }

    /// The same database for calls that read or change whole tables: the server says nothing meanwhile.
    pub(crate) fn patient(&self) -> Self {
        Self {
            limit: self.silence.patient(),
            ..self.clone()
        }
    }

    /// The same database for somebody who waits no longer than this.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// From now on the connection waits for an answer as long as this database's connections do.
    pub(crate) fn limit(&self, connection: &mut PgConnection) {
        limit_silence(connection, self.limit);
    }

    /// Runs queries in a transaction that sees one state of the database and cannot change it. It
    /// runs as `paynow_reader` where the login may.
    pub fn read<T>(
        &self,
        queries: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        if let Some(seat) = &self.seat {
            return self.read_seated(seat, |connection| Ok(queries(connection)?));
        }
        let (mut connection, access) = self.open_with_schema()?;
        if access.may_read_as_reader {
            sql_query("SET ROLE paynow_reader").execute(&mut connection)?;
        }
        Ok(read_only(&mut connection, queries)?)
    }

    /// The same with the rights of the login itself.
    pub(crate) fn read_as_login<T>(
        &self,
        queries: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        if let Some(seat) = &self.seat {
            return self.read_seated(seat, |connection| Ok(queries(connection)?));
        }
        let (mut connection, _access) = self.open_with_schema()?;
        Ok(read_only(&mut connection, queries)?)
    }

    /// The same as an operator where the login may act as one, who may see the names of players. Tells
    /// whether it may.
    pub(crate) fn read_with_names<T>(
        &self,
        queries: impl FnOnce(&mut PgConnection, bool) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        if let Some(seat) = &self.seat {
            let may_see = seat.may_see_names();
            return self.read_seated(seat, |connection| Ok(queries(connection, may_see)?));
        }
        let (mut connection, access) = self.open_with_schema()?;
        let is_operator = access.may_operate == Some(true);
        if is_operator {
            sql_query("SET ROLE paynow_operator").execute(&mut connection)?;
        } else if access.may_read_as_reader {
            sql_query("SET ROLE paynow_reader").execute(&mut connection)?;
        }
        let queries = |connection: &mut PgConnection| queries(connection, is_operator);
        Ok(read_only(&mut connection, queries)?)
    }

    /// The same as an operator: bodies hold personal data, which `paynow_reader` may not see.
    pub(crate) fn read_as_operator<T, E>(
        &self,
        queries: impl FnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError> + From<diesel::result::Error>,
    {
        match &self.seat {
            Some(seat) => self.read_seated(seat, queries),
            None => read_only(&mut self.open_as_operator()?, queries),
        }
    }

    /// Connects with the rights of an operator and no more, even where the login has more.
    pub(crate) fn open_as_operator(&self) -> Result<PgConnection, DatabaseError> {
        if let Some(seat) = &self.seat {
            let mut connection = open(&self.url, self.limit)?;
            seat.take(&mut connection, self.is_patient())?;
            return Ok(connection);
        }
        let (mut connection, access) = self.open_with_schema()?;
        let (may_operate, login) = (access.may_operate, access.login);
        if !may_operate.ok_or(DatabaseError::NoOperator)? {
            return Err(DatabaseError::NotAnOperator { login });
        }
        sql_query("SET ROLE paynow_operator").execute(&mut connection)?;
        Ok(connection)
    }

    /// Connects as the owner of the schema, as `setup` does.
    pub(crate) fn open_as_owner(&self) -> Result<PgConnection, DatabaseError> {
        let (mut connection, access) = self.open_with_schema()?;
        if !access.may_own {
            let login = access.login;
            return Err(DatabaseError::NotTheOwner { login });
        }
        sql_query("SET ROLE paynow_owner").execute(&mut connection)?;
        Ok(connection)
    }

    /// Connects as the login itself, which for the console is one that may do almost nothing.
    pub(crate) fn with_login<T, E>(
        &self,
        idle: &seat::Idle,
        queries: impl FnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError> + From<diesel::result::Error>,
    {
        let mut connection = self.one(idle, seat::stand_up)?;
        let result = queries(&mut connection)?;
        idle.keep(connection);
        Ok(result)
    }

    /// Reads on a connection that was idle, if one was. One that has failed is not used again.
    fn read_seated<T, E>(
        &self,
        seat: &Seat,
        queries: impl FnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError> + From<diesel::result::Error>,
    {
        let take = |connection: &mut PgConnection| seat.take(connection, self.is_patient());
        let mut connection = self.one(seat.idle(), take)?;
        let result = connection
            .build_transaction()
            .repeatable_read()
            .read_only()
            .run(queries)?;
        seat.idle().keep(connection);
        Ok(result)
    }

    /// An idle connection that still answers, or a new one.
    fn one(
        &self,
        idle: &seat::Idle,
        prepare: impl Fn(&mut PgConnection) -> QueryResult<()>,
    ) -> Result<PgConnection, DatabaseError> {
        while let Some(mut connection) = idle.one() {
            self.limit(&mut connection);
            if prepare(&mut connection).is_ok() {
                return Ok(connection);
            }
        }
        let mut connection = open(&self.url, self.limit)?;
        prepare(&mut connection)?;
        Ok(connection)
    }

    /// Whether calls may read whole tables.
    fn is_patient(&self) -> bool {
        self.limit > self.silence.ordinary()
    }

    /// Connects and reads what the login may do here.
    fn open_with_schema(&self) -> Result<(PgConnection, Access), DatabaseError> {
        let ordinary = self.silence.ordinary().min(self.limit);
        let mut connection = open(&self.url, ordinary)?;
        let access: Access = sql_query(format!(
            "SELECT to_regclass('wallets') IS NOT NULL AND to_regclass('dead_letters') IS NOT NULL \
                        AS has_schema, \
                    EXISTS (SELECT FROM pg_roles WHERE rolname = 'paynow_reader' \
                            AND pg_has_role(current_user, oid, {ROLE_RIGHT})) \
                        AS may_read_as_reader, \
                    (SELECT pg_has_role(current_user, oid, {ROLE_RIGHT}) FROM pg_roles \
                     WHERE rolname = 'paynow_operator') AS may_operate, \
                    EXISTS (SELECT FROM pg_roles WHERE rolname = 'paynow_owner' \
                            AND pg_has_role(current_user, oid, {ROLE_RIGHT})) \
                        AS may_own, \
                    current_user::text AS login"
        ))
        .get_result(&mut connection)?;
        if access.has_schema {
            self.limit(&mut connection);
            Ok((connection, access))
        } else {
            Err(DatabaseError::NoSchema)
        }
    }
}

pub(crate) fn read_only<T, E: From<diesel::result::Error>>(
    connection: &mut PgConnection,
    queries: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(|connection| {
            sql_query(NO_STATEMENT_LIMIT).execute(connection)?;
            queries(connection)
        })
}

/// SQL that selects times as every document of ours has them: UTC, ISO 8601, milliseconds.
pub(crate) fn times(columns: &[&str]) -> String {
    let texts = columns.iter().map(|column| {
        format!(
            r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS {column}"#
        )
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_attempt_has_a_limit() {
        for (url, limited) in [
            ("postgres://h/d", "postgres://h/d?connect_timeout=10"),
            (
                "postgres://h/d?sslmode=require",
                "postgres://h/d?sslmode=require&connect_timeout=10",
            ),
            ("host=h dbname=d", "host=h dbname=d connect_timeout=10"),
            (
                "postgres://h?connect_timeout=3",
                "postgres://h?connect_timeout=3",
            ),
        ] {
            assert_eq!(with_connect_limit(url), limited);
        }
    }
}
