#![doc = include_str!("../README.md")]

// In reading order.
pub mod database;
mod row;
pub mod management;
pub mod drift;

pub mod selection;
pub mod letters;
mod content;

pub mod list;
pub mod show;
mod mask;
pub mod discard;
pub mod replay;
pub mod actions;

pub mod correct;
pub mod wallet;
pub mod events;
pub mod refunds;
pub mod products;

pub mod check;
pub mod history;

pub mod error;
mod ids;
pub mod text;
