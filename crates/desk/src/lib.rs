#![doc = include_str!("../README.md")]

pub mod database;
pub mod drift;
pub mod error;
pub mod management;
pub mod text;

pub mod actions;
pub mod check;
pub mod correct;
pub mod discard;
pub mod events;
pub mod history;
pub mod letters;
pub mod list;
pub mod products;
pub mod replay;
pub mod selection;
pub mod show;
pub mod wallet;

mod content;
mod ids;
mod mask;
mod row;
