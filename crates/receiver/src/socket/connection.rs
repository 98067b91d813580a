//! The state of one connection: its phase, its deadline, how much may be read of it, and its part of
//! the budget. The stream asks at every read and write; the handlers report the progress of a request.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::budget::{BudgetLimits, ConnectionBudget, Evictable, Reservation, UnfinishedBody};
use super::eviction::EvictionRank;
use crate::observe::sockets;

/// The largest head; no more than this is read ahead of a handler either.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bodies up to this size take no memory from the budget: those of PayNow are a few kilobytes.
pub(crate) const SMALL_BODY_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// From the opening, or an answer, to the end of the next head.
    Head,
    /// A request's body is being read; `body.rs` limits its time.
    Body,
    /// A request is being answered; publishing limits its time.
    Answer,
    /// The last answer was given, and what the client still sends is discarded.
    Closing,
}

/// What the next bytes of the stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Head,
    /// The whole head was read, and `ahead` bytes of the body, of which at most `left` more may be read
    /// before the request begins.
    HeadIsWhole {
        ahead: usize,
        left: usize,
    },
    /// So many bytes of the body are to come; those after them are the next head.
    Body {
        left: usize,
    },
    /// They are only discarded.
    Rest,
}

pub(crate) struct Connection {
    budget: Rc<ConnectionBudget<Self>>,
    /// `None` while it may not be evicted: its request is signed, or it has left.
    rank: Cell<Option<EvictionRank>>,
    is_counted: Cell<bool>,
    phase: Cell<Phase>,
    /// Who sends its request.
    source: Cell<IpAddr>,
    /// Applies in the phases `Head` and `Closing`.
    deadline: Cell<Instant>,
    read_credit: Cell<usize>,
    /// Whether the stream holds bytes back for the next request.
    has_next: Cell<bool>,
    /// How far the bytes that were read belong to its request.
    reading: Cell<Reading>,
    body_bytes_held: Cell<usize>,
    /// When its body began to take memory from the budget.
    held_since: Cell<Instant>,
    /// Cancelled when nothing more of it may be read: it was evicted, or its body came too slowly.
    ended: CancellationToken,
}

impl Connection {
    /// Counts a new connection from `peer`, and evicts another if that is one too many.
    pub(crate) fn open(budget: &Rc<ConnectionBudget<Self>>, peer: IpAddr) -> Rc<Self> {
        if let Some(other) = budget.admit() {
            other.evict();
        }
        let now = Instant::now();
        let connection = Rc::new(Self {
            rank: Cell::new(None),
            is_counted: Cell::new(true),
            phase: Cell::new(Phase::Head),
            source: Cell::new(peer),
            deadline: Cell::new(now + budget.client_timeout()),
            read_credit: Cell::new(HEAD_BYTES_MAX),
            has_next: Cell::new(false),
            reading: Cell::new(Reading::Head),
            body_bytes_held: Cell::new(0),
            held_since: Cell::new(now),
            ended: CancellationToken::new(),
            budget: Rc::clone(budget),
        });
        let rank = budget.enqueue(&connection, peer, false);
        connection.rank.set(Some(rank));
        connection
    }

    /// A connection without limits.
    pub(crate) fn unlimited() -> Rc<Self> {
        let budget = ConnectionBudget::new(BudgetLimits::NONE);
        Self::open(&budget, Ipv4Addr::UNSPECIFIED.into())
    }

    // For the handlers. A method that gives credit returns whether reading had stopped; the stream must
    // then be polled again.

    /// A whole head was read. `body_bytes` is the length of its body, at most.
    pub(crate) fn begin_request(&self, body_bytes: usize) -> bool {
        self.phase.set(Phase::Body);
        let ahead = match self.reading.get() {
            Reading::HeadIsWhole { ahead, left: _ } => ahead,
            Reading::Head | Reading::Body { .. } | Reading::Rest => 0,
        };
        let left = body_bytes.saturating_sub(ahead);
        self.reading.set(Reading::Body { left });
        self.set_credit(HEAD_BYTES_MAX)
    }

    /// Its request is from this source, to whose share the connection and the memory of its body count.
    pub(crate) fn set_source(&self, source: IpAddr) {
        self.source.set(source);
        let rank = self.rank.get().filter(|rank| rank.source != source);
        if let Some(rank) = rank {
            self.rank.set(Some(self.budget.change_source(rank, source)));
        }
    }

    /// The handler took this many bytes of the body, so as many more may be read.
    pub(crate) fn body_taken(&self, bytes: usize) -> bool {
        self.set_credit(self.read_credit.get().saturating_add(bytes))
    }

    /// Reserves memory for a body of so many bytes in all. Returns `false` when there is none, and when
    /// the connection was evicted, because another body then has its memory.
    pub(crate) fn reserve_body(&self, bytes: usize) -> bool {
        if self.ended.is_cancelled() {
            return false;
        }
        // The capacity of a buffer that grows is a power of two.
        let needed = match bytes {
            0..=SMALL_BODY_BYTES => 0,
            more => more.checked_next_power_of_two().unwrap_or(more),
        };
        let held = self.body_bytes_held.get();
        let more = needed.saturating_sub(held);
        let is_reserved = more == 0 || self.reserve(more);
        if is_reserved {
            if held == 0 && needed > 0 {
                self.held_since.set(Instant::now());
            }
            self.body_bytes_held.set(held.max(needed));
        }
        is_reserved
    }

