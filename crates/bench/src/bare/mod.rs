//! The bare client. It measures the limits: what the broker and the database can do for a client that does
//! nothing else.

mod batch;
mod consume;
mod publish;
mod single;

pub(crate) use batch::batch_rows_per_second;
pub(crate) use consume::consume;
pub(crate) use publish::publish;
pub(crate) use single::commit_latencies;
