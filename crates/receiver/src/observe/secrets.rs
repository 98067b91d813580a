//! The signing secrets: which are used.

use metrics::{Counter, Gauge};
use paynow_process::declare_metrics;
use paynow_process::telemetry::Values::AtRunTime;

declare_metrics! {
    /// webhooks queued, by the secret that signed them
    static USES: Counter = "paynow_receiver_secret_uses_total" { secret_id: AtRunTime };
    /// Unix time of its last webhook; 0 when none came since the start, +Inf once it was removed
    static LAST_USED: Gauge =
        "paynow_receiver_secret_last_used_timestamp_seconds" { secret_id: AtRunTime };
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
pub(crate) fn replaced(before: &[&str], now: &[&str]) {
    let added = now.iter().filter(|id| !before.contains(id));
    added.for_each(|id| start(id));
    // No alert may fire because a removed secret is unused.
    for id in before.iter().filter(|id| !now.contains(id)) {
        LAST_USED.with([(*id).to_owned()]).set(f64::INFINITY);
    }
}
