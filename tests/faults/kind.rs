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

/// What a fault does, what it imitates, and what should happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum FaultKind {
    /// SIGKILL of a worker, as the kernel sends it when memory is short. What the worker had not
    /// acknowledged is delivered again, and nothing is credited twice.
    KillWorker,
    /// SIGKILL of a receiver. The sender gets no answer and tries again.
    KillReceiver,
    /// SIGSTOP of a worker, then SIGCONT: a machine that pauses it. The others take over, and the
    /// worker does not apply again what they have applied.
    PauseWorker,
    /// SIGSTOP of a receiver, then SIGCONT. Its senders give up waiting and try again.
    PauseReceiver,
    /// SIGTERM of one worker after the other, as a new version is rolled out. Each ends with exit code 0.
    RollWorkers,
    /// SIGTERM of one receiver after the other. Each ends with exit code 0.
    RollReceivers,
    /// More and fewer workers, 1 to 4, as an autoscaler does it. Each that goes ends with exit code 0.
    ScaleWorkers,
    /// The clock of a worker jumps and jumps back, as after a bad time server. Points do not depend
    /// on the worker's clock.
    ShiftWorkerClock,
    /// The clock of a receiver jumps and jumps back. It refuses what seems too old or too new, and
    /// the sender tries again.
    ShiftReceiverClock,

    /// SIGKILL of the broker, then a start with the same data.
    KillBroker,
    /// An orderly stop of the broker, as for a new version, then a start.
    StopBroker,
    /// `stop_app` and `start_app`: the broker is gone, its runtime stays.
    StopBrokerApp,
    /// SIGSTOP of the broker, then SIGCONT: connections stay open, and nothing answers.
    PauseBroker,
    /// The memory alarm. The broker blocks publishers: receivers answer 503, workers go on.
    AlarmMemory,
    /// The disk alarm. The same happens.
    AlarmDisk,
    /// No worker runs and `paynow.credits` is full. The broker refuses new messages, and receivers
    /// answer 503.
    LimitCredits,
    /// A rung of the retry ladder is full. What should wait there stays with the worker.
    LimitRung,
    /// The broker closes all connections, as an operator does it by mistake.
    CloseConnections,
    /// A worker holds deliveries longer than the broker's `consumer_timeout`, which closes its channel
    /// and delivers them to others.
    TimeOutConsumer,

    /// SIGKILL of all processes of the database, then a start with recovery.
    KillDatabase,
    /// An orderly stop of the database, then a start.
    StopDatabase,
    /// SIGSTOP of all processes of the database: a machine that pauses. No query is answered.
    PauseDatabase,
    /// The workers' sessions are terminated again and again, as by an administrator or a failover.
    TerminateBackends,
    /// The server takes no writes, as a standby that the workers reach by mistake.
    ReadOnly,
    /// A transaction holds wallets, as a shop that spends and does not commit. Only the events of these
    /// wallets wait.
    LockWallets,
    /// A transaction holds a table, as a maintenance command. Everything waits and no attempt is spent.
    LockTable,
    /// Transactions take wallets and a table in another order than the workers, so that the server cancels
    /// one of the two.
    Deadlock,
    /// No table can grow, as on a full disk.
    FillDisk,
    /// SIGSTOP of the workers' sessions: connections stay open, and nothing answers.
    SilenceBackends,

    /// Connections of one path are reset, several times, as by a firewall that restarts.
    ResetConnections,
    /// New connections are closed at once, and the open ones are reset: no healthy server behind a balancer.
    RefuseConnections,
    /// New connections are accepted and never answered, and the open ones are reset.
    Blackhole,
    /// The open connections become silent; new ones pass. A state table that has forgotten them.
    SilenceConnections,
    /// All connections of one path are silent, new ones too.
    SilencePath,
    /// All bytes of one path come late.
    Latency,
    /// One path passes few bytes a second.
    Throttle,
    /// The server sees the end of the clients' streams, and the clients see nothing.
    HalfClose,
    /// One direction of one path passes nothing.
    OneDirection,

    /// Replays dead letters, a few first, while everything else happens.
    ReplayDead,
    /// Gives letters up that can never be credited.
    DiscardDead,
    /// Gives or takes points by a correction, which is applied once.
    CorrectWallet,
    /// `paynowctl setup` again, as each start of a deployment runs it.
    SetupAgain,
    /// New prices, of a product that nobody buys and of one that is sold. They are valid from now on, and
    /// the load's orders were completed before, so no balance changes.
    ChangePrices,
    /// `check`, `top`, lists and look-ups.
    LookAround,
}

