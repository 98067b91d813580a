//! Who may use the console. The owner of the database makes the first admin; admins see to the others.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use secrecy::SecretString;
use serde::{Serialize, Serializer};

use super::database::ConsoleDatabase;
use super::password::{Derived, new_password};
use super::permit::{Permit, right};
use super::person::PersonName;
use super::roles::Roles;
use crate::actions::Note;
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::row::{One, row};

row! {
    #[derive(Serialize)]
    pub struct Person {
        pub name: String,
        pub shown_name: String,
        /// `account` or `proxy`.
        pub source: String,
        /// With commas.
        #[serde(serialize_with = "words")]
        pub roles: String,
        /// Until when the password that somebody else knows must be replaced; `None` when it was.
        pub one_time_until: Option<String>,
        pub created_at: String,
        pub changed_at: String,
        pub disabled_at: Option<String>,
    }

    /// A session of somebody, without its id.
    #[derive(Serialize)]
    pub struct OpenSession {
        pub person: String,
        #[serde(serialize_with = "words")]
        pub roles: String,
        pub signed_in_at: String,
        pub seen_at: String,
        pub ends_at: String,
    }
}

fn words<S: Serializer>(list: &str, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(list.split(',').filter(|word| !word.is_empty()))
}

/// What should become of a person.
#[derive(Debug, Clone)]
pub struct Change {
    pub name: PersonName,
    /// `None` keeps it; a new person is shown by the name then.
    pub shown_name: Option<String>,
    /// `None` disables the person.
    pub roles: Option<Roles>,
    /// A new password, which the person must replace within seven days. A new person needs one.
    pub has_new_password: bool,
}

/// By name.
pub fn list(database: &Database) -> Result<Vec<Person>, DeskError> {
    let query = format!(
        "SELECT name, shown_name, source, array_to_string(roles, ',') AS roles, {} \
         FROM console_people ORDER BY name",
        times(&["one_time_until", "created_at", "changed_at", "disabled_at"])
    );
    Ok(database.read(|connection| sql_query(query).load(connection))?)
}

/// The sessions that are not over, the newest first.
pub fn sessions(
    console: &ConsoleDatabase,
    permit: &Permit<right::People>,
) -> Result<Vec<OpenSession>, DeskError> {
    let query = format!(
        "SELECT person, array_to_string(roles, ',') AS roles, {} FROM console_sessions AS session \
         WHERE ended_at IS NULL AND session.ends_at > now() \
             AND session.seen_at > now() - interval '30 minutes' \
         ORDER BY session.signed_in_at DESC LIMIT 1000",
        times(&["signed_in_at", "seen_at", "ends_at"])
    );
    let database = console.seat(permit);
    Ok(database.read(|connection| sql_query(query).load(connection))?)
}

/// Adds or changes somebody else. Returns the new password, which nobody sees again.
pub fn set(
    console: &ConsoleDatabase,
    permit: &Permit<right::People>,
    change: &Change,
    why: &str,
) -> Result<Option<SecretString>, DeskError> {
    let new = NewPassword::of(change)?;
    let mut connection = console.seat(permit).open_as_operator()?;
    let call = sql_query("SELECT console_set_person($1, $2, $3, $4, $5, $6, $7, $8)")
        .into_boxed()
        .bind::<Binary, _>(permit.session().as_bytes().to_vec())
        .bind::<Text, _>(why.to_owned());
    new.call(change, &mut connection, call)?;
    Ok(new.password)
}

/// The same by whoever may act as the owner of the database, for the first admin.
pub fn set_as_owner(
    database: &Database,
    change: &Change,
    note: &Note,
) -> Result<Option<SecretString>, DeskError> {
    let new = NewPassword::of(change)?;
    let mut connection = database.open_as_owner()?;
    let is_new = !list(database)?
        .iter()
        .any(|person| person.name == change.name.as_str());
    match (is_new, &change.roles, change.has_new_password) {
        (true, None, _) => {
            let what = format!("there is nobody named {}: nothing was done", change.name);
            return Err(DeskError::NotFound(what));
        }
        (true, Some(_), false) => {
            let what = format!(
                "{} is new and needs a password: nothing was done",
                change.name
            );
            return Err(DeskError::Refused(what));
        }
        (true, Some(_), true) | (false, _, _) => {}
    }
    let call = sql_query("SELECT set_person($1, $2, $3, $4, $5, $6, $7, $8)")
        .into_boxed()
        .bind::<Text, _>(note.by.clone())
        .bind::<Text, _>(note.why.clone());
    new.call(change, &mut connection, call)?;
    Ok(new.password)
}

/// A password that is made here.
struct NewPassword {
    password: Option<SecretString>,
    derived: Option<Derived>,
}

impl NewPassword {
    fn of(change: &Change) -> Result<Self, DeskError> {
        let password = change.has_new_password.then(new_password).transpose()?;
        let derived = password.as_ref().map(Derived::of).transpose()?;
        Ok(Self { password, derived })
    }

    fn call(
        &self,
        change: &Change,
        connection: &mut PgConnection,
        call: BoxedSqlQuery<'_, Pg, SqlQuery>,
    ) -> QueryResult<()> {
        let roles = change.roles.as_ref().map(Roles::codes);
        let derived = self.derived.as_ref();
        let rounds = derived.map(|it| i32::try_from(it.rounds).unwrap_or(i32::MAX));
        call.bind::<Text, _>(change.name.to_string())
            .bind::<Nullable<Text>, _>(change.shown_name.clone())
            .bind::<Nullable<Array<Text>>, _>(roles)
            .bind::<Nullable<Binary>, _>(derived.map(|it| it.salt.clone()))
            .bind::<Nullable<Integer>, _>(rounds)
            .bind::<Nullable<Binary>, _>(derived.map(|it| it.key.to_vec()))
            .execute(connection)
            .map(drop)
    }
}

/// Up to how many points in one day a person may correct alone: 0 for none. Returns what it was.
pub fn set_correction_rule(
    database: &Database,
    points: i64,
    note: &Note,
) -> Result<i64, DeskError> {
    let before: One<i64> = sql_query("SELECT set_correction_rule($1, $2, $3) AS value")
        .bind::<Text, _>(&note.by)
        .bind::<Text, _>(&note.why)
        .bind::<BigInt, _>(points)
        .get_result(&mut database.open_as_owner()?)?;
    Ok(before.value)
}
