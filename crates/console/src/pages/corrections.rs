//! Corrections that people ask for, and decide about.

use paynow_desk::console::corrections::{
    NewRequest, Request, RequestFilter, RequestState, Verdict, alone_up_to, decide, list, request,
    show, withdraw,
};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{DecideCorrection, Look, RequestCorrection};
use paynow_desk::console::roles::Right;
use paynow_shared::ids::WalletId;

use super::tables;
use crate::answer::Answer;
use crate::ask::{PAGE_ROWS, fresh_key, needed, parsed, shell, ticket, value};
use crate::call::Call;
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

pub(crate) const QUERY: &[&str] = &["state", "wallet", "by", "after"];
/// What the keys of a correction's ledger entry begin with.
const ENTRY: &str = "correction:";

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let call = visit.call;
    let filter = RequestFilter {
        state: parsed(call, "state")?,
        wallet: parsed(call, "wallet")?,
        requested_by: call.query("by").map(str::to_owned),
        after: parsed(call, "after")?,
    };
    let database = visit.seat(console);
    let page = list(&database, &filter, PAGE_ROWS)?;
    let alone = alone_up_to(&database)?;
    let last = page.rows.last().map(|row| row.request_id.to_string());
    let after = last.filter(|_last| page.has_more);
    visit.reply(&page.rows, |rows| list_document(visit, rows, alone, after))
}

fn list_document<P>(
    visit: &Visit<'_, P>,
    rows: &[Request],
    alone: i64,
    after: Option<String>,
) -> Document {
    let call = visit.call;
    let field = |name, label| Field::new(name, label, call.query(name).unwrap_or_default());
    let states = RequestState::CODES.iter().map(|code| (*code).to_owned());
    let form = Form::get("filter", "/corrections", "Filter")
        .field(field("state", "State").choice("any", states))
        .field(field("wallet", "Wallet"))
        .field(field("by", "Asked by"));
    let rule = match alone {
        0 => "Every correction needs a second person.".to_owned(),
        points => format!(
            "Corrections of up to {} points in a day need no second person.",
            text::count(points)
        ),
    };
    Document::new("Corrections, newest first")
        .with(Part::text(rule))
        .with(Part::Form(new_form(visit, &Wanted::default(), None)))
        .with(Part::Form(form))
        .with(Part::Table(table(rows)))
        .with_all(tables::next_page(call, after))
}

fn table(rows: &[Request]) -> Table {
    let cells = rows.iter().map(|row| {
        vec![
            Cell::id("/corrections", row.request_id),
            Cell::code(row.state.as_str(), tone(&row.state)),
            Cell::id("/wallets", row.wallet_id),
            Cell::change(row.points),
            Cell::balance(row.balance_now),
            Cell::text(row.requested_by.as_str()),
            Cell::time(&row.requested_at),
            Cell::text(row.why.as_str()),
            Cell::maybe(row.decided_by.as_deref()),
        ]
    });
    Table {
        caption: "Requests".to_owned(),
        columns: vec![
            column("Request"),
            column("State"),
            column("Wallet"),
            number_column("Points"),
            number_column("Balance now"),
            column("Asked by"),
            column("Asked"),
            column("Why"),
            column("Decided by"),
        ],
        rows: cells.collect(),
        empty: "no request matches".to_owned(),
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "waiting" => Tone::Warning,
        "approved" | "alone" => Tone::Good,
        _decided_otherwise => Tone::Plain,
    }
}

/// What somebody typed.
#[derive(Default)]
struct Wanted {
    wallet: String,
    points: String,
    why: String,
    ticket: String,
    key: String,
}

impl Wanted {
    fn of(call: &Call) -> Self {
        let field = |name| call.field(name).unwrap_or_default().to_owned();
        Self {
            wallet: field("wallet"),
            points: field("points"),
            why: field("why"),
            ticket: field("ticket"),
            key: field("key"),
        }
    }
}

pub(super) fn form_for<P>(visit: &Visit<'_, P>, wallet: i64) -> Form {
    let wanted = Wanted {
        wallet: wallet.to_string(),
        ..Wanted::default()
    };
    new_form(visit, &wanted, None)
}

