//! Everything about one dead letter.

use paynow_shared::digest::BodyDigest;
use paynow_shared::reason::Reason;
use serde::Serialize;
use serde_json::Value;

use crate::actions::{LetterAction, about_letter};
use crate::database::Database;
use crate::error::DeskError;
use crate::letters::{FoundLetter, named};
use crate::mask::mask;
use crate::refunds::{Candidates, candidates};

#[derive(Debug, Serialize)]
pub struct LetterDetails {
    #[serde(flatten)]
    pub found: FoundLetter,
    pub body_sha256: Option<String>,
    pub body_bytes: Option<usize>,
    #[serde(flatten)]
    pub body: ShownBody,
    /// Of a refund that died of `partial_refund`.
    pub candidates: Option<Candidates>,
    pub operator_actions: Vec<LetterAction>,
}

/// A body as it may be shown.
#[derive(Debug, Serialize)]
pub struct ShownBody {
    #[serde(rename = "body_form")]
    pub form: BodyForm,
    /// Null unless the form shows it.
    pub body: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    Json,
    /// Not a JSON object or list: it is unknown which part of it is personal.
    Hidden,
    #[serde(rename = "escaped text")]
    Text,
    Hex,
    /// Deleted by retention.
    Forgotten,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    Masked,
    Revealed,
}

/// Finds the letter by its number, its event id or its SHA-256.
pub fn letter(
    database: &Database,
    name: &str,
    personal_data: PersonalData,
) -> Result<LetterDetails, DeskError> {
    database.read_as_operator(|connection| {
        let found = named(connection, name)?;
        let letter = &found.letter;
        let candidates = match &found.body {
            Some(body) if letter.summary.reason == Reason::PartialRefund.code() => {
                candidates(connection, body)?
            }
            Some(_) | None => None,
        };
        Ok(LetterDetails {
            body_sha256: BodyDigest::from_bytes(&letter.body_sha256).map(|it| it.to_string()),
            body_bytes: found.body.as_ref().map(Vec::len),
            body: ShownBody::of(found.body.as_deref(), personal_data),
            candidates,
            operator_actions: about_letter(connection, letter.summary.dead_letter_id)?,
            found,
        })
    })
}

impl ShownBody {
    fn of(bytes: Option<&[u8]>, personal_data: PersonalData) -> Self {
        let Some(bytes) = bytes else {
            return Self::new(BodyForm::Forgotten, Value::Null);
        };
        match (serde_json::from_slice::<Value>(bytes), personal_data) {
            (Ok(document), PersonalData::Revealed) => Self::new(BodyForm::Json, document),
            (Ok(mut document), PersonalData::Masked)
                if document.is_object() || document.is_array() =>
            {
                mask(&mut document);
                Self::new(BodyForm::Json, document)
            }
            // A single text or number has no field name that says what it is.
            (Ok(_) | Err(_), PersonalData::Masked) => Self::new(BodyForm::Hidden, Value::Null),
            (Err(_not_json), PersonalData::Revealed) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::new(BodyForm::Text, text.escape_debug().to_string()),
                Err(_not_text) => {
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    Self::new(BodyForm::Hex, hex)
                }
            },
        }
    }

    fn new(form: BodyForm, body: impl Into<Value>) -> Self {
        Self {
            form,
            body: body.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_json_object_is_shown_only_on_request() {
        for body in [&b"Zofia"[..], b"\"Zofia\"", b"\xff\x00", b""] {
            let shown = ShownBody::of(Some(body), PersonalData::Masked);
            assert_eq!(shown.form, BodyForm::Hidden, "{body:?}");
        }
        for (body, form, text) in [
            (&b"a\x1b"[..], BodyForm::Text, "a\\u{1b}"),
            (b"\xff\x00", BodyForm::Hex, "ff00"),
            (b"\"Zofia\"", BodyForm::Json, "Zofia"),
        ] {
            let shown = ShownBody::of(Some(body), PersonalData::Revealed);
            assert_eq!((shown.form, shown.body), (form, text.into()), "{body:?}");
        }
    }
}
