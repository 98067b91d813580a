//! What messages would do if they came now, one after another: the worker's own plan, unwritten.

use diesel::pg::PgConnection;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::Headers;

use crate::database::DatabaseError;
use crate::decide::Policy;
use crate::disposition::Disposition;
use crate::plan::{Incoming, Received, plan};
use crate::rows;

/// What one message would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub disposition: Disposition,
    /// The entries it would post.
    pub entries: Vec<LedgerEntry>,
}

/// Plans the bodies as one batch, in order, within a transaction that cannot write. One answer
/// per body. What only writing shows, such as a balance that would not fit, it cannot tell.
pub fn preview(
    connection: &mut PgConnection,
    bodies: Vec<Vec<u8>>,
    policy: &Policy,
) -> Result<Vec<Preview>, DatabaseError> {
    let as_received = |body| Received {
        headers: Headers::default(),
        redeliveries: 0,
        body,
    };
    let received: Vec<Received> = bodies.into_iter().map(as_received).collect();
    let batch: Vec<Incoming<'_>> = received.iter().map(Incoming::read).collect();
    let mut view = connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(|connection| rows::read_view(connection, &batch))?;
    let plan = plan(&batch, &mut view, policy);
    let mut entries = plan.entries.into_iter().peekable();
    let previews = batch.iter().zip(plan.dispositions);
    let previews = previews.map(|(incoming, disposition)| {
        // Entries are in the order of the messages, and each knows whose it is.
        let mut own = Vec::new();
        while let Some(planned) = entries.next_if(|planned| {
            incoming
                .event
                .as_ref()
                .is_ok_and(|event| std::ptr::eq(event, planned.event))
        }) {
            own.push(planned.entry);
        }
        Preview {
            disposition,
            entries: own,
        }
    });
    Ok(previews.collect())
}
