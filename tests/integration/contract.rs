//! The wallet contract, tested by logins that try to break it.

pub(crate) mod database;

mod catalog;
mod forgery;
mod holding;
mod ledger;
mod migrations;
mod privacy;
mod roles;
