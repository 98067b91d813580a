//! Requests, from their head to their answer.

use std::error::Error;
use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::Known;
use paynow_process::telemetry::buckets;
use paynow_process::{declare_log_events, declare_metrics};
use strum::IntoEnumIterator;

use super::secrets;
use crate::code::Code;

declare_metrics! {
    /// queued, or why it was refused
    static REQUESTS: Counter = "paynow_receiver_requests_total" { outcome: Known(outcomes) };
    /// from the request's head to its answer; accepted, refused or unavailable
    static DURATION: Histogram =
        "paynow_receiver_request_duration_seconds" { outcome: Known(kinds_of_answer) }
        .buckets(&buckets::DURATION_SECONDS);
    /// requests without an answer yet
    static IN_FLIGHT: Gauge = "paynow_receiver_requests_in_flight" {};
    /// refused requests answered 429 and not logged, because too many had failed
    static FAILURES_LIMITED: Counter = "paynow_receiver_failures_limited_total" {};
    /// the check of a signature, once the whole body was read
    static VERIFY: Histogram =
        "paynow_receiver_verify_duration_seconds" {}.buckets(&buckets::DURATION_SECONDS);
    /// from PayNow's signature to our clock, of verified webhooks; clock skew shows here
    static SIGNATURE_AGE: Histogram =
        "paynow_receiver_signature_age_seconds" {}.buckets(&SIGNATURE_AGE_SECONDS);
}

declare_log_events! {
    Debug "webhook_queued": "answered 202";
    Warning "webhook_refused": "not verified, or the body was not read";
    Debug "webhook_not_queued": "answered 503, or no webhook at all";
    Warning "failures_limited":
        "too many requests failed: for up to a minute no more are logged one by one";
}

/// Seconds; negative where our clock is behind PayNow's. The tolerance is the outer limit.
const SIGNATURE_AGE_SECONDS: [f64; 16] = [
    -300.0, -60.0, -30.0, -10.0, -1.0, 0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0,
];
const QUEUED: &str = "queued";
const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";
const UNAVAILABLE: &str = "unavailable";

fn outcomes() -> Vec<&'static str> {
    Code::iter().map(Code::as_str).chain([QUEUED]).collect()
}

fn kinds_of_answer() -> Vec<&'static str> {
    vec![ACCEPTED, REFUSED, UNAVAILABLE]
}

/// The series of accepted webhooks, looked up once because every webhook writes them.
struct AcceptedSeries {
    in_flight: Gauge,
    verify: Histogram,
    queued: Counter,
    duration: Histogram,
    signature_age: Histogram,
}

static ACCEPTED_SERIES: LazyLock<AcceptedSeries> = LazyLock::new(|| AcceptedSeries {
    in_flight: IN_FLIGHT.handle(),
    verify: VERIFY.handle(),
    queued: REQUESTS.with([QUEUED]),
    duration: DURATION.with([ACCEPTED]),
    signature_age: SIGNATURE_AGE.handle(),
});

/// A request without an answer; counted until it is dropped, because a client may go away.
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        ACCEPTED_SERIES.in_flight.increment(1);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        ACCEPTED_SERIES.in_flight.decrement(1);
    }
}

pub(crate) struct SignatureChecked {
    pub(crate) took: Duration,
}

impl Observable for SignatureChecked {
    fn emit(self) {
        ACCEPTED_SERIES.verify.record(self.took.as_secs_f64());
    }
}

pub(crate) struct WebhookQueued<'a> {
    pub(crate) event_id: &'a str,
    pub(crate) secret_id: &'a str,
    pub(crate) signed_at_ms: i64,
    pub(crate) took: Duration,
}

impl Observable for WebhookQueued<'_> {
    fn emit(self) {
        let series = &ACCEPTED_SERIES;
        series.queued.increment(1);
        series.duration.record(self.took.as_secs_f64());
        let now_ms = clock::now_ms();
        let age_ms = now_ms.saturating_sub(self.signed_at_ms);
        series.signature_age.record(seconds(age_ms));
        secrets::secret_used(self.secret_id, seconds(now_ms));
        slog_scope::debug!(# "webhook_queued", "webhook queued";
            "event_id" => self.event_id, "secret_id" => self.secret_id);
    }
}

/// A request that was refused with its own code.
pub(crate) struct WebhookRefused<'a> {
    pub(crate) code: Code,
    pub(crate) error: &'a dyn Error,
    /// `None` for a head that never became a request.
    pub(crate) took: Option<Duration>,
}

impl Observable for WebhookRefused<'_> {
    fn emit(self) {
        count(self.code, self.took);
        if self.code == Code::TooManyFailures {
            FAILURES_LIMITED.handle().increment(1);
        }
        let code = self.code.as_str();
        if self.code.is_failure() {
            slog_scope::warn!(# "webhook_refused", "webhook refused";
                "code" => code, "error" => self.error.to_string());
        } else {
            // The broker's state is logged once where it changes, not once per request.
            slog_scope::debug!(# "webhook_not_queued", "webhook not queued"; "code" => code);
        }
    }
}

/// A request that failed after too many others had. It counts under the code of its own failure, and only
/// the first one in a minute is logged.
pub(crate) struct FailureLimited {
    pub(crate) code: Code,
    pub(crate) took: Duration,
    pub(crate) is_first: bool,
    /// Whether it is answered 429 instead of its own status.
    pub(crate) is_answer_limited: bool,
}

impl Observable for FailureLimited {
    fn emit(self) {
        count(self.code, Some(self.took));
        if self.is_answer_limited {
            FAILURES_LIMITED.handle().increment(1);
        }
        // A record for each of a flood would hide everything else in the log.
        if self.is_first {
            slog_scope::warn!(# "failures_limited", "failures limited"; "code" => self.code.as_str());
        }
    }
}

fn count(code: Code, took: Option<Duration>) {
    REQUESTS.with([code.as_str()]).increment(1);
    let kind = if code.status().is_server_error() {
        UNAVAILABLE
    } else {
        REFUSED
    };
    if let Some(took) = took {
        DURATION.with([kind]).record(took.as_secs_f64());
    }
}

fn seconds(milliseconds: i64) -> f64 {
    Duration::from_millis(milliseconds.unsigned_abs())
        .as_secs_f64()
        .copysign(if milliseconds < 0 { -1.0 } else { 1.0 })
}
