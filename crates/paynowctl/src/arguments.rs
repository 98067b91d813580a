//! Options and values of the command line that several commands take.

use chrono::{DateTime, Utc};
use clap::Args;
use paynow_desk::actions::{Mode, Note};
use paynow_shared::ids::EventId;
use url::Url;

/// Who acts, and why; kept in `operator_actions` for ever.
#[derive(Debug, Args)]
pub(crate) struct NoteOptions {
    /// Who you are
    #[arg(long, value_name = "NAME", value_parser = some_text)]
    by: String,
    /// Why you do it
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    why: String,
}

impl NoteOptions {
    pub(crate) fn note(&self) -> Note {
        Note {
            by: self.by.clone(),
            why: self.why.clone(),
        }
    }
}

pub(crate) fn mode(is_dry_run: bool) -> Mode {
    if is_dry_run {
        Mode::DryRun
    } else {
        Mode::Apply
    }
}

/// Accepts a text that is not blank.
pub(crate) fn some_text(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it must not be empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Accepts what can be the message id of an event, so that a typing error is a usage error instead
/// of an unknown event.
pub(crate) fn message_id(text: &str) -> Result<String, String> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest || text.parse::<EventId>().is_ok() {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("an event is named by its decimal id, or by 64 hexadecimal digits".to_owned())
    }
}

pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|error: url::ParseError| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _other => Err("it must start with http:// or https://".to_owned()),
    }
}

pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_error| "write a time like 2026-11-24T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_its_id_or_digest() {
        let digest = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        assert_eq!(message_id(digest), Ok(digest.to_ascii_lowercase()));
        assert_eq!(message_id("42"), Ok("42".to_owned()));
        assert!(message_id("-42").is_err());
    }

    #[test]
    fn a_time_has_a_day_that_exists_and_a_zone() {
        let time = moment("2026-11-24T09:00:00.250+01:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-24T08:00:00.250+00:00");
        for text in ["2026-11-24", "2026-11-24T08:00:00", "2026-02-30T08:00:00Z"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn who_and_why_are_not_empty() {
        assert!(some_text("  ").is_err());
        assert_eq!(some_text(" anna ").as_deref(), Ok("anna"));
    }
}
