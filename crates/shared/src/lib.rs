//! What all programs of the pipeline share: identifiers, points, events, the message on the wire,
//! the wallet contract and the broker's topology. Invariant: no I/O, no clock, no environment;
//! everything here is a value or a pure function. The modules are in reading order.

pub mod ids;
pub mod points;
pub mod identity;

pub mod signature;

pub mod event;
pub mod wire;

pub mod digest;
pub mod reason;
pub mod wallet;

pub mod ladder;
pub mod topology;
