//! Figures as texts that fit into narrow columns.

use crate::output::age_text;

/// What is shown where there is no figure.
pub(super) const NONE: &str = "-";

/// At most six characters.
pub(super) fn count_text(count: f64) -> String {
    scaled(count, 100_000.0)
}

/// With its sign: at most five characters.
pub(super) fn change_text(per_second: f64) -> String {
    let text = match per_second.abs() {
        small if small < 9.95 => format!("{small:.1}"),
        large => scaled(large, 1000.0),
    };
    match text.as_str() {
        "0.0" => "0".to_owned(),
        _moves if per_second < 0.0 => format!("-{text}"),
        _moves => format!("+{text}"),
    }
}

/// At most six characters; what is rare is not shown as nothing.
pub(super) fn rate_text(per_second: f64) -> String {
    match per_second {
        none if none <= 0.0 => "0".to_owned(),
        rare if rare < 0.01 => "<0.01".to_owned(),
        few if few < 10.0 => format!("{few:.2}"),
        some if some < 1000.0 => format!("{some:.1}"),
        many => count_text(many),
    }
}

fn scaled(number: f64, plain_below: f64) -> String {
    let rounded = number.round();
    match rounded {
        plain if plain < plain_below => format!("{plain:.0}"),
        many if many < 999_500.0 => format!("{:.0}k", many / 1e3),
        many if many < 999_500_000.0 => format!("{:.0}M", many / 1e6),
        many => format!("{:.0}G", many / 1e9),
    }
}

/// At most four characters: the larger, the rougher.
pub(super) fn latency_text(seconds: f64) -> String {
    let milliseconds = seconds * 1e3;
    match seconds {
        _ if milliseconds < 0.95 => format!(".{:.0}ms", (milliseconds * 10.0).max(1.0)),
        _ if milliseconds < 9.5 => format!("{milliseconds:.0}ms"),
        _ if milliseconds < 99.5 => format!("{milliseconds:.0}ms"),
        under if under < 9.95 => format!("{under:.1}s"),
        under if under < 99.5 => format!("{under:.0}s"),
        under if under < 5970.0 => format!("{:.0}m", under / 60.0),
        under if under < 359_000.0 => format!("{:.0}h", under / 3600.0),
        longer => format!("{:.0}d", longer / 86_400.0),
    }
}

/// For sentences: the two largest units.
pub(super) fn duration_text(seconds: f64) -> String {
    age_text(seconds.max(0.0).round() as i64)
}

pub(super) fn memory_text(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1024.0 / 1024.0)
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
