//! What people ask of a replay that runs, in whichever process. The replay looks several times a second.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::actions::Note;
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::replay::Asked;
use crate::row::{One, row};

row! {
    #[derive(Serialize)]
    pub struct Control {
        /// `pause`, `stop` or `go`.
        pub asked: String,
        #[serde(rename = "by")]
        pub asked_by: String,
        pub why: String,
        pub asked_at: String,
    }
}

/// Asks the replay. The note's name must be the person's own.
pub fn ask(
    database: &Database,
    action_id: i64,
    asked: Asked,
    note: &Note,
) -> Result<(), DeskError> {
    let control: One<Option<i64>> = sql_query("SELECT control_replay($1, $2, $3, $4) AS value")
        .bind::<BigInt, _>(action_id)
        .bind::<Text, _>(asked.code())
        .bind::<Text, _>(&note.by)
        .bind::<Text, _>(&note.why)
        .get_result(&mut database.open_as_operator()?)?;
    match control.value {
        Some(_) => Ok(()),
        None => Err(DeskError::NotFound(format!(
            "there is no replay {action_id}: nothing was done"
        ))),
    }
}

/// What was asked last, even if it was before the run of now began.
pub fn asked(database: &Database, action_id: i64) -> Result<Option<Control>, DeskError> {
    let query = format!(
        "SELECT asked, asked_by, why, {} FROM replay_control \
         WHERE action_id = $1 ORDER BY control_id DESC LIMIT 1",
        times(&["asked_at"])
    );
    Ok(database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(action_id)
            .get_result(connection)
            .optional()
    })?)
}
