//! What the receiver tells about its work: one function per observable writes the metric and, where
//! a person may want it, the log line. Never bodies, signatures or headers as sent.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};

use crate::refusal::Refusal;

const REQUESTS: &str = "paynow_receiver_requests_total";
const DURATION: &str = "paynow_receiver_request_duration_seconds";
const SECRET_USES: &str = "paynow_receiver_secret_uses_total";

pub fn describe() {
    describe_counter!(
        REQUESTS,
        "Webhook requests by outcome: queued, or the code of the refusal."
    );
    describe_histogram!(
        DURATION,
        "From the request's head to its answer, by outcome."
    );
    describe_counter!(
        SECRET_USES,
        "Webhooks queued, by the id of the secret that signed them."
    );
}

pub fn queued(event_id: &str, secret_id: &str, took: Duration) {
    outcome("queued", took);
    counter!(SECRET_USES, "secret_id" => secret_id.to_owned()).increment(1);
    slog_scope::debug!("webhook queued"; "event_id" => event_id, "secret_id" => secret_id);
}

pub fn refused(refusal: &Refusal, took: Duration) {
    let code = refusal.code();
    outcome(code, took);
    match refusal {
        // The broker's state is logged once where it changes, not once per request.
        Refusal::NotQueued(_) | Refusal::NotFound | Refusal::MethodNotAllowed => {
            slog_scope::debug!("webhook refused"; "code" => code);
        }
        Refusal::Body(_) | Refusal::Unverified(_) => {
            slog_scope::warn!("webhook refused"; "code" => code, "error" => refusal.to_string());
        }
    }
}

fn outcome(outcome: &'static str, took: Duration) {
    counter!(REQUESTS, "outcome" => outcome).increment(1);
    histogram!(DURATION, "outcome" => outcome).record(took.as_secs_f64());
}
