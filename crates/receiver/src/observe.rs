//! What the receiver tells about its work: one struct per observable writes the log line and the
//! metrics together. Never bodies, signatures or headers as sent.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use paynow_process::broker::PublishError;
use paynow_process::clock;
use paynow_process::declare_metrics;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::{AtRunTime, Known};
use paynow_process::telemetry::{Catalog, LogEvent, Metric, buckets};
use strum::IntoEnumIterator;

use crate::body::BodyError;
use crate::failures::Verdict;
use crate::publish::Queued;
use crate::refusal::{HeadError, Refusal};
use crate::reload::ReloadError;
use crate::secrets::{SigningSecret, SigningSecrets};
use crate::source::SourceError;
use crate::verify::VerifyError;

declare_metrics! {
    static REQUESTS: Metric<Counter, 1> = Metric::new(
        "paynow_receiver_requests_total",
        &[("outcome", Known(outcomes))],
        "queued, or why it was refused",
    );
    static DURATION: Metric<Histogram, 1> = Metric::new(
        "paynow_receiver_request_duration_seconds",
        &[("outcome", AtRunTime)],
        "from the request's head to its answer; accepted, refused or unavailable",
    )
    .buckets(&buckets::DURATION_SECONDS);
    static IN_FLIGHT: Metric<Gauge, 0> = Metric::new(
        "paynow_receiver_requests_in_flight",
        &[],
        "requests without an answer yet",
    );
    static FAILURES_LIMITED: Metric<Counter, 0> = Metric::new(
        "paynow_receiver_failures_limited_total",
        &[],
        "refused requests answered 429 and not logged, because too many had failed",
    );
    static CONNECTIONS: Metric<Gauge, 0> = Metric::new(
        "paynow_receiver_connections",
        &[],
        "open connections to the public address",
    );
    static CROWDED_OUT: Metric<Counter, 0> = Metric::new(
        "paynow_receiver_connections_crowded_out_total",
        &[],
        "connections closed to make room for others",
    );
    static BODY_BYTES: Metric<Gauge, 0> = Metric::new(
        "paynow_receiver_body_bytes_held",
        &[],
        "memory held by bodies over 16 KiB, until they are answered",
    );
    static VERIFY: Metric<Histogram, 0> = Metric::new(
        "paynow_receiver_verify_duration_seconds",
        &[],
        "the signature's check, body in hand",
    )
    .buckets(&buckets::DURATION_SECONDS);
    static SIGNATURE_AGE: Metric<Histogram, 0> = Metric::new(
        "paynow_receiver_signature_age_seconds",
        &[],
        "from PayNow's signature to our clock, of verified webhooks; clock skew shows here",
    )
    .buckets(&SIGNATURE_AGE_SECONDS);
    static SECRET_USES: Metric<Counter, 1> = Metric::new(
        "paynow_receiver_secret_uses_total",
        &[("secret_id", AtRunTime)],
        "webhooks queued, by the secret that signed them",
    );
    static SECRET_LAST_USED: Metric<Gauge, 1> = Metric::new(
        "paynow_receiver_secret_last_used_timestamp_seconds",
        &[("secret_id", AtRunTime)],
        "when it last signed one, in Unix time; 0 is not since the start, +Inf of one that was taken out",
    );
}

/// Seconds; negative where our clock is behind PayNow's. The tolerance is the outer limit.
const SIGNATURE_AGE_SECONDS: [f64; 16] = [
    -300.0, -60.0, -30.0, -10.0, -1.0, 0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0,
];

pub const CATALOG: Catalog = Catalog {
    metrics: &[METRICS],
    log_events: &[&[
        LogEvent::debug("webhook_queued", "answered 202"),
        LogEvent::info(
            "secrets_reloaded",
            "the signing secrets' file was read again",
        ),
        LogEvent::error(
            "secrets_not_reloaded",
            "it is wrong, and the secrets in use stay",
        ),
        LogEvent::warning("webhook_refused", "not verified, or the body was not read"),
        LogEvent::warning(
            "failures_limited",
            "too many requests failed: for up to a minute no more are logged one by one",
        ),
        LogEvent::warning(
            "connections_limited",
            "it may open too few files for the connections it was told to take",
        ),
        LogEvent::debug("webhook_not_queued", "answered 503, or no webhook at all"),
    ]],
};

