//! Corrections that a second person decides about. Who asks and who decides is found by the database, which
//! refuses that they are one.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use paynow_shared::ids::WalletId;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::database::ConsoleDatabase;
use super::permit::{Permit, right};
use crate::database::{Database, times};
use crate::error::DeskError;
use crate::ids;
use crate::page::{Page, one_more};
use crate::row::{One, row};
use crate::ticket::Ticket;

row! {
    #[derive(Serialize)]
    pub struct Request {
        #[serde(serialize_with = "ids::text")]
        pub request_id: i64,
        #[serde(serialize_with = "ids::text")]
        pub wallet_id: i64,
        /// To give, or to take when negative.
        pub points: i64,
        pub entry_key: String,
        pub why: String,
        pub ticket: Option<String>,
        /// A code of `RequestState`.
        pub state: String,
        pub balance_at_request: i64,
        pub balance_now: i64,
        pub requested_by: String,
        pub requested_at: String,
        pub expires_at: String,
        pub decided_by: Option<String>,
        pub decided_why: Option<String>,
        pub decided_at: Option<String>,
        /// Of the correction that was made.
        pub balance_before: Option<i64>,
        pub balance_after: Option<i64>,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum RequestState {
    Waiting,
    /// Waited for seven days, and can no longer be decided.
    Expired,
    Approved,
    Rejected,
    Withdrawn,
    /// The rule asked for no second person.
    Alone,
}

impl RequestState {
    pub const CODES: &'static [&'static str] = Self::VARIANTS;
}

const STATE: &str = "CASE WHEN request.state = 'waiting' AND request.expires_at <= now() THEN 'expired' \
                          ELSE request.state END";

/// Conditions that must all hold; one that is `None` always holds.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    pub state: Option<RequestState>,
    pub wallet: Option<WalletId>,
    pub requested_by: Option<String>,
    /// Older than this request.
    pub after: Option<i64>,
}

/// A correction that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewRequest {
    pub wallet: WalletId,
    pub points: i64,
    /// The same key is one request and one correction.
    pub key: String,
    pub why: String,
    pub ticket: Option<Ticket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// With the balance that was shown: a balance that moved since is refused.
    Approve {
        balance_seen: i64,
    },
    Reject,
}

/// Asks for a correction, which is made at once where the rule needs no second person. Returns its number.
pub fn request(
    console: &ConsoleDatabase,
    permit: &Permit<right::RequestCorrection>,
    new: &NewRequest,
) -> Result<i64, DeskError> {
    let made: One<i64> = sql_query("SELECT request_correction($1, $2, $3, $4, $5, $6) AS value")
        .bind::<Binary, _>(permit.session().as_bytes())
        .bind::<BigInt, _>(new.wallet.get())
        .bind::<BigInt, _>(new.points)
        .bind::<Text, _>(&new.key)
        .bind::<Text, _>(&new.why)
        .bind::<Nullable<Text>, _>(new.ticket.as_ref().map(Ticket::as_str))
        .get_result(&mut console.seat(permit).open_as_operator()?)?;
    Ok(made.value)
}

/// Approves or rejects what somebody else asked for.
pub fn decide(
    console: &ConsoleDatabase,
    permit: &Permit<right::DecideCorrection>,
    request_id: i64,
    verdict: Verdict,
    why: &str,
) -> Result<(), DeskError> {
    let (is_approved, balance_seen) = match verdict {
        Verdict::Approve { balance_seen } => (true, Some(balance_seen)),
        Verdict::Reject => (false, None),
    };
    sql_query("SELECT decide_correction($1, $2, $3, $4, $5)")
        .bind::<Binary, _>(permit.session().as_bytes())
        .bind::<BigInt, _>(request_id)
        .bind::<Bool, _>(is_approved)
        .bind::<Nullable<BigInt>, _>(balance_seen)
        .bind::<Text, _>(why)
        .execute(&mut console.seat(permit).open_as_operator()?)?;
    Ok(())
}

/// Takes back one's own request.
pub fn withdraw(
    console: &ConsoleDatabase,
    permit: &Permit<right::RequestCorrection>,
    request_id: i64,
    why: &str,
) -> Result<(), DeskError> {
    sql_query("SELECT withdraw_correction($1, $2, $3)")
        .bind::<Binary, _>(permit.session().as_bytes())
        .bind::<BigInt, _>(request_id)
        .bind::<Text, _>(why)
        .execute(&mut console.seat(permit).open_as_operator()?)?;
    Ok(())
}

/// Newest first.
pub fn list(
    database: &Database,
    filter: &RequestFilter,
    limit: u32,
) -> Result<Page<Request>, DeskError> {
    let query = select(&format!(
        "request_id < $1 AND ($2 IS NULL OR {STATE} = $2) AND ($3 IS NULL OR request.wallet_id = $3) \
         AND ($4 IS NULL OR requested_by = $4) ORDER BY request_id DESC LIMIT $5"
    ));
    let state: Option<&'static str> = filter.state.map(Into::into);
    let rows = database.read(|connection| {
        sql_query(query)
            .bind::<BigInt, _>(filter.after.unwrap_or(i64::MAX))
            .bind::<Nullable<Text>, _>(state)
            .bind::<Nullable<BigInt>, _>(filter.wallet.map(WalletId::get))
            .bind::<Nullable<Text>, _>(filter.requested_by.as_deref())
            .bind::<BigInt, _>(one_more(limit))
            .load(connection)
    })?;
    Ok(Page::of(rows, limit))
}

pub fn show(database: &Database, request_id: i64) -> Result<Request, DeskError> {
    let found: Option<Request> = database.read(|connection| {
        sql_query(select("request_id = $1"))
            .bind::<BigInt, _>(request_id)
            .get_result(connection)
            .optional()
    })?;
    found.ok_or_else(|| DeskError::NotFound(format!("there is no request {request_id}")))
}

/// Up to how many points in one day a person may correct alone.
pub fn alone_up_to(database: &Database) -> Result<i64, DeskError> {
    let rule: One<i64> = database.read(|connection| {
        sql_query("SELECT alone_up_to AS value FROM correction_rule").get_result(connection)
    })?;
    Ok(rule.value)
}

fn select(condition: &str) -> String {
    format!(
        "SELECT request_id, request.wallet_id, points, entry_key, why, ticket, {STATE} AS state, \
                balance_at_request, coalesce(balance, 0) AS balance_now, requested_by, decided_by, \
                decided_why, balance_before, balance_after, {} \
         FROM correction_requests AS request \
             LEFT JOIN wallets ON wallets.wallet_id = request.wallet_id WHERE {condition}",
        times(&["requested_at", "expires_at", "decided_at"])
    )
}
