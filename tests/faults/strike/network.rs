//! Faults of the network between our programs and the servers, by the proxies on the way.

use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::operator;
use crate::harness::{Flow, Proxy, Way};
use crate::world::World;

/// Between two resets of a path.
const AGAIN: Duration = Duration::from_secs(2);

/// How long a command takes to connect.
const CONNECTS_WITHIN: Duration = Duration::from_secs(3);

/// One path from programs to a server.
struct Path<'a> {
    name: &'static str,
    proxy: &'a Proxy,
    /// Whether only commands take it, which must then be run.
    is_desk: bool,
}

impl<'a> Path<'a> {
    /// Mostly one of those that events take.
    fn of(world: &'a World, random: &mut Rng) -> Self {
        let proxies = &world.proxies;
        let (name, proxy) = match random.u32(..11) {
            0..3 => ("receiver to broker", &proxies.receiver_broker),
            3..6 => ("worker to broker", &proxies.worker_broker),
            6..9 => ("worker to database", &proxies.worker_database),
            9 => ("desk to database", &proxies.desk_database),
            _last => ("desk to the broker's API", &proxies.desk_management),
        };
        let is_desk = name.starts_with("desk");
        Self {
            name,
            proxy,
            is_desk,
        }
    }

    /// Does something with the path, holds, and heals it.
    fn strike(
        &self,
        world: &World,
        what: &str,
        hold: Duration,
        work: impl Fn(&Proxy),
    ) -> Result<(), String> {
        thread::scope(|scope| {
            let command = self.is_desk.then(|| scope.spawn(|| operator::check(world)));
            world.wait(CONNECTS_WITHIN, || {
                !self.is_desk || self.proxy.connections() > 0
            });
            let connections = self.proxy.connections();
            world.note(format!("{}: {what}, {connections} connections", self.name));
            work(self.proxy);
            world.pause(hold);
            self.proxy.heal();
            // The command ends by its own limits, also when its connection stays silent.
            match command.map(thread::ScopedJoinHandle::join) {
                None => Ok(()),
                Some(ended) => ended.unwrap_or_else(|_| Err("the command panicked".to_owned())),
            }
        })
    }

    /// The same, again and again while it is held.
    fn strike_often(
        &self,
        world: &World,
        what: &str,
        hold: Duration,
        work: impl Fn(&Proxy),
    ) -> Result<(), String> {
        let times = u32::try_from(hold.as_secs() / AGAIN.as_secs()).unwrap_or(0) + 1;
        (0..times).try_for_each(|_| self.strike(world, what, hold / times, &work))
    }
}

pub(super) fn reset(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    Path::of(world, random).strike_often(world, "reset", hold, Proxy::reset_all)
}

pub(super) fn refuse(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    Path::of(world, random).strike(world, "refused", hold, |proxy| {
        proxy.refuse(true);
        proxy.reset_all();
    })
}

pub(super) fn blackhole(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    Path::of(world, random).strike(world, "black hole", hold, |proxy| {
        proxy.blackhole(true);
        proxy.reset_all();
    })
}

pub(super) fn silence_existing(
    world: &World,
    random: &mut Rng,
    hold: Duration,
) -> Result<(), String> {
    let path = Path::of(world, random);
    path.strike(world, "open ones silent", hold, Proxy::swallow_existing)
}

pub(super) fn silence(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let path = Path::of(world, random);
    path.strike(world, "silent", hold, |proxy| {
        proxy.set(Way::Both, Flow::Swallow);
    })
}

pub(super) fn latency(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let path = Path::of(world, random);
    let delay = Duration::from_millis(random.u64(20..=400));
    path.strike(world, &format!("{delay:?} late"), hold, |proxy| {
        proxy.set(Way::Both, Flow::Delay(delay));
    })
}

pub(super) fn throttle(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let path = Path::of(world, random);
    let rate = random.usize(2_000..=50_000);
    path.strike(world, &format!("{rate} bytes a second"), hold, |proxy| {
        proxy.set(Way::Both, Flow::Throttle(rate));
    })
}

pub(super) fn half_close(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let path = Path::of(world, random);
    path.strike_often(world, "half-closed", hold, Proxy::half_close_all)
}

pub(super) fn one_direction(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let path = Path::of(world, random);
    let (what, way) = match random.bool() {
        true => ("nothing goes up", Way::Up),
        false => ("nothing comes down", Way::Down),
    };
    path.strike(world, what, hold, |proxy| proxy.set(way, Flow::Swallow))
}
