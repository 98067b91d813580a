//! `dead discard`: gives dead letters up, and records who did and why in the same transaction.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};
use serde_json::json;

use super::letters::{Letter, check_open, chosen};
use crate::actions::{Action, meant_by, record};
use crate::cli::DiscardOptions;
use crate::config::Config;
use crate::database::{DatabaseError, open_as_operator};
use crate::failure::Failure;
use crate::output::{self, Column, or_dash};

/// More say nothing more to a person.
const SHOWN_MAX: usize = 20;

pub(super) fn run(options: &DiscardOptions, config: &Config) -> Result<(), Failure> {
    let mut connection = open_as_operator(&config.database_url()?)?;
    // One state of the desk: a letter that dies again meanwhile refuses the whole, because what
    // the operator decided about was another death.
    let discarded = connection
        .build_transaction()
        .repeatable_read()
        .run(|connection| discard(connection, options));
    let letters = discarded.map_err(in_words)?;
    print(&letters)?;
    let count = match letters.len() {
        1 => "1 dead letter".to_owned(),
        more => format!("{more} dead letters"),
    };
    if is_dry_run(options) {
        output::line(&format!(
            "dry run: {count} would be discarded; --yes does it"
        ))
    } else {
        output::line(&format!(
            "discarded {count}; recorded for {}",
            options.note.by
        ))
    }
}

/// One letter by its name is looked at already; more may be more than was thought.
fn is_dry_run(options: &DiscardOptions) -> bool {
    !options.yes && options.letters.len() != 1
}

fn discard(
    connection: &mut PgConnection,
    options: &DiscardOptions,
) -> Result<Vec<Letter>, Failure> {
    let letters = chosen(connection, &options.letters, &options.filter)?;
    check_open(&letters, "discarded")?;
    if is_dry_run(options) {
        return Ok(letters);
    }
    let numbers: Vec<i64> = letters.iter().map(|letter| letter.dead_letter_id).collect();
    sql_query(
        "UPDATE dead_letters SET state = 'discarded' \
         WHERE dead_letter_id = ANY ($1) AND state = 'open'",
    )
    .bind::<Array<BigInt>, _>(&numbers)
    .execute(connection)?;
    let ids: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let outcome = json!({"discarded": ids.len(), "dead_letter_ids": ids});
    let selection = meant_by(&options.letters, &options.filter);
    record(
        connection,
        Action::Discard,
        &options.note,
        &selection,
        &outcome,
    )?;
    Ok(letters)
}

fn in_words(failure: Failure) -> Failure {
    if let Failure::Database(DatabaseError::Refused(Error::DatabaseError(
        DatabaseErrorKind::SerializationFailure,
        _,
    ))) = &failure
    {
        return Failure::Refused(
            "a dead letter changed meanwhile, nothing was done: look again".to_owned(),
        );
    }
    failure
}

fn print(letters: &[Letter]) -> Result<(), Failure> {
    output::table(
        &[
            Column::Number("id"),
            Column::Text("event"),
            Column::Text("type"),
            Column::Text("reason"),
        ],
        letters.iter().take(SHOWN_MAX).map(|letter| {
            vec![
                letter.dead_letter_id.to_string(),
                letter.event_id.clone(),
                or_dash(letter.event_type.as_ref()),
                letter.reason.clone(),
            ]
        }),
    )?;
    match letters.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => output::line(&format!("and {more} more")),
    }
}
