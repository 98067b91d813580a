//! The only place that reads the system clock.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Now, in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Now, as RFC 3339 in UTC with milliseconds.
pub fn now_rfc3339() -> String {
    rfc3339(now_ms()).unwrap_or_default()
}

/// A time in Unix milliseconds, as RFC 3339 in UTC; `None` for one that no calendar has.
pub fn rfc3339(unix_ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(unix_ms)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
