//! The wallet contract, tested by logins that try to break it.

pub(crate) mod database;

mod catalog;
mod forgery;
mod given_back;
mod history;
mod holding;
mod kinds;
mod ledger;
mod migrations;
mod privacy;
mod recomputed;
mod roles;
mod unaccounted;
