//! The worker decides each queued event, posts its entries to the ledger and then settles its message
//! with the broker. Invariants: no message is acknowledged before its event is committed, and only a
//! ledger entry changes a balance. The modules are in reading order.

pub mod app;
pub mod config;
pub mod settings;

pub mod session;
pub mod ended;

pub mod consume;
pub mod message;

pub mod proof;

pub mod handle;
pub mod attempt;
pub mod progress;
pub mod crash_marks;

pub mod decide;
pub mod ledger;

pub mod disposition;
pub mod settle;
pub mod handoff;
mod waiting;

pub mod ask;

pub mod archive;
pub mod beside;
pub mod preview;

pub mod database;
pub mod connect;

pub mod observe;
pub mod catalog;

#[cfg(feature = "poison")]
mod poison;