impl FaultKind {
    pub(crate) fn area(self) -> Area {
        match self {
            Self::KillWorker
            | Self::KillReceiver
            | Self::PauseWorker
            | Self::PauseReceiver
            | Self::RollWorkers
            | Self::RollReceivers
            | Self::ScaleWorkers
            | Self::ShiftWorkerClock
            | Self::ShiftReceiverClock => Area::Process,
            Self::KillBroker
            | Self::StopBroker
            | Self::StopBrokerApp
            | Self::PauseBroker
            | Self::AlarmMemory
            | Self::AlarmDisk
            | Self::LimitCredits
            | Self::LimitRung
            | Self::CloseConnections
            | Self::TimeOutConsumer => Area::Broker,
            Self::KillDatabase
            | Self::StopDatabase
            | Self::PauseDatabase
            | Self::TerminateBackends
            | Self::ReadOnly
            | Self::LockWallets
            | Self::LockTable
            | Self::Deadlock
            | Self::FillDisk
            | Self::SilenceBackends => Area::Database,
            Self::ResetConnections
            | Self::RefuseConnections
            | Self::Blackhole
            | Self::SilenceConnections
            | Self::SilencePath
            | Self::Latency
            | Self::Throttle
            | Self::HalfClose
            | Self::OneDirection => Area::Network,
            Self::ReplayDead
            | Self::DiscardDead
            | Self::CorrectWallet
            | Self::SetupAgain
            | Self::ChangePrices
            | Self::LookAround => Area::Operator,
        }
    }

    /// The shortest and the longest time that it is held, in seconds. Faults that are silent may last longer
    /// than a heartbeat; a connection that lost bytes reaches its limit on waits only after that.
    pub(crate) fn seconds(self) -> RangeInclusive<u64> {
        match self {
            Self::KillWorker | Self::KillReceiver | Self::RollWorkers | Self::RollReceivers => {
                1..=2
            }
            Self::ReplayDead
            | Self::DiscardDead
            | Self::CorrectWallet
            | Self::SetupAgain
            | Self::ChangePrices
            | Self::LookAround => 1..=4,
            Self::KillBroker | Self::StopBroker | Self::StopBrokerApp | Self::CloseConnections => {
                1..=8
            }
            Self::ScaleWorkers
            | Self::ShiftWorkerClock
            | Self::ShiftReceiverClock
            | Self::AlarmMemory
            | Self::AlarmDisk
            | Self::LimitCredits
            | Self::LimitRung
            | Self::KillDatabase
            | Self::StopDatabase
            | Self::TerminateBackends
            | Self::ReadOnly
            | Self::LockWallets
            | Self::LockTable
            | Self::Deadlock
            | Self::FillDisk
            | Self::ResetConnections
            | Self::RefuseConnections
            | Self::Latency
            | Self::Throttle
            | Self::HalfClose => 2..=15,
            Self::TimeOutConsumer => 8..=15,
            Self::PauseWorker
            | Self::PauseReceiver
            | Self::PauseBroker
            | Self::PauseDatabase
            | Self::SilenceBackends
            | Self::Blackhole
            | Self::SilenceConnections
            | Self::SilencePath
            | Self::OneDirection => 3..=25,
        }
    }

    /// Whether it may not happen while `other` does. Faults of one area never overlap, because one would
    /// heal what the other has just broken. Two of the broker's faults stop workers themselves.
    pub(crate) fn conflicts(self, other: Self) -> bool {
        self.area() == other.area() || (self.stops_workers() && other.area() == Area::Process)
    }

    /// Whether it stops workers itself, so that it rarely finds a place among the faults of processes.
    pub(crate) fn stops_workers(self) -> bool {
        matches!(self, Self::TimeOutConsumer | Self::LimitCredits)
    }

    /// Whether it happens only when it is asked for by its name.
    pub(crate) fn is_by_name_only(self) -> bool {
        false
    }
}
