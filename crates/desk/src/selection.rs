//! Which dead letters an operator asks for.

use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, WalletId};
use paynow_shared::reason::Reason;
use serde_json::{Map, Value, json};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// Conditions that must all hold; one that is `None` always holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub reason: Option<Reason>,
    pub event_type: Option<EventType>,
    /// The buyer, the receiver of a gift, or a wallet that the letter's order was credited to.
    pub wallet: Option<WalletId>,
    pub order: Option<OrderId>,
    /// RFC 3339; the last death was then or later.
    pub since: Option<String>,
    /// The last death was at least this many seconds ago.
    pub older_than_seconds: Option<u32>,
}

/// The values of `dead_letters.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum LetterState {
    Open,
    Replayed,
    Discarded,
    Resolved,
}

impl LetterState {
    pub const CODES: &'static [&'static str] = Self::VARIANTS;

    pub(crate) fn code(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone)]
pub enum Selection {
    /// By number, or by event id or SHA-256.
    Named(Vec<String>),
    /// All open letters that match.
    Matching(Filter),
}

impl Selection {
    /// The selection as `operator_actions.selection` keeps it.
    pub(crate) fn document(&self) -> Value {
        let filter = match self {
            Self::Named(names) => return json!({"letters": names}),
            Self::Matching(filter) => filter,
        };
        let conditions = [
            ("reason", filter.reason.map(|it| it.code().to_owned())),
            ("type", filter.event_type.as_ref().map(ToString::to_string)),
            ("wallet", filter.wallet.map(|it| it.to_string())),
            ("order", filter.order.map(|it| it.to_string())),
            ("since", filter.since.clone()),
            (
                "older_than",
                filter.older_than_seconds.map(|it| it.to_string()),
            ),
        ];
        let given = conditions
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        Value::Object(given.collect::<Map<String, Value>>())
    }
}
