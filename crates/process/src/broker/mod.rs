//! The broker, as our programs use it: one connection per purpose, never recovered behind our back
//! (lapin's auto-recovery can hang for ever), a time limit around every await.

pub mod blocking;
pub mod connect;
pub mod message;
pub mod publisher;
pub mod tls;

mod job;
mod lane;
mod line;
pub(crate) mod observe;
mod window;

pub use blocking::BlockingPublisher;
pub use connect::{BrokerAddress, BrokerError, Link};
pub use job::{Confirmed, Outgoing, PublishError};
pub use lane::PublisherSettings;
pub use publisher::Publisher;
