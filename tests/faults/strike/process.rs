//! Faults of our own programs.

use std::sync::MutexGuard;
use std::time::Duration;

use fastrand::Rng;

use super::signal;
use crate::world::{Slot, WORKERS_MAX, World};

/// Longer than a program needs to finish what it has begun, and to start again.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// One of our programs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Worker(usize),
    Receiver(usize),
}

impl Place {
    /// A worker that runs, if any does.
    pub(super) fn of_worker(world: &World, random: &mut Rng) -> Option<Self> {
        world.with_worker(random, |_| {}).map(Self::Worker)
    }

    pub(super) fn of_receiver(world: &World, random: &mut Rng) -> Self {
        Self::Receiver(random.usize(..world.receivers.len()))
    }

    /// Does something with its slot. The supervisor waits meanwhile.
    pub(super) fn with<T>(self, world: &World, work: impl FnOnce(&mut Slot) -> T) -> T {
        match self {
            Self::Worker(index) => {
                let mut workers: MutexGuard<'_, Vec<Slot>> = world.workers();
                work(&mut workers[index])
            }
            Self::Receiver(index) => work(&mut world.receiver_slot(index)),
        }
    }

    /// Asks its program to stop, and waits until the supervisor has started the next one.
    pub(super) fn replace(self, world: &World) -> Result<(), String> {
        let (name, before) = self.with(world, |slot| {
            let before = slot.pid();
            slot.ask_to_stop();
            (slot.name().to_owned(), before)
        });
        let is_replaced = || {
            let now = self.with(world, |slot| slot.pid());
            now.is_some() && now != before
        };
        match world.wait(REPLACED_WITHIN, is_replaced) || world.is_given_up() {
            true => Ok(()),
            false => Err(format!(
                "{name} was not replaced within {REPLACED_WITHIN:?} of SIGTERM"
            )),
        }
    }
}

pub(super) fn kill_worker(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    match Place::of_worker(world, random) {
        Some(place) => kill(world, place),
        None => world.note("no worker runs"),
    }
    world.pause(hold);
    Ok(())
}

pub(super) fn kill_receiver(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    kill(world, Place::of_receiver(world, random));
    world.pause(hold);
    Ok(())
}

fn kill(world: &World, place: Place) {
    let what = place.with(world, |slot| {
        slot.kill();
        format!("SIGKILL of {}, process {:?}", slot.name(), slot.pid())
    });
    world.note(what);
}

pub(super) fn pause_worker(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    match Place::of_worker(world, random) {
        Some(place) => pause(world, place, hold),
        None => {
            world.note("no worker runs");
            Ok(())
        }
    }
}

pub(super) fn pause_receiver(
    world: &World,
    random: &mut Rng,
    hold: Duration,
) -> Result<(), String> {
    pause(world, Place::of_receiver(world, random), hold)
}

fn pause(world: &World, place: Place, hold: Duration) -> Result<(), String> {
    let (name, pid) = place.with(world, |slot| (slot.name().to_owned(), slot.pid()));
    world.note(format!("SIGSTOP of {name}, process {pid:?}"));
    match pid {
        Some(pid) => signal::stop_for(world, &[pid], hold),
        None => Ok(()),
    }
}

pub(super) fn roll_workers(world: &World, hold: Duration) -> Result<(), String> {
    let running = |index: &usize| world.workers()[*index].pid().is_some();
    for index in (0..WORKERS_MAX).filter(running) {
        Place::Worker(index).replace(world)?;
        world.pause(hold);
    }
    Ok(())
}

pub(super) fn roll_receivers(world: &World, hold: Duration) -> Result<(), String> {
    for index in 0..world.receivers.len() {
        Place::Receiver(index).replace(world)?;
        world.pause(hold);
    }
    Ok(())
}

/// Another number of workers every few seconds.
pub(super) fn scale_workers(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let steps = random.u32(1..=4);
    for _ in 0..steps {
        let count = random.usize(1..=WORKERS_MAX);
        world.note(format!("{count} workers"));
        world.scale(count);
        world.pause(hold / steps);
    }
    world.scale_back();
    Ok(())
}
