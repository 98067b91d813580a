//! Giving dead letters up, recorded in the same transaction.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};

use crate::actions::{Mode, Note};
use crate::database::{Database, DatabaseError};
use crate::error::DeskError;
use crate::expect::{PreviewHash, other_letters, refuse_other};
use crate::letters::{Letter, frozen, newest_death, numbers, selected_open};
use crate::selection::Selection;

/// What was discarded, or would be.
#[derive(Debug)]
pub struct Discarded {
    /// As they were before.
    pub letters: Vec<Letter>,
    pub expect: PreviewHash,
}

/// Discards the selected letters, all of them or none; only those of a preview if its hash is given.
pub fn discard(
    database: &Database,
    selection: &Selection,
    note: &Note,
    mode: Mode,
    expected: Option<&PreviewHash>,
) -> Result<Discarded, DeskError> {
    // The transaction sees one state: when a letter dies again meanwhile, everything is refused,
    // because the operator decided about an earlier death.
    let discarded = database
        .patient()
        .open_as_operator()?
        .build_transaction()
        .repeatable_read()
        .run(|connection| {
            let letters = selected_open(connection, selection, "discarded")?;
            let expect = PreviewHash::of(frozen(&letters));
            let told = [other_letters(&numbers(&letters)), newest_death(&letters)];
            refuse_other(&expect, expected, told)?;
            if mode == Mode::Apply {
                update(connection, &letters, selection, note)?;
            }
            Ok(Discarded { letters, expect })
        });
    match discarded {
        Err(DeskError::Database(DatabaseError::Refused(Error::DatabaseError(
            DatabaseErrorKind::SerializationFailure,
            _,
        )))) => Err(DeskError::Refused(
            "a dead letter changed meanwhile, nothing was done: look again".to_owned(),
        )),
        any => any,
    }
}

fn update(
    connection: &mut PgConnection,
    letters: &[Letter],
    selection: &Selection,
    note: &Note,
) -> QueryResult<()> {
    sql_query("SELECT discard_letters($1, $2, $3, $4::jsonb)")
        .bind::<Array<BigInt>, _>(numbers(letters))
        .bind::<Text, _>(&note.by)
        .bind::<Text, _>(&note.why)
        .bind::<Text, _>(selection.document().to_string())
        .execute(connection)
        .map(drop)
}
