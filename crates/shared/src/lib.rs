//! What every program of the pipeline agrees on: identifiers, points, events, the message on the
//! wire, the wallet contract and the broker's topology. Invariant: no I/O, no clock, no
//! environment; everything here is a value or a pure function.

pub mod digest;
pub mod event;
pub mod ids;
pub mod ladder;
pub mod points;
pub mod reason;
pub mod signature;
pub mod topology;
pub mod wallet;
pub mod wire;
