#![doc = include_str!("../README.md")]

// In reading order.
pub mod settings;
pub mod database;
mod row;
mod ids;
pub mod page;
pub mod management;
pub mod drift;

pub mod selection;
pub mod letters;
mod content;
pub mod expect;
pub mod ticket;

pub mod list;
pub mod show;
mod mask;
pub mod discard;
pub mod replay;
pub mod actions;

pub mod correct;
pub mod identities;
pub mod forget;
pub mod wallet;
pub mod events;
pub mod orders;
pub mod waiting;
pub mod find;
pub mod refunds;
pub mod sale;
pub mod products;

pub mod check;
pub mod doctor;
pub mod history;
pub mod unrouted;
pub mod top;

pub mod console;

pub mod error;
pub mod text;
