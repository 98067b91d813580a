//! `people`: who may use the console. The first admin is made here; admins see to the others in the console.

use clap::{Args, Subcommand};
use paynow_desk::console::people::{Change, Person, list, set_as_owner, set_correction_rule};
use paynow_desk::console::person::PersonName;
use paynow_desk::console::roles::Role;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::arguments::{NoteOptions, some_text};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, or_dash, text};

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// Adds a person, or gives a known one other roles and a new password, which is printed only now
    Add(AddOptions),
    /// Lists who may use the console
    List(ListOptions),
    /// Keeps a person out of the console, and ends the person's sessions
    Disable(DisableOptions),
    /// Sets up to how many points in one day a person may correct alone: 0, as at first, for none
    Limit(LimitOptions),
}

#[derive(Debug, Args)]
pub(crate) struct AddOptions {
    /// Letters, digits and signs of ASCII; Anna and anna are one person
    name: PersonName,
    /// What the person may do; may be given several times
    #[arg(long = "role", required = true, value_name = "ROLE",
          value_parser = clap::builder::PossibleValuesParser::new(Role::CODES))]
    roles: Vec<String>,
    /// How the console shows the person; without it, a new person is shown by the name
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    shown_name: Option<String>,
    #[command(flatten)]
    note: NoteOptions,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DisableOptions {
    name: PersonName,
    #[command(flatten)]
    note: NoteOptions,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// Points given and points taken count alike
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    points: i64,
    #[command(flatten)]
    note: NoteOptions,
    #[command(flatten)]
    format: Format,
}

impl Row for Person {
    const COLUMNS: &'static [Column<Self>] = &[
        text("name", |it| it.name.clone()),
        text("shown as", |it| it.shown_name.clone()),
        text("source", |it| it.source.clone()),
        text("roles", |it| it.roles.replace(',', ", ")),
        text("new password until", |it| {
            or_dash(it.one_time_until.as_ref())
        }),
        text("disabled at", |it| or_dash(it.disabled_at.as_ref())),
    ];
}

pub(crate) fn run(command: &PeopleCommand, config: &Config) -> Result<(), Failure> {
    match command {
        PeopleCommand::Add(options) => add(options, config),
        PeopleCommand::List(options) => output::list(&list(&config.database()?)?, options.format),
        PeopleCommand::Disable(options) => disable(options, config),
        PeopleCommand::Limit(options) => limit(options, config),
    }
}

fn add(options: &AddOptions, config: &Config) -> Result<(), Failure> {
    let roles = options.roles.iter().filter_map(|role| role.parse().ok());
    let change = Change {
        name: options.name.clone(),
        shown_name: options.shown_name.clone(),
        roles: Some(roles.collect()),
        has_new_password: true,
    };
    let password = set_as_owner(&config.database()?, &change, &options.note.note())?;
    let Some(password) = password else {
        return Ok(());
    };
    if options.format.json {
        return output::json(&json!({
            "name": options.name,
            "roles": options.roles,
            "password": password.expose_secret(),
        }));
    }
    output::line(&format!(
        "{} may sign in with this password, which is shown only now, and must replace it within 7 days: {}",
        options.name,
        password.expose_secret()
    ))
}

fn disable(options: &DisableOptions, config: &Config) -> Result<(), Failure> {
    let change = Change {
        name: options.name.clone(),
        shown_name: None,
        roles: None,
        has_new_password: false,
    };
    set_as_owner(&config.database()?, &change, &options.note.note())?;
    let name = &options.name;
    if options.format.json {
        return output::json(&json!({"name": name, "is_disabled": true}));
    }
    output::line(&format!("{name} can no longer sign in"))
}

fn limit(options: &LimitOptions, config: &Config) -> Result<(), Failure> {
    let before = set_correction_rule(&config.database()?, options.points, &options.note.note())?;
    if options.format.json {
        return output::json(&json!({"alone_up_to": options.points, "before": before}));
    }
    output::line(&format!(
        "corrections of up to {} points by one person in one day need no second person; before: {before}",
        options.points
    ))
}
