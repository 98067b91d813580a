//! Carries out the faults: each is a function that strikes, holds and heals.

mod backends;
mod broker;
mod clock;
mod database;
mod disk;
mod locks;
mod network;
mod operator;
mod process;
mod queues;
mod session;
mod signal;

use std::time::Duration;

use fastrand::Rng;

use crate::kind::FaultKind;
use crate::world::World;

/// Strikes, holds and heals. An error says why the fault could not be carried out or healed: the trial
/// is then worth nothing.
pub(crate) fn strike(
    kind: FaultKind,
    world: &World,
    random: &mut Rng,
    hold: Duration,
) -> Result<(), String> {
    use FaultKind as Kind;
    match kind {
        Kind::KillWorker => process::kill_worker(world, random, hold),
        Kind::KillReceiver => process::kill_receiver(world, random, hold),
        Kind::PauseWorker => process::pause_worker(world, random, hold),
        Kind::PauseReceiver => process::pause_receiver(world, random, hold),
        Kind::RollWorkers => process::roll_workers(world, hold),
        Kind::RollReceivers => process::roll_receivers(world, hold),
        Kind::ScaleWorkers => process::scale_workers(world, random, hold),
        Kind::ShiftWorkerClock => clock::of_worker(world, random, hold),
        Kind::ShiftReceiverClock => clock::of_receiver(world, random, hold),
        Kind::KillBroker => broker::kill(world, hold),
        Kind::StopBroker => broker::stop(world, hold),
        Kind::StopBrokerApp => broker::stop_app(world, hold),
        Kind::PauseBroker => broker::pause(world, hold),
        Kind::AlarmMemory => broker::alarm_memory(world, hold),
        Kind::AlarmDisk => broker::alarm_disk(world, hold),
        Kind::LimitCredits => queues::limit_credits(world, hold),
        Kind::LimitRung => queues::limit_rung(world, random, hold),
        Kind::CloseConnections => broker::close_connections(world, hold),
        Kind::TimeOutConsumer => queues::time_out_consumer(world, random, hold),
        Kind::KillDatabase => database::kill(world, hold),
        Kind::StopDatabase => database::stop(world, hold),
        Kind::PauseDatabase => backends::pause_all(world, hold),
        Kind::TerminateBackends => backends::terminate(world, random, hold),
        Kind::ReadOnly => database::read_only(world, hold),
        Kind::LockWallets => locks::wallets(world, random, hold),
        Kind::LockTable => locks::table(world, random, hold),
        Kind::Deadlock => locks::deadlock(world, random, hold),
        Kind::FillDisk => disk::fill(world, hold),
        Kind::SilenceBackends => backends::silence(world, hold),
        Kind::ResetConnections => network::reset(world, random, hold),
        Kind::RefuseConnections => network::refuse(world, random, hold),
        Kind::Blackhole => network::blackhole(world, random, hold),
        Kind::SilenceConnections => network::silence_existing(world, random, hold),
        Kind::SilencePath => network::silence(world, random, hold),
        Kind::Latency => network::latency(world, random, hold),
        Kind::Throttle => network::throttle(world, random, hold),
        Kind::HalfClose => network::half_close(world, random, hold),
        Kind::OneDirection => network::one_direction(world, random, hold),
        Kind::ReplayDead => operator::replay(world, random, hold),
        Kind::DiscardDead => operator::discard(world, random, hold),
        Kind::CorrectWallet => operator::correct(world, random, hold),
        Kind::SetupAgain => operator::setup(world, hold),
        Kind::ChangePrices => operator::change_prices(world, random, hold),
        Kind::LookAround => operator::look_around(world, hold),
    }
}
