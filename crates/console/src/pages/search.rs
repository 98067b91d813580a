//! One box for whatever a person holds in hand.

use paynow_desk::console::access::{Access, record};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{FindByName, Look};
use paynow_desk::console::roles::Right;
use paynow_desk::error::DeskError;
use paynow_desk::find::{AtPayNow, Found, HITS_MAX, Hit, Kind, Searched, find};
use serde::Serialize;

use crate::answer::Answer;
use crate::ask::shell;
use crate::call::encoded;
use crate::console::Console;
use crate::document::{Cell, Document, Field, FieldKind, Form, Part, Table, Tone, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

#[derive(Serialize)]
struct HitRow {
    kind: &'static str,
    id: String,
    detail: String,
    /// The page that shows more.
    page: String,
}

#[derive(Serialize)]
struct Hits<'a> {
    asked: &'a str,
    searched: &'a [Searched],
    has_more: bool,
    hits: Vec<HitRow>,
}

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let Some(asked) = visit.call.query("q") else {
        return visit.page(&Document::new("Search").with(Part::Form(form(""))));
    };
    let found = match search(console, visit, asked) {
        Ok(found) => found,
        Err(DeskError::NotFound(text)) if !visit.call.wants_json() => {
            return visit.page(&nothing(asked, &text));
        }
        Err(error) => return Err(error.into()),
    };
    let hits: Vec<HitRow> = found.hits.iter().map(row).collect();
    // Whom PayNow names is shown, so that a person sees who it is; so is why it named nobody.
    let is_all_ours = found.at_paynow == AtPayNow::NotAsked;
    if let ([only], false, true, false) = (
        hits.as_slice(),
        found.has_more,
        is_all_ours,
        visit.call.wants_json(),
    ) {
        return Ok(Answer::see(only.page.as_str()));
    }
    let data = Hits {
        asked,
        searched: &found.searched,
        has_more: found.has_more,
        hits,
    };
    visit.reply(&data, |data| document(data, &found))
}

/// Whoever may find players by name does, here and at PayNow, and is recorded when a player is found or PayNow was
/// asked. What was asked for is recorded nowhere: it may be a name.
fn search(
    console: &Console,
    visit: &Visit<'_, Permit<Look>>,
    asked: &str,
) -> Result<Found, DeskError> {
    let may_see_names = visit.session.roles.allow(Right::FindByName);
    let names = visit.session.permit::<FindByName>().ok();
    let Some(permit) = names.filter(|_permit| may_see_names) else {
        return find(&visit.seat(console), asked, None)?.something(asked);
    };
    let seat = console.database.seat(&permit);
    let found = find(&seat, asked, console.players_at_paynow.as_ref())?;
    let players = found.hits.iter().filter(|hit| hit.kind == Kind::Player);
    let players: Vec<&str> = players.map(|hit| hit.id.as_str()).collect();
    let whom = match players.as_slice() {
        [] => "a player who was not found".to_owned(),
        some => format!("players of the wallets {}", some.join(", ")),
    };
    let about = match found.at_paynow {
        AtPayNow::NotAsked => (!players.is_empty()).then_some(whom),
        AtPayNow::Answered => Some(format!("{whom}; PayNow was asked")),
        AtPayNow::NotAnswered => Some(format!("{whom}; PayNow gave no answer")),
    };
    if let Some(about) = about {
        record(&console.database, visit.session, Access::LookUp, &about)?;
    }
    found.something(asked)
}

fn form(asked: &str) -> Form {
    let field = Field::new("q", "Any id, entry key, SHA-256, or a player", asked)
        .kind(FieldKind::Search)
        .required();
    Form::get("search", "/search", "Search")
        .field(field)
        .button("Search")
}

fn nothing(asked: &str, text: &str) -> Document {
    Document::new("Nothing found")
        .with(Part::notice(Tone::Warning, format!("{text}.")))
        .with(Part::Form(form(asked)))
}

fn document(data: &Hits<'_>, found: &Found) -> Document {
    let rows = data.hits.iter().map(|hit| {
        vec![
            Cell::link(hit.page.as_str(), hit.id.as_str()),
            Cell::text(hit.kind.replace('_', " ")),
            Cell::text(hit.detail.as_str()),
        ]
    });
    let table = Table {
        caption: "Found".to_owned(),
        columns: vec![column("Id"), column("What it is"), column("Detail")],
        rows: rows.collect(),
        empty: String::new(),
    };
    let more = found.has_more.then(|| {
        let text =
            format!("One kind has more than {HITS_MAX} hits: write more of what you look for.");
        Part::notice(Tone::Plain, text)
    });
    let unanswered = unanswered(found).map(|why| Part::notice(Tone::Warning, why));
    let hits = u64::try_from(data.hits.len()).unwrap_or(u64::MAX);
    Document::new(text::counted(hits, "hit", "hits"))
        .with(Part::Form(form(data.asked)))
        .with_all(unanswered)
        .with(Part::Table(table))
        .with_all(more)
        .with(Part::text(format!(
            "Searched as {}.",
            found.searched_text()
        )))
        .with(Part::command(format!(
            "paynowctl find {}",
            shell(data.asked)
        )))
}

/// What a search at PayNow that failed leaves unknown.
fn unanswered(found: &Found) -> Option<String> {
    let last = found.searched.last()?;
    let why = last.left_out_because.as_deref()?;
    let is_asked = found.at_paynow == AtPayNow::NotAnswered;
    is_asked.then(|| format!("Only what the database knows: not as {}, {why}.", last.what))
}

fn row(hit: &Hit) -> HitRow {
    HitRow {
        kind: hit.kind.code(),
        id: hit.id.clone(),
        detail: hit.detail.clone(),
        page: place(hit),
    }
}

fn place(hit: &Hit) -> String {
    let id = encoded(&hit.id);
    let with = hit.shown_with.unwrap_or_default();
    match hit.kind {
        // Somebody who was never given points: what is known are dead letters.
        Kind::Player if hit.shown_with.is_none() => format!("/dead?wallet={id}&state=all"),
        Kind::Wallet | Kind::Player => format!("/wallets/{id}"),
        Kind::Event | Kind::WaitingEvent => format!("/events/{id}"),
        Kind::Order => format!("/orders/{id}"),
        Kind::Refund | Kind::Chargeback | Kind::Payment => format!("/orders/{with}"),
        Kind::LedgerEntry if hit.id.starts_with("spend:") || hit.id.starts_with("correction:") => {
            format!("/wallets/{with}")
        }
        Kind::LedgerEntry => format!("/orders/{with}"),
        Kind::DeadLetter => format!("/dead/{id}"),
        Kind::OperatorAction => format!("/audit?about={id}"),
        Kind::Product => format!("/products/{id}"),
    }
}
