//! One trial from its beginning to its end.

use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::fire::fire;
use crate::judge::{self, Broken};
use crate::load::{Load, Mix, PROBE_SENDERS, SENDERS};
use crate::model::told::Told;
use crate::recovery::{Struck, recoveries};
use crate::report::Report;
use crate::schedule::Planned;
use crate::supervise::Supervisor;
use crate::world::World;

const START_LIMIT: Duration = Duration::from_secs(60);

/// What a trial came to, and what happened in it.
pub(crate) struct Trial {
    pub(crate) report: Report,
    pub(crate) broken: Vec<Broken>,
    pub(crate) journal: Vec<String>,
}

/// Of the database, the virtual host, and the folder of the logs: no other trial has it.
fn name(arguments: &Arguments) -> String {
    format!("faults_{}_{}", arguments.seed, process::id())
}

/// Where the journal and the logs of the programs are.
pub(crate) fn folder(arguments: &Arguments) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name(arguments))
}

/// Runs a trial. An error says why it could not be run; it says nothing about the system.
pub(crate) fn run(arguments: &Arguments, schedule: &[Planned]) -> Result<Trial, String> {
    let world = World::create(&name(arguments), folder(arguments), &arguments.worker)?;
    for (product, points) in Mix::products() {
        let [product, points] = [product, points].map(|number| number.to_string());
        let outcome = world.ctl(&["products", "set", &product, &points, "--yes"]);
        if outcome.code != Some(0) {
            return Err(format!("products set: {outcome:?}"));
        }
    }
    let (load, supervisor) = (Load::new(&world), Supervisor::new(&world));
    let end = under_load(&world, &load, &supervisor, || {
        burn(&world, &load, arguments, schedule)
    });
    let End {
        struck,
        told,
        mut broken,
    } = end.map_err(|error| format!("{error}\n{}", world.journal.lines().join("\n")))?;
    supervisor.stop_all();
    broken.extend(judge::judge(&world, &load, &told, &supervisor.wrong()));

    let recoveries = recoveries(&struck, &judge::credited_probes(&world, &load));
    let report = Report::new(arguments, world.journal.now())
        .with_load(load.accepted().len(), &load.counts())
        .with_faults(&struck, &recoveries)
        .with_verdict(&broken);
    Ok(Trial {
        report,
        broken,
        journal: world.journal.lines(),
    })
}

/// What is known when the programs are about to be stopped.
struct End {
    struck: Vec<Struck>,
    told: Vec<Told>,
    broken: Vec<Broken>,
}

/// Does the work while programs run and posts are sent.
fn under_load(
    world: &World,
    load: &Load<'_>,
    supervisor: &Supervisor<'_>,
    work: impl FnOnce() -> Result<End, String>,
) -> Result<End, String> {
    thread::scope(|scope| {
        scope.spawn(|| supervisor.run());
        for seed in 0..SENDERS {
            scope.spawn(move || load.send(seed as u64));
        }
        for seed in 0..PROBE_SENDERS {
            scope.spawn(move || load.send_probes(seed as u64));
        }
        scope.spawn(|| load.probe());
        let result = work();
        if result.is_err() {
            world.give_up();
        }
        load.stop();
        load.close();
        supervisor.end();
        result
    })
}

/// Sends the load while the faults strike, and waits until everything has come to its end.
fn burn(
    world: &World,
    load: &Load<'_>,
    arguments: &Arguments,
    schedule: &[Planned],
) -> Result<End, String> {
    let is_credited = || !judge::credited_probes(world, load).is_empty();
    if !world.wait(START_LIMIT, is_credited) {
        return Err("no event was credited before the first fault".to_owned());
    }
    world.journal.begin();
    let Arguments {
        seed, rate, length, ..
    } = arguments;
    thread::scope(|scope| {
        scope.spawn(|| load.forge(*seed));
        scope.spawn(|| load.release_on());
        let telling = scope.spawn(|| load.dispatch(*seed, *rate));
        let struck = fire(world, schedule, *length);
        world.pause(length.saturating_sub(world.journal.now()));
        load.end_mix();
        let told = telling.join().map_err(|_| "the load panicked".to_owned());
        let result = struck.and_then(|struck| {
            let told = told?;
            for proxy in world.proxies.all() {
                proxy.heal();
            }
            world.scale_back();
            let healed_at = world.journal.now();
            world.note("all faults are healed");
            let broken = judge::settle(world, load, &told, healed_at)?;
            Ok(End {
                struck,
                told,
                broken,
            })
        });
        load.stop();
        result
    })
}