fn new_form<P>(visit: &Visit<'_, P>, wanted: &Wanted, problem: Option<String>) -> Form {
    let key = match wanted.key.is_empty() {
        true => fresh_key("console"),
        false => wanted.key.clone(),
    };
    let wallet = Field::new("wallet", "Wallet", wanted.wallet.as_str());
    let points = Field::new("points", "Points", wanted.points.as_str())
        .hint("To give; to take when negative.")
        .error(problem);
    let why = Field::new("why", "Why", wanted.why.as_str()).kind(FieldKind::Lines);
    Form::post("correct", "/corrections", "Ask for a correction")
        .field(wallet.kind(FieldKind::Number).required())
        .field(points.required())
        .field(why.required())
        .field(ticket_field(&wanted.ticket))
        .hidden("key", key)
        .disabled_because(visit.lacks(Right::RequestCorrection))
}

/// Of whatever else keeps a record of the case.
pub(super) fn ticket_field(typed: &str) -> Field {
    Field::new("ticket", "Ticket", typed)
        .hint("The number of the case, if any: at most 100 characters.")
}

pub(crate) fn ask(
    console: &Console,
    visit: &Visit<'_, Permit<RequestCorrection>>,
) -> Result<Answer, Problem> {
    let wanted = Wanted::of(visit.call);
    let new = match new_request(visit.call, &wanted) {
        Ok(new) => new,
        Err(problem) => {
            let form = new_form(visit, &wanted, Some(problem.to_string()));
            let document =
                Document::new("Ask for a correction").under("/corrections", "Corrections");
            return visit.wrong_form(&document.with(Part::Form(form)));
        }
    };
    let number = request(&console.database, &visit.permit, &new)?;
    Ok(Answer::see(format!("/corrections/{number}")))
}

fn new_request(call: &Call, wanted: &Wanted) -> Result<NewRequest, Problem> {
    let wallet: WalletId = value("the wallet", &wanted.wallet)?;
    let points: i64 = value(
        "the number of points",
        wanted.points.trim_start_matches('+'),
    )?;
    if points == 0 {
        return Err(Problem::Invalid(
            "a correction of 0 points changes nothing".to_owned(),
        ));
    }
    Ok(NewRequest {
        wallet,
        points,
        key: needed(call, "key")?.to_owned(),
        why: needed(call, "why")?.to_owned(),
        ticket: ticket(call)?,
    })
}

pub(crate) fn one(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let number = value("the request", visit.call.parameter("request"))?;
    let request = show(&visit.seat(console), number)?;
    visit.reply(&request, |request| document(visit, request))
}

fn document<P>(visit: &Visit<'_, P>, request: &Request) -> Document {
    let is_waiting = request.state == "waiting";
    let moved = request.balance_now != request.balance_at_request;
    let moved = (is_waiting && moved).then(|| {
        let text = "The balance has moved since the request was made.";
        Part::notice(Tone::Warning, text)
    });
    // With the same key: what was made here is refused there, and the other way round.
    let key = request.entry_key.strip_prefix(ENTRY);
    let key = key.unwrap_or(&request.entry_key);
    let command = format!(
        "paynowctl correct --wallet {} --points {} --key {} --by <name> --why {}",
        request.wallet_id,
        request.points,
        shell(key),
        shell(&request.why)
    );
    let forms = is_waiting.then(|| [decide_form(visit, request), withdraw_form(visit, request)]);
    Document::new(format!(
        "Correction {}: {}",
        request.request_id, request.state
    ))
    .under("/corrections", "Corrections")
    .with_all(moved)
    .with(Part::facts("The request", facts(request)))
    .with_all(forms.into_iter().flatten().map(Part::Form))
    .with_all(is_waiting.then(|| Part::command(command)))
}

