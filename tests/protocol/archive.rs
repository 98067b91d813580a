//! The archive: dead letters from their queue to the table.

use super::model::Protocol;
use super::mutation::Mutation;
use super::state::{Archiving, EVENTS, Event, LetterState, State, add};
use super::step::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveStep {
    /// The archive gets a dead letter, inserts it or counts one more death, and commits.
    ///
    /// Code: `crates/worker/src/archive.rs` `run_archive`, `crates/worker/src/archive.rs` `insert`,
    /// `migrations` `archive_dead_letter`
    Commit(Event),
    /// The archive acknowledges the letter.
    ///
    /// Code: `crates/worker/src/archive.rs` `run_archive`, `crates/worker/src/settle.rs` `ack`
    Ack,
    /// The archive crashes, or its connection is lost: the broker delivers the letter again. A fault.
    ///
    /// Code: `crates/worker/src/session.rs` `run`
    Crash,
    /// Only in a mutation: the archive acknowledges a letter that is not committed.
    ///
    /// Code: `crates/worker/src/settle.rs` `ack`
    AckEarly(Event),
}

impl ArchiveStep {
    pub fn is_fault(self) -> bool {
        match self {
            Self::Commit(_) | Self::Ack | Self::AckEarly(_) => false,
            Self::Crash => true,
        }
    }
}

/// What the archive can do.
pub fn enabled(model: &Protocol, state: &State, steps: &mut Vec<Step>) {
    let mut add = |step| steps.push(Step::Archive(step));
    match &state.archive {
        None => {
            for event in (0..EVENTS).filter(|event| state.broker.dead[*event] > 0) {
                add(if model.has(Mutation::AckBeforeArchive) {
                    ArchiveStep::AckEarly(event)
                } else {
                    ArchiveStep::Commit(event)
                });
            }
        }
        Some(archiving) => {
            add(if archiving.is_committed {
                ArchiveStep::Ack
            } else {
                ArchiveStep::Commit(archiving.event)
            });
            add(ArchiveStep::Crash);
        }
    }
}

pub fn apply(model: &Protocol, state: &mut State, step: ArchiveStep) {
    match step {
        ArchiveStep::Commit(event) => {
            if state.archive.is_none() {
                state.broker.dead[event] -= 1;
            }
            insert(model, state, event);
            state.archive = Some(Archiving {
                event,
                is_committed: true,
            });
        }
        ArchiveStep::Ack => state.archive = None,
        ArchiveStep::Crash => crash(state),
        ArchiveStep::AckEarly(event) => {
            state.broker.dead[event] -= 1;
            state.archive = Some(Archiving {
                event,
                is_committed: false,
            });
        }
    }
}

/// The broker delivers the letter again, unless it was acknowledged.
pub fn crash(state: &mut State) {
    let unacked = state
        .archive
        .take()
        .filter(|archiving| archiving.is_committed);
    if let Some(archiving) = unacked {
        state.broker.dead[archiving.event] += 1;
    }
}

fn insert(model: &Protocol, state: &mut State, event: Event) {
    let is_applied = state.is_applied(event);
    let letter = &mut state.letters[event];
    add(&mut letter.deaths);
    if letter.state != LetterState::Absent && model.has(Mutation::DeathKeepsState) {
        return;
    }
    letter.discarded_death = 0;
    letter.state = if is_applied {
        LetterState::Resolved
    } else {
        LetterState::Open
    };
}
