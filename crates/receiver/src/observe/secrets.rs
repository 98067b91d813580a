//! The signing secrets: which are used, and which were read again.

use std::error::Error;

use metrics::{Counter, Gauge};
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::AtRunTime;
use paynow_process::{declare_log_events, declare_metrics};

declare_metrics! {
    /// webhooks queued, by the secret that signed them
    static USES: Counter = "paynow_receiver_secret_uses_total" { secret_id: AtRunTime };
    /// Unix time of its last webhook; 0 when none came since the start, +Inf once it was removed
    static LAST_USED: Gauge =
        "paynow_receiver_secret_last_used_timestamp_seconds" { secret_id: AtRunTime };
}

declare_log_events! {
    Info "secrets_reloaded": "the file of the signing secrets was read again";
    Error "secrets_not_reloaded": "that file is wrong, and the secrets in use stay";
}

/// Starts the series of a secret at zero.
pub(crate) fn start(secret_id: &str) {
    USES.start_for("secret_id", secret_id);
    LAST_USED.start_for("secret_id", secret_id);
}

pub(super) fn secret_used(secret_id: &str, now_seconds: f64) {
    USES.with([secret_id.to_owned()]).increment(1);
    LAST_USED.with([secret_id.to_owned()]).set(now_seconds);
}

/// The list of secrets was replaced by one with these ids.
pub(crate) struct SecretsReloaded<'a> {
    pub(crate) before: Vec<&'a str>,
    pub(crate) now: Vec<&'a str>,
}

impl Observable for SecretsReloaded<'_> {
    fn emit(self) {
        let Self { before, now } = self;
        let added = now.iter().filter(|id| !before.contains(id));
        added.for_each(|id| start(id));
        // No alert may fire because a removed secret is unused.
        for id in before.iter().filter(|id| !now.contains(id)) {
            LAST_USED.with([(*id).to_owned()]).set(f64::INFINITY);
        }
        slog_scope::info!(# "secrets_reloaded", "signing secrets reloaded";
            "secret_ids" => now.join(","));
    }
}

pub(crate) struct SecretsNotReloaded<'a> {
    pub(crate) error: &'a dyn Error,
}

impl Observable for SecretsNotReloaded<'_> {
    fn emit(self) {
        slog_scope::error!(# "secrets_not_reloaded", "signing secrets not reloaded";
            "error" => self.error.to_string());
    }
}
