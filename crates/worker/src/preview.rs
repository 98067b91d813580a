//! What messages would do if they came now, one after another: the worker's own plan, unwritten.
//!
//! Two passes over the bodies, so that however many there are, none is kept: the first gathers what
//! they ask of the ledger, the second plans them against the one view that answers all of it. What
//! only writing shows, such as a balance that would not fit, a preview cannot tell.

use diesel::pg::PgConnection;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::{Headers, decode};

use crate::database::DatabaseError;
use crate::decide::Policy;
use crate::decide::view::LedgerView;
use crate::disposition::Disposition;
use crate::ledger::plan::{Incoming, Received, plan};
use crate::ledger::read::Wanted;

/// What one message would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub disposition: Disposition,
    /// The entries it would post.
    pub entries: Vec<LedgerEntry>,
}

/// The first pass: what the messages ask of the ledger.
#[derive(Default)]
pub struct Inquiry {
    wanted: Wanted,
}

impl Inquiry {
    /// Notes what some of the bodies ask. A body that is no event asks nothing.
    pub fn add(&mut self, bodies: &[Vec<u8>]) {
        for event in bodies.iter().filter_map(|body| decode(body).ok()) {
            self.wanted.add(&event);
        }
    }

    /// Reads the answers, all as of one moment.
    pub fn read(self, connection: &mut PgConnection) -> Result<Outlook, DatabaseError> {
        let view = self.wanted.read(connection)?;
        Ok(Outlook { view })
    }
}

/// The second pass: the ledger as it would be after the messages previewed so far.
pub struct Outlook {
    view: LedgerView,
}

impl Outlook {
    /// Plans the next bodies, which the inquiry must have had too, in order; one answer per body.
    pub fn preview(&mut self, bodies: Vec<Vec<u8>>, policy: &Policy) -> Vec<Preview> {
        let as_received = |body| Received {
            headers: Headers::default(),
            redeliveries: 0,
            body,
        };
        let received: Vec<Received> = bodies.into_iter().map(as_received).collect();
        let batch: Vec<Incoming<'_>> = received.iter().map(Incoming::read).collect();
        let plan = plan(&batch, &mut self.view, policy);
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
        previews.collect()
    }
}
