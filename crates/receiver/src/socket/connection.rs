//! The state of one connection: its phase, its deadline, how much may be read of it, and its part of
//! the budget. The stream asks at every read and write; the handlers report the progress of a request.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::budget::{BudgetLimits, ConnectionBudget, Evictable, EvictionRank, Reservation};
use crate::observe::sockets;

/// The largest head; no more than this is read ahead of a handler either.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bodies up to this size take no memory from the budget: those of PayNow are a few kilobytes.
const SMALL_BODY_BYTES: usize = 16 * 1024;

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

pub(crate) struct Connection {
    budget: Rc<ConnectionBudget<Self>>,
    /// `None` while it may not be evicted: its request is signed, or it has left.
    rank: Cell<Option<EvictionRank>>,
    is_counted: Cell<bool>,
    phase: Cell<Phase>,
    /// When its request began, in the budget's sequence.
    request_since: Cell<u64>,
    /// Applies in the phases `Head` and `Closing`.
    deadline: Cell<Instant>,
    read_credit: Cell<usize>,
    body_bytes_held: Cell<usize>,
    /// Cancelled when nothing more of it may be read: it was evicted, or its body came too slowly.
    ended: CancellationToken,
}

impl Connection {
    /// Counts a new connection, and evicts another if that is one too many.
    pub(crate) fn open(budget: &Rc<ConnectionBudget<Self>>) -> Rc<Self> {
        if let Some(other) = budget.admit() {
            other.evict();
        }
        let connection = Rc::new(Self {
            rank: Cell::new(None),
            is_counted: Cell::new(true),
            phase: Cell::new(Phase::Head),
            request_since: Cell::new(0),
            deadline: Cell::new(Instant::now() + budget.client_timeout()),
            read_credit: Cell::new(HEAD_BYTES_MAX),
            body_bytes_held: Cell::new(0),
            ended: CancellationToken::new(),
            budget: Rc::clone(budget),
        });
        let rank = budget.enqueue(&connection, false);
        connection.rank.set(Some(rank));
        connection
    }

    /// A connection without limits.
    pub(crate) fn unlimited() -> Rc<Self> {
        Self::open(&ConnectionBudget::new(BudgetLimits::NONE))
    }

    // For the handlers. A method that gives credit returns whether reading had stopped for want of
    // credit; the stream must then be polled again.

