//! The worker: queued events, decided, posted to the ledger, settled with the broker. Invariants:
//! nothing is acknowledged before its commit, and a balance changes only by a ledger entry.

pub mod app;
pub mod archive;
pub mod beside;
pub mod catalog;
pub mod config;
pub mod connect;
pub mod consume;
pub mod crash_marks;
pub mod database;
pub mod decide;
pub mod disposition;
pub mod handle;
pub mod ledger;
pub mod observe;
pub mod preview;
pub mod session;
pub mod settle;
pub mod tally;

#[cfg(feature = "poison")]
mod poison;
mod schema;
