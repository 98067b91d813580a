//! What the events and orders that came show: products without points, secrets that nothing is signed
//! with, and types of events that should have come and did not. No statement reads a whole table.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::{Row, Status, Subject, asked};
use crate::database::Database;
use crate::error::in_one_line;
use crate::row::row;
use crate::text::counted;

const PRODUCTS: &str = "products";
const SECRETS: &str = "secrets";
const ORDER: &str = "ON_ORDER_COMPLETED";
const REFUND: &str = "ON_REFUND";
const CHARGEBACK: &str = "ON_CHARGEBACK";
const CLOSED: &str = "ON_CHARGEBACK_CLOSED";
/// The types of events that move points, and our rows about them.
const TYPES: [(&str, &str); 4] = [
    (ORDER, "webhook_order_completed"),
    (REFUND, "webhook_refund"),
    (CHARGEBACK, "webhook_chargeback"),
    (CLOSED, "webhook_chargeback_closed"),
];
/// A secret that signed nothing for so long is probably not PayNow's any more, or never was.
const UNUSED_DAYS: i64 = 30;
/// A secret is looked for among so many of the newest events, and as many of the newest dead letters.
const NEWEST: i64 = 10_000;
/// Banks decide a chargeback within about four months.
const CHARGEBACK_DAYS: i64 = 150;
const FIRST_SALE: &str =
    "make a test purchase; subscribe to it in PayNow's dashboard; ops/first-points.md";
const SUBSCRIBE: &str = "subscribe to it in PayNow's dashboard";
const NAMED_MAX: usize = 5;

row! {
    /// The events of a type, those among the dead letters too.
    struct Seen {
        last: Option<String>,
        /// Since the first one.
        days: Option<i64>,
    }

    struct Signed {
        secret_id: Option<String>,
        days: i64,
    }

    struct Lacking {
        product_id: i64,
    }

    struct Letters {
        letters: i64,
    }
}

pub(super) fn unknown(why: &str) -> impl Iterator<Item = Row> {
    let ids = TYPES.into_iter().map(|(_type, id)| id);
    let why = why.to_owned();
    let ids = [PRODUCTS, SECRETS].into_iter().chain(ids);
    ids.map(move |id| Row::unknown(id, why.clone()))
}

pub(super) fn rows(subject: &Subject, database: &Database) -> Vec<Row> {
    let reads_metadata = subject.reads_metadata;
    let database = database.patient();
    let products = database.read(|connection| products(connection, reads_metadata));
    let signed = database
        .read(signed)
        .map(|signed| secrets(subject, &signed));
    let mut rows = vec![asked(PRODUCTS, products), asked(SECRETS, signed)];
    let seen = database.read(|connection| {
        let seen = TYPES.map(|(event_type, _id)| seen(connection, event_type));
        seen.into_iter().collect::<QueryResult<Vec<Seen>>>()
    });
    match seen {
        Ok(seen) => rows.extend(webhooks(&seen)),
        Err(error) => {
            let why = in_one_line(&error);
            rows.extend(TYPES.map(|(_type, id)| Row::unknown(id, why.clone())));
        }
    }
    rows
}

/// By index: of the credited events, which are nearly all and of one type, the last and the first; of
/// the others, and of the dead letters, those of this type.
fn seen(connection: &mut PgConnection, event_type: &str) -> QueryResult<Seen> {
    let ends = |direction: &str| {
        format!(
            "(SELECT settled_at FROM webhook_events \
              WHERE $1 = '{ORDER}' AND outcome = 'credited' ORDER BY event_id {direction} LIMIT 1) \
             UNION ALL \
             SELECT event.settled_at FROM unnest(enum_range(NULL::event_outcome)) AS its (outcome), LATERAL ( \
                 SELECT settled_at FROM webhook_events \
                 WHERE outcome <> 'credited' AND outcome = its.outcome AND event_type = $1 \
                 ORDER BY event_id {direction} LIMIT 1) AS event \
             UNION ALL \
             (SELECT last_dead_at FROM dead_letters \
              WHERE event_type = $1 ORDER BY dead_letter_id {direction} LIMIT 1)"
        )
    };
    sql_query(format!(
        "SELECT to_char(max(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS last, \
             floor(extract(epoch FROM now() - min(at)) / 86400)::bigint AS days \
         FROM ({} UNION ALL {}) AS seen (at)",
        ends("DESC"),
        ends("ASC")
    ))
    .bind::<Text, _>(event_type)
    .get_result(connection)
}

/// A type that comes rarely is missing only where another one proves that it should have come.
fn webhooks(seen: &[Seen]) -> impl Iterator<Item = Row> {
    let days = |wanted: &str| {
        let mut of_types = TYPES.iter().zip(seen);
        let (_type, seen) = of_types.find(|((event_type, _id), _seen)| *event_type == wanted)?;
        seen.days
    };
    let any = seen.iter().any(|seen| seen.days.is_some());
    let (charged_back, closed) = (days(CHARGEBACK), days(CLOSED));
    TYPES
        .into_iter()
        .zip(seen)
        .map(move |((event_type, id), seen)| {
            if let Some(last) = &seen.last {
                return Row::ok(id, format!("the last {event_type} came at {last} UTC"));
            }
            let missing = match event_type {
                ORDER if any => Some("although other events have".to_owned()),
                ORDER => Some("so no points can arrive".to_owned()),
                CHARGEBACK if closed.is_some() => Some(format!("although an {CLOSED} has")),
                CLOSED if charged_back > Some(CHARGEBACK_DAYS) => Some(format!(
                    "although an {CHARGEBACK} is older than {CHARGEBACK_DAYS} days"
                )),
                _rare => None,
            };
            match missing {
                Some(why) => {
                    let remedy = if event_type == ORDER {
                        FIRST_SALE
                    } else {
                        SUBSCRIBE
                    };
                    let message = format!("no {event_type} has ever come, {why}");
                    Row::not_ok(id, Status::Warn, message, remedy)
                }
                None => Row::ok(
                    id,
                    format!("no {event_type} has come yet, and nothing shows that one should have"),
                ),
            }
        })
}