/// Every refusal but those of the broker, for the counters that begin at zero.
const REFUSALS: [Refusal; 14] = [
    Refusal::Head(HeadError::TooSlow),
    Refusal::Head(HeadError::TooLarge),
    Refusal::Source(SourceError::NotAllowed),
    Refusal::Source(SourceError::Unknown),
    Refusal::Body(BodyError::CrowdedOut),
    Refusal::Body(BodyError::TooLarge { limit_bytes: 0 }),
    Refusal::Body(BodyError::TooSlow),
    Refusal::Body(BodyError::BrokenOff),
    Refusal::Unverified(VerifyError::MissingHeader("")),
    Refusal::Unverified(VerifyError::MalformedHeader("")),
    Refusal::Unverified(VerifyError::Mismatch),
    Refusal::Unverified(VerifyError::Stale),
    Refusal::NotFound,
    Refusal::MethodNotAllowed,
];

const QUEUED: &str = "queued";

fn outcomes() -> Vec<&'static str> {
    let not_queued: Vec<Refusal> = PublishError::iter().map(Refusal::NotQueued).collect();
    let refused = REFUSALS.iter().chain(&not_queued).map(Refusal::code);
    refused.chain([QUEUED]).collect()
}

/// Starts the series of the secrets at zero.
pub fn start_secrets(secrets: &SigningSecrets) {
    secrets.iter().for_each(start_secret);
}

fn start_secret(secret: &SigningSecret) {
    SECRET_USES.start_for("secret_id", secret.id());
    SECRET_LAST_USED.start_for("secret_id", secret.id());
}

/// The series of every accepted webhook, looked up once: this is the way that must be fast.
struct Usual {
    in_flight: Gauge,
    connections: Gauge,
    body_bytes: Gauge,
    verify: Histogram,
    queued: Counter,
    accepted: Histogram,
    signature_age: Histogram,
}

fn usual() -> &'static Usual {
    static USUAL: OnceLock<Usual> = OnceLock::new();
    USUAL.get_or_init(|| Usual {
        in_flight: IN_FLIGHT.handle(),
        connections: CONNECTIONS.handle(),
        body_bytes: BODY_BYTES.handle(),
        verify: VERIFY.handle(),
        queued: REQUESTS.with([QUEUED]),
        accepted: DURATION.with(["accepted"]),
        signature_age: SIGNATURE_AGE.handle(),
    })
}

/// A request in hand; counted until it is dropped, because a client may go away.
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        usual().in_flight.increment(1);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        usual().in_flight.decrement(1);
    }
}

/// So many connections more, or less.
pub(crate) fn connections(more: f64) {
    usual().connections.increment(more);
}

/// So many bytes more held, or less.
pub(crate) fn body_bytes(more: f64) {
    usual().body_bytes.increment(more);
}

pub(crate) fn crowded_out() {
    CROWDED_OUT.handle().increment(1);
}

pub(crate) struct SignatureChecked {
    pub(crate) took: Duration,
}

impl Observable for SignatureChecked {
    fn emit(self) {
        usual().verify.record(self.took.as_secs_f64());
    }
}

pub(crate) struct WebhookQueued<'a> {
    pub(crate) queued: &'a Queued,
    pub(crate) took: Duration,
}

impl Observable for WebhookQueued<'_> {
    fn emit(self) {
        let Queued {
            event_id,
            secret_id,
            signed_at_ms,
            ..
        } = self.queued;
        let usual = usual();
        usual.queued.increment(1);
        usual.accepted.record(self.took.as_secs_f64());
        let now_ms = clock::now_ms();
        let age = seconds(now_ms.saturating_sub(*signed_at_ms));
        usual.signature_age.record(age);
        SECRET_USES.with([secret_id.clone()]).increment(1);
        SECRET_LAST_USED
            .with([secret_id.clone()])
            .set(seconds(now_ms));
        slog_scope::debug!(# "webhook_queued", "webhook queued";
            "event_id" => event_id, "secret_id" => secret_id);
    }
}

