//! Who may use the console.

use paynow_desk::console::people::{Change, OpenSession, Person, list, sessions, set};
use paynow_desk::console::permit::{Permit, right::People};
use paynow_desk::console::person::PersonName;
use paynow_desk::console::roles::{Role, Roles};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::answer::Answer;
use crate::ask::{needed, value};
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, Field, FieldKind, Form, Part, Table, Tone, column};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

#[derive(Serialize)]
struct Everybody {
    people: Vec<Person>,
    sessions: Vec<OpenSession>,
}

pub(crate) fn page(
    console: &Console,
    visit: &Visit<'_, Permit<People>>,
) -> Result<Answer, Problem> {
    let everybody = Everybody {
        people: list(&visit.seat(console))?,
        sessions: sessions(&console.database, &visit.permit)?,
    };
    visit.reply(&everybody, |everybody| document(visit, everybody))
}

fn document(visit: &Visit<'_, Permit<People>>, everybody: &Everybody) -> Document {
    let count = u64::try_from(everybody.people.len()).unwrap_or(u64::MAX);
    Document::new(text::counted(count, "person", "people"))
        .with(Part::Table(people_table(&everybody.people)))
        .with(Part::Form(form(visit)))
        .with(Part::Table(sessions_table(&everybody.sessions)))
        .with(Part::command("paynowctl people list"))
}

fn people_table(people: &[Person]) -> Table {
    let rows = people.iter().map(|person| {
        let (state, tone) = match (&person.disabled_at, &person.one_time_until) {
            (Some(at), _) => (format!("disabled at {at}"), Tone::Bad),
            (None, Some(until)) => (
                format!("must choose a password until {until}"),
                Tone::Warning,
            ),
            (None, None) => ("active".to_owned(), Tone::Good),
        };
        vec![
            Cell::text(person.name.as_str()),
            Cell::text(person.shown_name.as_str()),
            Cell::text(person.roles.replace(',', ", ")),
            Cell::text(person.source.as_str()),
            Cell::code(state, tone),
            Cell::time(&person.created_at),
            Cell::time(&person.changed_at),
        ]
    });
    Table {
        caption: "People".to_owned(),
        columns: vec![
            column("Name"),
            column("Shown as"),
            column("Roles"),
            column("From"),
            column("State"),
            column("Added"),
            column("Changed"),
        ],
        rows: rows.collect(),
        empty: "nobody yet".to_owned(),
    }
}

fn sessions_table(sessions: &[OpenSession]) -> Table {
    let rows = sessions.iter().map(|session| {
        vec![
            Cell::text(session.person.as_str()),
            Cell::text(session.roles.replace(',', ", ")),
            Cell::time(&session.signed_in_at),
            Cell::time(&session.seen_at),
            Cell::time(&session.ends_at),
        ]
    });
    Table {
        caption: "Who is signed in".to_owned(),
        columns: vec![
            column("Name"),
            column("Roles"),
            column("Signed in"),
            column("Last seen"),
            column("Ends at the latest"),
        ],
        rows: rows.collect(),
        empty: "nobody".to_owned(),
    }
}

fn form(visit: &Visit<'_, Permit<People>>) -> Form {
    let name = Field::new("name", "Name", "").required();
    let shown =
        Field::new("shown_name", "Shown as", "").hint("Left empty, it stays, or is the name.");
    let roles = Role::CODES
        .iter()
        .map(|code| Field::new(code, &format!("Role {code}"), "").kind(FieldKind::Check));
    let form = Form::post("person", "/admin/people", "Add or change a person")
        .field(name)
        .field(shown);
    let form = roles.fold(form, Form::field);
    form.field(
        Field::new("password", "With a new password for the first sign-in", "")
            .kind(FieldKind::Check),
    )
    .field(Field::new("disable", "Disable: no role, no sign-in", "").kind(FieldKind::Check))
    .field(
        Field::new("why", "Why", "")
            .kind(FieldKind::Lines)
            .required(),
    )
    .disabled_because(visit.must_sign_in_again())
}

pub(crate) fn changed(
    console: &Console,
    visit: &Visit<'_, Permit<People>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    visit.check_recent()?;
    let change = change(call)?;
    let password = set(
        &console.database,
        &visit.permit,
        &change,
        needed(call, "why")?,
    )?;
    let Some(password) = password else {
        return Ok(Answer::see("/admin/people"));
    };
    let text = "Give it to the person, who must choose another within seven days. Nobody can see it again.";
    visit.page(
        &Document::new(format!("Password of {}", change.name))
            .under("/admin/people", "People")
            .with(Part::notice(Tone::Warning, text))
            .with(Part::Verbatim {
                label: "Password for the first sign-in".to_owned(),
                text: password.expose_secret().to_owned(),
            }),
    )
}

fn change(call: &Call) -> Result<Change, Problem> {
    let name: PersonName = value("the name", needed(call, "name")?)?;
    let is_ticked = |field: &str| call.field(field) == Some("yes");
    let roles = Role::CODES.iter().filter(|code| is_ticked(code));
    let roles: Roles = roles.filter_map(|code| code.parse::<Role>().ok()).collect();
    let has_new_password = is_ticked("password");
    let shown_name = call.field("shown_name").map(str::to_owned);
    let shown_name = shown_name.or_else(|| has_new_password.then(|| name.to_string()));
    Ok(Change {
        name,
        shown_name,
        roles: (!is_ticked("disable")).then_some(roles),
        has_new_password,
    })
}
