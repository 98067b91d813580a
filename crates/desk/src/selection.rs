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

    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether its points are decided about: they were credited, or given up.
    pub(crate) fn is_settled(code: &str) -> bool {
        [Self::Discarded, Self::Resolved]
            .iter()
            .any(|state| state.code() == code)
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
    /// Of what `document` gave; `None` for anything else.
    pub(crate) fn of_document(document: &Value) -> Option<Self> {
        let fields = document.as_object()?;
        if let Some(names) = fields.get("letters") {
            let names = names
                .as_array()?
                .iter()
                .map(|name| Some(name.as_str()?.to_owned()));
            return names.collect::<Option<_>>().map(Self::Named);
        }
        let mut filter = Filter::default();
        for (name, value) in fields {
            let text = value.as_str()?;
            match name.as_str() {
                "reason" => filter.reason = Some(text.parse().ok()?),
                "type" => filter.event_type = Some(text.parse().ok()?),
                "wallet" => filter.wallet = Some(text.parse().ok()?),
                "order" => filter.order = Some(text.parse().ok()?),
                "since" => filter.since = Some(text.to_owned()),
                "older_than" => filter.older_than_seconds = Some(text.parse().ok()?),
                _unknown => return None,
            }
        }
        Some(Self::Matching(filter))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_read_as_it_was_kept() {
        let filter = Filter {
            reason: Some(Reason::UnknownProduct),
            event_type: "ON_REFUND".parse().ok(),
            wallet: "7".parse().ok(),
            order: "8".parse().ok(),
            since: Some("2026-11-28T00:00:00Z".to_owned()),
            older_than_seconds: Some(60),
        };
        for selection in [
            Selection::Named(vec!["7".to_owned()]),
            Selection::Matching(filter),
            Selection::Matching(Filter::default()),
        ] {
            let document = selection.document();
            let again = Selection::of_document(&document).map(|it| it.document());
            assert_eq!(again, Some(document));
        }
        assert!(Selection::of_document(&json!({"reason": "typo"})).is_none());
        assert!(Selection::of_document(&json!({"unknown": "1"})).is_none());
    }
}
