//! A page of `PayNow`'s history of deliveries, as `GET …/webhooks/{webhookId}/history` gives it.
//!
//! An event is identified by the `event_id` in the payload. `PayNow` does not document whether a
//! delivery's own `id` is the same number, so that one only names the delivery.

use std::collections::BTreeMap;

use paynow_shared::ids::EventId;
use paynow_shared::wire::label;
use serde::Serialize;
use serde_json::value::RawValue;

use super::compact::compact;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("it is not JSON")]
    NotJson(#[from] serde_json::Error),
    #[error(
        "it is not a page of PayNow's history: it has no list `history` of deliveries with a payload"
    )]
    NoHistory,
}

/// One event for one subscription, however often `PayNow` tried to deliver it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    pub delivery_id: String,
    /// The id of the subscription.
    pub webhook_id: String,
    /// `success`, `pending` or `failed`.
    pub state: String,
    /// `None` when the payload names no event: the delivery cannot be compared then.
    pub event_id: Option<EventId>,
    pub event_type: String,
    /// The event's bytes, as close to those of the first delivery as the page allows.
    #[serde(skip)]
    pub body: Vec<u8>,
}

impl Delivery {
    /// Whether `PayNow` still tries to deliver it.
    pub(super) fn is_pending(&self) -> bool {
        self.state == "pending"
    }

    /// When `PayNow` made it, in Unix milliseconds, by the time in its id; `None` without an id.
    pub(super) fn made_at_ms(&self) -> Option<i64> {
        let of_delivery = || self.delivery_id.parse().ok();
        let id: EventId = self.event_id.or_else(of_delivery)?;
        Some(id.created_at_ms())
    }
}

/// Reads one or more documents, each a page or a bare list of deliveries.
pub fn read(bytes: &[u8]) -> Result<Vec<Delivery>, PageError> {
    let mut deliveries = Vec::new();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>() {
        for fields in list(document?)? {
            deliveries.push(delivery(&fields)?);
        }
    }
    Ok(deliveries)
}

fn list(document: &RawValue) -> Result<Vec<Fields<'_>>, PageError> {
    let page: Result<Fields<'_>, serde_json::Error> = serde_json::from_str(document.get());
    let history = match &page {
        Ok(page) => page.get("history").ok_or(PageError::NoHistory)?.get(),
        Err(_no_object) => document.get(),
    };
    serde_json::from_str(history).map_err(|_error| PageError::NoHistory)
}

fn delivery(fields: &Fields<'_>) -> Result<Delivery, PageError> {
    let text = |name: &str| {
        let raw = fields.get(name).map(|raw| raw.get().trim_matches('"'));
        raw.unwrap_or_default().to_owned()
    };
    let body = body(fields.get("payload").ok_or(PageError::NoHistory)?)?;
    let label = label(&body);
    let event_type = label.event_type.map(|event_type| event_type.to_string());
    Ok(Delivery {
        delivery_id: text("id"),
        webhook_id: text("webhook_id"),
        state: text("state"),
        event_id: label.message_id.parse().ok(),
        event_type: event_type.unwrap_or_else(|| text("event")),
        body,
    })
}

/// A payload is any JSON; a text is taken as the event's own bytes.
fn body(payload: &RawValue) -> Result<Vec<u8>, PageError> {
    let json = payload.get();
    let text = if json.starts_with('"') {
        serde_json::from_str(json)?
    } else {
        compact(json)
    };
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{ "page": 1, "history": [ {
        "id": "41", "webhook_id": "7", "created_at": "2026-11-24T08:00:00Z", "state": "success",
        "event": "OnRefund", "executions": [],
        "payload": { "event_type": "ON_REFUND", "event_id": "42", "body": { "b": 1.0, "a": "\u017b" } }
    } ] }"#;
    const BODY: &str =
        r#"{"event_type":"ON_REFUND","event_id":"42","body":{"b":1.0,"a":"\u017b"}}"#;

    #[test]
    fn the_payload_keeps_its_bytes_and_names_the_event() {
        let deliveries = read(PAGE.as_bytes()).unwrap();
        let [delivery] = deliveries.as_slice() else {
            panic!("{deliveries:?}")
        };
        assert_eq!(delivery.body, BODY.as_bytes());
        assert_eq!(delivery.event_id.unwrap().get(), 42);
        assert_eq!((&*delivery.delivery_id, &*delivery.webhook_id), ("41", "7"));
        assert_eq!(
            (&*delivery.event_type, &*delivery.state),
            ("ON_REFUND", "success")
        );
    }

    #[test]
    fn pages_may_follow_each_other_be_lists_or_hold_texts() {
        let text = serde_json::to_string(BODY).unwrap();
        let bare =
            format!(r#"[{{"id": "41", "webhook_id": "7", "state": "failed", "payload": {text}}}]"#);
        let deliveries = read(format!("{PAGE}\n{bare}").as_bytes()).unwrap();
        assert_eq!(deliveries.len(), 2);
        assert_eq!(deliveries[0].body, deliveries[1].body);
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn a_payload_without_an_event_id_is_not_given_one() {
        let page =
            r#"[{"id": "41", "state": "success", "event": "OnRefund", "payload": {"id": "9"}}]"#;
        let deliveries = read(page.as_bytes()).unwrap();
        assert_eq!(deliveries[0].event_id, None);
        assert_eq!(deliveries[0].event_type, "OnRefund");
    }

    #[test]
    fn a_document_that_is_no_history_is_refused() {
        for (text, is_json) in [
            ("<html>", false),
            ("{\"page\": 1, \"history\": [", false),
            ("{\"status\": 401}", true),
            ("[{\"id\": \"41\"}]", true),
            ("7", true),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(matches!(error, PageError::NoHistory), is_json, "{text}");
        }
    }
}
