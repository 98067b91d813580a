//! Connections to the database, and what its errors mean. There is no pool: each lane owns its
//! connection, and drops it when an attempt on it fails.

pub(crate) mod locks;
mod schema;

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use paynow_process::certificate::TlsPeer;
use paynow_process::environment::{Environment, SettingError};
use paynow_process::setting::{Number, Setting};
use paynow_shared::ids::InvalidId;
use secrecy::{ExposeSecret, SecretString};

use crate::connect::{establish, limit_silence, silence, tls_peer};
use crate::settings::{DATABASE_URL, SILENCE};
use schema::require_schema;

pub use schema::NEWEST_MIGRATION;

/// Every wait for the database has a limit, because a blocking thread cannot be cancelled. The server's
/// limits do not help against a server that is silent.
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
/// The worker uses only the rights of its role, whatever its login may do. An acknowledged credit must
/// survive a crash of the server, whatever the server's default is. The ledger's trigger names held wallets.
const ROLE: &str = "SET ROLE paynow_worker; SET synchronous_commit TO on; \
     SET paynow.name_locks TO on";
/// Longer than the `statement_timeout` above, so that it ends only what the server does not end.
/// What reads or changes whole tables may be unanswered for this many times as long.
const PATIENCE: u32 = 30;
/// How long `SELECT 1` may be unanswered.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// What the ledger's trigger raises, on a connection that sets `paynow.name_locks`.
const WALLET_LOCKED: &str = "wallet_locked";
/// The last millisecond of the year 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// How long a statement may be unanswered, before its connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceLimit(Duration);

impl SilenceLimit {
    /// `DATABASE_SILENCE_SECONDS`
    pub fn from_environment(
        environment: &Environment,
        setting: &Setting<Number>,
    ) -> Result<Self, SettingError> {
        let seconds = environment.number(setting)?;
        Ok(Self(Duration::from_secs(seconds)))
    }

    pub fn ordinary(self) -> Duration {
        self.0
    }

    /// For statements that read or change whole tables: the server says nothing while it works.
    pub fn patient(self) -> Duration {
        self.0.saturating_mul(PATIENCE)
    }
}

/// `DATABASE_URL`, with each limit added that it does not set, and `DATABASE_SILENCE_SECONDS`.
#[derive(Clone)]
pub struct DatabaseAddress {
    url: SecretString,
    silence: SilenceLimit,
}

impl DatabaseAddress {
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let url = environment.required_secret(&DATABASE_URL)?;
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(SettingError::new(
                DATABASE_URL.name,
                "must begin with postgres://",
            ));
        }
        Ok(Self {
            url: with_limits(url).into(),
            silence: SilenceLimit::from_environment(environment, &SILENCE)?,
        })
    }

    /// The server whose certificate can be read; `None` if there is not exactly one.
    pub fn tls_peer(&self) -> Option<TlsPeer> {
        tls_peer(self.url.expose_secret())
    }

    /// Opens a connection with the worker's rights. Blocking; every wait has a limit.
    pub fn connect(&self) -> Result<PgConnection, DatabaseError> {
        self.connect_within(self.silence.ordinary())
    }

    /// The same for statements that read whole tables.
    pub(crate) fn connect_patient(&self) -> Result<PgConnection, DatabaseError> {
        let mut connection = self.connect()?;
        limit_silence(&mut connection, self.silence.patient());
        Ok(connection)
    }

    /// Whether the database answers on this connection, or on a new one: the connection may have died
    /// unnoticed. Returns the one that it answers on.
    pub(crate) fn probe(&self, kept: Option<PgConnection>) -> Result<PgConnection, DatabaseError> {
        if let Some(mut connection) = kept
            && self.answers(&mut connection).is_ok()
        {
            return Ok(connection);
        }
        self.connect_within(self.silence.ordinary().min(PROBE_LIMIT))
    }

    /// Asks the server for any answer, soon: a connection that was idle may have died unnoticed.
    pub(crate) fn answers(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        let limit = self.silence.ordinary();
        limit_silence(connection, limit.min(PROBE_LIMIT));
        connection.batch_execute("SELECT 1")?;
        limit_silence(connection, limit);
        Ok(())
    }

    fn connect_within(&self, silence: Duration) -> Result<PgConnection, DatabaseError> {
        let mut connection = establish(self.url.expose_secret(), silence)
            .map_err(|problem| DatabaseError::Unavailable(problem.to_string()))?;
        connection.batch_execute(ROLE)?;
        require_schema(&mut connection)?;
        Ok(connection)
    }
}