    /// A whole head was read.
    pub(crate) fn begin_request(&self) -> bool {
        self.phase.set(Phase::Body);
        self.request_since.set(self.budget.next_sequence());
        self.set_credit(HEAD_BYTES_MAX)
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
        let (phase, credit) = if is_last {
            (Phase::Closing, usize::MAX)
        } else {
            (Phase::Head, HEAD_BYTES_MAX)
        };
        self.phase.set(phase);
        let was_stopped = self.set_credit(credit);
        if self.is_counted.get() {
            // A signed request gives the connection the better rank; an unsigned one takes it away.
            match self.rank.get() {
                None => self.rank.set(Some(self.budget.enqueue(self, true))),
                Some(rank) if rank.has_signed => {
                    self.budget.protect(Some(rank));
                    self.rank.set(Some(self.budget.enqueue(self, false)));
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
            match self.budget.reserve(self.request_rank(), bytes) {
                Reservation::Granted => return true,
                Reservation::Evict(other) => other.evict(),
                Reservation::Refused => return false,
            }
        }
    }

    /// The rank of its request among unfinished bodies.
    fn request_rank(&self) -> EvictionRank {
        EvictionRank {
            has_signed: self.rank.get().is_none_or(|rank| rank.has_signed),
            since: self.request_since.get(),
        }
    }

    fn release_body(&self) {
        let held = self.body_bytes_held.take();
        if held > 0 {
            self.budget.release(held);
        }
    }

    fn set_credit(&self, bytes: usize) -> bool {
        self.read_credit.replace(bytes) == 0
    }
}

impl Evictable for Connection {
    fn body_rank(&self) -> Option<EvictionRank> {
        (self.body_bytes_held.get() > 0).then(|| self.request_rank())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BudgetLimits = BudgetLimits {
        connections: 2,
        body_bytes: 100_000,
        client_timeout: Duration::from_secs(5),
    };

    fn is_out(connection: &Connection) -> bool {
        connection.ended.is_cancelled()
    }

    #[tokio::test]
    async fn one_connection_too_many_evicts_the_oldest() {
        let budget = ConnectionBudget::new(LIMITS);
        let connections = [
            Connection::open(&budget),
            Connection::open(&budget),
            Connection::open(&budget),
        ];
        assert_eq!(connections.map(|it| is_out(&it)), [true, false, false]);
        assert_eq!(budget.usage().0, 2);
    }

    #[tokio::test]
    async fn a_signed_request_is_not_evicted_and_its_connection_goes_last() {
        let budget = ConnectionBudget::new(LIMITS);
        let (signed, silent) = (Connection::open(&budget), Connection::open(&budget));
        signed.begin_request();
        signed.protect();
        let third = Connection::open(&budget);
        assert!(is_out(&silent) && !is_out(&signed));
        signed.end_request(false);
        Connection::open(&budget);
        assert!(is_out(&third) && !is_out(&signed));
        signed.begin_request();
        signed.end_request(false);
        // Its last request was not signed, and another one is older.
        Connection::open(&budget);
        assert!(!is_out(&signed));
        Connection::open(&budget);
        assert!(is_out(&signed));
    }

    #[tokio::test]
    async fn a_connection_that_left_makes_room_for_another() {
        let budget = ConnectionBudget::new(LIMITS);
        let first = Connection::open(&budget);
        Connection::open(&budget).leave();
        Connection::open(&budget);
        assert!(!is_out(&first));
        assert_eq!(budget.usage().2, 2);
    }

    #[tokio::test]
    async fn small_bodies_are_free_and_of_large_ones_the_oldest_is_evicted() {
        let limits = BudgetLimits {
            connections: 10,
            ..LIMITS
        };
        let budget = ConnectionBudget::new(limits);
        let (old, new, small) = (
            Connection::open(&budget),
            Connection::open(&budget),
            Connection::open(&budget),
        );
        assert!(small.reserve_body(SMALL_BODY_BYTES));
        assert_eq!(budget.usage().1, 0);
        old.begin_request();
        new.begin_request();
        assert!(old.reserve_body(60_000));
        assert!(new.reserve_body(20_000));
        assert_eq!(budget.usage().1, 65_536 + 32_768);
        assert!(new.reserve_body(40_000));
        assert!(is_out(&old) && !is_out(&small));
        assert_eq!(budget.usage().1, 65_536);
        new.end_request(false);
        assert_eq!(budget.usage().1, 0);
    }

    #[tokio::test]
    async fn a_body_that_was_begun_first_does_not_evict_a_later_one() {
        let budget = ConnectionBudget::new(LIMITS);
        let (hostile, good) = (Connection::open(&budget), Connection::open(&budget));
        good.begin_request();
        hostile.begin_request();
        assert!(hostile.reserve_body(30_000) && good.reserve_body(60_000));
        assert!(!good.reserve_body(90_000) && !is_out(&hostile));
        assert!(hostile.reserve_body(60_000) && is_out(&good));
    }

    #[tokio::test]
    async fn a_signed_body_keeps_its_memory_until_it_is_answered() {
        let budget = ConnectionBudget::new(LIMITS);
        let (signed, other) = (Connection::open(&budget), Connection::open(&budget));
        assert!(signed.reserve_body(60_000));
        signed.protect();
        assert!(!other.reserve_body(60_000), "there is memory for one only");
        assert!(!is_out(&signed));
        signed.end_request(false);
        assert!(other.reserve_body(60_000));
    }

    #[tokio::test]
    async fn an_evicted_body_gets_no_memory() {
        let budget = ConnectionBudget::new(LIMITS);
        let (first, second) = (Connection::open(&budget), Connection::open(&budget));
        first.begin_request();
        second.begin_request();
        assert!(first.reserve_body(60_000) && second.reserve_body(60_000));
        assert!(is_out(&first) && !first.reserve_body(90_000));
        assert!(!is_out(&second));
    }
}
