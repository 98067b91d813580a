//! Keeps the programs running, as an orchestrator does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::world::{Ended, World, lock};

const EVERY: Duration = Duration::from_millis(100);
/// Longer than any program may take to end after it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Supervisor<'a> {
    world: &'a World,
    /// Programs that ended as they should not have.
    wrong: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl<'a> Supervisor<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            wrong: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Starts every program that is wanted and does not run, until the trial is over.
    pub(crate) fn run(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            self.tend();
            self.world.pause(EVERY);
            if self.world.is_given_up() {
                return;
            }
        }
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Asks all programs to stop and waits for their end.
    pub(crate) fn stop_all(&self) {
        self.world.scale(0);
        for index in 0..self.world.receivers.len() {
            self.world.receiver_slot(index).set_wanted(false);
        }
        let world = self.world;
        let has_ended = || {
            self.tend();
            world.running().is_empty()
        };
        if !world.wait(STOP_LIMIT, has_ended) {
            let names = world.running().join(", ");
            lock(&self.wrong).push(format!("{names}: did not end within {STOP_LIMIT:?}"));
        }
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        lock(&self.wrong).clone()
    }

    fn tend(&self) {
        let mut ended: Vec<Ended> = Vec::new();
        for index in 0..self.world.receivers.len() {
            ended.extend(self.world.receiver_slot(index).tend());
        }
        let mut workers = self.world.workers();
        ended.extend(workers.iter_mut().filter_map(|slot| slot.tend()));
        drop(workers);
        for Ended {
            name,
            status,
            is_right,
        } in ended
        {
            self.world.note(format!("{name} ended: {status}"));
            if !is_right {
                lock(&self.wrong).push(format!("{name} ended with {status}"));
            }
        }
    }
}