/// Runs work with the database on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatabaseError> + Send + 'static,
) -> Result<T, DatabaseError> {
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|panicked| Err(DatabaseError::Unavailable(panicked.to_string())))
}

/// The time in a header, if it is possible. A message with an impossible time is credited all the same.
pub(crate) fn time_ms(at: Option<i64>) -> Option<i64> {
    at.filter(|at| (0..=TIME_MS_MAX).contains(at))
}

pub(crate) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn with_limits(url: &str) -> String {
    let given = url.split_once('?').map_or("", |(_address, query)| query);
    let is_given = |name: &str| {
        let mut pairs = given.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(key, _value)| key == name)
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
    /// The view was read before another transaction recorded the same rows; a new view contains them.
    #[error("another transaction recorded the same rows first")]
    StaleView,
    /// A constraint refused the rows, and will refuse them every time.
    #[error("the database refused the rows: {message}")]
    Rejected {
        constraint: Option<String>,
        message: String,
    },
    /// Another transaction holds a wallet, and did not release it in time.
    #[error("{0}")]
    WalletLocked(String),
    /// Another transaction holds another row, and did not release it in time.
    #[error("another transaction holds a row that this event needs: {0}")]
    RowLocked(String),
    /// The database or the deployment failed; no event is at fault.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// `paynowctl setup` of this version has not run yet.
    #[error(
        "the database's schema is older than this worker: run `paynowctl setup` of this version \
         (migration {NEWEST_MIGRATION} is missing)"
    )]
    SchemaBehind,
}

impl From<DieselError> for DatabaseError {
    /// Diesel gives no SQLSTATE, only a kind for some classes of errors. Every rule that our rows can
    /// break is a constraint, and constraints have kinds: even a balance out of range is raised again
    /// with the name of one. So no other error is the fault of an event.
    fn from(error: DieselError) -> Self {
        if let Some(silence) = silence() {
            let seconds = silence.as_secs();
            return Self::Unavailable(format!("it has said nothing for {seconds} s"));
        }
        let DieselError::DatabaseError(kind, information) = error else {
            return Self::Unavailable(error.to_string());
        };
        let message = information.message().to_owned();
        let constraint = information.constraint_name();
        match kind {
            DatabaseErrorKind::CheckViolation if constraint == Some(WALLET_LOCKED) => {
                Self::WalletLocked(message)
            }
            DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::SerializationFailure => {
                Self::StaleView
            }
            DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Rejected {
                constraint: constraint.map(str::to_owned),
                message,
            },
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::ClosedConnection
            | _ => Self::Unavailable(message),
        }
    }
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
    fn a_certificate_is_read_only_from_a_single_server() {
        let peer = |url: &str| tls_peer(url);
        let plain = peer("postgres://me:hidden@db.example/points").unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("db.example", 5432));
        assert_eq!(plain.opening, Opening::Postgres);
        let off = peer("postgres://db.example:5433/points?sslmode=disable").unwrap();
        assert_eq!((off.port, off.opening), (5433, Opening::Plain));
        for no_single_server in [
            "postgres:///points?host=/run/postgresql",
            "postgres://a,b/points",
        ] {
            assert!(peer(no_single_server).is_none(), "{no_single_server}");
        }
    }

    #[test]
    fn limits_are_added_unless_the_url_sets_them() {
        let plain = with_limits("postgres://db/points");
        assert!(plain.starts_with("postgres://db/points?application_name=paynow-worker&"));
        assert!(plain.contains("&options=-c%20statement_timeout%3D30000"));
        let own = with_limits("postgres://db/points?sslmode=verify-full&connect_timeout=1");
        assert!(own.starts_with("postgres://db/points?sslmode=verify-full&connect_timeout=1&"));
        assert_eq!(own.matches("connect_timeout").count(), 1);
    }
}
