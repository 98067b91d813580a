//! The unit tests of the parts of `main.rs` that need no servers: they cannot be in its files, because
//! a program of its own runs no tests.

#![expect(dead_code, reason = "the trials use the rest of it")]

mod arguments;
mod kind;
mod recovery;
mod report;
mod schedule;

#[path = "judge"]
mod judge {
    pub(crate) mod verdict;

    pub(crate) use verdict::{Broken, Promise};
}

#[path = "load"]
mod load {
    pub(crate) mod fate;
    pub(crate) mod mix;

    pub(crate) use fate::{Counts, Fate, Sort};
}

#[path = "../integration/model"]
mod model {
    pub(crate) mod bodies;
    pub(crate) mod generate;
    pub(crate) mod history;
    pub(crate) mod rules;
    pub(crate) mod told;
    pub(crate) mod truth;
}

#[path = "unit"]
mod unit {
    mod arguments;
    mod mix;
    mod recovery;
    mod report;
    mod schedule;
    mod verdict;
}
