//! Carries out the faults.

use std::time::Duration;

use fastrand::Rng;

use crate::kind::FaultKind;
use crate::world::World;

/// Strikes, holds and heals. An error says why the fault could not be carried out: the trial is then
/// worth nothing.
pub(crate) fn strike(
    kind: FaultKind,
    world: &World,
    random: &mut Rng,
    hold: Duration,
) -> Result<(), String> {
    match kind {
        FaultKind::KillWorker => {
            world.with_worker(random, |worker| worker.kill());
            world.pause(hold);
            Ok(())
        }
        FaultKind::StopBroker => {
            world.stack(&["stop", "broker"])?;
            world.pause(hold);
            world.stack(&["start", "broker"])
        }
    }
}
