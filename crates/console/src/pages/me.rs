//! What a person may do, and how pages look.

use actix_web::http::header::SET_COOKIE;
use paynow_desk::console::own_sessions::OwnSession;
use paynow_desk::console::roles::Right;
use paynow_desk::console::session::Session;
use serde_json::json;

use crate::answer::Answer;
use crate::ask::value;
use crate::console::Console;
use crate::cookie::{self, Look, THEMES};
use crate::document::{Cell, Document, Field, FieldKind, Form, Part, Table, Tone, column};
use crate::problem::{Problem, right_text, who_may};
use crate::visit::Visit;

/// The first page.
pub(crate) fn first(_console: &Console, _visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    Ok(Answer::see("/live"))
}

pub(crate) fn page(console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let session = visit.session;
    let rights = Right::all().filter(|right| session.roles.allow(*right));
    let sessions = console.database.own_sessions(session.key)?;
    let data = json!({
        "person": session.person.to_string(),
        "roles": session.roles.to_string(),
        "rights": rights.map(right_text).collect::<Vec<_>>(),
        "signed_in_at": session.signed_in_at,
        "ends_at": session.ends_at,
        "sessions": sessions,
    });
    let look = Look::of_request(&visit.call.headers);
    visit.reply(&data, |_data| document(session, &sessions, look))
}

fn document(session: &Session, sessions: &[OwnSession], look: Look) -> Document {
    let facts = vec![
        ("Name", Cell::text(session.person.to_string())),
        ("Roles", Cell::text(session.roles.to_string())),
        ("Signed in", Cell::time(&session.signed_in_at)),
        ("Session ends at the latest", Cell::time(&session.ends_at)),
    ];
    Document::new("What I may do")
        .with(Part::facts("Me", facts))
        .with(Part::Table(rights(session)))
        .with(Part::Table(sessions_table(sessions)))
        .with(Part::Form(
            Form::post(
                "everywhere",
                "/logout/everywhere",
                "Sign out on every device",
            )
            .dangerous(),
        ))
        .with(Part::heading("How pages look"))
        .with(Part::Form(look_form(look)))
}

fn rights(session: &Session) -> Table {
    let rows = Right::all().map(|right| {
        let may = session.roles.allow(right);
        let (word, tone) = match may {
            true => ("yes", Tone::Good),
            false => ("no", Tone::Plain),
        };
        let why = match may {
            true => Cell::text(""),
            false => Cell::text(who_may(right)),
        };
        vec![Cell::text(right_text(right)), Cell::code(word, tone), why]
    });
    Table {
        caption: "My rights".to_owned(),
        columns: vec![column("Right"), column("I may"), column("Who may")],
        rows: rows.collect(),
        empty: String::new(),
    }
}

fn sessions_table(sessions: &[OwnSession]) -> Table {
    let rows = sessions.iter().map(|session| {
        let number = session.session_id;
        let which = match session.is_this {
            true => Cell::code("this one", Tone::Good),
            false => Cell::text("another"),
        };
        vec![
            Cell::text(number.to_string()),
            which,
            Cell::text(session.source.as_str()),
            Cell::time(&session.signed_in_at),
            Cell::time(&session.seen_at),
            Cell::time(&session.ends_at),
            Cell::Act {
                action: format!("/me/sessions/{number}/end"),
                button: format!("End session {number}"),
            },
        ]
    });
    Table {
        caption: "My sessions".to_owned(),
        columns: vec![
            column("Session"),
            column("Which"),
            column("From"),
            column("Begun"),
            column("Last used"),
            column("Ends at the latest"),
            column("End it"),
        ],
        rows: rows.collect(),
        empty: "none is open".to_owned(),
    }
}

/// Ends one of the person's sessions. Whoever ends this one is signed out.
pub(crate) fn ended(console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let key = visit.session.key;
    let number = value("the session", visit.call.parameter("session"))?;
    console.database.end_own_session(key, number)?;
    match console.database.session_of(key)? {
        Some(_open) => Ok(Answer::see("/me")),
        None => {
            let cookie = cookie::of_no_session(&console.public);
            Ok(Answer::see("/login").with(SET_COOKIE, cookie))
        }
    }
}

fn look_form(look: Look) -> Form {
    let themes = THEMES.map(|theme| (theme.to_owned(), theme.to_owned()));
    let theme = Field::new("theme", "Colours", look.theme).kind(FieldKind::Select(themes.into()));
    let keys = Field::new(
        "keys",
        "Keys of one letter (? lists them)",
        if look.has_keys { "yes" } else { "" },
    );
    Form::post("look", "/me/look", "Save")
        .field(theme)
        .field(keys.kind(FieldKind::Check))
}

/// Only the browser keeps it.
pub(crate) fn look(console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let theme = visit.call.field("theme").unwrap_or_default();
    let look = Look::new(theme, visit.call.field("keys") == Some("yes"));
    Ok(Answer::see("/me").with(SET_COOKIE, look.cookie(&console.public)))
}