fn facts(request: &Request) -> Vec<(&'static str, Cell)> {
    let after = request.balance_now.saturating_add(request.points);
    vec![
        ("Wallet", Cell::id("/wallets", request.wallet_id)),
        ("Points", Cell::change(request.points)),
        (
            "Balance at the request",
            Cell::balance(request.balance_at_request),
        ),
        ("Balance now", Cell::balance(request.balance_now)),
        (
            "Balance if it is made now",
            match request.decided_at {
                Some(_) => Cell::Nothing,
                None => Cell::balance(after),
            },
        ),
        ("Why", Cell::text(request.why.as_str())),
        ("Ticket", Cell::maybe(request.ticket.as_deref())),
        ("Asked by", Cell::text(request.requested_by.as_str())),
        ("Asked", Cell::time(&request.requested_at)),
        ("Can be decided until", Cell::time(&request.expires_at)),
        ("Decided by", Cell::maybe(request.decided_by.as_deref())),
        (
            "Decided because",
            Cell::maybe(request.decided_why.as_deref()),
        ),
        ("Decided", Cell::maybe_time(request.decided_at.as_deref())),
        ("Balance before and after", made(request)),
        ("Entry", Cell::text(request.entry_key.as_str())),
    ]
}

fn made(request: &Request) -> Cell {
    match (request.balance_before, request.balance_after) {
        (Some(before), Some(after)) => Cell::text(format!(
            "{}, then {}",
            text::count(before),
            text::count(after)
        )),
        (None, _) | (_, None) => Cell::Nothing,
    }
}

fn decide_form<P>(visit: &Visit<'_, P>, request: &Request) -> Form {
    let is_own = visit.session.person.as_str() == request.requested_by;
    let own = is_own.then(|| "somebody else must decide about a request of yours.".to_owned());
    let old = visit.must_sign_in_again();
    let verdicts = [("approve", "Approve"), ("reject", "Reject")];
    let verdicts = verdicts.map(|(code, text)| (code.to_owned(), text.to_owned()));
    let verdict =
        Field::new("verdict", "Decision", "approve").kind(FieldKind::Select(verdicts.into()));
    let why = Field::new("why", "Why", "")
        .kind(FieldKind::Lines)
        .required();
    Form::post(
        "decide",
        format!("/corrections/{}/decide", request.request_id),
        "Decide",
    )
    .field(verdict)
    .field(why)
    .hidden("balance", request.balance_now.to_string())
    .disabled_because(visit.lacks(Right::DecideCorrection).or(own).or(old))
}

fn withdraw_form<P>(visit: &Visit<'_, P>, request: &Request) -> Form {
    let is_own = visit.session.person.as_str() == request.requested_by;
    let other = (!is_own).then(|| "only who made a request can take it back.".to_owned());
    let why = Field::new("why", "Why", "")
        .kind(FieldKind::Lines)
        .required();
    Form::post(
        "withdraw",
        format!("/corrections/{}/withdraw", request.request_id),
        "Take it back",
    )
    .field(why)
    .disabled_because(visit.lacks(Right::RequestCorrection).or(other))
}

pub(crate) fn decided(
    console: &Console,
    visit: &Visit<'_, Permit<DecideCorrection>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    visit.check_recent()?;
    let number = value("the request", call.parameter("request"))?;
    let verdict = match call.field("verdict") {
        Some("approve") => Verdict::Approve {
            balance_seen: value("the balance", call.field("balance").unwrap_or_default())?,
        },
        Some("reject") => Verdict::Reject,
        Some(_) | None => {
            return Err(Problem::Invalid(
                "the decision is approve or reject".to_owned(),
            ));
        }
    };
    decide(
        &console.database,
        &visit.permit,
        number,
        verdict,
        needed(call, "why")?,
    )?;
    Ok(Answer::see(format!("/corrections/{number}")))
}

pub(crate) fn withdrawn(
    console: &Console,
    visit: &Visit<'_, Permit<RequestCorrection>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let number = value("the request", call.parameter("request"))?;
    withdraw(
        &console.database,
        &visit.permit,
        number,
        needed(call, "why")?,
    )?;
    Ok(Answer::see(format!("/corrections/{number}")))
}
