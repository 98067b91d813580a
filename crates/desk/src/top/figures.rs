//! How `top` writes numbers, durations and times: short enough for narrow columns, and rounded in
//! the JSON document.

use chrono::DateTime;
use serde::{Serialize, Serializer};

use crate::text::age_text;

/// Stands for a figure that is unknown.
pub const NONE: &str = "-";

pub fn or_none<T>(figure: Option<T>, text: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| NONE.to_owned(), text)
}

/// At most six characters.
pub fn count_text(count: f64) -> String {
    scaled(count, 100_000.0)
}

/// A rate of change with its sign, at most five characters.
pub fn change_text(per_second: f64) -> String {
    let text = match per_second.abs() {
        small if small < 9.95 => format!("{small:.1}"),
        large => scaled(large, 1000.0),
    };
    match text.as_str() {
        "0.0" => "0".to_owned(),
        _ if per_second < 0.0 => format!("-{text}"),
        _ => format!("+{text}"),
    }
}

/// At most six characters; a very low rate is not shown as zero.
pub fn rate_text(per_second: f64) -> String {
    match per_second {
        none if none <= 0.0 => "0".to_owned(),
        low if low < 0.01 => "<0.01".to_owned(),
        low if low < 10.0 => format!("{low:.2}"),
        medium if medium < 1000.0 => format!("{medium:.1}"),
        high => count_text(high),
    }
}

fn scaled(number: f64, unscaled_below: f64) -> String {
    match number.round() {
        small if small < unscaled_below => format!("{small:.0}"),
        large if large < 999_500.0 => format!("{:.0}k", large / 1e3),
        large if large < 999_500_000.0 => format!("{:.0}M", large / 1e6),
        large => format!("{:.0}G", large / 1e9),
    }
}

/// At most four characters.
pub fn latency_text(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.000_95 => format!(".{:.0}ms", (seconds * 1e4).max(1.0)),
        _ if seconds < 0.099_5 => format!("{:.0}ms", seconds * 1e3),
        _ if seconds < 9.95 => format!("{seconds:.1}s"),
        _ if seconds < 99.5 => format!("{seconds:.0}s"),
        _ if seconds < 5970.0 => format!("{:.0}m", seconds / 60.0),
        _ if seconds < 359_000.0 => format!("{:.0}h", seconds / 3600.0),
        _ => format!("{:.0}d", seconds / 86_400.0),
    }
}

/// For sentences.
pub fn duration_text(seconds: f64) -> String {
    age_text(seconds.max(0.0).round() as i64)
}

pub fn memory_text(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1024.0 / 1024.0)
}

/// A time in UTC, in a format of `chrono`.
pub fn time_text(unix_ms: i64, format: &str) -> String {
    DateTime::from_timestamp_millis(unix_ms)
        .map_or_else(String::new, |time| time.format(format).to_string())
}

/// Two snapshots are not timed more precisely than to a microsecond.
pub fn to_microseconds(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

pub fn rounded<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    to_microseconds(*number).serialize(serializer)
}

pub fn rounded_or_null<S: Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    number.map(to_microseconds).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_narrow() {
        for (text, expected) in [
            (count_text(0.0), "0"),
            (count_text(99_999.0), "99999"),
            (count_text(123_456.0), "123k"),
            (count_text(2_700_000.0), "3M"),
            (rate_text(0.0), "0"),
            (rate_text(0.016_67), "0.02"),
            (rate_text(0.001), "<0.01"),
            (rate_text(812.04), "812.0"),
            (rate_text(12_345.0), "12345"),
            (change_text(0.01), "0"),
            (change_text(-0.06), "-0.1"),
            (change_text(30.0), "+30"),
            (change_text(-12_345.0), "-12k"),
            (memory_text(24.4e6), "23 MiB"),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_latency_has_four_characters_at_most() {
        for (seconds, expected) in [
            (0.000_01, ".1ms"),
            (0.000_5, ".5ms"),
            (0.002_1, "2ms"),
            (0.049, "49ms"),
            (0.25, "0.2s"),
            (2.5, "2.5s"),
            (10.0, "10s"),
            (300.0, "5m"),
            (14_400.0, "4h"),
            (900_000.0, "10d"),
        ] {
            assert_eq!(latency_text(seconds), expected);
            assert!(latency_text(seconds).len() <= 4);
        }
    }

    #[test]
    fn a_duration_has_two_units() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (59.6, "1m 0s"),
            (3_725.0, "1h 2m"),
            (90_000.0, "1d 1h"),
        ] {
            assert_eq!(duration_text(seconds), expected);
        }
    }
}