    pub(crate) fn body_is_read(&self) {
        self.phase.set(Phase::Answer);
    }

    /// Its request is signed by PayNow: until it is answered, nothing evicts it.
    pub(crate) fn protect(&self) {
        self.budget.protect(self.rank.take());
    }

    /// Its request is answered; `is_last` when none may follow.
    pub(crate) fn end_request(self: &Rc<Self>, is_last: bool) -> bool {
        self.release_body();
        self.deadline
            .set(Instant::now() + self.budget.client_timeout());
        let (phase, reading, credit) = if is_last {
            (Phase::Closing, Reading::Rest, usize::MAX)
        } else {
            (Phase::Head, Reading::Head, HEAD_BYTES_MAX)
        };
        self.phase.set(phase);
        self.reading.set(reading);
        let was_stopped = self.set_credit(credit);
        if self.is_counted.get() {
            // A signed request gives the connection the better rank; an unsigned one takes it away.
            match self.rank.get() {
                None => self
                    .rank
                    .set(Some(self.budget.enqueue(self, self.source.get(), true))),
                Some(rank) if rank.has_signed => {
                    self.budget.protect(Some(rank));
                    self.rank
                        .set(Some(self.budget.enqueue(self, self.source.get(), false)));
                }
                Some(_unsigned) => {}
            }
        }
        was_stopped
    }

    /// Ready once nothing more of the connection may be read.
    pub(crate) fn ended(&self) -> WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }

    /// Nothing more may be read: it was evicted, or its body came too slowly. After the answer the stream
    /// is closed, without waiting for the rest of the body.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }

    // For the stream.

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn client_timeout(&self) -> Duration {
        self.budget.client_timeout()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.get()
    }

    pub(crate) fn read_credit(&self) -> usize {
        self.read_credit.get()
    }

    pub(crate) fn spend_credit(&self, bytes: usize) {
        self.read_credit
            .set(self.read_credit.get().saturating_sub(bytes));
    }

    /// Bytes that are not part of its request may be read after its answer, and nothing before them.
    pub(crate) fn hold_next(&self, has_next: bool) {
        self.has_next.set(has_next);
        if has_next {
            self.read_credit.set(0);
        }
    }

    /// Whether the next bytes are a head's.
    pub(crate) fn is_reading_head(&self) -> bool {
        self.reading.get() == Reading::Head
    }

    /// The whole head was read, and it seems to announce a body of so many bytes.
    pub(crate) fn head_is_whole(&self, body_bytes: usize) {
        let (ahead, left) = (0, body_bytes);
        self.reading.set(Reading::HeadIsWhole { ahead, left });
    }

    /// How many of these bytes, which come after the head, belong to the request.
    pub(crate) fn take_body(&self, bytes: usize) -> usize {
        match self.reading.get() {
            Reading::Head => 0,
            Reading::Rest => bytes,
            Reading::HeadIsWhole { ahead, left } => {
                let taken = bytes.min(left);
                let (ahead, left) = (ahead + taken, left - taken);
                self.reading.set(Reading::HeadIsWhole { ahead, left });
                taken
            }
            Reading::Body { left } => {
                let taken = bytes.min(left);
                self.reading.set(Reading::Body { left: left - taken });
                taken
            }
        }
    }

    /// Whether a part of a head has come.
    pub(crate) fn has_part_of_head(&self) -> bool {
        self.phase.get() == Phase::Head && self.read_credit.get() < HEAD_BYTES_MAX
    }

    pub(crate) fn is_counted(&self) -> bool {
        self.is_counted.get()
    }

    /// Gives back its part of the budget; a second call does nothing.
    pub(crate) fn leave(&self) {
        self.release_body();
        if self.is_counted.replace(false) {
            self.budget.leave(self.rank.take());
        }
    }

    /// Makes room for another connection or body.
    fn evict(&self) {
        sockets::connection_evicted();
        self.end();
        self.leave();
    }

    /// Reserves memory, and evicts other bodies for it.
    fn reserve(&self, bytes: usize) -> bool {
        loop {
            match self.budget.reserve(self, self.source.get(), bytes) {
                Reservation::Granted => return true,
                Reservation::Evict(other) => other.evict(),
                Reservation::Refused => return false,
            }
        }
    }

    fn release_body(&self) {
        let held = self.body_bytes_held.take();
        if held > 0 {
            self.budget.release(held);
        }
    }

    fn set_credit(&self, bytes: usize) -> bool {
        self.read_credit.replace(bytes) == 0 || self.has_next.get()
    }
}

impl Evictable for Connection {
    fn unfinished_body(&self) -> Option<UnfinishedBody> {
        let bytes = self.body_bytes_held.get();
        (bytes > 0).then(|| UnfinishedBody {
            source: self.source.get(),
            bytes,
            held_since: self.held_since.get(),
            has_signed: self.rank.get().is_none_or(|rank| rank.has_signed),
        })
    }
}

#[cfg(test)]
mod tests;
