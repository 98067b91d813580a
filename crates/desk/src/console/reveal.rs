//! The body of a dead letter as it is, which is recorded with who looked at it and why.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Text};

use super::database::ConsoleDatabase;
use super::permit::{Permit, right};
use crate::error::DeskError;
use crate::row::One;

/// `None` where there is no such letter, or retention has deleted its body.
pub fn reveal(
    console: &ConsoleDatabase,
    permit: &Permit<right::Reveal>,
    dead_letter_id: i64,
    why: &str,
) -> Result<Option<Vec<u8>>, DeskError> {
    let body: One<Option<Vec<u8>>> = sql_query("SELECT reveal_letter($1, $2, $3) AS value")
        .bind::<Binary, _>(permit.session().as_bytes())
        .bind::<BigInt, _>(dead_letter_id)
        .bind::<Text, _>(why)
        .get_result(&mut console.seat(permit).open_as_operator()?)?;
    Ok(body.value)
}
