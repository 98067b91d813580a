//! Writes which order each payment was for. Only events about payments name one, so a transaction of orders
//! costs nothing more.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt};
use paynow_shared::event::{Event, EventKind};
use paynow_shared::ids::{OrderId, PaymentId};
use paynow_shared::wire::payment;

use super::plan::PlannedEvent;
use super::statement::Statement;

/// The types that move no points and whose body is a payment.
const PAYMENT_TYPES: [&str; 2] = ["ON_PAYMENT_COMPLETED", "ON_PAYMENT_FAILED"];

/// Records the payments that these events name.
pub(super) fn record(
    connection: &mut PgConnection,
    events: &[PlannedEvent<'_>],
) -> QueryResult<()> {
    let told = events.iter().filter_map(|planned| {
        let (payment, order) = payment_of(planned.event, &planned.decoded.message.body)?;
        Some((payment.get(), order.get(), planned.event.id.get()))
    });
    let told: Vec<(i64, i64, i64)> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&(i64, i64, i64)) -> i64| told.iter().map(value).collect::<Vec<_>>();
    Statement::new(
        "INSERT INTO order_payments (payment_id, order_id, event_id) \
         SELECT payment_id, order_id, event_id \
         FROM unnest(?, ?, ?) AS told (payment_id, order_id, event_id) \
         ORDER BY payment_id, event_id \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(|(payment, _, _)| *payment))
    .bind::<Array<BigInt>, _>(column(|(_, order, _)| *order))
    .bind::<Array<BigInt>, _>(column(|(_, _, event)| *event))
    .execute(connection)
    .map(drop)
}

/// The payment that an event names, and its order.
pub(crate) fn payment_of(event: &Event, message: &[u8]) -> Option<(PaymentId, OrderId)> {
    match &event.kind {
        EventKind::Refunded(refund) => Some((refund.payment_id?, refund.order_id)),
        EventKind::Chargeback(chargeback) => Some((chargeback.payment_id, chargeback.order_id)),
        EventKind::Ignored if PAYMENT_TYPES.contains(&event.event_type.as_str()) => {
            payment(message)
        }
        EventKind::OrderCompleted(_) | EventKind::Ignored => None,
    }
}
