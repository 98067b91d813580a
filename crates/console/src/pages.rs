//! The pages: each takes what the desk knows and says it.

mod tables;

pub(crate) mod filter;

pub(crate) mod assets;
pub(crate) mod login;
pub(crate) mod me;

pub(crate) mod access;
mod again;
pub(crate) mod audit;
pub(crate) mod checks;
pub(crate) mod choose;
pub(crate) mod corrections;
pub(crate) mod dead;
pub(crate) mod enrol;
pub(crate) mod events;
pub(crate) mod help;
pub(crate) mod letter;
pub(crate) mod live;
pub(crate) mod orders;
pub(crate) mod people;
pub(crate) mod player;
pub(crate) mod preview;
pub(crate) mod products;
pub(crate) mod replays;
pub(crate) mod search;
pub(crate) mod wallets;
