//! The inserts of a transaction: arrays through `unnest`, so that any number of rows is one statement
//! with the same text. A row that exists already is skipped.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use paynow_shared::event::{OrderLine, RefundAmounts};
use paynow_shared::ids::{OrderId, StoreId, WalletId};

use super::plan::{Plan, PlannedEntry, PlannedEvent, PlannedOrder, PlannedReversal};
use super::statement::Statement;
use crate::database::{count, time_ms};
use crate::decide::OrderType;
use crate::decide::record::{Attribution, Record, ReversalKind, Source};

/// Inserts the rows of a plan. Returns `false` as soon as one of them exists already.
pub(super) fn insert(connection: &mut PgConnection, plan: &Plan<'_>) -> QueryResult<bool> {
    let lines: Vec<PlannedLine<'_>> = plan.orders.iter().flat_map(lines_of).collect();
    Ok(insert_all(connection, &plan.events, insert_events)?
        && insert_all(connection, &plan.orders, insert_orders)?
        && insert_all(connection, &lines, insert_lines)?
        && insert_all(connection, &plan.reversals, insert_reversals)?
        && insert_all(connection, &plan.entries, insert_entries)?)
}

/// One row of `order_lines`.
struct PlannedLine<'a> {
    order_id: OrderId,
    line: &'a OrderLine,
}

fn lines_of<'a>(planned: &PlannedOrder<'a>) -> impl Iterator<Item = PlannedLine<'a>> + use<'a> {
    let order_id = planned.order.id;
    let lines = planned.order.lines.iter();
    lines.map(move |line| PlannedLine { order_id, line })
}

fn insert_all<R>(
    connection: &mut PgConnection,
    rows: &[R],
    insert: fn(&mut PgConnection, &[R]) -> QueryResult<usize>,
) -> QueryResult<bool> {
    Ok(rows.is_empty() || insert(connection, rows)? == rows.len())
}

