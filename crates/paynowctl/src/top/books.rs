//! The database: open dead letters by reason, and debts.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use secrecy::SecretString;

use super::sample::{Books, OpenLetters, Told};
use crate::database::read;
use crate::failure::in_one_line;

#[derive(QueryableByName)]
struct LettersRow {
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    letters: i64,
    #[diesel(sql_type = BigInt)]
    oldest_age_seconds: i64,
}

#[derive(QueryableByName)]
struct DebtsRow {
    #[diesel(sql_type = BigInt)]
    wallets: i64,
    #[diesel(sql_type = BigInt)]
    points: i64,
}

pub(super) fn ask(url: &SecretString) -> Told<Books> {
    read(url, books).map_err(|error| in_one_line(&error))
}

fn books(connection: &mut PgConnection) -> QueryResult<Books> {
    // Nobody waits longer for the answer, and whoever looks at a slow database must not add to it.
    sql_query("SET LOCAL statement_timeout = '5s'").execute(connection)?;
    let letters: Vec<LettersRow> = sql_query(
        "SELECT reason, count(*) AS letters, \
                max(extract(epoch FROM now() - first_dead_at))::bigint AS oldest_age_seconds \
         FROM dead_letters WHERE state = 'open' GROUP BY reason ORDER BY letters DESC, reason",
    )
    .load(connection)?;
    let debts: DebtsRow =
        sql_query("SELECT wallets, points FROM debts()").get_result(connection)?;
    Ok(Books {
        letters: letters.into_iter().map(LettersRow::told).collect(),
        debt_wallets: debts.wallets.unsigned_abs(),
        debt_points: debts.points,
    })
}

impl LettersRow {
    fn told(self) -> OpenLetters {
        OpenLetters {
            reason: self.reason,
            letters: self.letters.unsigned_abs(),
            oldest_age_seconds: self.oldest_age_seconds,
        }
    }
}
