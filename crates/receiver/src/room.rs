//! The room that connections have, per thread: so many of them, and so many bytes of unfinished
//! bodies. When it is full, who has waited longest without a signature goes; nobody is kept out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::connection::{Connection, End};
use crate::observe;

/// A body up to this size needs no room: those of `PayNow` are a few kilobytes.
pub(crate) const SMALL_BODY_BYTES: usize = 16 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoomLimits {
    pub(crate) connections: usize,
    pub(crate) body_bytes: usize,
    /// From its opening, or its last answer, to a whole head; and what a body may take beside the
    /// time its bytes need.
    pub(crate) patience: Duration,
}

impl RoomLimits {
    pub(crate) const NONE: Self = Self {
        connections: usize::MAX,
        body_bytes: usize::MAX,
        patience: Duration::from_secs(60 * 60),
    };
}

/// Who goes first: connections whose last request was not signed, and of them the oldest.
pub(crate) type Place = (bool, u64);

/// What the connections of one thread share; no other thread sees it.
pub(crate) struct Room {
    limits: RoomLimits,
    /// Those that may have to go: all but those whose request is signed and not yet answered.
    waiting: RefCell<BTreeMap<Place, Rc<Connection>>>,
    next: Cell<u64>,
    connections: Cell<usize>,
    body_bytes: Cell<usize>,
}

impl Room {
    pub(crate) fn new(limits: RoomLimits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            waiting: RefCell::default(),
            next: Cell::new(0),
            connections: Cell::new(0),
            body_bytes: Cell::new(0),
        })
    }

    pub(crate) fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// A new connection comes in; if it is one too many, another goes.
    pub(crate) fn enter(self: &Rc<Self>) -> Rc<Connection> {
        if self.connections.get() >= self.limits.connections {
            let first = self.waiting.borrow_mut().pop_first();
            if let Some((_place, connection)) = first {
                connection.crowd_out();
            }
        }
        self.connections.set(self.connections.get() + 1);
        observe::connections(1.0);
        let connection = Rc::new(Connection::new(Rc::clone(self)));
        connection.set_place(Some(self.wait(&connection, false)));
        connection
    }

    /// A connection is over, or as good as.
    pub(crate) fn leave(&self, place: Option<Place>) {
        self.stop_waiting(place);
        self.connections
            .set(self.connections.get().saturating_sub(1));
        observe::connections(-1.0);
    }

    /// The number of whatever begins now.
    pub(crate) fn number(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        number
    }

    /// Puts a connection behind all others of its kind.
    pub(crate) fn wait(&self, connection: &Rc<Connection>, has_signed: bool) -> Place {
        let place = (has_signed, self.number());
        let connection = Rc::clone(connection);
        self.waiting.borrow_mut().insert(place, connection);
        place
    }

    pub(crate) fn stop_waiting(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.waiting.borrow_mut().remove(&place);
        }
    }

    /// Takes room for more of a body. If there is none, the unfinished body that was begun first
    /// goes; false when that is this one, or all room is that of signed ones.
    pub(crate) fn hold(&self, holder: &Connection, bytes: usize) -> bool {
        while self.body_bytes.get().saturating_add(bytes) > self.limits.body_bytes {
            let first = self.first_body();
            let Some(first) = first.filter(|first| first.goes_before(holder)) else {
                return false;
            };
            first.crowd_out();
        }
        self.body_bytes
            .set(self.body_bytes.get().saturating_add(bytes));
        observe::body_bytes(bytes as f64);
        true
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.body_bytes
            .set(self.body_bytes.get().saturating_sub(bytes));
        observe::body_bytes(-(bytes as f64));
    }

    fn first_body(&self) -> Option<Rc<Connection>> {
        let waiting = self.waiting.borrow();
        let bodies = waiting.values().filter(|other| other.holds_body());
        bodies.min_by_key(|other| other.order()).cloned()
    }
}

impl Connection {
    /// Has it end to make room for another.
    fn crowd_out(&self) {
        observe::crowded_out();
        self.end(End::CrowdedOut);
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RoomLimits = RoomLimits {
        connections: 2,
        body_bytes: 100_000,
        patience: Duration::from_secs(5),
    };

    fn is_out(connection: &Connection) -> bool {
        connection.ending() == Some(End::CrowdedOut)
    }

    #[tokio::test]
    async fn one_too_many_sends_the_oldest_away() {
        let room = Room::new(LIMITS);
        let connections = [room.enter(), room.enter(), room.enter()];
        assert_eq!(connections.map(|it| is_out(&it)), [true, false, false]);
        assert_eq!(room.connections.get(), 2);
    }

    #[tokio::test]
    async fn who_signs_is_not_sent_away_and_who_has_signed_goes_last() {
        let room = Room::new(LIMITS);
        let (signed, silent) = (room.enter(), room.enter());
        signed.begin();
        signed.is_signed();
        let third = room.enter();
        assert!(is_out(&silent) && !is_out(&signed));
        signed.answered(false);
        room.enter();
        assert!(is_out(&third) && !is_out(&signed));
        signed.begin();
        signed.answered(false);
        // Its last request was not signed, and another one is older.
        room.enter();
        assert!(!is_out(&signed));
        room.enter();
        assert!(is_out(&signed));
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_is_another_ones() {
        let room = Room::new(LIMITS);
        let first = room.enter();
        room.enter().leave();
        room.enter();
        assert!(!is_out(&first));
        assert_eq!(room.waiting.borrow().len(), 2);
    }

    #[tokio::test]
    async fn small_bodies_need_no_room_and_of_large_ones_the_oldest_goes() {
        let limits = RoomLimits {
            connections: 10,
            ..LIMITS
        };
        let room = Room::new(limits);
        let (old, new, small) = (room.enter(), room.enter(), room.enter());
        assert!(small.hold(SMALL_BODY_BYTES));
        assert_eq!(room.body_bytes.get(), 0);
        old.begin();
        new.begin();
        assert!(old.hold(60_000));
        assert!(new.hold(20_000));
        assert_eq!(room.body_bytes.get(), 65_536 + 32_768);
        assert!(new.hold(40_000));
        assert!(is_out(&old) && !is_out(&small));
        assert_eq!(room.body_bytes.get(), 65_536);
        new.answered(false);
        assert_eq!(room.body_bytes.get(), 0);
    }

    #[tokio::test]
    async fn a_body_that_was_begun_first_does_not_send_away_a_later_one() {
        let room = Room::new(LIMITS);
        let (hostile, good) = (room.enter(), room.enter());
        good.begin();
        hostile.begin();
        assert!(hostile.hold(30_000) && good.hold(60_000));
        assert!(!good.hold(90_000) && !is_out(&hostile));
        assert!(hostile.hold(60_000) && is_out(&good));
    }

    #[tokio::test]
    async fn a_signed_body_keeps_its_room_until_it_is_answered() {
        let room = Room::new(LIMITS);
        let (signed, other) = (room.enter(), room.enter());
        assert!(signed.hold(60_000));
        signed.is_signed();
        assert!(!other.hold(60_000), "there is room for one only");
        assert!(!is_out(&signed));
        signed.answered(false);
        assert!(other.hold(60_000));
    }
}
