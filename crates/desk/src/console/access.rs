//! What people looked at and were refused. What they did is in `operator_actions`.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::database::ConsoleDatabase;
use super::permit::{Permit, right};
use super::session::Session;
use crate::database::times;
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::row;

/// The values of `console_access.what`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Access {
    SignIn,
    SignInRefused,
    SignOut,
    Enrol,
    Refused,
    LookUp,
    Preview,
    Export,
}

impl Access {
    pub const CODES: &'static [&'static str] = Self::VARIANTS;
}

row! {
    #[derive(Serialize)]
    pub struct AccessRow {
        #[serde(serialize_with = "ids::text")]
        pub access_id: i64,
        /// `None` where nobody signed in.
        pub person: Option<String>,
        pub what: String,
        pub about: String,
        pub at: String,
    }
}

/// Conditions that must all hold; one that is `None` always holds.
#[derive(Debug, Clone, Default)]
pub struct AccessFilter {
    pub person: Option<String>,
    pub what: Option<Access>,
    /// RFC 3339; then or later.
    pub since: Option<String>,
    /// Older than this row.
    pub after: Option<i64>,
}

/// Records what the session's person looked at, or was refused.
pub fn record(
    console: &ConsoleDatabase,
    session: &Session,
    what: Access,
    about: &str,
) -> Result<(), DeskError> {
    let what: &'static str = what.into();
    console.as_login(|connection| {
        sql_query("SELECT record_access($1, $2, $3)")
            .bind::<Binary, _>(session.key.as_bytes())
            .bind::<Text, _>(what)
            .bind::<Text, _>(about)
            .execute(connection)
    })?;
    Ok(())
}

/// Newest first.
pub fn list(
    console: &ConsoleDatabase,
    permit: &Permit<right::Look>,
    filter: &AccessFilter,
    limit: u32,
) -> Result<Page<AccessRow>, DeskError> {
    let query = format!(
        "SELECT access_id, person, what, about, {} FROM console_access AS access \
         WHERE access_id < $1 AND ($2 IS NULL OR person = $2) AND ($3 IS NULL OR what = $3) \
             AND ($4 IS NULL OR access.at >= $4::timestamptz) \
         ORDER BY access_id DESC LIMIT $5",
        times(&["at"])
    );
    let what: Option<&'static str> = filter.what.map(Into::into);
    let rows = console.seat(permit).read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(filter.after.unwrap_or(i64::MAX))
            .bind::<Nullable<Text>, _>(filter.person.as_deref())
            .bind::<Nullable<Text>, _>(what)
            .bind::<Nullable<Text>, _>(filter.since.as_deref())
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}
