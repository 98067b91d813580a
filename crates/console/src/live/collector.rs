//! One thread per console looks at everything, every two seconds, and only while somebody wants to see it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use paynow_desk::top::remember;
use paynow_desk::top::snapshot::Snapshot;
use paynow_desk::top::view::View;
use tokio::sync::watch;

use super::course::Course;
use super::moment::Moment;
use super::parts::{Sight, parts};
use super::silence::Silences;
use super::stakes::Stakes;
use crate::checks::Checked;

pub(crate) type Moments = watch::Receiver<Option<Arc<Moment>>>;

/// What looks.
pub(crate) struct Eyes {
    pub(crate) snapshot: Box<dyn FnMut() -> Snapshot + Send>,
    pub(crate) stakes: Stakes,
    /// The newest check, which somebody asked for elsewhere.
    pub(crate) checked: Box<dyn Fn() -> Option<Arc<Checked>> + Send>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) interval: Duration,
    /// It goes on for so long after the last page was asked for, so that the next one has rates.
    pub(crate) idle: Duration,
}

pub(crate) const PACE: Pace = Pace {
    interval: Duration::from_secs(2),
    idle: Duration::from_secs(60),
};

pub(crate) struct Collector {
    shared: Arc<Shared>,
}

struct Shared {
    pace: Pace,
    state: Mutex<State>,
    /// There is a new moment.
    is_new: Condvar,
    /// The console ends.
    is_ending: Condvar,
    moments: watch::Sender<Option<Arc<Moment>>>,
}

struct State {
    is_running: bool,
    is_over: bool,
    wanted_at: Instant,
    number: u64,
    /// Outlives the times in which nobody looks.
    course: Course,
}

impl Collector {
    pub(crate) fn new(pace: Pace) -> Self {
        let state = State {
            is_running: false,
            is_over: false,
            wanted_at: Instant::now(),
            number: 0,
            course: Course::default(),
        };
        Self {
            shared: Arc::new(Shared {
                pace,
                state: Mutex::new(state),
                is_new: Condvar::new(),
                is_ending: Condvar::new(),
                moments: watch::Sender::new(None),
            }),
        }
    }

    /// Every moment from now on. Starts to look where nobody has looked for a while.
    pub(crate) fn look(&self, begin: impl FnOnce() -> Eyes) -> Moments {
        let shared = &self.shared;
        let mut state = shared.lock();
        state.wanted_at = Instant::now();
        if !state.is_running {
            state.is_running = true;
            // What was seen long ago is not shown as if it were now.
            shared.moments.send_replace(None);
            let (mut eyes, running) = (begin(), Running(Arc::clone(shared)));
            // Ends by itself when nobody looks, or with the console.
            let _detached = thread::spawn(move || running.0.run(&mut eyes));
        }
        shared.moments.subscribe()
    }

    /// Waits for the first moment that is enough.
    pub(crate) fn moment(
        &self,
        begin: impl FnOnce() -> Eyes,
        is_enough: fn(&Moment) -> bool,
        limit: Duration,
    ) -> Option<Arc<Moment>> {
        let moments = self.look(begin);
        let newest = || moments.borrow().clone();
        let is_missing = |_: &mut State| !newest().is_some_and(|moment| is_enough(&moment));
        let waited = self
            .shared
            .is_new
            .wait_timeout_while(self.shared.lock(), limit, is_missing);
        drop(waited);
        newest()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.is_ending.notify_all();
    }
}

/// After a panic of the thread, the next one who looks starts another. A thread that ends by itself says so
/// earlier, and another may run by now.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().is_running = false;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, eyes: &mut Eyes) {
        let (mut history, mut silences) = (Vec::new(), Silences::default());
        loop {
            let started = Instant::now();
            eyes.stakes.refresh();
            let snapshot = (eyes.snapshot)();
            silences.note(&snapshot);
            remember(&mut history, snapshot);
            if let Some(view) = View::of(&history) {
                self.show(view, &silences, eyes);
            }
            let left = self.pace.interval.saturating_sub(started.elapsed());
            let waited = self
                .is_ending
                .wait_timeout_while(self.lock(), left, |it| !it.is_over);
            let (mut state, _timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            let is_idle =
                self.moments.receiver_count() == 0 && state.wanted_at.elapsed() >= self.pace.idle;
            if state.is_over || is_idle {
                // Under the lock: whoever looks next either was counted or starts another thread.
                state.is_running = false;
                return;
            }
        }
    }

    fn show(&self, view: View, silences: &Silences, eyes: &Eyes) {
        let checked = (eyes.checked)();
        let mut state = self.lock();
        let state = &mut *state;
        state.number = state.number.saturating_add(1);
        state.course.add(&view);
        let parts = parts(&Sight {
            view: &view,
            course: &state.course,
            silences,
            stakes: eyes.stakes.last(),
            checked: checked.as_deref(),
        });
        let moment = Moment::of(state.number, view, parts);
        self.moments.send_replace(Some(Arc::new(moment)));
        self.is_new.notify_all();
    }
}

#[cfg(test)]
mod tests;
