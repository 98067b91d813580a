//! Limits of one thread on its open connections and on the memory of their bodies. When a limit is
//! reached, the budget names the connection that must go, and its caller ends it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::eviction::{EvictionOrder, EvictionRank};
use crate::observe::sockets;

/// The limits of one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    pub(crate) connections: usize,
    /// Memory of all unfinished bodies together.
    pub(crate) body_bytes: usize,
    /// The longest time from the opening of a connection, or its last answer, to a whole head. A body
    /// may take as long, in addition to the time that its bytes need.
    pub(crate) client_timeout: Duration,
}

impl BudgetLimits {
    pub(crate) const NONE: Self = Self {
        connections: usize::MAX,
        body_bytes: usize::MAX,
        client_timeout: Duration::from_secs(60 * 60),
    };
}

/// An unfinished body that takes memory from the budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnfinishedBody {
    pub(crate) source: IpAddr,
    pub(crate) bytes: usize,
    pub(crate) held_since: Instant,
    /// Whether the request before it on its connection was signed.
    pub(crate) has_signed: bool,
}

/// A connection that may be evicted for the memory of its body.
pub(crate) trait Evictable {
    /// `None` when its body takes no memory from the budget.
    fn unfinished_body(&self) -> Option<UnfinishedBody>;
}

/// The answer to a request for memory.
pub(crate) enum Reservation<C> {
    Granted,
    /// There is memory once this connection has gone.
    Evict(Rc<C>),
    /// No body may be evicted for this one.
    Refused,
}

/// What the connections of one thread share; no other thread sees it.
pub(crate) struct ConnectionBudget<C> {
    limits: BudgetLimits,
    /// All connections but those with a signed request that is not answered yet.
    evictable: RefCell<EvictionOrder<C>>,
    sequence: Cell<u64>,
    connections: Cell<usize>,
    body_bytes: Cell<usize>,
}

impl<C: Evictable> ConnectionBudget<C> {
    pub(crate) fn new(limits: BudgetLimits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            evictable: RefCell::default(),
            sequence: Cell::new(0),
            connections: Cell::new(0),
            body_bytes: Cell::new(0),
        })
    }

    pub(crate) fn client_timeout(&self) -> Duration {
        self.limits.client_timeout
    }

    /// Counts a new connection; gives the one that must go if that is one too many.
    pub(crate) fn admit(&self) -> Option<Rc<C>> {
        let is_full = self.connections.get() >= self.limits.connections;
        self.connections.set(self.connections.get() + 1);
        sockets::connections_changed(1.0);
        let first = is_full.then(|| self.evictable.borrow_mut().pop_first());
        first.flatten()
    }

    /// A connection has ended, or is evicted and will end.
    pub(crate) fn leave(&self, rank: Option<EvictionRank>) {
        self.protect(rank);
        self.connections
            .set(self.connections.get().saturating_sub(1));
        sockets::connections_changed(-1.0);
    }

    fn next_sequence(&self) -> u64 {
        let next = self.sequence.get();
        self.sequence.set(next.wrapping_add(1));
        next
    }

    /// Lets a connection be evicted, after all others of its kind and source.
    pub(crate) fn enqueue(
        &self,
        connection: &Rc<C>,
        source: IpAddr,
        has_signed: bool,
    ) -> EvictionRank {
        let rank = EvictionRank {
            has_signed,
            source,
            since: self.next_sequence(),
        };
        let connection = Rc::clone(connection);
        self.evictable.borrow_mut().insert(rank, connection);
        rank
    }

    /// The connection with this rank sends for another source.
    pub(crate) fn change_source(&self, rank: EvictionRank, source: IpAddr) -> EvictionRank {
        let mut evictable = self.evictable.borrow_mut();
        let moved = EvictionRank { source, ..rank };
        if let Some(connection) = evictable.remove(rank) {
            evictable.insert(moved, connection);
        }
        moved
    }

    /// The connection with this rank is not evicted any more.
    pub(crate) fn protect(&self, rank: Option<EvictionRank>) {
        if let Some(rank) = rank {
            self.evictable.borrow_mut().remove(rank);
        }
    }

    /// Reserves more memory for the body of `own`, which `source` sends. When there is not enough, a body
    /// of the source that holds the most must go. No source loses a body while it holds less than its
    /// fair share.
    pub(crate) fn reserve(&self, own: &C, source: IpAddr, bytes: usize) -> Reservation<C> {
        let needed = self.body_bytes.get().saturating_add(bytes);
        if needed > self.limits.body_bytes {
            let evictable = self.evictable.borrow();
            let bodies = || {
                let bodies = evictable.connections();
                bodies.filter_map(|other| Some((other.unfinished_body()?, other)))
            };
            let largest = largest_source((source, bytes), bodies().map(|(body, _connection)| body));
            let now = Instant::now();
            let first = bodies()
                .filter(|(body, _connection)| body.source == largest)
                .max_by_key(|(body, _connection)| eviction_order(*body, now));
            let others =
                first.filter(|(_body, connection)| !std::ptr::eq(Rc::as_ptr(connection), own));
            return match others {
                Some((_body, connection)) => Reservation::Evict(Rc::clone(connection)),
                None => Reservation::Refused,
            };
        }
        self.body_bytes.set(needed);
        sockets::body_bytes_changed(bytes as f64);
        Reservation::Granted
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.body_bytes
            .set(self.body_bytes.get().saturating_sub(bytes));
        sockets::body_bytes_changed(-(bytes as f64));
    }

    /// Connections, bytes of bodies, and connections that may be evicted.
    #[cfg(test)]
    pub(super) fn usage(&self) -> (usize, usize, usize) {
        let evictable = self.evictable.borrow().connections().count();
        (self.connections.get(), self.body_bytes.get(), evictable)
    }
}

/// The source that holds the most memory once `newest` has what it asks for. Signed bodies are not
/// counted: nobody may make PayNow pay for them.
fn largest_source(newest: (IpAddr, usize), bodies: impl Iterator<Item = UnfinishedBody>) -> IpAddr {
    let mut held_by = HashMap::from([newest]);
    for body in bodies {
        *held_by.entry(body.source).or_insert(0) += body.bytes;
    }
    let largest = held_by.into_iter().max_by_key(|(_source, bytes)| *bytes);
    largest.map_or(newest.0, |(source, _bytes)| source)
}

/// Among the bodies of one source the highest goes first: a connection that has not signed, then the body
/// that has held the most memory for the longest time. Neither fresh bytes nor a new connection makes that
/// smaller, and for a given amount of memory it ends the fewest bodies.
fn eviction_order(body: UnfinishedBody, now: Instant) -> (bool, u128) {
    let age = now.saturating_duration_since(body.held_since);
    let held = u128::try_from(body.bytes).unwrap_or(u128::MAX);
    (!body.has_signed, held.saturating_mul(age.as_nanos()))
}
