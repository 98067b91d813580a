//! Which order a payment was for, as the events of payments tell that move no points.

use serde::Deserialize;

use super::object::Object;
use crate::ids::{OrderId, PaymentId};

#[derive(Deserialize)]
struct Message {
    body: Object<Payment>,
}

#[derive(Deserialize)]
struct Payment {
    id: PaymentId,
    order_id: OrderId,
}

/// `None` when the body of the message does not name both.
pub fn payment(message: &[u8]) -> Option<(PaymentId, OrderId)> {
    let message: Object<Message> = serde_json::from_slice(message).ok()?;
    let Object(Message {
        body: Object(payment),
    }) = message;
    Some((payment.id, payment.order_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_without_an_order_is_for_none() {
        let told = |body: &str| payment(format!(r#"{{"event_id":"1","body":{body}}}"#).as_bytes());
        let ids = |(payment, order): (PaymentId, OrderId)| (payment.get(), order.get());
        let named = told(r#"{"id":"5","order_id":"10","status":7}"#);
        assert_eq!(named.map(ids), Some((5, 10)));
        for body in [
            r#"{"id":"5","order_id":null}"#,
            r#"{"id":"5"}"#,
            "7",
            "null",
        ] {
            assert_eq!(told(body), None, "{body}");
        }
    }
}
