//! The state of the model: who holds which copy of which event, what the database contains, and how many
//! faults and decisions of a person are still to come.

/// Two events are enough for every race between two copies and between two events.
pub const EVENTS: usize = 2;
/// The first attempt, and the one after the only rung of the model.
pub const ATTEMPTS: usize = 2;
/// Business keys in the ledger.
pub const KEYS: usize = 2;
/// Counters stop here, so that a protocol that repeats for ever has a cycle and not endlessly many states.
pub const MANY: u8 = 3;

/// An event is known by its place in the scenario.
pub type Event = usize;

/// What an event is, which decides how the ledger treats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Credits 10 points.
    Order,
    /// Takes the points of the order back, and waits while that is unknown.
    Refund,
    /// The order once more, under an event id of its own.
    Retold,
    /// Another order under the event id of the first one.
    OtherBody,
    /// No ledger ever takes it.
    Refused,
}

impl Kind {
    /// Events with the same id and different bodies are in conflict.
    pub fn event_id(self) -> u8 {
        match self {
            Self::Order | Self::OtherBody => 1,
            Self::Refund => 2,
            Self::Retold => 3,
            Self::Refused => 4,
        }
    }

    /// The key of its ledger entry.
    pub fn key(self) -> Option<usize> {
        match self {
            Self::Order | Self::Retold => Some(0),
            Self::Refund | Self::OtherBody => Some(1),
            Self::Refused => None,
        }
    }

    pub fn points(self) -> i8 {
        match self {
            Self::Order | Self::Retold | Self::OtherBody => 10,
            Self::Refund => -10,
            Self::Refused => 0,
        }
    }
}

/// A message in the main queue or in the hand of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    pub event: Event,
    /// From 0.
    pub attempt: usize,
}

/// The messages that are ready, by event. Their order does not matter: any of them may be delivered next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Broker {
    pub queue: [[u8; ATTEMPTS]; EVENTS],
    pub rung: [u8; EVENTS],
    pub dead: [u8; EVENTS],
}

/// How an event is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// With a ledger entry.
    Posted,
    /// Without one: its key was posted before.
    Noted,
}

/// How much of the ledger a worker reads before it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    PricesOnly,
    Full,
}

/// How far a worker is with its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Delivered,
    /// It has rows to insert.
    Decided(Outcome),
    /// Only in a mutation: the event is recorded and committed, its entry is not.
    Recorded,
    /// It is published to another queue. The broker has it there, and the confirm is not here yet.
    OnRung,
    InDead,
    /// Only in a mutation: it is acknowledged here, and not there yet.
    ToRung,
    ToDead,
    /// Nothing is left but to acknowledge it.
    Done,
}

/// The message that a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    pub copy: Copy,
    pub stage: Stage,
    /// Whether the broker waits for this worker's acknowledgement, and delivers the message again without
    /// it. After the connection was lost it does not, though the worker goes on.
    pub unacked: bool,
}

/// The dead letter that the archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Archiving {
    pub event: Event,
    /// Otherwise it is acknowledged already, which is a mistake.
    pub is_committed: bool,
}

/// A post in the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    None,
    /// Only in a mutation: answered, and not with the broker yet.
    Sent,
    /// The broker has it, and the confirm is not here yet.
    Stored,
}

/// PayNow and the receiver, about one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Webhook {
    pub request: Request,
    /// The broker has confirmed a post of it.
    pub confirmed: bool,
    /// The receiver has answered 202, whether PayNow got that or not.
    pub accepted: bool,
    /// PayNow has a 202 and does not post again.
    pub answered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ledger {
    /// `webhook_events`
    pub events: [Option<Outcome>; EVENTS],
    /// `ledger_entries`: how many have each key.
    pub entries: [u8; KEYS],
    /// `wallets`
    pub balance: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterState {
    Absent,
    Open,
    Replayed,
    Discarded,
    Resolved,
}

/// A row of `dead_letters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Letter {
    pub state: LetterState,
    pub deaths: u8,
    /// The death about which a person decided when they discarded it; 0 for none.
    pub discarded_death: u8,
    /// How often a person selected it for a replay.
    pub selected: u8,
    /// How often a replay took it, less those that were given back.
    pub taken: u8,
}

/// A row of `replays`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    NotSelected,
    Waiting,
    Taken {
        deaths_before: u8,
        /// Taken by this run: no earlier run can have sent it.
        is_new: bool,
    },
    Sent {
        deaths_before: u8,
    },
    Applied,
    DeadAgain,
    Skipped,
}

/// A replay and the process that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Replay {
    pub rows: [Row; EVENTS],
    /// `false` after the process was killed or interrupted.
    pub running: bool,
    /// The letter that the broker has, and whose confirm is not here yet.
    pub publishing: Option<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// Crashes, lost connections, lost answers and duplicates that may still happen.
    pub faults_left: u8,
    /// Replays and discards that a person may still decide.
    pub decisions_left: u8,
    pub webhooks: [Webhook; EVENTS],
    pub broker: Broker,
    /// Sorted: the workers are alike, so states that differ only in their order are one.
    pub workers: [Option<Held>; 2],
    pub archive: Option<Archiving>,
    pub ledger: Ledger,
    pub letters: [Letter; EVENTS],
    pub replay: Option<Replay>,
}

impl State {
    pub fn new(faults: u8, decisions: u8) -> Self {
        Self {
            faults_left: faults,
            decisions_left: decisions,
            webhooks: [Webhook {
                request: Request::None,
                confirmed: false,
                accepted: false,
                answered: false,
            }; EVENTS],
            broker: Broker::default(),
            workers: [None; 2],
            archive: None,
            ledger: Ledger::default(),
            letters: [Letter {
                state: LetterState::Absent,
                deaths: 0,
                discarded_death: 0,
                selected: 0,
                taken: 0,
            }; EVENTS],
            replay: None,
        }
    }

    /// Puts each event into the queue, answered with 202.
    pub fn accept_all(&mut self) {
        for event in 0..EVENTS {
            self.broker.queue[event][0] = 1;
            self.webhooks[event] = Webhook {
                request: Request::None,
                confirmed: true,
                accepted: true,
                answered: true,
            };
        }
    }

    /// Whether the event is in the books.
    pub fn is_applied(&self, event: Event) -> bool {
        self.ledger.events[event].is_some()
    }

    /// Whether a message of the event is on its way: in a queue, or delivered and not acknowledged.
    pub fn is_on_its_way(&self, event: Event) -> bool {
        let broker = &self.broker;
        let ready =
            broker.queue[event].iter().sum::<u8>() + broker.rung[event] + broker.dead[event];
        let held = self.workers.iter().flatten();
        let held = held.filter(|held| held.unacked).map(|held| held.copy.event);
        let archiving = self.archive.filter(|archiving| archiving.is_committed);
        let mut unacked = held.chain(archiving.map(|archiving| archiving.event));
        ready > 0 || unacked.any(|of| of == event)
    }
}

/// One more, up to a limit.
pub fn add(counter: &mut u8) {
    *counter = (*counter + 1).min(MANY);
}
