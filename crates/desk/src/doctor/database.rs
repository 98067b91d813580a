//! What the database shows about itself: the login and its rights, the schema, the clock, the certificate.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use paynow_process::clock::now_ms;
use paynow_worker::database::NEWEST_MIGRATION;

use super::{Row, Status, Subject, asked, certificate, traffic};
use crate::database::{DatabaseError, ROLE_RIGHT};
use crate::row::{One, row};

const DATABASE: &str = "database";
const RIGHTS: &str = "database_rights";
const SCHEMA: &str = "schema";
const CLOCK: &str = "clock";
const CERTIFICATE: &str = "database_certificate";
const GUIDE: &str = "ops/database.md";
const CLOCKS: &str = "ops/runbooks/PayNowClockSkew.md";
/// More than this between two clocks that are kept by NTP is a fault in one of them.
const OFFSET_MS_WARN: u64 = 2_000;
/// PayNow's timestamps may be off by 300 seconds; a clock that is off by a part of it uses that up.
const OFFSET_MS_FAIL: u64 = 60_000;

row! {
    struct Login {
        login: String,
        may_read: bool,
        may_operate: bool,
    }
}

type Ask = fn(&mut PgConnection) -> QueryResult<Row>;

pub(super) fn rows(subject: &Subject) -> Vec<Row> {
    let ids = [RIGHTS, SCHEMA, CLOCK, CERTIFICATE];
    let unknown = |why: &str| {
        let own = ids.iter().map(|id| Row::unknown(id, why));
        own.chain(traffic::unknown(why)).collect::<Vec<Row>>()
    };
    let Some(database) = &subject.database else {
        let why = "DATABASE_URL is missing or wrong";
        return [vec![Row::unknown(DATABASE, why)], unknown(why)].concat();
    };
    let login = match database.read_as_login(login) {
        Ok(login) => login,
        Err(error) => {
            let failed = Row::failed(DATABASE, &error, remedy_of(&error));
            return [vec![failed], unknown("the database did not answer")].concat();
        }
    };
    let ask = |id, ask: Ask| asked(id, database.read(ask));
    let mut rows = vec![
        Row::ok(DATABASE, format!("{} is logged in", login.login)),
        rights(&login),
        ask(SCHEMA, schema),
        ask(CLOCK, clock),
        certificate(CERTIFICATE, database.tls_peer().as_ref()),
    ];
    rows.extend(traffic::rows(subject, database));
    rows
}

fn remedy_of(error: &DatabaseError) -> &'static str {
    match error {
        DatabaseError::NoSchema | DatabaseError::NoOperator => "paynowctl setup",
        DatabaseError::NotAnOperator { .. } | DatabaseError::NotTheOwner { .. } => GUIDE,
        DatabaseError::Unreachable(_) | DatabaseError::Silent(_) | DatabaseError::Refused(_) => {
            "check DATABASE_URL; ops/runbooks/PayNowWorkerPaused.md"
        }
    }
}

fn login(connection: &mut PgConnection) -> QueryResult<Login> {
    let may = |role: &str| {
        format!(
            "EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}' \
                 AND pg_has_role(current_user, oid, {ROLE_RIGHT}))"
        )
    };
    sql_query(format!(
        "SELECT current_user::text AS login, {} AS may_read, {} AS may_operate",
        may("paynow_reader"),
        may("paynow_operator")
    ))
    .get_result(connection)
}

fn rights(login: &Login) -> Row {
    let who = &login.login;
    match (login.may_read, login.may_operate) {
        (true, true) => Row::ok(
            RIGHTS,
            format!("{who} may act as paynow_reader and paynow_operator"),
        ),
        (true, false) => {
            let message =
                format!("{who} may look and change nothing: it may not act as paynow_operator");
            Row::not_ok(RIGHTS, Status::Warn, message, GUIDE)
        }
        (false, _) => {
            let message = format!("{who} may not act as paynow_reader, which every look-up does");
            Row::not_ok(RIGHTS, Status::Fail, message, GUIDE)
        }
    }
}

fn schema(connection: &mut PgConnection) -> QueryResult<Row> {
    let may_ask: One<bool> = sql_query(
        "SELECT coalesce(has_column_privilege(to_regclass('__diesel_schema_migrations'), 'version', \
             'SELECT'), false) AS value",
    )
    .get_result(connection)?;
    let is_applied = may_ask.value && {
        let applied: One<bool> = sql_query(
            "SELECT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = $1) AS value",
        )
        .bind::<Text, _>(NEWEST_MIGRATION)
        .get_result(connection)?;
        applied.value
    };
    Ok(match is_applied {
        true => Row::ok(SCHEMA, "the database has every migration of this version"),
        false => {
            let message =
                format!("the database lacks the migration {NEWEST_MIGRATION} of this version");
            Row::not_ok(SCHEMA, Status::Fail, message, "paynowctl setup")
        }
    })
}

fn clock(connection: &mut PgConnection) -> QueryResult<Row> {
    let before = now_ms();
    let theirs: One<i64> =
        sql_query("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS value")
            .get_result(connection)?;
    let middle = before.saturating_add(now_ms().saturating_sub(before) / 2);
    Ok(offset(theirs.value.saturating_sub(middle)))
}

/// The database's clock is ahead of ours by so much.
fn offset(ahead_ms: i64) -> Row {
    let direction = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let message = format!(
        "the database's clock is {} ms {direction} this machine's",
        ahead_ms.unsigned_abs()
    );
    match ahead_ms.unsigned_abs() {
        ..OFFSET_MS_WARN => Row::ok(CLOCK, message),
        OFFSET_MS_WARN..OFFSET_MS_FAIL => Row::not_ok(CLOCK, Status::Warn, message, CLOCKS),
        _more => Row::not_ok(CLOCK, Status::Fail, message, CLOCKS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_off_by_little_either_way() {
        for (ahead_ms, status) in [
            (0, Status::Ok),
            (-1_999, Status::Ok),
            (2_000, Status::Warn),
            (-59_999, Status::Warn),
            (60_000, Status::Fail),
        ] {
            assert_eq!(offset(ahead_ms).status, status, "{ahead_ms}");
        }
        assert!(offset(-5_000).message.contains("5000 ms behind"));
    }

    #[test]
    fn a_login_that_may_only_look_is_a_warning() {
        let login = |may_read, may_operate| Login {
            login: "anna".to_owned(),
            may_read,
            may_operate,
        };
        assert_eq!(rights(&login(true, true)).status, Status::Ok);
        assert_eq!(rights(&login(true, false)).status, Status::Warn);
        assert_eq!(rights(&login(false, false)).status, Status::Fail);
    }
}
