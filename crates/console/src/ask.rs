//! What an address or a form asks for, as typed values.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, Utc};
use paynow_desk::ticket::Ticket;
use paynow_process::clock;
use ring::rand::{SecureRandom, SystemRandom};

use crate::call::Call;
use crate::problem::Problem;

/// The rows of a page.
pub(crate) const PAGE_ROWS: u32 = 100;

/// A value of the query that may be left out.
pub(crate) fn parsed<T>(call: &Call, name: &str) -> Result<Option<T>, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    let text = call.query(name);
    text.map(|text| value(name, text)).transpose()
}

/// A value, or what is wrong with it.
pub(crate) fn value<T>(name: &str, text: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error: T::Err| Problem::Invalid(format!("{name} is not understood: {error}")))
}

/// A field without which nothing is done.
pub(crate) fn needed<'a>(call: &'a Call, name: &str) -> Result<&'a str, Problem> {
    let missing = || Problem::Invalid(format!("{name} is required"));
    call.field(name).ok_or_else(missing)
}

/// The number of the case, which may be left out.
pub(crate) fn ticket(call: &Call) -> Result<Option<Ticket>, Problem> {
    let typed = call
        .field("ticket")
        .map(str::trim)
        .filter(|text| !text.is_empty());
    typed.map(|text| value("the ticket", text)).transpose()
}

/// A key that makes a form count once, however often it is sent.
pub(crate) fn fresh_key(prefix: &str) -> String {
    let mut bytes = [0; 12];
    // Without chance, the second form with the same key is refused, and nothing is done twice.
    let _filled = SystemRandom::new().fill(&mut bytes);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}-{digits}")
}

/// A time in the past: a whole RFC 3339 time, a date, today, yesterday, or 30m, 2h, 3d ago.
pub(crate) fn moment(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = call.query(name) else {
        return Ok(None);
    };
    let now = DateTime::from_timestamp_millis(clock::now_ms()).unwrap_or_default();
    let time = time_of(text, now);
    let wrong = || {
        let problem = format!(
            "{name} must be a time such as 2026-11-24T08:00:00Z, a date, today, yesterday, or 30m, 2h or 3d \
             ago"
        );
        Problem::Invalid(problem)
    };
    time.map(Some).ok_or_else(wrong)
}

fn time_of(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let midnight = |date: NaiveDate| Some(date.and_hms_opt(0, 0, 0)?.and_utc());
    match text {
        "today" => midnight(now.date_naive()),
        "yesterday" => midnight(now.date_naive().checked_sub_days(Days::new(1))?),
        _other => {
            let date = || midnight(text.parse().ok()?);
            let ago = || now.checked_sub_signed(TimeDelta::seconds(seconds(text)?.into()));
            let time = DateTime::parse_from_rfc3339(text).ok();
            time.map(|time| time.to_utc()).or_else(date).or_else(ago)
        }
    }
}

/// As documents of ours have times.
pub(crate) fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A span: 90s, 30m, 2h or 3d.
pub(crate) fn span(call: &Call, name: &str) -> Result<Option<u32>, Problem> {
    let Some(text) = call.query(name) else {
        return Ok(None);
    };
    let problem = || Problem::Invalid(format!("{name} must be a time such as 90s, 30m, 2h or 3d"));
    seconds(text).map(Some).ok_or_else(problem)
}

fn seconds(text: &str) -> Option<u32> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _other => return None,
    };
    let number = text.get(..text.len() - 1)?;
    let number: u32 = number.parse().ok().filter(|_it| !number.starts_with('+'))?;
    number.checked_mul(unit)
}

/// A word of a command line.
pub(crate) fn shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/=,".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A command with those of its options that are given.
pub(crate) fn command(call: &Call, start: &str, options: &[(&str, &str)]) -> String {
    let given = options.iter().filter_map(|(name, option)| {
        let value = call.query(name)?;
        Some(format!(" {option} {}", shell(value)))
    });
    format!("paynowctl {start}{}", given.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_a_date_or_an_age() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T10:30:00Z")
            .unwrap()
            .to_utc();
        let at = |text| time_of(text, now).map(iso);
        for (text, time) in [
            ("2026-02-01T00:00:00+01:00", "2026-01-31T23:00:00.000Z"),
            ("2026-02-01", "2026-02-01T00:00:00.000Z"),
            ("today", "2026-03-01T00:00:00.000Z"),
            ("yesterday", "2026-02-28T00:00:00.000Z"),
            ("30m", "2026-03-01T10:00:00.000Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(time), "{text}");
        }
        for text in [
            "noon",
            "2026-02-30",
            "2",
            "-2h",
            "+2h",
            "99999999999d",
            "\u{e9}h",
            "",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_word_that_a_shell_would_read_is_quoted() {
        for (word, quoted) in [
            ("ON_ORDER_COMPLETED", "ON_ORDER_COMPLETED"),
            ("it's; rm -rf /", r"'it'\''s; rm -rf /'"),
            ("$(id)", "'$(id)'"),
            ("", "''"),
        ] {
            assert_eq!(shell(word), quoted);
        }
    }
}
