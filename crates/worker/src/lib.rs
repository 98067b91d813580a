//! The worker decides each queued event, posts its entries to the ledger and then settles its message
//! with the broker. Invariants: no message is acknowledged before its event is committed, and only a
//! ledger entry changes a balance. The groups of modules are in reading order.

pub mod app;
pub mod config;

pub mod ended;
pub mod session;

pub mod consume;
pub mod message;

mod attempt;
pub mod handle;

pub mod decide;
pub mod ledger;

pub mod disposition;
pub mod handoff;
pub mod settle;

pub mod archive;
pub mod beside;
pub mod crash_marks;
pub mod preview;

pub mod connect;
pub mod database;

pub mod catalog;
pub mod observe;

#[cfg(feature = "poison")]
mod poison;
