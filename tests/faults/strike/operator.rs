//! Operators at work while everything else happens. Their commands may fail, because the servers do; they
//! must end, and with an exit code that says so.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::session::Session;
use crate::harness::{Outcome, Program};
use crate::world::World;

const NOTE: [&str; 4] = ["--by", "trial", "--why", "a fault of a trial"];
/// Longer than any fault lasts, with what a command then still has to do.
const ENDS_WITHIN: Duration = Duration::from_secs(300);
/// How long a correction is tried again: longer than any fault lasts.
const CORRECTED_WITHIN: Duration = Duration::from_secs(240);
const SOLD_PRODUCT: &str = "600000000000000040";
const UNSOLD_PRODUCT: &str = "600000000000000090";
/// Of letters that no replay credits: the body can't be read, or another one of the same event came first.
const HOPELESS: [&str; 2] = ["malformed", "conflict"];

/// Fine, failed, nothing there.
const EXIT_CODES: [i32; 3] = [0, 1, 3];

/// Runs `paynowctl` to its end, and checks that it has one. Returns the exit code.
fn ctl(world: &World, arguments: &[&str]) -> Result<i32, String> {
    let variables = world.desk_variables();
    let owned: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let (sender, receiver) = mpsc::sync_channel(1);
    // Not a thread of the scope: a command that never ends must not keep the trial.
    thread::spawn(move || {
        let arguments: Vec<&str> = owned.iter().map(String::as_str).collect();
        let _trial_is_over = sender.send(Program::run("paynowctl", &variables, &arguments));
    });
    let command = format!("paynowctl {}", arguments.join(" "));
    let outcome: Outcome = receiver
        .recv_timeout(ENDS_WITHIN)
        .map_err(|_timeout| format!("{command}: still runs after {ENDS_WITHIN:?}"))?;
    let said = outcome.stderr.lines().last().unwrap_or_default().to_owned();
    world.note(format!("{command}: {:?} {said}", outcome.code));
    match outcome.code {
        Some(code) if EXIT_CODES.contains(&code) => Ok(code),
        Some(_) | None => Err(format!("{command}: {outcome:?}")),
    }
}

pub(super) fn replay(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let (canary, rate) = (
        random.u32(1..=10).to_string(),
        random.u32(5..=200).to_string(),
    );
    let all = [
        "dead",
        "replay",
        "--since",
        "2020-01-01T00:00:00Z",
        "--yes",
        "--json",
    ];
    let pace = [
        "--canary",
        &canary,
        "--rate",
        &rate,
        "--max-failures",
        "100",
        "--wait",
        "10",
    ];
    ctl(world, &[&all[..], &pace, &NOTE].concat())?;
    world.pause(hold);
    Ok(())
}

pub(super) fn discard(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let reason = HOPELESS[random.usize(..HOPELESS.len())];
    let all = ["dead", "discard", "--reason", reason, "--yes"];
    ctl(world, &[&all[..], &NOTE].concat())?;
    world.pause(hold);
    Ok(())
}

/// Tries again with the same key until it is done, because the answer to a command that failed may have
/// been lost after its commit.
pub(super) fn correct(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let wallet = any_wallet(world, random)?;
    let points = random.i64(1..=1_000) * if random.bool() { 1 } else { -1 };
    let key = format!("trial-{:016x}", random.u64(..));
    let (number, change) = (wallet.to_string(), points.to_string());
    let what = [
        "correct", "--wallet", &number, "--points", &change, "--key", &key, "--yes",
    ];
    let arguments = [&what[..], &NOTE].concat();
    let mut problem = None;
    let is_done = world.wait(CORRECTED_WITHIN, || match ctl(world, &arguments) {
        Ok(code) => code == 0,
        Err(error) => {
            problem = Some(error);
            true
        }
    });
    match problem {
        Some(problem) => return Err(problem),
        None if is_done => world.corrected(wallet, points),
        None if world.is_given_up() => {}
        None => return Err(format!("no correction of wallet {wallet} was applied")),
    }
    // Applied before, so it must change nothing.
    ctl(world, &arguments)?;
    world.pause(hold);
    Ok(())
}

/// One that has points, mostly.
fn any_wallet(world: &World, random: &mut Rng) -> Result<i64, String> {
    let recent =
        "SELECT wallet_id::text AS value FROM ledger_entries ORDER BY entry_id DESC LIMIT 50";
    let wallets = Session::open(world)?.texts(recent)?;
    let own = random.i64(700_000_000_000_000_000..800_000_000_000_000_000);
    let chosen = wallets.get(random.usize(..wallets.len() + 1));
    Ok(chosen.and_then(|wallet| wallet.parse().ok()).unwrap_or(own))
}

pub(super) fn setup(world: &World, hold: Duration) -> Result<(), String> {
    ctl(world, &["setup"])?;
    world.pause(hold);
    Ok(())
}

/// An order is priced by the time at which it was completed, and those of the load were completed long ago.
pub(super) fn change_prices(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let points = random.u32(1..=10_000).to_string();
    let unsold = ["products", "set", UNSOLD_PRODUCT, &points, "--yes"];
    ctl(world, &[&unsold[..], &NOTE].concat())?;
    let from_now_on = ["products", "set", SOLD_PRODUCT, &points, "--yes"];
    ctl(world, &[&from_now_on[..], &NOTE].concat())?;
    world.pause(hold);
    Ok(())
}

/// Reads the database and the broker.
pub(super) fn check(world: &World) -> Result<(), String> {
    ctl(world, &["check", "--json"]).map(drop)
}

pub(super) fn look_around(world: &World, hold: Duration) -> Result<(), String> {
    check(world)?;
    ctl(world, &["top", "--once"])?;
    ctl(world, &["dead", "list", "--json"])?;
    ctl(world, &["products", "list", "--json"])?;
    world.pause(hold);
    Ok(())
}
