//! Replays that this console runs: one at a time, each on a thread and a connection of its own. A replay of
//! another process is only looked at, and asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paynow_desk::error::{DeskError, in_one_line};
use paynow_desk::replay::{Broker, FullQueue, Pace, Replay, Step};
use paynow_process::interrupt::{Interrupt, Interrupter, StopSignal};
use paynow_process::observe::Observable;

use crate::observe::ReplayEnded;
use crate::problem::Problem;

/// An end is recorded within this time, or the replay is found unfinished later.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const STOP_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
enum Seat {
    #[default]
    Free,
    /// A replay is begun, or runs.
    Taken(Option<Run>),
}

struct Run {
    action_id: i64,
    interrupter: Interrupter,
    /// What it found when it last looked whether live traffic needs the workers.
    held_up: Option<FullQueue>,
}

#[derive(Clone, Default)]
pub(crate) struct Runner(Arc<Mutex<Seat>>);

/// The right to run a replay. Without a run, it is given back.
pub(crate) struct Turn(Runner);

impl Runner {
    /// Takes the seat, before anything is recorded.
    pub(crate) fn turn(&self) -> Result<Turn, Problem> {
        self.with(|seat| match seat {
            Seat::Free => {
                *seat = Seat::Taken(None);
                Ok(Turn(self.clone()))
            }
            Seat::Taken(_) => {
                let text = "this console runs a replay already: wait for its end, or stop it";
                Err(Problem::Refused(text.to_owned()))
            }
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Seat) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the replay of this number waits, if it runs here and lets live traffic go first.
    pub(crate) fn held_up(&self, action_id: i64) -> Option<FullQueue> {
        self.with(|seat| match seat {
            Seat::Taken(Some(run)) if run.action_id == action_id => run.held_up,
            Seat::Taken(_) | Seat::Free => None,
        })
    }

    fn note(&self, step: &Step) {
        self.with(|seat| {
            if let Seat::Taken(Some(run)) = seat {
                run.held_up = match step {
                    Step::HeldUp(queue) => Some(*queue),
                    Step::Progressed(_) | Step::Paused { .. } => None,
                };
            }
        });
    }

    /// Asks the replay that runs to end, and waits for that.
    pub(crate) async fn stop(&self) {
        let end = tokio::time::Instant::now() + STOP_LIMIT;
        while tokio::time::Instant::now() < end {
            let is_free = self.with(|seat| match seat {
                Seat::Free => true,
                Seat::Taken(Some(run)) => {
                    run.interrupter.interrupt(StopSignal::Terminate);
                    false
                }
                Seat::Taken(None) => false,
            });
            if is_free {
                return;
            }
            tokio::time::sleep(STOP_INTERVAL).await;
        }
    }
}

impl Turn {
    /// Runs the replay to its end on a thread of its own.
    pub(crate) fn run(self, replay: Replay, broker: Broker, pace: Pace) -> Result<(), Problem> {
        let thread = std::thread::Builder::new().name("replay".to_owned());
        let run = move || {
            let action_id = replay.action_id();
            let ended = self.run_here(replay, broker, pace);
            let text = match &ended {
                Ok(text) => text.clone(),
                Err(error) => in_one_line(error),
            };
            ReplayEnded {
                action_id,
                is_failed: ended.is_err(),
                ended: &text,
            }
            .emit();
        };
        let begun = thread.spawn(run);
        begun
            .map(drop)
            .map_err(|error| Problem::Broken(error.to_string()))
    }

    fn run_here(&self, replay: Replay, broker: Broker, pace: Pace) -> Result<String, DeskError> {
        let (interrupter, interrupt) = Interrupt::new()
            .map_err(|error| DeskError::failed("the replay cannot start", error))?;
        let run = Run {
            action_id: replay.action_id(),
            interrupter,
            held_up: None,
        };
        self.0.with(|seat| *seat = Seat::Taken(Some(run)));
        // Every step is in the database, but for the reason why it waits.
        let report = replay.run(broker, pace, &interrupt, &mut |step| {
            self.0.note(&step);
            Ok(())
        })?;
        Ok(report.ended.to_string())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.with(|seat| *seat = Seat::Free);
    }
}