/// One value of each row.
fn column<'a, R, V>(rows: &'a [R], value: impl Fn(&'a R) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

fn insert_events(connection: &mut PgConnection, events: &[PlannedEvent<'_>]) -> QueryResult<usize> {
    let headers = column(events, |planned| &planned.decoded.message.headers);
    Statement::new(
        "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
             payload, secret_id, signed_at, received_at, attempts, signature, vouched_by) \
         SELECT event_id, event_type, outcome::event_outcome, order_id, body_sha256, payload, \
             secret_id, to_timestamp(signed_at_ms / 1000.0), \
             to_timestamp(received_at_ms / 1000.0), attempts, signature, vouched_by \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS event (event_id, event_type, \
             outcome, order_id, body_sha256, payload, secret_id, signed_at_ms, received_at_ms, \
             attempts, signature, vouched_by) \
         ORDER BY event_id \
         ON CONFLICT ON CONSTRAINT webhook_events_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(events, |planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(column(events, |planned| planned.event.event_type.as_str()))
    .bind::<Array<Text>, _>(column(events, |planned| planned.outcome.code()))
    .bind::<Array<Nullable<BigInt>>, _>(column(events, |planned| {
        planned.order_id.map(OrderId::get)
    }))
    .bind::<Array<Binary>, _>(column(events, |planned| planned.decoded.digest.as_bytes()))
    .bind::<Array<Binary>, _>(column(events, |planned| {
        planned.decoded.message.body.as_slice()
    }))
    .bind::<Array<Nullable<Text>>, _>(column(events, |planned| planned.decoded.secret_id()))
    .bind::<Array<Nullable<BigInt>>, _>(column(&headers, |headers| time_ms(headers.signed_at_ms)))
    .bind::<Array<Nullable<BigInt>>, _>(column(&headers, |headers| time_ms(headers.received_at_ms)))
    .bind::<Array<Integer>, _>(column(&headers, |headers| count(headers.attempt)))
    .bind::<Array<Nullable<Binary>>, _>(column(events, |planned| {
        let verified = planned.decoded.signature();
        verified.map(|verified| verified.signature.as_bytes())
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(events, |planned| planned.decoded.vouched_by()))
    .execute(connection)
}

fn insert_orders(connection: &mut PgConnection, orders: &[PlannedOrder<'_>]) -> QueryResult<usize> {
    Statement::new(
        "INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, \
             currency, order_type, completed_at, giftcard_amount_minor) \
         SELECT order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, currency, \
             order_type, to_timestamp(completed_at_us / 1000000.0), giftcard_amount_minor \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?) AS new_order (order_id, event_id, store_id, \
             buyer_wallet_id, total_amount_minor, currency, order_type, completed_at_us, \
             giftcard_amount_minor) \
         ORDER BY order_id \
         ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(orders, |planned| planned.order.id.get()))
    .bind::<Array<BigInt>, _>(column(orders, |planned| planned.event.id.get()))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| {
        planned.order.store_id.map(StoreId::get)
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| {
        planned.order.customer_id.map(WalletId::get)
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| planned.order.total_amount_minor))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |planned| planned.order.currency.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |planned| {
        let order_type = planned.order.order_type.as_deref();
        order_type.map(|word| OrderType::of(Some(word)).code())
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| planned.order.completed_at_us))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| {
        planned.order.giftcard_amount_minor
    }))
    .execute(connection)
}

fn insert_lines(connection: &mut PgConnection, lines: &[PlannedLine<'_>]) -> QueryResult<usize> {
    Statement::new(
        "INSERT INTO order_lines (order_id, line_id, product_id, quantity, total_amount_minor, \
             tax_amount_minor, giftcard_amount_minor) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?) AS line (order_id, line_id, product_id, \
             quantity, total_amount_minor, tax_amount_minor, giftcard_amount_minor) \
         ORDER BY order_id, line_id \
         ON CONFLICT ON CONSTRAINT order_lines_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(lines, |planned| planned.order_id.get()))
    .bind::<Array<BigInt>, _>(column(lines, |planned| planned.line.id.get()))
    .bind::<Array<BigInt>, _>(column(lines, |planned| planned.line.product_id.get()))
    .bind::<Array<BigInt>, _>(column(lines, |planned| planned.line.quantity_or_one()))
    .bind::<Array<Nullable<BigInt>>, _>(column(lines, |planned| planned.line.amounts.total))
    .bind::<Array<Nullable<BigInt>>, _>(column(lines, |planned| planned.line.amounts.tax))
    .bind::<Array<Nullable<BigInt>>, _>(column(lines, |planned| planned.line.amounts.giftcard))
    .execute(connection)
}

/// The trigger of `ledger_entries` adds the points of the inserted entries to `wallets`.
fn insert_entries(
    connection: &mut PgConnection,
    entries: &[PlannedEntry<'_>],
) -> QueryResult<usize> {
    paynow_process::fault_point!("mid_transaction");
    Statement::new(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         SELECT entry_key, wallet_id, order_id, event_id, kind::ledger_entry_kind, points \
         FROM unnest(?, ?, ?, ?, ?, ?) AS entry (entry_key, wallet_id, order_id, event_id, \
             kind, points) \
         ORDER BY entry_key \
         ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING",
    )
    .bind::<Array<Text>, _>(column(entries, |planned| planned.entry.key.as_str()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.wallet_id.get()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.order_id.get()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(column(entries, |planned| planned.entry.kind.code()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.points.get()))
    .execute(connection)
}

/// The columns of a reversal that depend on its kind.
#[derive(Default)]
struct ReversalColumns {
    reference_id: i64,
    kind: &'static str,
    amount_minor: Option<i64>,
    amounts: RefundAmounts,
    attribution: Option<&'static str>,
    source: Option<&'static str>,
    line_id: Option<i64>,
    wallet_id: Option<i64>,
    points: Option<i64>,
    chargeback_at_us: Option<i64>,
}

impl From<&Record> for ReversalColumns {
    fn from(record: &Record) -> Self {
        match record {
            Record::Refund(refund) => {
                let (line_id, decided) = match refund.attribution {
                    Attribution::Line(line) => (Some(line.get()), None),
                    Attribution::Points { wallet_id, points } => (None, Some((wallet_id, points))),
                    Attribution::Everything | Attribution::Proportional => (None, None),
                };
                Self {
                    reference_id: refund.id.get(),
                    kind: ReversalKind::Refund.code(),
                    amount_minor: Some(refund.amount_minor),
                    amounts: refund.amounts,
                    attribution: Some(refund.attribution.code()),
                    source: refund.source.map(Source::code),
                    line_id,
                    wallet_id: decided.map(|(wallet_id, _points)| wallet_id.get()),
                    points: decided.map(|(_wallet_id, points)| points.get()),
                    chargeback_at_us: None,
                }
            }
            Record::Chargeback(step) => Self {
                reference_id: step.payment_id.get(),
                kind: ReversalKind::from(step.state).code(),
                chargeback_at_us: step.at_us,
                ..Self::default()
            },
        }
    }
}

/// Skips a reversal whose sequence number is taken in its order, or that is recorded already.
fn insert_reversals(
    connection: &mut PgConnection,
    reversals: &[PlannedReversal<'_>],
) -> QueryResult<usize> {
    let rows: Vec<ReversalColumns> = column(reversals, |planned| (&planned.record).into());
    Statement::new(
        "INSERT INTO reversals (order_id, sequence, event_id, kind, reference_id, amount_minor, \
             buyer_amount_minor, store_amount_minor, attribution, attribution_source, line_id, \
             wallet_id, points, chargeback_at) \
         SELECT order_id, sequence, event_id, kind::reversal_kind, reference_id, amount_minor, \
             buyer_amount_minor, store_amount_minor, attribution::refund_attribution, \
             source::attribution_source, line_id, wallet_id, points, \
             to_timestamp(chargeback_at_us / 1000000.0) \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS reversal (order_id, sequence, \
             event_id, kind, reference_id, amount_minor, buyer_amount_minor, store_amount_minor, \
             attribution, source, line_id, wallet_id, points, chargeback_at_us) \
         ORDER BY order_id, sequence \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(reversals, |planned| planned.order_id.get()))
    .bind::<Array<Integer>, _>(column(reversals, |planned| planned.sequence))
    .bind::<Array<BigInt>, _>(column(reversals, |planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(column(&rows, |row| row.kind))
    .bind::<Array<BigInt>, _>(column(&rows, |row| row.reference_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.amount_minor))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.amounts.buyer))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.amounts.store))
    .bind::<Array<Nullable<Text>>, _>(column(&rows, |row| row.attribution))
    .bind::<Array<Nullable<Text>>, _>(column(&rows, |row| row.source))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.line_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.wallet_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.points))
    .bind::<Array<Nullable<BigInt>>, _>(column(&rows, |row| row.chargeback_at_us))
    .execute(connection)
}
