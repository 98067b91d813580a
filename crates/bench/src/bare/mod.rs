//! The bare client. It measures the limits: what the broker and the database can do for a client that does
//! nothing else.

mod consume;
mod publish;
mod transactions;

pub(crate) use consume::consume;
pub(crate) use publish::publish;
pub(crate) use transactions::{batch_rows_per_second, commit_latencies};
