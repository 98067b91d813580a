//! What the table `reversals` records of refunds and chargebacks.

use paynow_shared::event::{ChargebackState, RefundAmounts};
use paynow_shared::ids::{OrderLineId, PaymentId, RefundId, WalletId};
use paynow_shared::points::Points;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The column `reversals.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReversalKind {
    Refund,
    ChargebackOpened,
    ChargebackWon,
    ChargebackLost,
}

impl ReversalKind {
    /// The label in the enum `reversal_kind` of PostgreSQL.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl From<ChargebackState> for ReversalKind {
    fn from(state: ChargebackState) -> Self {
        match state {
            ChargebackState::Opened => Self::ChargebackOpened,
            ChargebackState::Won => Self::ChargebackWon,
            ChargebackState::Lost => Self::ChargebackLost,
        }
    }
}

/// A row of `reversals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    Refund(RefundRecord),
    Chargeback(ChargebackStep),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundRecord {
    pub id: RefundId,
    pub amounts: RefundAmounts,
    /// The amount that a share of the order's total is computed from.
    pub amount_minor: i64,
    pub attribution: Attribution,
    /// `None` for a refund that the version before attributions recorded.
    pub source: Option<Source>,
}

/// A step of a chargeback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargebackStep {
    pub payment_id: PaymentId,
    pub state: ChargebackState,
    /// In Unix microseconds; `None` is older than any time.
    pub at_us: Option<i64>,
}

impl ChargebackStep {
    /// The state of the newest step. A closing is newer than the opening at the same time.
    pub(super) fn newest_state(steps: &[Self]) -> Option<ChargebackState> {
        let newest = steps.iter().max_by_key(|step| (step.at_us, step.state));
        newest.map(|step| step.state)
    }
}

/// What a refund was for. The columns `reversals.attribution`, `line_id`, `wallet_id` and `points`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// All that was charged and was not back yet.
    Everything,
    Line(OrderLineId),
    /// So many points of one wallet, as a person decided.
    Points {
        wallet_id: WalletId,
        points: Points,
    },
    /// A share of the order's points, in proportion to its total.
    Proportional,
}

impl Attribution {
    /// The label in the enum `refund_attribution` of PostgreSQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Line(_) => "line",
            Self::Points { .. } => "points",
            Self::Proportional => "proportional",
        }
    }
}

/// How an attribution is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Source {
    /// Nothing else fits the amounts of the refund.
    Amounts,
    /// PayNow's API named it.
    PayNow,
    /// A person decided it.
    Operator,
}

impl Source {
    /// The label in the enum `attribution_source` of PostgreSQL.
    pub fn code(self) -> &'static str {
        self.into()
    }
}
