//! Ends connections whose server says nothing. libpq waits for an answer without a limit, keepalives
//! are answered by the peer's kernel, and `statement_timeout` is the server's. So one thread shuts the
//! socket of a connection down whose statement has been unanswered for too long, and libpq goes on with
//! an error. Nothing hangs longer, and no thread is left behind.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::pg::PgConnection;

use super::sockets::{OpenSockets, Opened, Socket};

/// An attempt to connect that is still not over is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

static WATCHDOG: Watchdog = Watchdog {
    state: Mutex::new(State {
        is_running: false,
        wakes_at: None,
        last_id: 0,
        watched: BTreeMap::new(),
    }),
    changed: Condvar::new(),
};

thread_local! {
    static SILENCE: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// How long the server had said nothing, if that is why the last statement of this thread failed.
pub fn silence() -> Option<Duration> {
    SILENCE.get()
}

/// From now on a statement of this connection may be unanswered for `limit`.
pub fn limit_silence(connection: &mut PgConnection, limit: Duration) {
    if let Some(watch) = connection.instrumentation().downcast_mut::<Watch>() {
        watch.limit = limit;
    }
}

/// Sees when a connection's statements begin and end.
pub(super) struct Watch {
    entry: Entry,
    limit: Duration,
}

/// An attempt to connect: libpq limits the handshake, and nobody what diesel asks afterwards.
pub(super) struct Attempt(Entry);

impl Watch {
    pub(super) fn new(socket: Socket, limit: Duration) -> io::Result<Self> {
        let entry = WATCHDOG.add(Target::Connection(socket), None)?;
        Ok(Self { entry, limit })
    }
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            let is_silent = self.entry.begin(self.limit);
            SILENCE.set(is_silent.then_some(self.limit));
        } else if let InstrumentationEvent::FinishQuery { .. } = event {
            let is_silent = self.entry.end();
            SILENCE.set(is_silent.then_some(self.limit));
        }
    }
}

impl Attempt {
    pub(super) fn begin(port: u16, limit: Duration) -> io::Result<Self> {
        let before = OpenSockets::now()?;
        let ends_at = Instant::now().checked_add(limit);
        let entry = WATCHDOG.add(Target::Attempt { before, port }, ends_at)?;
        Ok(Self(entry))
    }

    /// The sockets that were opened since it began.
    pub(super) fn opened(&self) -> io::Result<Opened> {
        let state = WATCHDOG.lock();
        let watched = state.watched.get(&self.0.0);
        watched.map_or(Ok(Opened::None), |watched| watched.target.opened())
    }

    pub(super) fn is_silent(&self) -> bool {
        self.0.end()
    }
}

/// Something that the watchdog watches until this is dropped.
struct Entry(u64);

impl Entry {
    /// Returns whether the connection was ended before.
    fn begin(&self, limit: Duration) -> bool {
        let mut state = WATCHDOG.lock();
        let ends_at = Instant::now().checked_add(limit);
        let Some(watched) = state.watched.get_mut(&self.0) else {
            return false;
        };
        watched.ends_at = ends_at;
        let is_silent = watched.is_silent;
        WATCHDOG.wake_by(&state, ends_at);
        is_silent
    }

    /// Returns whether the connection has been ended.
    fn end(&self) -> bool {
        let mut state = WATCHDOG.lock();
        state.watched.get_mut(&self.0).is_some_and(|watched| {
            watched.ends_at = None;
            watched.is_silent
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // Dropped after the lock is released, because closing a socket takes a moment.
        let _removed = WATCHDOG.lock().watched.remove(&self.0);
    }
}

struct Watched {
    target: Target,
    /// `None` while no answer is awaited.
    ends_at: Option<Instant>,
    is_silent: bool,
}

enum Target {
    Connection(Socket),
    /// The socket is not known yet; libpq may try several servers, one after another.
    Attempt {
        before: OpenSockets,
        port: u16,
    },
}

impl Target {
    fn opened(&self) -> io::Result<Opened> {
        match self {
            Self::Connection(_) => Ok(Opened::None),
            Self::Attempt { before, port } => before.opened_since(*port),
        }
    }

    /// Returns when it is to be looked at again.
    fn shut_down(&self, now: Instant) -> Option<Instant> {
        if let Self::Connection(socket) = self {
            socket.shut_down();
            return None;
        }
        if let Ok(Opened::One(socket)) = self.opened() {
            socket.shut_down();
        }
        now.checked_add(LOOK_AGAIN)
    }
}

struct State {
    is_running: bool,
    /// When the thread looks at the entries again; `None` if it waits for the first.
    wakes_at: Option<Instant>,
    last_id: u64,
    watched: BTreeMap<u64, Watched>,
}

/// One per process.
struct Watchdog {
    state: Mutex<State>,
    changed: Condvar,
}

impl Watchdog {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&'static self, target: Target, ends_at: Option<Instant>) -> io::Result<Entry> {
        let mut state = self.lock();
        if !state.is_running {
            let thread = thread::Builder::new().name("database-watch".to_owned());
            let _never_joined = thread.spawn(|| self.run())?;
            state.is_running = true;
        }
        state.last_id = state.last_id.wrapping_add(1);
        let id = state.last_id;
        let watched = Watched {
            target,
            ends_at,
            is_silent: false,
        };
        let _new = state.watched.insert(id, watched);
        self.wake_by(&state, ends_at);
        Ok(Entry(id))
    }

    /// Wakes the thread if it would sleep for too long.
    fn wake_by(&self, state: &State, ends_at: Option<Instant>) {
        let sleeps_longer = state
            .wakes_at
            .is_none_or(|wakes_at| ends_at.is_some_and(|ends_at| ends_at < wakes_at));
        if ends_at.is_some() && sleeps_longer {
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.end_silent(now);
            let next = state.watched.values().filter_map(|watched| watched.ends_at);
            state.wakes_at = next.min();
            state = match state.wakes_at {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(wakes_at) => {
                    let wait = wakes_at.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(state, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    fn end_silent(&mut self, now: Instant) {
        for watched in self.watched.values_mut() {
            if watched.ends_at.is_some_and(|ends_at| ends_at <= now) {
                watched.is_silent = true;
                watched.ends_at = watched.target.shut_down(now);
            }
        }
    }
}
