//! A model of the protocol between PayNow, the receiver, the broker, the workers and the desk, checked in
//! every state that two events can reach.
//!
//! Each participant takes one step at a time, and the steps of all of them come in any order. A crash, a
//! lost connection, a lost answer, a met lock or a duplicate is a fault; each run has a limited number of them.
//!
//! Left out: time (a message on the rung may come back at any moment), batches and lanes (a batch is one
//! transaction, so its messages are settled like single ones), crash marks, questions to PayNow, and retention.
//! A message that is lost before the broker stores it is one that was not published yet.

mod archive;
mod code;
mod desk;
mod graph;
mod model;
mod mutation;
mod properties;
mod scenarios;
mod state;
mod step;
mod webhook;
mod worker;
