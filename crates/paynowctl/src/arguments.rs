//! Options and values of the command line that several commands take.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use paynow_desk::actions::{Mode, Note};
use paynow_shared::event::{EventType, InvalidEventType, KNOWN_TYPES};
use paynow_shared::ids::EventId;
use paynow_shared::reason::Reason;
use url::Url;

pub(crate) use crate::time::{age_seconds, moment};

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

/// How much of a long list is read at once.
#[derive(Debug, Args)]
pub(crate) struct PageSize {
    /// How many rows
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
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

/// Accepts the address of a receiver or of metrics.
pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|error: url::ParseError| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _other => Err("it must start with http:// or https://".to_owned()),
    }
}

/// Accepts the type of an event to search for: a typing error would find nothing.
pub(crate) fn event_type() -> impl TypedValueParser<Value = EventType> {
    PossibleValuesParser::new(KNOWN_TYPES)
        .try_map(|text| text.to_ascii_uppercase().parse::<EventType>())
}

/// Accepts the type of a recorded event, which may be one that `PayNow` did not have when this version was made.
pub(crate) fn recorded_type(text: &str) -> Result<EventType, InvalidEventType> {
    let known = KNOWN_TYPES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text));
    known.unwrap_or(text).parse()
}

/// Accepts the code of a dead letter's reason.
pub(crate) fn reason() -> impl TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::CODES).try_map(|text| text.parse::<Reason>())
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
    fn a_known_type_may_be_written_in_small_letters() {
        let accepted = |text: &str| recorded_type(text).unwrap().to_string();
        assert_eq!(accepted("on_refund"), "ON_REFUND");
        assert_eq!(accepted("on_New"), "on_New");
        assert!(recorded_type("on refund").is_err());
    }

    #[test]
    fn who_and_why_are_not_empty() {
        assert!(some_text("  ").is_err());
        assert_eq!(some_text(" anna ").as_deref(), Ok("anna"));
    }
}