/// Which secrets signed the newest events, and how many days ago the last one of each was.
fn signed(connection: &mut PgConnection) -> QueryResult<Vec<Signed>> {
    sql_query(
        "SELECT secret_id, floor(extract(epoch FROM now() - max(at)) / 86400)::bigint AS days \
         FROM ((SELECT secret_id, settled_at AS at FROM webhook_events ORDER BY event_id DESC LIMIT $1) \
               UNION ALL \
               (SELECT secret_id, last_dead_at FROM dead_letters ORDER BY dead_letter_id DESC LIMIT $1)) AS newest \
         GROUP BY secret_id",
    )
    .bind::<BigInt, _>(NEWEST)
    .load(connection)
}

fn secrets(subject: &Subject, signed: &[Signed]) -> Row {
    let Some(secrets) = &subject.secrets else {
        return Row::unknown(
            SECRETS,
            "PAYNOW_SIGNING_SECRETS is not set here, or is wrong",
        );
    };
    let mut unused = Vec::new();
    for secret in secrets.iter() {
        let id = secret.id();
        let last = signed.iter().find(|it| it.secret_id.as_deref() == Some(id));
        match last.map(|last| last.days) {
            None => unused.push(format!(
                "none of the newest {NEWEST} events was signed with the secret {id}"
            )),
            Some(days) if days >= UNUSED_DAYS => {
                unused.push(format!(
                    "the secret {id} last signed an event {days} days ago"
                ));
            }
            Some(_recent) => {}
        }
    }
    match unused.as_slice() {
        [] => Row::ok(
            SECRETS,
            "events were signed with every secret in the last 30 days",
        ),
        unused => Row::not_ok(
            SECRETS,
            Status::Warn,
            unused.join("; "),
            "ops/secret-rotation.md",
        ),
    }
}

fn products(connection: &mut PgConnection, reads_metadata: bool) -> QueryResult<Row> {
    let letters: Letters = sql_query(
        "SELECT count(*) AS letters FROM dead_letters \
         WHERE reason = 'unknown_product' AND state = 'open'",
    )
    .get_result(connection)?;
    // With points in the metadata, a product of no row may give points nevertheless. OFFSET keeps the look-up
    // of each order by index, whatever the planner guesses.
    let lacking: Vec<Lacking> = match reads_metadata {
        true => Vec::new(),
        false => sql_query(
            "SELECT DISTINCT line.product_id \
             FROM (SELECT order_id FROM orders ORDER BY order_id DESC LIMIT 1000) AS newest, LATERAL ( \
                 SELECT product_id FROM order_lines \
                 WHERE order_lines.order_id = newest.order_id OFFSET 0) AS line \
             WHERE NOT EXISTS (SELECT FROM products WHERE products.product_id = line.product_id) \
             ORDER BY product_id",
        )
        .load(connection)?,
    };
    Ok(product_row(letters.letters.unsigned_abs(), &lacking))
}

fn product_row(letters: u64, lacking: &[Lacking]) -> Row {
    let mut problems = Vec::new();
    if letters > 0 {
        let wait = counted(letters, "order waits", "orders wait");
        problems.push(format!(
            "{wait} as a dead letter unknown_product (paynowctl dead list --reason unknown_product)"
        ));
    }
    if !lacking.is_empty() {
        let named = lacking.iter().take(NAMED_MAX);
        let named: Vec<String> = named.map(|it| it.product_id.to_string()).collect();
        let count = counted(lacking.len() as u64, "product", "products");
        let named = named.join(", ");
        problems.push(format!("{count} of recent orders without points: {named}"));
    }
    match problems.as_slice() {
        [] => Row::ok(PRODUCTS, "every product of recent orders has points"),
        problems => {
            let remedy = "paynowctl products set, or products import; ops/prices.md";
            Row::not_ok(PRODUCTS, Status::Warn, problems.join("; "), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For the four types, how many days ago the first one came.
    fn statuses(days: [Option<i64>; 4]) -> Vec<Status> {
        let seen = days.map(|days| Seen {
            last: days.map(|_days| "2026-11-28 08:00".to_owned()),
            days,
        });
        webhooks(&seen).map(|row| row.status).collect()
    }

    #[test]
    fn a_type_is_missing_only_where_another_one_proves_it() {
        use Status::{Ok, Warn};
        assert_eq!(statuses([None; 4]), [Warn, Ok, Ok, Ok]);
        assert_eq!(statuses([Some(900), None, None, None]), [Ok; 4]);
        assert_eq!(statuses([None, Some(1), None, None]), [Warn, Ok, Ok, Ok]);
        assert_eq!(statuses([Some(9), None, None, Some(2)]), [Ok, Ok, Warn, Ok]);
        assert_eq!(statuses([Some(9), None, Some(150), None]), [Ok; 4]);
        assert_eq!(
            statuses([Some(9), None, Some(151), None]),
            [Ok, Ok, Ok, Warn]
        );
    }

    #[test]
    fn products_without_points_are_named_up_to_a_limit() {
        assert_eq!(product_row(0, &[]).status, Status::Ok);
        let lacking: Vec<Lacking> = (1..8).map(|product_id| Lacking { product_id }).collect();
        let row = product_row(2, &lacking);
        assert!(row.message.starts_with("2 orders wait"), "{row:?}");
        assert!(
            row.message
                .ends_with("7 products of recent orders without points: 1, 2, 3, 4, 5")
        );
    }
}
