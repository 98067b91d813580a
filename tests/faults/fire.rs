//! Carries out a schedule: each fault on a thread of its own, so that they overlap.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::recovery::Struck;
use crate::schedule::Planned;
use crate::strike::strike;
use crate::world::{World, lock};

#[derive(Default)]
struct Fire {
    burning: Mutex<Vec<Planned>>,
    struck: Mutex<Vec<Struck>>,
    /// Why faults could not be carried out.
    failures: Mutex<Vec<String>>,
}

/// Returns the faults when all of them are healed. Where faults take longer than planned, those that
/// would begin after `latest` are left out. An error says which could not be carried out.
pub(crate) fn fire(
    world: &World,
    schedule: &[Planned],
    latest: Duration,
) -> Result<Vec<Struck>, String> {
    let fire = Fire::default();
    thread::scope(|scope| {
        for planned in schedule {
            world.pause(planned.at.saturating_sub(world.journal.now()));
            if world.is_given_up() {
                break;
            }
            let fire = &fire;
            scope.spawn(move || fire.carry_out(world, planned, latest));
        }
    });
    let failures = lock(&fire.failures);
    if failures.is_empty() {
        Ok(lock(&fire.struck).clone())
    } else {
        Err(failures.join("\n"))
    }
}

impl Fire {
    fn carry_out(&self, world: &World, planned: &Planned, latest: Duration) {
        let Planned { number, kind, .. } = planned;
        // A fault may have taken longer than planned, so one that conflicts with it waits.
        while !self.begin(planned) {
            if world.is_given_up() || world.journal.now() > latest {
                world.note(format!("fault {number} {kind} is left out"));
                return;
            }
            world.pause(Duration::from_millis(100));
        }
        let began = world.journal.now();
        world.note(format!("fault {number} {kind} begins"));
        let mut random = Rng::with_seed(planned.seed);
        let work = || strike(*kind, world, &mut random, planned.hold);
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| {
            Err("it panicked; the message is on standard error".to_owned())
        });
        lock(&self.burning).retain(|one| one.number != *number);
        match result {
            Ok(()) => {
                let ended = world.journal.now();
                world.note(format!("fault {number} {kind} is healed"));
                lock(&self.struck).push(Struck {
                    kind: *kind,
                    began,
                    ended,
                });
            }
            Err(why) => {
                let failure = format!("fault {number} {kind}: {why}");
                world.note(&failure);
                lock(&self.failures).push(failure);
                world.give_up();
            }
        }
    }

    /// Whether the fault may strike now.
    fn begin(&self, planned: &Planned) -> bool {
        let mut burning = lock(&self.burning);
        let kind = planned.kind;
        let may = burning
            .iter()
            .all(|other| !kind.conflicts(other.kind) && !other.kind.conflicts(kind));
        if may {
            burning.push(*planned);
        }
        may
    }
}
