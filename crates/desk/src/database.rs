//! The connection to PostgreSQL and the role that a query runs as.

use std::time::Duration;

use crate::row::row;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use paynow_worker::connect::{ConnectProblem, establish, limit_silence, silence};
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
}

impl Database {
    /// `url` is an address as libpq takes it.
    pub fn new(url: SecretString, silence: SilenceLimit) -> Self {
        Self {
            url,
            limit: silence.ordinary(),
            silence,
        }
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
        let (mut connection, _access) = self.open_with_schema()?;
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
        read_only(&mut self.open_as_operator()?, queries)
    }

    /// Connects with the rights of an operator and no more, even where the login has more.
    pub(crate) fn open_as_operator(&self) -> Result<PgConnection, DatabaseError> {
        let (mut connection, access) = self.open_with_schema()?;
        let (may_operate, login) = (access.may_operate, access.login);
        if !may_operate.ok_or(DatabaseError::NoOperator)? {
            return Err(DatabaseError::NotAnOperator { login });
        }
        sql_query("SET ROLE paynow_operator").execute(&mut connection)?;
        Ok(connection)
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
