//! Jumps of the clock that one of our programs sees. libfaketime answers its calls for the time of day,
//! and adds what a file says; the clock that measures intervals stays as it is, as on a real machine.
//! The servers' clocks do not jump.

use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;

use super::process::Place;
use crate::world::World;

/// Seconds, both ways: less than the receiver's window for timestamps, an hour, a day and 400 days.
const JUMPS: [u32; 4] = [100, 3_600, 86_400, 34_560_000];
/// How long the library may keep what the file said, in seconds.
const KEPT_SECONDS: u64 = 1;
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

pub(super) fn of_worker(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    match Place::of_worker(world, random) {
        Some(place) => shift(world, place, random, hold),
        None => {
            world.note("no worker runs");
            Ok(())
        }
    }
}

pub(super) fn of_receiver(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let place = Place::of_receiver(world, random);
    shift(world, place, random, hold)
}

/// Replaces the program by one with the library, whose clock then jumps while it runs and jumps back,
/// and that one by a usual one.
fn shift(world: &World, place: Place, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let name = place.with(world, |slot| slot.name().to_owned());
    let file = world.folder.join(format!("clock-of-{name}"));
    let write = |offset: &str| {
        std::fs::write(&file, format!("{offset}\n")).map_err(|error| format!("{file:?}: {error}"))
    };
    write("+0")?;
    let variables = [
        ("LD_PRELOAD", library()?.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_CACHE_DURATION", KEPT_SECONDS.to_string()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    place.with(world, |slot| {
        for (name, value) in &variables {
            slot.set_variable(name, value);
        }
    });
    let jumped = jump(world, place, random, hold, &write);
    place.with(world, |slot| {
        for (name, _) in &variables {
            slot.remove_variable(name);
        }
    });
    place.replace(world)?;
    jumped
}

fn jump(
    world: &World,
    place: Place,
    random: &mut Rng,
    hold: Duration,
    write: &impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    place.replace(world)?;
    let (name, pid) = place.with(world, |slot| (slot.name().to_owned(), slot.pid()));
    let is_loaded = || {
        let maps = pid.map(|pid| std::fs::read_to_string(format!("/proc/{pid}/maps")));
        maps.is_some_and(|maps| maps.is_ok_and(|maps| maps.contains(LIBRARY)))
    };
    // A program that another fault has just ended is not at fault.
    let is_gone = || place.with(world, |slot| slot.pid()) != pid;
    if !world.wait(Duration::from_secs(5), || is_loaded() || is_gone()) && !world.is_given_up() {
        return Err(format!("{name} runs without {LIBRARY}"));
    }
    let sign = if random.bool() { '+' } else { '-' };
    let seconds = JUMPS[random.usize(..JUMPS.len())];
    world.note(format!("the clock of {name} jumps by {sign}{seconds} s"));
    write(&format!("{sign}{seconds}"))?;
    world.pause(Duration::from_secs(KEPT_SECONDS) + hold);
    write("+0")?;
    world.pause(Duration::from_secs(KEPT_SECONDS));
    Ok(())
}

/// Debian keeps it in the directory of the machine's architecture.
fn library() -> Result<PathBuf, String> {
    let directories = std::fs::read_dir("/usr/lib").map_err(|error| error.to_string())?;
    let mut files = directories.filter_map(|entry| Some(entry.ok()?.path().join(LIBRARY)));
    let found = files.find(|file| file.exists());
    found.ok_or_else(|| format!("found no /usr/lib/*/{LIBRARY}: install libfaketime"))
}