pub(crate) struct WebhookRefused<'a> {
    pub(crate) refusal: &'a Refusal,
    /// None of a request that never began.
    pub(crate) took: Option<Duration>,
    pub(crate) verdict: Verdict,
}

impl<'a> WebhookRefused<'a> {
    pub(crate) fn before_it_began(refusal: &'a Refusal) -> Self {
        Self {
            refusal,
            took: None,
            verdict: Verdict::Tell,
        }
    }

    fn duration_outcome(&self) -> &'static str {
        match self.refusal {
            Refusal::NotQueued(_) | Refusal::Body(BodyError::CrowdedOut) => "unavailable",
            Refusal::Head(_)
            | Refusal::Source(_)
            | Refusal::Body(_)
            | Refusal::Unverified(_)
            | Refusal::TooManyFailures { .. }
            | Refusal::NotFound
            | Refusal::MethodNotAllowed => "refused",
        }
    }
}

impl Observable for WebhookRefused<'_> {
    fn emit(self) {
        let code = self.refusal.code();
        REQUESTS.with([code]).increment(1);
        if let Some(took) = self.took {
            let outcome = self.duration_outcome();
            DURATION.with([outcome]).record(took.as_secs_f64());
        }
        match self.verdict {
            // A flood is counted; told one by one, it would hide everything else in the log.
            Verdict::TooMany { is_first, .. } => {
                FAILURES_LIMITED.handle().increment(1);
                if is_first {
                    slog_scope::warn!(# "failures_limited", "failures limited"; "code" => code);
                }
            }
            Verdict::Tell if self.refusal.is_failure() => {
                slog_scope::warn!(# "webhook_refused", "webhook refused";
                    "code" => code, "error" => self.refusal.to_string());
            }
            // The broker's state is logged once where it changes, not once per request.
            Verdict::Tell => {
                slog_scope::debug!(# "webhook_not_queued", "webhook not queued"; "code" => code);
            }
        }
    }
}

/// Fewer connections than the settings say.
pub(crate) struct ConnectionsLimited {
    pub(crate) connections: usize,
}

impl Observable for ConnectionsLimited {
    fn emit(self) {
        slog_scope::warn!(# "connections_limited", "too few file descriptors for the connections set";
            "connections" => self.connections);
    }
}

pub(crate) struct SecretsReloaded<'a> {
    pub(crate) before: &'a SigningSecrets,
    pub(crate) now: &'a SigningSecrets,
}

impl Observable for SecretsReloaded<'_> {
    fn emit(self) {
        let Self { before, now } = self;
        let is_new = |secret: &&SigningSecret| !before.knows(secret.id());
        now.iter().filter(is_new).for_each(start_secret);
        // Nobody needs to hear that it is unused.
        for secret in before.iter().filter(|secret| !now.knows(secret.id())) {
            SECRET_LAST_USED
                .with([secret.id().to_owned()])
                .set(f64::INFINITY);
        }
        let ids: Vec<&str> = now.iter().map(SigningSecret::id).collect();
        slog_scope::info!(# "secrets_reloaded", "signing secrets reloaded";
            "secret_ids" => ids.join(","));
    }
}

pub(crate) struct SecretsNotReloaded<'a> {
    pub(crate) error: &'a ReloadError,
}

impl Observable for SecretsNotReloaded<'_> {
    fn emit(self) {
        slog_scope::error!(# "secrets_not_reloaded", "signing secrets not reloaded";
            "error" => self.error.to_string());
    }
}

pub(crate) struct Listening {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) admin_address: std::net::SocketAddr,
}

impl Observable for Listening {
    fn emit(self) {
        slog_scope::info!(# "listening", "listening";
            "address" => %self.address, "admin_address" => %self.admin_address);
    }
}

fn seconds(milliseconds: i64) -> f64 {
    Duration::from_millis(milliseconds.unsigned_abs())
        .as_secs_f64()
        .copysign(if milliseconds < 0 { -1.0 } else { 1.0 })
}
