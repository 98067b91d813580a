//! The broker: one connection per purpose and a time limit around every await. lapin's auto-recovery
//! is off, because it can hang for ever.

pub mod blocking;
pub mod connect;
pub mod count;
pub mod message;
pub mod mover;
pub mod publisher;
pub mod tls;
pub mod trial;

mod congestion;
mod job;
mod lane;
pub(crate) mod observe;
mod probe;
mod socket;
mod window;

pub use blocking::BlockingPublisher;
pub use connect::{BrokerAddress, BrokerError, Link};
pub use job::{Confirmed, Outgoing, PublishError};
pub use lane::PublisherSettings;
pub use probe::Probe;
pub use publisher::Publisher;
