//! A model of the protocol between PayNow, the receiver, the broker, the workers and the desk, checked in
//! every state that two events can reach.
//!
//! Each participant takes one step at a time, and the steps of all of them come in any order. A crash, a
//! lost connection, a lost answer or a duplicate is a fault; each run has a limited number of them. Time is
//! left out: a message on the rung may come back at any moment.

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
