//! `dead show`: everything about one dead letter.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use paynow_shared::digest::BodyDigest;
use serde_json::{Value, json};

use super::letters::{Read, named};
use super::mask::{mask, printable};
use crate::cli::ShowOptions;
use crate::config::Config;
use crate::database::{read_as_operator, time_text};
use crate::events::resolution_text;
use crate::failure::Failure;
use crate::output::{self, Column, age_text, or_dash};

#[derive(QueryableByName)]
struct ActionRow {
    #[diesel(sql_type = Text)]
    acted_at: String,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    operator: String,
    #[diesel(sql_type = Text)]
    why: String,
}

/// A body as it may be shown.
enum Body {
    Json(Value),
    /// No JSON: nobody knows what is personal in it.
    Hidden,
    Text(String),
    Hex(String),
    Forgotten,
}

pub(super) fn run(options: &ShowOptions, config: &Config) -> Result<(), Failure> {
    let (read, actions) = read_as_operator(&config.database_url()?, |connection| {
        let read = named(connection, &options.letter)?;
        let actions = actions_about(connection, read.letter.dead_letter_id)?;
        Ok::<_, Failure>((read, actions))
    })?;
    let body = match &read.body {
        Some(bytes) => Body::of(bytes, options.reveal),
        None => Body::Forgotten,
    };
    if options.format.json {
        output::json(&document(&read, &actions, &body))
    } else {
        print(&read, &actions, &body)
    }
}

fn actions_about(connection: &mut PgConnection, number: i64) -> QueryResult<Vec<ActionRow>> {
    sql_query(format!(
        "SELECT {} AS acted_at, action, operator, why FROM operator_actions \
         WHERE outcome @> jsonb_build_object('dead_letter_ids', jsonb_build_array($1)) \
         ORDER BY action_id",
        time_text("acted_at")
    ))
    .bind::<Text, _>(number.to_string())
    .load(connection)
}

impl Body {
    fn of(bytes: &[u8], reveal: bool) -> Self {
        match (serde_json::from_slice::<Value>(bytes), reveal) {
            (Ok(document), true) => Self::Json(document),
            (Ok(mut document), false) => {
                // A lone text or number has no field that says what it is.
                if !document.is_object() && !document.is_array() {
                    return Self::Hidden;
                }
                mask(&mut document);
                Self::Json(document)
            }
            (Err(_no_json), false) => Self::Hidden,
            (Err(_no_json), true) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Text(text.escape_debug().to_string()),
                Err(_no_text) => {
                    Self::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
                }
            },
        }
    }

    fn form(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Hidden => "hidden",
            Self::Text(_) => "escaped text",
            Self::Hex(_) => "hex",
            Self::Forgotten => "forgotten",
        }
    }
}

fn document(read: &Read, actions: &[ActionRow], body: &Body) -> Value {
    let mut document = read.document();
    let actions = actions.iter().map(|action| {
        json!({
            "acted_at": action.acted_at,
            "action": action.action,
            "operator": action.operator,
            "why": action.why,
        })
    });
    let shown = match body {
        Body::Json(body) => body.clone(),
        Body::Hidden | Body::Forgotten => Value::Null,
        Body::Text(text) | Body::Hex(text) => text.clone().into(),
    };
    if let Some(fields) = document.as_object_mut() {
        fields.extend([
            ("body_sha256".to_owned(), digest(read).into()),
            (
                "body_bytes".to_owned(),
                read.body.as_ref().map(Vec::len).into(),
            ),
            ("body_form".to_owned(), body.form().into()),
            ("body".to_owned(), shown),
            ("operator_actions".to_owned(), actions.collect()),
        ]);
    }
    document
}

fn digest(read: &Read) -> String {
    or_dash(BodyDigest::from_bytes(&read.letter.body_sha256))
}

fn print(read: &Read, actions: &[ActionRow], body: &Body) -> Result<(), Failure> {
    let (letter, about) = (&read.letter, &read.about);
    let wallets: Vec<String> = about.wallets.iter().map(i64::to_string).collect();
    let wallets = Some(wallets.join(", ")).filter(|text| !text.is_empty());
    output::facts(&[
        ("dead letter", letter.dead_letter_id.to_string()),
        ("event", letter.event_id.clone()),
        ("type", or_dash(letter.event_type.as_ref())),
        ("state", letter.state.clone()),
        (
            "resolved because",
            or_dash(letter.resolution.as_deref().map(resolution_text)),
        ),
        ("reason", letter.reason.clone()),
        ("error", printable(&letter.error)),
        ("order", or_dash(about.order)),
        ("wallets", or_dash(wallets)),
        ("points at stake", read.stake_text()),
        ("signed with", or_dash(letter.secret_id.as_ref())),
        ("signed at", or_dash(letter.signed_at.as_ref())),
        ("received at", or_dash(letter.received_at.as_ref())),
        ("attempts", letter.attempts.to_string()),
        ("deaths", letter.deaths.to_string()),
        ("first dead at", letter.first_dead_at.clone()),
        ("last dead at", letter.last_dead_at.clone()),
        ("settled at", or_dash(letter.settled_at.as_ref())),
        ("age", age_text(letter.age_seconds)),
        ("body sha256", digest(read)),
        ("body bytes", or_dash(read.body.as_ref().map(Vec::len))),
    ])?;
    print_actions(actions)?;
    output::line("\nbody")?;
    match body {
        Body::Json(document) => output::line(&printable(&format!("{document:#}"))),
        Body::Hidden => output::line("no JSON object: --reveal shows it"),
        Body::Text(text) | Body::Hex(text) => output::line(text),
        Body::Forgotten => output::line(&format!(
            "the body was deleted by retention on {}",
            or_dash(letter.body_forgotten_at.as_ref())
        )),
    }
}

fn print_actions(actions: &[ActionRow]) -> Result<(), Failure> {
    if actions.is_empty() {
        return Ok(());
    }
    output::line("\noperator actions")?;
    output::table(
        &[
            Column::Text("at"),
            Column::Text("action"),
            Column::Text("by"),
            Column::Text("why"),
        ],
        actions.iter().map(|action| {
            vec![
                action.acted_at.clone(),
                action.action.clone(),
                action.operator.clone(),
                action.why.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_object_is_shown_only_on_request() {
        for body in [&b"Zofia"[..], b"\"Zofia\"", b"\xff\x00", b""] {
            assert_eq!(Body::of(body, false).form(), "hidden", "{body:?}");
        }
        for (body, form) in [
            (&b"a\x1b"[..], "escaped text"),
            (b"\xff\x00", "hex"),
            (b"\"Zofia\"", "json"),
        ] {
            assert_eq!(Body::of(body, true).form(), form, "{body:?}");
        }
        assert!(matches!(Body::of(b"a\x1b", true), Body::Text(text) if text == "a\\u{1b}"));
        assert!(matches!(Body::of(b"\xff\x00", true), Body::Hex(text) if text == "ff00"));
    }
}
