//! Sample events that take orders back: refunds, and chargebacks with their closings, in the shape that
//! `PayNow` documents.

use paynow_desk::sale::Sale;
use serde_json::{Value, json};

use super::options::Reversal;
use super::sample::{self, Sample, exact_utc};

/// One event that takes an order back.
pub(super) struct Undo {
    pub(super) event_id: i64,
    pub(super) sale: Sale,
    what: Reversal,
    /// Of the refund.
    id: i64,
}

impl Undo {
    /// Plans what happens to one order after another, step by step.
    pub(super) fn plan(
        sales: &[Sale],
        steps: &[Reversal],
        next_id: &mut impl FnMut() -> i64,
    ) -> Vec<Vec<Self>> {
        let step = |what: &Reversal| {
            let undo = |sale: &Sale| Self {
                id: next_id(),
                event_id: next_id(),
                sale: sale.clone(),
                what: *what,
            };
            sales.iter().map(undo).collect()
        };
        steps.iter().map(step).collect()
    }

    pub(super) fn event_type(&self) -> &'static str {
        match self.what {
            Reversal::Refund | Reversal::PartialRefund => "ON_REFUND",
            Reversal::Chargeback => "ON_CHARGEBACK",
            Reversal::ChargebackWon | Reversal::ChargebackLost => "ON_CHARGEBACK_CLOSED",
        }
    }

    /// The event's bytes. All steps of a run have one time, as a closing has that of its chargeback.
    pub(super) fn body(&self, now_ms: i64) -> Vec<u8> {
        let event = json!({
            "event_type": self.event_type(),
            "event_id": self.event_id.to_string(),
            "body": self.content(&exact_utc(now_ms)),
        });
        event.to_string().into_bytes()
    }

    fn content(&self, time: &str) -> Value {
        let status = match self.what {
            Reversal::Refund => return self.refund(self.sale.charged_minor, time),
            Reversal::PartialRefund => return self.refund(self.sale.part_minor, time),
            Reversal::Chargeback => "pending",
            Reversal::ChargebackWon => "won",
            Reversal::ChargebackLost => "lost",
        };
        let mut body = self.of_payment(self.sale.charged_minor);
        body["id"] = self.sale.order_id.to_string().into();
        body["chargeback_status"] = status.into();
        body["chargeback_at"] = time.into();
        body
    }

    fn refund(&self, amount: i64, time: &str) -> Value {
        let mut body = self.of_payment(amount);
        body["id"] = self.id.to_string().into();
        body["payment_id"] = self.sale.order_id.to_string().into();
        body["store_refund_amount"] = amount.into();
        for field in ["created_at", "completed_at"] {
            body[field] = time.into();
        }
        body
    }

    fn of_payment(&self, amount: i64) -> Value {
        let Sale {
            order_id,
            store_id,
            wallet_id,
            currency,
            ..
        } = &self.sale;
        json!({
            "order_id": order_id.to_string(),
            "store_id": store_id.map(|id| id.to_string()),
            "customer": wallet_id.map(|id| json!({"id": id.to_string()})),
            "gateway": "sample",
            "status": "completed",
            "currency": currency,
            "tax_inclusive": true,
            "amount": amount,
            "tax_amount": 0,
        })
    }
}

impl Sample {
    /// As the database will know it.
    pub(super) fn sale(&self) -> Sale {
        let charged_minor = self.amount_minor();
        Sale {
            order_id: self.order_id,
            store_id: Some(sample::STORE),
            wallet_id: Some(self.wallet_id),
            currency: sample::CURRENCY.to_owned(),
            charged_minor,
            part_minor: charged_minor / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use paynow_shared::event::{ChargebackState, EventKind};
    use paynow_shared::wire::decode;

    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    #[test]
    fn every_reversal_is_an_event_that_the_worker_reads() {
        let sale = Sale {
            order_id: 10,
            store_id: None,
            wallet_id: Some(20),
            currency: "EUR".to_owned(),
            charged_minor: 998,
            part_minor: 499,
        };
        let mut made = 100;
        let mut next_id = || {
            made += 1;
            made
        };
        let steps = Reversal::value_variants();
        let planned = Undo::plan(&[sale], steps, &mut next_id);
        let kinds: Vec<EventKind> = planned
            .iter()
            .flatten()
            .map(|undo| decode(&undo.body(NOW_MS)).unwrap().kind)
            .collect();
        let mut read = Vec::new();
        for kind in kinds {
            read.push(match kind {
                EventKind::Refunded(refund) => {
                    assert_eq!(refund.order_id.get(), 10);
                    assert_eq!(refund.currency.as_deref(), Some("EUR"));
                    format!("refund {:?}", refund.amounts.buyer.unwrap())
                }
                EventKind::Chargeback(chargeback) => {
                    assert_eq!(
                        (chargeback.payment_id.get(), chargeback.at_us),
                        (10, Some(NOW_MS * 1000))
                    );
                    match chargeback.state {
                        ChargebackState::Opened => "opened".to_owned(),
                        ChargebackState::Won => "won".to_owned(),
                        ChargebackState::Lost => "lost".to_owned(),
                    }
                }
                EventKind::OrderCompleted(_) | EventKind::Ignored => panic!("not a reversal"),
            });
        }
        assert_eq!(read, ["refund 998", "refund 499", "opened", "won", "lost"]);
    }
}
