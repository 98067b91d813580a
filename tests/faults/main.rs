//! Trials under fire: a mixed load goes through the whole system while faults strike it, and
//! afterwards every promise is checked. `ops/faults` runs it.

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the integration tests"
)]
#[path = "../integration/harness/mod.rs"]
mod harness;
mod kind;
mod strike;
mod world;

fn main() {}
