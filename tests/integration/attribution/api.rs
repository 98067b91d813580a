//! PayNow's API, as far as the worker asks it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::Refund;
use crate::harness::{Reply, TestApp, serve_api};

pub(super) const KEY: &str = "pnapi-only-for-this-test";

#[derive(Default)]
struct State {
    /// By payment.
    payments: HashMap<i64, Reply>,
    /// For every request, before it is looked at.
    trouble: Option<Reply>,
    asked: usize,
}

#[derive(Clone, Default)]
pub(super) struct Api(Arc<Mutex<State>>);

impl Api {
    /// Answers questions about this payment with this.
    pub(super) fn reply(&self, refund: &Refund, reply: Reply) {
        let payments = &mut self.0.lock().unwrap().payments;
        payments.insert(refund.payment_id, reply);
    }

    /// The refund is listed with its payment, for this line or for the whole payment.
    pub(super) fn knows(&self, refund: &Refund, line_id: Option<i64>) {
        let other = json!({"id": "1", "order_line_id": null, "status": "failed"});
        let refunds = json!([other, {
            "id": refund.id.to_string(), "payment_id": refund.payment_id.to_string(),
            "order_line_id": line_id.map(|id| id.to_string()), "status": "completed", "amount": 500
        }]);
        self.lists(refund, &refunds);
    }

    pub(super) fn lists(&self, refund: &Refund, refunds: &serde_json::Value) {
        let payment = json!({"id": refund.payment_id.to_string(), "refunds": refunds});
        self.reply(refund, Reply::Document(payment.to_string()));
    }

    /// Answers every request like this, or properly again.
    pub(super) fn trouble(&self, reply: Option<Reply>) {
        self.0.lock().unwrap().trouble = reply;
    }

    pub(super) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// A worker that asks this API.
    pub(super) fn app(&self) -> TestApp {
        self.app_with_key(KEY)
    }

    pub(super) fn app_with_key(&self, key: &str) -> TestApp {
        let api = self.clone();
        let url = serve_api(move |request| api.answer(request));
        let app = TestApp::builder()
            .worker_setting("WORKER_LANES", "1")
            .worker_setting("PAYNOW_API_KEY", key)
            .worker_setting("PAYNOW_API_URL", &url)
            .start();
        app.set_product(super::COINS, super::PRICE);
        app
    }

    fn answer(&self, request: &str) -> Reply {
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        if let Some(trouble) = &state.trouble {
            return trouble.clone();
        }
        if !request.contains(&format!("authorization: APIKey {KEY}\n")) {
            return Reply::Status(401);
        }
        let payment = request
            .strip_prefix("GET /v1/stores/600000000000000002/payments/")
            .and_then(|rest| rest.split(' ').next()?.parse::<i64>().ok());
        let known = payment.and_then(|payment| state.payments.get(&payment));
        known.cloned().unwrap_or(Reply::Status(404))
    }
}
