//! Times and durations as people write them, for every option that takes one.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use paynow_process::clock;

const MOMENT: &str = "2026-11-24T08:00:00Z, a date, today, yesterday, or 30m, 2h, 3d ago";

/// Seconds of each unit.
const UNITS: [(char, u64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3600),
    ('d', 86_400),
    ('w', 604_800),
];

/// A time of RFC 3339; a date, `today` or `yesterday`, of which it is the beginning in UTC; or how long ago
/// it was.
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let now = DateTime::from_timestamp_millis(clock::now_ms()).unwrap_or_default();
    moment_at(text, now).ok_or_else(|| {
        format!("write a time like {MOMENT}; a time of day needs a zone, and days begin in UTC")
    })
}

fn moment_at(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let day = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    match text {
        "now" => return Some(now),
        "today" => return Some(day(now.date_naive())),
        "yesterday" => return Some(day(now.date_naive().checked_sub_days(Days::new(1))?)),
        _other => {}
    }
    if let Some(seconds) = duration(text) {
        return now.checked_sub_signed(TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?);
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Some(time.to_utc()),
        Err(_other) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(day),
    }
}

/// Seconds, as a number with or without a unit.
pub(crate) fn age_seconds(text: &str) -> Result<u32, String> {
    let seconds = text.parse().ok().or_else(|| duration(text));
    seconds
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| {
            "write a duration like 90s, 30m, 2h or 1d; a number alone is seconds".to_owned()
        })
}

/// Numbers with units, the largest first: `1d12h`.
fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut seconds, mut larger) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = rest.split_at_checked(digits)?;
        let mut after = unit.chars();
        let unit = after.next()?;
        let (_unit, of_unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        if of_unit >= larger {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(of_unit)?)?;
        (rest, larger) = (after.as_str(), of_unit);
    }
    (larger < u64::MAX).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        let now = DateTime::parse_from_rfc3339("2026-03-01T10:30:00Z").unwrap();
        moment_at(text, now.to_utc()).map(|time| time.to_rfc3339())
    }

    #[test]
    fn a_time_is_written_as_people_say_it() {
        for (text, time) in [
            (
                "2026-11-24T09:00:00.250+01:00",
                "2026-11-24T08:00:00.250+00:00",
            ),
            ("2026-11-24t08:00:00z", "2026-11-24T08:00:00+00:00"),
            ("2026-11-24", "2026-11-24T00:00:00+00:00"),
            ("now", "2026-03-01T10:30:00+00:00"),
            ("today", "2026-03-01T00:00:00+00:00"),
            ("yesterday", "2026-02-28T00:00:00+00:00"),
            ("30m", "2026-03-01T10:00:00+00:00"),
            ("2h", "2026-03-01T08:30:00+00:00"),
            ("3d", "2026-02-26T10:30:00+00:00"),
            ("1w2d", "2026-02-20T10:30:00+00:00"),
        ] {
            assert_eq!(at(text).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn a_time_that_is_not_certain_is_refused() {
        for text in [
            "",
            "2",
            "h",
            "2x",
            "-2h",
            "2h2h",
            "2m1h",
            "2 h",
            "2026",
            "2026-02-30",
            "2026-11-24T08:00:00",
            "2026-02-30T08:00:00Z",
            "tomorrow",
            "99999999999999999999d",
            "9999999999w",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        assert!(moment("noon").unwrap_err().contains("yesterday"));
    }

    #[test]
    fn a_duration_is_seconds_unless_it_has_a_unit() {
        for (text, seconds) in [
            ("86400", 86_400),
            ("1d", 86_400),
            ("1h30m", 5_400),
            ("0", 0),
        ] {
            assert_eq!(age_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["", "d", "1d ", "-1", "4294967296"] {
            assert!(age_seconds(text).is_err(), "{text}");
        }
    }
}
