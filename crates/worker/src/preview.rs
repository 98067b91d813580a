//! What messages would do if they arrived now and had a proof, one after another: the worker's own plan, which is not
//! written.
//!
//! There are two passes over the bodies, so that they need not all be in memory: the first collects the
//! keys of the rows that their events depend on, the second plans them against one view. A preview does
//! not notice what only a write shows, such as a balance that would not fit.

use diesel::pg::PgConnection;
use paynow_shared::event::Refund;
use paynow_shared::wallet::LedgerEntry;
use paynow_shared::wire::{Headers, decode};

use crate::database::DatabaseError;
use crate::decide::record::Attribution;
use crate::decide::view::LedgerView;
use crate::decide::{Policy, candidates};
use crate::disposition::Disposition;
use crate::ledger::plan::plan;
use crate::ledger::read::ViewKeys;
use crate::message::{DecodedMessage, Message, Proof};

/// What one message would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub disposition: Disposition,
    /// The entries it would post.
    pub entries: Vec<LedgerEntry>,
}

/// The first pass: collects the keys of the rows that the events depend on.
#[derive(Default)]
pub struct PreviewKeys(ViewKeys);

impl PreviewKeys {
    /// Adds the keys of some bodies. A body that is no event has none.
    pub fn add(&mut self, bodies: &[Vec<u8>]) {
        for event in bodies.iter().filter_map(|body| decode(body).ok()) {
            self.0.add(&event);
        }
    }

    /// Reads the ledger.
    pub fn read(self, connection: &mut PgConnection) -> Result<PreviewLedger, DatabaseError> {
        let view = self.0.read(connection)?;
        Ok(PreviewLedger { view })
    }
}

/// The second pass: the ledger as it would be after the messages previewed so far.
pub struct PreviewLedger {
    view: LedgerView,
}

impl PreviewLedger {
    /// The parts of its order that a refund fits by its amounts.
    pub fn candidates(&self, refund: &Refund) -> Vec<Attribution> {
        candidates(refund, &self.view)
    }

    /// Plans the next bodies, in order, and returns one preview per body. The keys of the bodies must
    /// have been added in the first pass.
    pub fn preview(&mut self, bodies: Vec<Vec<u8>>, policy: &Policy) -> Vec<Preview> {
        let message = |body| Message {
            headers: Headers::default(),
            redeliveries: 0,
            body,
        };
        let messages: Vec<Message> = bodies.into_iter().map(message).collect();
        let decoded: Vec<DecodedMessage<'_>> = messages
            .iter()
            .map(|message| DecodedMessage::decode(message, Proof::NotRequired))
            .collect();
        let plan = plan(&decoded, &mut self.view, policy);
        let mut entries = plan.entries.into_iter().peekable();
        let previews = decoded.iter().zip(plan.dispositions);
        let previews = previews.map(|(decoded, disposition)| {
            // The entries are in the order of the messages, and each refers to its event.
            let mut own = Vec::new();
            while let Some(planned) = entries.next_if(|planned| {
                decoded
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
