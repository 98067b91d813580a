//! Faults of the database as a whole.

use std::time::Duration;

use super::session::Session;
use crate::world::World;

const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn kill(world: &World, hold: Duration) -> Result<(), String> {
    world.stack(&["kill", "db"])?;
    world.pause(hold);
    world.stack(&["start", "db"])
}

pub(super) fn stop(world: &World, hold: Duration) -> Result<(), String> {
    world.stack(&["stop", "db"])?;
    world.pause(hold);
    world.stack(&["start", "db"])
}

/// A session takes the setting at once, and one that is opened later has it too.
pub(super) fn read_only(world: &World, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    session.alter_system("SET default_transaction_read_only TO on")?;
    let was_set = await_writable(world, false);
    world.pause(hold);
    session.alter_system("RESET default_transaction_read_only")?;
    await_writable(world, true)?;
    was_set
}

fn await_writable(world: &World, is_writable: bool) -> Result<(), String> {
    match world.wait(LIMIT, || Session::is_writable(world) == Some(is_writable))
        || world.is_given_up()
    {
        true => Ok(()),
        false => Err(format!("new sessions: writable is not {is_writable}")),
    }
}
