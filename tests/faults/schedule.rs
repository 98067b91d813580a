//! Which fault strikes when. The same seed, length and kinds give the same schedule.
//!
//! A trial is a row of rounds. In a third of them one fault strikes alone, so that the time that it
//! takes to recover can be measured; in the others the faults of all areas overlap. After each round
//! there is a while without faults.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use strum::IntoEnumIterator;

use crate::kind::{Area, FaultKind};

/// The programs are at work by then.
const FIRST_AT: Duration = Duration::from_secs(6);
/// Without faults, at the end of a round.
const QUIET: Duration = Duration::from_secs(12);
/// Between two faults that may not overlap: a fault takes longer than it is held.
const APART: Duration = Duration::from_secs(6);

/// A fault and the time at which it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) number: usize,
    pub(crate) kind: FaultKind,
    /// Since the trial began.
    pub(crate) at: Duration,
    pub(crate) hold: Duration,
    /// Of all that the fault chooses.
    pub(crate) seed: u64,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number, kind, seed, ..
        } = self;
        let (at, hold) = (self.at.as_secs_f64(), self.hold.as_secs_f64());
        let kind = kind.to_string();
        write!(
            f,
            "{number:4}  {at:8.2} s  {kind:28} held {hold:5.2} s  seed {seed}"
        )
    }
}

/// The kinds that a trial has if none is chosen.
pub(crate) fn usual_kinds() -> Vec<FaultKind> {
    FaultKind::iter()
        .filter(|kind| !kind.is_by_name_only())
        .collect()
}

/// The faults of a trial of this length, in the order in which they strike.
pub(crate) fn plan(seed: u64, length: Duration, kinds: &[FaultKind]) -> Vec<Planned> {
    let mut planner = Planner {
        random: Rng::with_seed(seed),
        alone: Deck::of(kinds.to_vec()),
        decks: Area::iter()
            .map(|area| {
                kinds
                    .iter()
                    .copied()
                    .filter(|kind| kind.area() == area)
                    .collect()
            })
            .filter(|kinds: &Vec<FaultKind>| !kinds.is_empty())
            .map(Deck::of)
            .collect(),
        planned: Vec::new(),
    };
    let mut at = FIRST_AT;
    while !kinds.is_empty() && at < length {
        at = planner.round(at) + QUIET;
    }
    let mut planned = planner.planned;
    planned.retain(|one| one.at + one.hold <= length);
    planned.sort_by_key(|one| one.at);
    for (number, one) in (1..).zip(&mut planned) {
        one.number = number;
    }
    planned
}

/// Kinds in random order, each as often as any other.
struct Deck {
    kinds: Vec<FaultKind>,
    left: Vec<FaultKind>,
}

impl Deck {
    fn of(kinds: Vec<FaultKind>) -> Self {
        Self {
            kinds,
            left: Vec::new(),
        }
    }

    fn draw(&mut self, random: &mut Rng) -> Option<FaultKind> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            random.shuffle(&mut self.left);
            // The last is drawn first: these must not be left over when a trial ends.
            self.left.sort_by_key(|kind| kind.stops_workers());
        }
        self.left.pop()
    }
}

struct Planner {
    random: Rng,
    alone: Deck,
    /// One for each area that has kinds.
    decks: Vec<Deck>,
    planned: Vec<Planned>,
}

impl Planner {
    /// Plans the faults of one round. Returns when the last one ends.
    fn round(&mut self, at: Duration) -> Duration {
        let first = self.planned.len();
        if self.random.u32(..3) == 0 {
            let kind = self.alone.draw(&mut self.random);
            self.add(kind, at, at);
        } else {
            let end = at + self.seconds(18..=34);
            for area in 0..self.decks.len() {
                let mut next = at + self.seconds(0..=4);
                while next < end {
                    let kind = self.decks[area].draw(&mut self.random);
                    next = self.add(kind, next, end) + self.seconds(2..=7);
                }
            }
        }
        let ends = self.planned[first..].iter().map(|one| one.at + one.hold);
        ends.max().unwrap_or(at)
    }

    /// Plans a fault at the first moment from `at` on at which it may strike, unless that is after
    /// `latest`. Returns when it ends.
    fn add(&mut self, kind: Option<FaultKind>, at: Duration, latest: Duration) -> Duration {
        let Some(kind) = kind else {
            return latest;
        };
        let hold = self.seconds(kind.seconds());
        let seed = self.random.u64(..);
        let mut at = at;
        while let Some(other) = self.in_the_way(kind, at, hold) {
            at = other.at + other.hold + APART;
        }
        if at > latest {
            return latest;
        }
        self.planned.push(Planned {
            number: 0,
            kind,
            at,
            hold,
            seed,
        });
        at + hold
    }

    fn in_the_way(&self, kind: FaultKind, at: Duration, hold: Duration) -> Option<&Planned> {
        self.planned.iter().find(|other| {
            (kind.conflicts(other.kind) || other.kind.conflicts(kind))
                && at < other.at + other.hold + APART
                && other.at < at + hold + APART
        })
    }

    fn seconds(&mut self, range: std::ops::RangeInclusive<u64>) -> Duration {
        let (least, most) = (range.start() * 1000, range.end() * 1000);
        Duration::from_millis(self.random.u64(least..=most))
    }
}
