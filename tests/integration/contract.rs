//! The wallet contract, held against logins that try to break it.

pub(crate) mod database;

mod catalog;
mod forgery;
mod ledger;
mod migrations;
mod privacy;
mod roles;
