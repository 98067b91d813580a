//! Questions to a database that may be down.

use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, RunQueryDsl};
use url::Url;

#[derive(diesel::QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

/// The texts that a query returns as `value`, on a connection of its own; none if there is no answer.
pub(super) fn ask(database: &Url, sql: &str) -> Option<Vec<String>> {
    let mut url = database.clone();
    url.query_pairs_mut()
        .append_pair("connect_timeout", "5")
        .append_pair("options", "-c statement_timeout=20s");
    // A form writes a space as a plus sign, which the driver does not read as one.
    let url = url.as_str().replace('+', "%20");
    let mut connection = PgConnection::establish(&url).ok()?;
    let words = diesel::sql_query(sql).load::<Word>(&mut connection).ok()?;
    Some(words.into_iter().map(|word| word.value).collect())
}
