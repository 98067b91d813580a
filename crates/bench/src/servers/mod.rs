//! The private broker and database, and our programs that use them.

mod broker;
mod bulk;
mod letters;
mod programs;
mod scrape;
mod stack;
mod store;
mod visitor;

pub(crate) use broker::Broker;
pub(crate) use programs::{Console, Launcher, Receiver, Worker};
pub(crate) use scrape::{Scraper, label_of};
pub(crate) use stack::{Pids, Stack};
pub(crate) use store::{EventIds, Known, ServerFacts, Store};
pub(crate) use visitor::{Streams, Visitor};
