//! TLS to broker and database: both sides prove who they are, and what is wrong is one sentence.

mod authority;
mod broker;
mod front;
mod servers;
