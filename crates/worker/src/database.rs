//! The database connection of one lane, and what its errors mean. A lane owns its connection, so
//! there is no pool: a broken one is dropped with the attempt that broke it.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use paynow_process::certificate::TlsPeer;
use paynow_process::environment::{Environment, SettingError};
use paynow_shared::ids::InvalidId;
use secrecy::{ExposeSecret, SecretString};

use crate::connect::{establish, tls_peer};
use crate::schema::{NEWEST_MIGRATION, need_schema};

/// Every wait on the database ends: a blocking thread cannot be cancelled from outside.
const LIMITS: [(&str, &str); 7] = [
    ("application_name", "paynow-worker"),
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "15000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    (
        "options",
        "-c%20statement_timeout%3D30000%20-c%20lock_timeout%3D10000\
         %20-c%20idle_in_transaction_session_timeout%3D30000",
    ),
];
/// Whoever we log in as, we work with the worker's rights only. And a credit that was acknowledged
/// must survive a crash of the server, whatever its default says.
const ROLE: &str = "SET ROLE paynow_worker; SET synchronous_commit TO on";

/// `DATABASE_URL` with our limits added where it does not set its own.
#[derive(Clone)]
pub struct DatabaseAddress(SecretString);

impl DatabaseAddress {
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let url = environment.required_secret("DATABASE_URL")?;
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(SettingError::new(
                "DATABASE_URL",
                "must begin with postgres://",
            ));
        }
        Ok(Self(with_limits(url).into()))
    }

    /// What the database shows of itself, where there is one server to ask.
    pub fn tls_peer(&self) -> Option<TlsPeer> {
        tls_peer(self.0.expose_secret())
    }

    /// Opens a connection with the worker's rights. Blocking, and bounded by `connect_timeout`.
    pub fn connect(&self) -> Result<PgConnection, DatabaseError> {
        let mut connection = establish(self.0.expose_secret())
            .map_err(|problem| DatabaseError::Unavailable(problem.to_string()))?;
        connection.batch_execute(ROLE)?;
        need_schema(&mut connection)?;
        Ok(connection)
    }
}

fn with_limits(url: &str) -> String {
    let given = url.split_once('?').map_or("", |(_address, query)| query);
    let is_given = |name: &str| {
        given.split('&').any(|pair| {
            pair.split_once('=')
                .is_some_and(|(key, _value)| key == name)
        })
    };
    let added: Vec<String> = LIMITS
        .iter()
        .filter(|(name, _value)| !is_given(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", added.join("&"))
}

/// What the database's answer means for the events of a transaction.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Another transaction was first; the same work again will see what it wrote.
    #[error("another transaction recorded the same rows first")]
    Raced,
    /// A named rule refused the rows: it will do so every time.
    #[error("the database refused the rows: {message}")]
    Rejected {
        constraint: Option<String>,
        message: String,
    },
    /// The database or our deployment is in trouble, and no event is to blame.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// It waits for `paynowctl setup`; what this version would ask of it may not be there.
    #[error(
        "the database's schema is older than this worker: run `paynowctl setup` of this version \
         (migration {NEWEST_MIGRATION} is missing)"
    )]
    SchemaBehind,
}

impl From<DieselError> for DatabaseError {
    /// Diesel tells the SQLSTATE of few classes. Rules have names and their own kinds, and
    /// everything a row of ours could break is one (a balance out of range is re-raised by name);
    /// so whatever is left is trouble that passes or that a person must end, never the event's.
    fn from(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, information) = error else {
            return Self::Unavailable(error.to_string());
        };
        let message = information.message().to_owned();
        match kind {
            DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::SerializationFailure => {
                Self::Raced
            }
            DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Rejected {
                constraint: information.constraint_name().map(str::to_owned),
                message,
            },
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::ClosedConnection
            | _ => Self::Unavailable(message),
        }
    }
}

/// The last millisecond of the year 9999; a header beyond it is no time.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// A header's time if it can be one; a message with an odd header is credited all the same.
pub(crate) fn time_ms(at: Option<i64>) -> Option<i64> {
    at.filter(|at| (0..=TIME_MS_MAX).contains(at))
}

pub(crate) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<InvalidId> for DatabaseError {
    fn from(error: InvalidId) -> Self {
        Self::Unavailable(format!("a stored id is not valid: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use paynow_process::certificate::Opening;

    use super::*;

    #[test]
    fn a_certificate_is_asked_of_one_server_that_may_have_one() {
        let peer = |url: &str| DatabaseAddress(url.to_owned().into()).tls_peer();
        let plain = peer("postgres://me:hidden@db.example/points").unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("db.example", 5432));
        assert_eq!(plain.opening, Opening::Postgres);
        let off = peer("postgres://db.example:5433/points?sslmode=disable").unwrap();
        assert_eq!((off.port, off.opening), (5433, Opening::Plain));
        for nowhere in [
            "postgres:///points?host=/run/postgresql",
            "postgres://a,b/points",
        ] {
            assert!(peer(nowhere).is_none(), "{nowhere}");
        }
    }

    #[test]
    fn limits_are_added_unless_the_url_sets_its_own() {
        let plain = with_limits("postgres://db/points");
        assert!(plain.starts_with("postgres://db/points?application_name=paynow-worker&"));
        assert!(plain.contains("&options=-c%20statement_timeout%3D30000"));
        let own = with_limits("postgres://db/points?sslmode=verify-full&connect_timeout=1");
        assert!(own.starts_with("postgres://db/points?sslmode=verify-full&connect_timeout=1&"));
        assert_eq!(own.matches("connect_timeout").count(), 1);
    }
}
