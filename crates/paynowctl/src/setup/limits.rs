//! The time-outs of logins. What a login forgets to end, a transaction that spends for example, the
//! server ends for it. A login can change its own time-outs, so they protect from accidents only.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::query::texts;
use crate::config::LoginLimits;
use crate::failure::Failure;
use crate::output;

/// Logins that hold rows of wallets and orders. The reports and checks of the others read for minutes.
const HOLDS_ROWS: &str = "(pg_has_role(login.oid, 'paynow_spender', 'MEMBER') \
     OR pg_has_role(login.oid, 'paynow_worker', 'MEMBER'))";

/// The statements that are still to be run, one for each login and limit. A member of a role does not
/// take over the role's settings, so every login is set by itself. Superusers and those who may act as
/// the owner keep theirs: they are `setup`'s logins.
fn missing(limits: &LoginLimits) -> String {
    let wanted = [
        (
            "idle_in_transaction_session_timeout",
            limits.idle_in_transaction_seconds,
            "'30s'".to_owned(),
        ),
        ("lock_timeout", limits.lock_seconds, "'10s'".to_owned()),
        (
            "statement_timeout",
            limits.statement_seconds,
            format!("CASE WHEN {HOLDS_ROWS} THEN '60s' ELSE '900s' END"),
        ),
    ];
    let wanted = wanted.map(|(name, asked, default)| {
        let value = asked.map_or(default, |seconds| format!("'{seconds}s'"));
        format!("('{name}', {value}, {})", asked.is_some())
    });
    format!(
        "SELECT format('ALTER ROLE %I IN DATABASE %I SET %s TO %L', \
                login.rolname, datname, wanted.name, wanted.value) AS value \
         FROM pg_roles AS login JOIN pg_database ON datname = current_database(), \
             LATERAL (VALUES {}) AS wanted (name, value, is_asked) \
         WHERE rolcanlogin AND NOT rolsuper AND rolname <> session_user \
             AND NOT pg_has_role(login.oid, 'paynow_owner', 'MEMBER') \
             AND ({HOLDS_ROWS} OR pg_has_role(login.oid, 'paynow_reader', 'MEMBER')) \
             AND NOT EXISTS ( \
                 SELECT FROM pg_db_role_setting, unnest(setconfig) AS entry \
                 WHERE setrole = login.oid \
                     AND CASE WHEN wanted.is_asked \
                              THEN setdatabase = pg_database.oid \
                                   AND entry = wanted.name || '=' || wanted.value \
                              ELSE setdatabase IN (pg_database.oid, 0) \
                                   AND starts_with(entry, wanted.name || '=') END) \
         ORDER BY rolname, name",
        wanted.join(", ")
    )
}

pub(super) fn set(connection: &mut PgConnection, limits: &LoginLimits) -> Result<(), Failure> {
    let missing = missing(limits);
    let statements = texts(connection, &missing)?;
    if statements.is_empty() {
        return output::line("database: every login of ours has its time-outs");
    }
    for statement in &statements {
        // Without the right to change this login, or when the login was dropped just now, this fails; what
        // is left to do tells which it was.
        let _failed = connection.batch_execute(statement);
    }
    let left = texts(connection, &missing)?;
    if left.is_empty() {
        return output::line("database: set the time-outs of the logins");
    }
    output::line(&format!(
        "database: this login may not set the time-outs of every login; as one that may, run: {}",
        left.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_replaces_the_default() {
        let asked = missing(&LoginLimits {
            lock_seconds: Some(3),
            ..LoginLimits::default()
        });
        assert!(asked.contains("('lock_timeout', '3s', true)"), "{asked}");
        let default = "('idle_in_transaction_session_timeout', '30s', false)";
        assert!(asked.contains(default), "{asked}");
    }
}
