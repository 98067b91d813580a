//! The receiver under hostile clients: who may send, how a flood of failures is limited, and that
//! no client can exhaust it.

mod failures;
mod heads;
mod memory;
mod slow;
mod sources;
mod wire;
