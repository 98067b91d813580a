//! The kinds of fault, and which of them may happen at the same time.

use std::ops::RangeInclusive;

use strum::{Display, EnumIter, EnumString};

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Area {
    Process,
    Broker,
    Database,
    Network,
    Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum FaultKind {
    /// SIGKILL of one worker.
    KillWorker,
    /// An orderly stop of the broker, which is started again.
    StopBroker,
}

impl FaultKind {
    pub(crate) fn area(self) -> Area {
        match self {
            Self::KillWorker => Area::Process,
            Self::StopBroker => Area::Broker,
        }
    }

    /// The shortest and the longest time that it is held, in seconds.
    pub(crate) fn seconds(self) -> RangeInclusive<u64> {
        match self {
            Self::KillWorker => 1..=2,
            Self::StopBroker => 1..=6,
        }
    }

    /// Whether it may not happen while `other` does. Faults of one area never overlap.
    pub(crate) fn conflicts(self, other: Self) -> bool {
        self.area() == other.area()
    }

    /// Whether it happens only when it is asked for by its name.
    pub(crate) fn is_by_name_only(self) -> bool {
        match self {
            Self::KillWorker | Self::StopBroker => false,
        }
    }
}
