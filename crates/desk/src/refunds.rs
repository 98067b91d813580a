//! What refunds were for: the lines of their order, and a person's decision about a refund whose amounts do
//! not tell.

mod attribute;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use paynow_shared::event::EventKind;
use paynow_shared::ids::{OrderLineId, WalletId};
use paynow_shared::points::Points;
use paynow_shared::wire::decode;
use paynow_worker::decide::record::Attribution;
use paynow_worker::preview::PreviewKeys;
use serde::Serialize;

pub use self::attribute::{Attributed, Attributing, attribute};
use crate::error::DeskError;
use crate::ids;
use crate::row::row;

row! {
    /// A line of an order, and what it gave.
    #[derive(Serialize)]
    pub struct OrderLine {
        #[serde(serialize_with = "ids::text")]
        pub line_id: i64,
        /// `None`, like the amounts, for an order that was recorded before lines were.
        #[serde(serialize_with = "ids::optional")]
        pub product_id: Option<i64>,
        pub quantity: Option<i64>,
        /// `None`, like the points, when the order's type gives no points.
        #[serde(serialize_with = "ids::optional")]
        pub wallet_id: Option<i64>,
        pub points: Option<i64>,
        pub total_amount_minor: Option<i64>,
        pub tax_amount_minor: Option<i64>,
        pub giftcard_amount_minor: Option<i64>,
        /// The refund that was for this line, or for everything.
        #[serde(serialize_with = "ids::optional")]
        pub refunded_by: Option<i64>,
    }

    /// What a refund was for, and how that is known.
    #[derive(Serialize)]
    pub struct RefundStory {
        #[serde(serialize_with = "ids::text")]
        pub refund_id: i64,
        pub buyer_amount_minor: Option<i64>,
        pub store_amount_minor: Option<i64>,
        /// A code; `None` for a refund that the version before attributions recorded.
        pub attribution: Option<String>,
        /// A code: `amounts`, `paynow` or `operator`.
        pub attribution_source: Option<String>,
        #[serde(serialize_with = "ids::optional")]
        pub line_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub wallet_id: Option<i64>,
        pub points: Option<i64>,
        /// The operator action, and the name in it, when a person decided.
        #[serde(serialize_with = "ids::optional")]
        pub action_id: Option<i64>,
        pub decided_by: Option<String>,
    }

    /// A person's decision, as it was made.
    pub struct Decision {
        pub action_id: i64,
        pub refund_id: i64,
        pub order_id: i64,
        /// Whether this call made it; otherwise the same was decided before.
        pub is_new: bool,
    }

    /// A person's decision, which the worker obeys when the refund's event comes again.
    #[derive(Serialize)]
    pub struct Decided {
        #[serde(serialize_with = "ids::text")]
        pub action_id: i64,
        #[serde(serialize_with = "ids::optional")]
        pub line_id: Option<i64>,
        #[serde(serialize_with = "ids::optional")]
        pub wallet_id: Option<i64>,
        pub points: Option<i64>,
    }
}

/// What the refund of a dead letter may have been for.
#[derive(Debug, Serialize)]
pub struct Candidates {
    pub lines: Vec<CandidateLine>,
    /// Whether one of the refund's amounts is all that was charged and is not back yet.
    pub everything_fits: bool,
    /// What a person decided.
    pub decision: Option<Decided>,
}

#[derive(Debug, Serialize)]
pub struct CandidateLine {
    #[serde(flatten)]
    pub line: OrderLine,
    /// Whether one of the refund's amounts is that of the line. Never for a line that is refunded already.
    pub fits: bool,
}

/// What a person says a refund was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// All that was charged and is not back yet.
    Everything,
    Line(OrderLineId),
    /// The wallet may be left out if the order gave points to only one.
    Points {
        points: Points,
        wallet: Option<WalletId>,
    },
}

/// The lines of an order, by id.
pub(crate) fn lines(connection: &mut PgConnection, order_id: i64) -> QueryResult<Vec<OrderLine>> {
    sql_query(
        "WITH line AS (SELECT * FROM order_lines WHERE order_id = $1), \
              entry AS (SELECT substr(entry_key, length('order-line:') + 1)::bigint AS line_id, \
                               wallet_id, points \
                        FROM ledger_entries WHERE order_id = $1 AND kind = 'order_line') \
         SELECT line_id, product_id, quantity, wallet_id, points, total_amount_minor, \
                tax_amount_minor, giftcard_amount_minor, \
                (SELECT min(reference_id) FROM reversals AS refund \
                 WHERE refund.order_id = $1 AND (refund.line_id = coalesce(line.line_id, entry.line_id) \
                     OR refund.attribution = 'everything')) AS refunded_by \
         FROM line FULL JOIN entry USING (line_id) ORDER BY line_id",
    )
    .bind::<BigInt, _>(order_id)
    .load(connection)
}

/// The refund that an event of an order reported.
pub(crate) fn refund(
    connection: &mut PgConnection,
    order_id: i64,
    event_id: i64,
) -> QueryResult<Option<RefundStory>> {
    sql_query(
        "SELECT reversal.reference_id AS refund_id, buyer_amount_minor, store_amount_minor, \
                attribution::text AS attribution, attribution_source::text AS attribution_source, \
                reversal.line_id, reversal.wallet_id, reversal.points, \
                decision.action_id, action.operator AS decided_by \
         FROM reversals AS reversal \
              LEFT JOIN refund_attributions AS decision \
                  ON attribution_source = 'operator' AND refund_id = reference_id \
              LEFT JOIN operator_actions AS action USING (action_id) \
         WHERE reversal.order_id = $1 AND reversal.event_id = $2 AND kind = 'refund'",
    )
    .bind::<BigInt, _>(order_id)
    .bind::<BigInt, _>(event_id)
    .get_result(connection)
    .optional()
}

/// What the refund in a body may have been for; `None` if there is none in it.
pub(crate) fn candidates(
    connection: &mut PgConnection,
    body: &[u8],
) -> Result<Option<Candidates>, DeskError> {
    let Some(EventKind::Refunded(refund)) = decode(body).ok().map(|event| event.kind) else {
        return Ok(None);
    };
    let mut keys = PreviewKeys::default();
    keys.add(&[body.to_vec()]);
    let ledger = keys
        .read(connection)
        .map_err(|error| DeskError::failed("the order of the refund cannot be read", error))?;
    let fitting = ledger.candidates(&refund);
    let fits = |line: &OrderLine| {
        let line_id = OrderLineId::from_i64(line.line_id);
        line_id.is_ok_and(|line_id| fitting.contains(&Attribution::Line(line_id)))
    };
    let lines = lines(connection, refund.order_id.get())?.into_iter();
    let candidate = |line| CandidateLine {
        fits: fits(&line),
        line,
    };
    Ok(Some(Candidates {
        lines: lines.map(candidate).collect(),
        everything_fits: fitting.contains(&Attribution::Everything),
        decision: decided(connection, refund.id.get())?,
    }))
}

fn decided(connection: &mut PgConnection, refund_id: i64) -> QueryResult<Option<Decided>> {
    sql_query(
        "SELECT action_id, line_id, wallet_id, points FROM refund_attributions WHERE refund_id = $1",
    )
    .bind::<BigInt, _>(refund_id)
    .get_result(connection)
    .optional()
}
