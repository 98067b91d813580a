//! The receiver among hostile clients: who may send, what a flood of failures gets, and that nobody
//! can use it up.

mod failures;
mod heads;
mod memory;
mod slow;
mod sources;
mod wire;
