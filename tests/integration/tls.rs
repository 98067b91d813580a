//! TLS to broker and database: both sides prove their identity, and each mistake is reported in one
//! sentence.

mod authority;
mod broker;
mod front;
mod servers;
