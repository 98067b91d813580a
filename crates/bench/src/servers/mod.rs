//! The private broker and database, and our programs that use them.

mod broker;
mod bulk;
mod programs;
mod scrape;
mod stack;
mod store;

pub(crate) use broker::Broker;
pub(crate) use programs::{Launcher, Receiver, Worker};
pub(crate) use scrape::{Scraper, label_of};
pub(crate) use stack::{Pids, Stack};
pub(crate) use store::{EventIds, ServerFacts, Store};
