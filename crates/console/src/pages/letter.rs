//! All of one dead letter, and what may be done about it.

use actix_web::http::header::{HeaderName, REFRESH};
use paynow_desk::actions::LetterAction;
use paynow_desk::console::letters::{LetterProduct, ListedLetter, ShownLetter, products_of, show};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{Look, Replay, Reveal};
use paynow_desk::console::reveal::reveal;
use paynow_desk::console::roles::Right;
use paynow_desk::refunds::Candidates;
use paynow_desk::selection::LetterState;
use paynow_desk::show::{BodyForm, LetterDetails, PersonalData, letter};
use paynow_shared::reason::Reason;

use super::choose;
use super::dead::{stake, wallets};
use crate::answer::Answer;
use crate::ask::{needed, value};
use crate::call::in_path;
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Link, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::reasons::advice;
use crate::text;
use crate::visit::Visit;

/// So long a revealed body stays on the screen.
const REVEALED_SECONDS: u32 = 60;

/// Whoever may replay sees the masked body, too: no other role reads bodies.
pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let name = visit.call.parameter("letter");
    let Ok(number) = name.parse::<i64>() else {
        return Ok(Answer::see(format!("/events/{}", in_path(name))));
    };
    let look = visit.seat(console);
    let shown = show(&look, number)?;
    let products = match visit.call.wants_json() {
        true => Vec::new(),
        false => products_of(&look, number)?,
    };
    if visit.session.roles.allow(Right::Replay)
        && let Ok(permit) = visit.session.permit::<Replay>()
    {
        let database = console.database.seat(&permit);
        let details = letter(&database, name, PersonalData::Masked)?;
        return visit.reply(&details, |details| {
            document(visit, &shown, &products, Some(details))
        });
    }
    visit.reply(&shown, |shown| document(visit, shown, &products, None))
}

fn document<P>(
    visit: &Visit<'_, P>,
    shown: &ShownLetter,
    products: &[LetterProduct],
    details: Option<&LetterDetails>,
) -> Document {
    let letter = &shown.letter;
    let summary = &letter.summary;
    let id = summary.dead_letter_id;
    let candidates = details.and_then(|details| details.candidates.as_ref());
    let forms = forms(visit, letter);
    Document::new(format!(
        "Dead letter {id}: {}, {}",
        summary.reason, summary.state
    ))
    .under("/dead", "Dead letters")
    .with_all(meaning(letter, products))
    .with(Part::Verbatim {
        label: "Error".to_owned(),
        text: summary.error.clone(),
    })
    .with(Part::facts("The letter", facts(letter)))
    .with_all((!products.is_empty()).then(|| Part::Table(products_table(products))))
    .with_all(candidates.map(candidate_lines))
    .with_all(forms.into_iter().map(Part::Form))
    .with(Part::heading("Body"))
    .with_all(body(letter, details))
    .with(Part::Form(reveal_form(visit, letter)))
    .with(Part::Table(actions_table(&shown.actions)))
    .with(Part::command(format!("paynowctl dead show {id}")))
}

/// What the reason means, and what is left to do.
fn meaning(letter: &ListedLetter, products: &[LetterProduct]) -> Option<Part> {
    let summary = &letter.summary;
    let reason = summary.reason.parse::<Reason>().ok()?;
    let (what, to_do) = advice(reason);
    let are_set = !products.is_empty() && products.iter().all(|it| it.points.is_some());
    let since = |now: &str| format!("When it died: {what} {now}");
    let text = match summary.state.parse::<LetterState>().ok()? {
        LetterState::Open if reason == Reason::UnknownProduct && are_set => {
            since("All its products have points now: replay it.")
        }
        LetterState::Open => format!("{what} {to_do}"),
        LetterState::Replayed => {
            since("It was sent again, and nobody knows yet what became of it.")
        }
        LetterState::Resolved => since("It was applied since: nothing is left to do."),
        LetterState::Discarded => since("It was given up: nothing is left to do."),
    };
    Some(Part::notice(Tone::Plain, text))
}

fn facts(letter: &ListedLetter) -> Vec<(&'static str, Cell)> {
    let summary = &letter.summary;
    let signature = match letter.has_signature {
        true => "kept, and verified again at a replay",
        false => "none",
    };
    vec![
        ("Event", Cell::id("/events", &letter.event_id)),
        ("Type", Cell::maybe(summary.event_type.as_deref())),
        ("Order", Cell::maybe_id("/orders", letter.order_id)),
        ("Wallets", Cell::Links(wallets(&letter.wallet_ids))),
        ("Points at stake", Cell::text(stake(letter.points_at_stake))),
        ("Attempts", Cell::text(text::count(summary.attempts))),
        ("Deaths", Cell::text(text::count(summary.deaths))),
        ("First died", Cell::time(&summary.first_dead_at)),
        ("Last died", Cell::time(&summary.last_dead_at)),
        ("Resolution", Cell::maybe(summary.resolution.as_deref())),
        ("Signed", Cell::maybe_time(summary.signed_at.as_deref())),
        ("Signed with", Cell::maybe(summary.secret_id.as_deref())),
        ("Received", Cell::maybe_time(summary.received_at.as_deref())),
        ("Signature", Cell::text(signature)),
    ]
}

