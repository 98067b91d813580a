//! Protocols that are broken on purpose. The checker must find what each breaks, or it checks nothing.

use strum::EnumIter;

/// One mistake in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter)]
pub enum Mutation {
    /// The worker acknowledges a message when it gets it, not after the commit.
    AckBeforeCommit,
    /// The receiver answers 202 when it has published, without the broker's confirm.
    AcceptWithoutConfirm,
    /// The ledger does not know which events it has recorded.
    NoEventId,
    /// The ledger does not know which keys it has posted.
    NoBusinessKey,
    /// The ledger knows neither.
    NoKeys,
    /// An event is recorded in one transaction, and its entry posted in the next.
    TwoTransactions,
    /// The worker acknowledges a message that it hands off without waiting for the confirm.
    HandOffWithoutConfirm,
    /// The archive acknowledges a letter before it has committed it.
    AckBeforeArchive,
    /// A letter that dies again keeps the state that it had.
    DeathKeepsState,
    /// A replay selects again in every batch, instead of keeping to the letters of its start.
    MovingSelection,
    /// A replay takes a letter after it has sent it.
    SendBeforeTake,
    /// Nobody resumes a replay that was killed: what it had taken stays taken.
    NobodyResumes,
    /// Housekeeping leaves a discarded letter as it is when its event is applied.
    DiscardedStays,
    /// Housekeeping resolves a replayed letter without looking whether its event was applied.
    ResolveWithoutLook,
}
