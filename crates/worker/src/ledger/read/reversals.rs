//! Refunds and chargebacks, and what somebody decided about a refund.

use std::collections::HashMap;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use paynow_shared::event::{ChargebackState, RefundAmounts};
use paynow_shared::ids::{OrderId, OrderLineId, PaymentId, RefundId, WalletId};
use paynow_shared::points::Points;

use super::known;
use crate::database::DatabaseError;
use crate::decide::record::{
    Attribution, ChargebackStep, Record, RefundRecord, ReversalKind, Source,
};
use crate::decide::view::{Answer, LedgerView, Told};

/// The version before recorded no time of a chargeback. A closing then counts from when PayNow made its
/// event, by the time in the event's id.
const REVERSALS: &str = "\
    SELECT order_id, kind::text AS kind, reference_id, amount_minor, buyer_amount_minor,
        store_amount_minor, attribution::text AS attribution, attribution_source::text AS source,
        line_id, wallet_id, points,
        coalesce((extract(epoch FROM chargeback_at) * 1000000)::bigint,
            CASE WHEN kind IN ('chargeback_won', 'chargeback_lost')
                 THEN ((event_id >> 22) + 1645568542000) * 1000 END) AS chargeback_at_us
    FROM reversals
    WHERE order_id = ANY ($1) OR reference_id = ANY ($2) ORDER BY order_id, sequence";

#[derive(diesel::QueryableByName)]
struct ReversalRow {
    #[diesel(sql_type = BigInt)]
    order_id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    reference_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    buyer_amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    store_amount_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    attribution: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    source: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    line_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    wallet_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    chargeback_at_us: Option<i64>,
}

#[derive(diesel::QueryableByName)]
struct ToldRow {
    #[diesel(sql_type = BigInt)]
    refund_id: i64,
    #[diesel(sql_type = BigInt)]
    order_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    line_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    wallet_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
}

/// Reads the reversals of the orders, and those with the ids, of whatever order.
pub(super) fn read(
    connection: &mut PgConnection,
    order_ids: &[i64],
    references: &[i64],
    view: &mut LedgerView,
) -> Result<(), DatabaseError> {
    let rows: Vec<ReversalRow> = diesel::sql_query(REVERSALS)
        .bind::<Array<BigInt>, _>(order_ids)
        .bind::<Array<BigInt>, _>(references)
        .load(connection)?;
    for row in rows {
        let order_id = OrderId::from_i64(row.order_id)?;
        view.add_reversal(order_id, &record(&row)?);
    }
    Ok(())
}

fn record(row: &ReversalRow) -> Result<Record, DatabaseError> {
    let step = |state| {
        Ok(Record::Chargeback(ChargebackStep {
            payment_id: PaymentId::from_i64(row.reference_id)?,
            state,
            at_us: row.chargeback_at_us,
        }))
    };
    match known("reversals.kind", &row.kind)? {
        ReversalKind::ChargebackOpened => step(ChargebackState::Opened),
        ReversalKind::ChargebackWon => step(ChargebackState::Won),
        ReversalKind::ChargebackLost => step(ChargebackState::Lost),
        ReversalKind::Refund => Ok(Record::Refund(RefundRecord {
            id: RefundId::from_i64(row.reference_id)?,
            amounts: RefundAmounts {
                buyer: row.buyer_amount_minor,
                store: row.store_amount_minor,
            },
            amount_minor: row.amount_minor.unwrap_or_default(),
            attribution: attribution(row)?,
            source: match row.source.as_deref() {
                Some(source) => Some(known::<Source>("reversals.attribution_source", source)?),
                None => None,
            },
        })),
    }
}

/// A refund of the version before has no attribution: it took its share of the total.
fn attribution(row: &ReversalRow) -> Result<Attribution, DatabaseError> {
    match (
        row.attribution.as_deref(),
        decided(row.line_id, row.wallet_id, row.points)?,
    ) {
        (Some("everything"), None) => Ok(Attribution::Everything),
        (Some("proportional") | None, None) => Ok(Attribution::Proportional),
        (Some("line" | "points"), Some(decided)) => Ok(decided),
        (label, _decided) => Err(DatabaseError::Unavailable(format!(
            "reversals.attribution holds {label:?}, which this version does not know"
        ))),
    }
}

fn decided(
    line_id: Option<i64>,
    wallet_id: Option<i64>,
    points: Option<i64>,
) -> Result<Option<Attribution>, DatabaseError> {
    Ok(match (line_id, wallet_id, points) {
        (Some(line_id), None | Some(_), None | Some(_)) => {
            Some(Attribution::Line(OrderLineId::from_i64(line_id)?))
        }
        (None, Some(wallet_id), Some(points)) => Some(Attribution::Points {
            wallet_id: WalletId::from_i64(wallet_id)?,
            points: Points::new(points),
        }),
        (None, None, None | Some(_)) | (None, Some(_), None) => None,
    })
}

/// What persons decided about refunds of these orders.
pub(super) fn told(
    connection: &mut PgConnection,
    refunds: &[(RefundId, OrderId)],
) -> Result<HashMap<RefundId, Told>, DatabaseError> {
    let refund_ids: Vec<i64> = refunds
        .iter()
        .map(|(refund, _order)| refund.get())
        .collect();
    let rows: Vec<ToldRow> = diesel::sql_query(
        "SELECT refund_id, order_id, line_id, wallet_id, points FROM refund_attributions \
         WHERE refund_id = ANY ($1)",
    )
    .bind::<Array<BigInt>, _>(refund_ids)
    .load(connection)?;
    let mut told = HashMap::new();
    for row in rows {
        let decided = decided(row.line_id, row.wallet_id, row.points)?;
        let by_a_person = Told {
            by: Source::Operator,
            answer: Answer::For(decided.unwrap_or(Attribution::Everything)),
        };
        let decided_of = (
            RefundId::from_i64(row.refund_id)?,
            OrderId::from_i64(row.order_id)?,
        );
        if refunds.contains(&decided_of) {
            told.insert(decided_of.0, by_a_person);
        }
    }
    Ok(told)
}