fn forms<P>(visit: &Visit<'_, P>, letter: &ListedLetter) -> Vec<Form> {
    if letter.summary.state != "open" {
        return Vec::new();
    }
    let id = letter.summary.dead_letter_id.to_string();
    let of_one = |form: &'static str, action: &str, legend: &str| {
        Form::post(form, action, legend)
            .hidden("which", "ticked")
            .hidden(choose::LETTER, id.as_str())
            .button("Show the effect first")
    };
    let mut replay = of_one("replay", "/dead/preview", "Replay this letter");
    if !letter.has_signature {
        let label = "I have compared it with PayNow, and vouch for it without a signature";
        replay = replay.field(Field::new("vouch", label, "").kind(FieldKind::Check));
    }
    vec![
        replay.disabled_because(visit.lacks(Right::Replay)),
        of_one("discard", "/dead/discard/preview", "Discard this letter")
            .dangerous()
            .disabled_because(visit.lacks(Right::Discard)),
    ]
}

fn body(letter: &ListedLetter, details: Option<&LetterDetails>) -> Option<Part> {
    if let Some(at) = letter.summary.body_forgotten_at.as_deref() {
        return Some(Part::notice(
            Tone::Plain,
            format!("Retention deleted the body at {at}."),
        ));
    }
    let details = details?;
    let digest = details.body_sha256.as_deref().unwrap_or("unknown");
    match details.body.form {
        BodyForm::Forgotten => None,
        BodyForm::Hidden => {
            let text = "The body is not JSON, so nobody can tell which part of it is personal: it is hidden.";
            Some(Part::notice(Tone::Plain, text))
        }
        BodyForm::Json | BodyForm::Text | BodyForm::Hex => Some(Part::Verbatim {
            label: format!("Personal data is masked; SHA-256 {digest}"),
            text: format!("{:#}", details.body.body),
        }),
    }
}

fn reveal_form<P>(visit: &Visit<'_, P>, letter: &ListedLetter) -> Form {
    let id = letter.summary.dead_letter_id;
    let forgotten = letter.summary.body_forgotten_at.is_some();
    let forgotten = forgotten.then(|| "the body is deleted.".to_owned());
    let old = visit.must_sign_in_again();
    let why = Field::new("why", "Why", "")
        .kind(FieldKind::Lines)
        .required();
    Form::post(
        "reveal",
        format!("/dead/{id}/reveal"),
        "Show the personal data in the body",
    )
    .field(why.hint("Who looked and why is recorded."))
    .disabled_because(visit.lacks(Right::Reveal).or(forgotten).or(old))
}

/// The body as it is, for a minute.
pub(crate) fn revealed(
    console: &Console,
    visit: &Visit<'_, Permit<Reveal>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    visit.check_recent()?;
    let id: i64 = value("the letter", call.parameter("letter"))?;
    let body = reveal(&console.database, &visit.permit, id, needed(call, "why")?)?;
    let body = body.ok_or_else(|| Problem::NotFound(format!("letter {id} has no body")))?;
    let shown = match (
        serde_json::from_slice::<serde_json::Value>(&body),
        std::str::from_utf8(&body),
    ) {
        (Ok(document), _) => format!("{document:#}"),
        (Err(_), Ok(text)) => text.to_owned(),
        (Err(_), Err(_)) => body.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let back = Link::new(format!("/dead/{id}"), "Back to the letter");
    let text = format!("This page goes back to the letter after {REVEALED_SECONDS} s.");
    let document = Document::new(format!("Body of dead letter {id}"))
        .under("/dead", "Dead letters")
        .with(Part::notice(Tone::Warning, text))
        .with(Part::Links {
            label: "Back".to_owned(),
            links: vec![back],
        })
        .with(Part::Verbatim {
            label: "Body as PayNow sent it".to_owned(),
            text: shown,
        });
    let name: HeaderName = REFRESH;
    Ok(visit
        .page(&document)?
        .with(name, format!("{REVEALED_SECONDS}; url=/dead/{id}")))
}

fn products_table(products: &[LetterProduct]) -> Table {
    let rows = products.iter().map(|product| {
        let points = product.points.map_or_else(
            || Cell::code("nobody set them: open the product", Tone::Warning),
            Cell::count,
        );
        vec![
            Cell::id("/products", product.product_id),
            Cell::count(product.quantity),
            points,
        ]
    });
    Table {
        caption: "What was bought".to_owned(),
        columns: vec![
            column("Product"),
            number_column("Units"),
            number_column("Points of one unit now"),
        ],
        rows: rows.collect(),
        empty: "nothing".to_owned(),
    }
}

fn candidate_lines(candidates: &Candidates) -> Part {
    let rows = candidates.lines.iter().map(|candidate| {
        let line = &candidate.line;
        let fits = match candidate.fits {
            true => Cell::code("fits", Tone::Good),
            false => Cell::code("does not fit", Tone::Plain),
        };
        vec![
            Cell::text(line.line_id.to_string()),
            Cell::maybe_id("/products", line.product_id),
            Cell::maybe_id("/wallets", line.wallet_id),
            line.points.map_or(Cell::Nothing, Cell::change),
            fits,
        ]
    });
    Part::Table(Table {
        caption: "What the refund may have been for".to_owned(),
        columns: vec![
            column("Line"),
            column("Product"),
            column("Wallet"),
            number_column("Points"),
            column("Its amount"),
        ],
        rows: rows.collect(),
        empty: "the order has no lines".to_owned(),
    })
}

fn actions_table(actions: &[LetterAction]) -> Table {
    let rows = actions.iter().map(|action| {
        vec![
            Cell::time(&action.acted_at),
            Cell::text(action.action.as_str()),
            Cell::text(action.operator.as_str()),
            Cell::text(action.why.as_str()),
        ]
    });
    Table {
        caption: "What operators did about it".to_owned(),
        columns: vec![
            column("When"),
            column("Action"),
            column("Who"),
            column("Why"),
        ],
        rows: rows.collect(),
        empty: "nobody did anything yet".to_owned(),
    }
}
