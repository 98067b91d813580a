//! What a connection may do now: read so much, until then. Its stream asks at every read and write,
//! the handlers tell how far its request is.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::room::{Place, Room, SMALL_BODY_BYTES};

/// The most that a head may have; what is read ahead of a handler is no more than this either.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A body that comes more slowly than this is broken or hostile.
const BODY_BYTES_PER_SECOND_MIN: u64 = 64 * 1024;

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between an answer, or its opening, and the end of the next head.
    Head,
    /// In a request whose body is being read.
    Body,
    /// In a request that is being answered. That has time limits of its own.
    Answer,
    /// After its last answer: what still comes is thrown away.
    Closing,
}

/// Why we end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    TooSlow,
    HeadTooLarge,
    CrowdedOut,
}

pub(crate) struct Connection {
    room: Rc<Room>,
    /// Among those that may be crowded out; none while its request is known to be `PayNow`'s.
    place: Cell<Option<Place>>,
    /// Whether it still counts.
    is_inside: Cell<bool>,
    phase: Cell<Phase>,
    /// The number of its request.
    turn: Cell<u64>,
    /// The end of our patience; of no meaning in `Phase::Answer`.
    until: Cell<Instant>,
    may_read: Cell<usize>,
    body_read: Cell<u64>,
    body_bytes_held: Cell<usize>,
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(room: Rc<Room>) -> Self {
        Self {
            place: Cell::new(None),
            is_inside: Cell::new(true),
            phase: Cell::new(Phase::Head),
            turn: Cell::new(0),
            until: Cell::new(Instant::now() + room.patience()),
            may_read: Cell::new(HEAD_BYTES_MAX),
            body_read: Cell::new(0),
            body_bytes_held: Cell::new(0),
            end: Cell::new(None),
            waker: RefCell::default(),
            room,
        }
    }

    // --- for the handlers ---

    /// A head is whole, its request begins.
    pub(crate) fn begin(&self) {
        self.phase.set(Phase::Body);
        self.turn.set(self.room.number());
        self.until.set(Instant::now() + self.room.patience());
        self.body_read.set(0);
        self.let_read(HEAD_BYTES_MAX);
    }

    /// So much of the body came: as much more may come, and it has time for it.
    pub(crate) fn body_came(&self, bytes: usize) {
        let bytes_read = self
            .body_read
            .get()
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let before = needed(self.body_read.replace(bytes_read));
        let more = needed(bytes_read).saturating_sub(before);
        self.until.set(self.until.get() + more);
        self.let_read(self.may_read.get().saturating_add(bytes));
    }

    /// Takes room for a body of so many bytes in all; false when there is none.
    pub(crate) fn hold(&self, bytes: usize) -> bool {
        // A buffer that grows has a power of two.
        let needed = match bytes {
            0..=SMALL_BODY_BYTES => 0,
            more => more.checked_next_power_of_two().unwrap_or(more),
        };
        let held = self.body_bytes_held.get();
        let has_room = needed <= held || self.room.hold(self, needed.saturating_sub(held));
        if has_room {
            self.body_bytes_held.set(held.max(needed));
        }
        has_room
    }

    /// The whole body is there.
    pub(crate) fn body_is_read(&self) {
        self.phase.set(Phase::Answer);
    }

    /// Its request is one of `PayNow`'s.
    pub(crate) fn is_signed(&self) {
        self.room.stop_waiting(self.place.take());
    }

    /// Its request has its answer; `is_last` when none may follow.
    pub(crate) fn answered(self: &Rc<Self>, is_last: bool) {
        self.release();
        self.until.set(Instant::now() + self.room.patience());
        if is_last {
            self.phase.set(Phase::Closing);
            self.let_read(usize::MAX);
        } else {
            self.phase.set(Phase::Head);
            self.let_read(HEAD_BYTES_MAX);
        }
        if !self.is_inside.get() {
            return;
        }
        let place = self.place.get();
        match place {
            None => self.place.set(Some(self.room.wait(self, true))),
            Some((true, _)) => {
                self.room.stop_waiting(place);
                self.place.set(Some(self.room.wait(self, false)));
            }
            Some((false, _)) => {}
        }
    }

    // --- for the stream ---

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn patience(&self) -> Duration {
        self.room.patience()
    }

    pub(crate) fn until(&self) -> Instant {
        self.until.get()
    }

    pub(crate) fn may_read(&self) -> usize {
        self.may_read.get()
    }

    /// Whether a part of a head has come.
    pub(crate) fn has_part_of_head(&self) -> bool {
        self.phase.get() == Phase::Head && self.may_read.get() < HEAD_BYTES_MAX
    }

    pub(crate) fn was_read(&self, bytes: usize) {
        self.may_read.set(self.may_read.get().saturating_sub(bytes));
    }

    pub(crate) fn wake_with(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if known.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    // --- for both, and the room ---

    pub(crate) fn ending(&self) -> Option<End> {
        self.end.get()
    }

    /// The first reason counts.
    pub(crate) fn end(&self, end: End) {
        self.end.set(self.end.get().or(Some(end)));
        self.wake();
    }

    /// Gives back what it has of the room; once is enough.
    pub(crate) fn leave(&self) {
        self.release();
        if self.is_inside.replace(false) {
            self.room.leave(self.place.take());
        }
    }

    pub(crate) fn is_inside(&self) -> bool {
        self.is_inside.get()
    }

    pub(crate) fn holds_body(&self) -> bool {
        self.body_bytes_held.get() > 0
    }

    /// Which of two unfinished bodies goes first: those of connections that signed nothing, and of
    /// them the one begun first.
    pub(crate) fn order(&self) -> (bool, u64) {
        let has_signed = self.place.get().is_none_or(|(has_signed, _)| has_signed);
        (has_signed, self.turn.get())
    }

    pub(crate) fn goes_before(&self, other: &Self) -> bool {
        self.order() < other.order()
    }

    pub(crate) fn set_place(&self, place: Option<Place>) {
        self.place.set(place);
    }

    fn release(&self) {
        let held = self.body_bytes_held.take();
        if held > 0 {
            self.room.release(held);
        }
    }

    fn let_read(&self, bytes: usize) {
        let was_stopped = self.may_read.replace(bytes) == 0;
        if was_stopped {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// The longest that so many bytes may take.
fn needed(bytes: u64) -> Duration {
    Duration::from_secs(bytes / BODY_BYTES_PER_SECOND_MIN)
}
