//! Writes who the customers of applied orders are in games. It comes last in a transaction and fails none:
//! the database passes over a row that another transaction holds, and over an error.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use paynow_process::observe::Observable;
use paynow_shared::identity::Identity;
use paynow_shared::wire::identities;

use super::plan::{PlannedEvent, order_of};
use super::statement::Statement;
use crate::observe::events::IdentitiesNotRecorded;

/// An identity, and when it was told.
struct Seen {
    identity: Identity,
    at_ms: i64,
}

#[derive(diesel::QueryableByName)]
struct Recorded {
    #[diesel(sql_type = Bool)]
    is_recorded: bool,
}

/// Records what the orders among these events tell. Texts are sent as bytes, because a database with another
/// encoding than UTF-8 would refuse the statement, and with it the credits of the transaction.
pub(super) fn record(
    connection: &mut PgConnection,
    events: &[PlannedEvent<'_>],
) -> QueryResult<()> {
    let orders = events
        .iter()
        .filter(|planned| order_of(planned.event).is_some());
    let seen: Vec<Seen> = orders.flat_map(seen_in).collect();
    if seen.is_empty() {
        return Ok(());
    }
    let of = |value: fn(&Seen) -> &str| -> Vec<&str> { seen.iter().map(value).collect() };
    let ids = of(|one| &one.identity.external_id);
    let names = seen.iter().map(|one| one.identity.name.as_deref());
    let wallets = seen.iter().map(|one| one.identity.wallet_id.get());
    let recorded: Recorded =
        Statement::new("SELECT record_identities(?, ?, ?, ?, ?) AS is_recorded")
            .bind::<Array<BigInt>, _>(wallets.collect::<Vec<_>>())
            .bind::<Array<Text>, _>(of(|one| &one.identity.platform))
            .bind::<Array<Binary>, _>(ids.into_iter().map(str::as_bytes).collect::<Vec<_>>())
            .bind::<Array<Nullable<Binary>>, _>(
                names
                    .map(|name| name.map(str::as_bytes))
                    .collect::<Vec<_>>(),
            )
            .bind::<Array<BigInt>, _>(seen.iter().map(|one| one.at_ms).collect::<Vec<_>>())
            .get_result(connection)?;
    if !recorded.is_recorded {
        let identities = seen.len();
        IdentitiesNotRecorded { identities }.emit();
    }
    Ok(())
}

fn seen_in(planned: &PlannedEvent<'_>) -> impl Iterator<Item = Seen> + use<> {
    let at_ms = planned.event.id.created_at_ms();
    let identities = identities(&planned.decoded.message.body).into_iter();
    identities.map(move |identity| Seen { identity, at_ms })
}
