//! Trials under fire: a mixed load goes through the whole system while faults strike it, and
//! afterwards every promise is checked. `ops/faults` builds it, starts servers and runs it.

mod arguments;
mod fire;
#[expect(
    dead_code,
    unused_imports,
    reason = "the integration tests use the rest of it"
)]
#[path = "../integration/harness/mod.rs"]
mod harness;
mod judge;
mod kind;
mod load;
mod recovery;
mod report;
mod schedule;
mod strike;
mod supervise;
mod trial;
mod world;

/// The parts of the model that know no code of the product.
#[expect(dead_code, reason = "the integration tests use the rest of it")]
#[path = "../integration/model"]
mod model {
    pub(crate) mod bodies;
    pub(crate) mod generate;
    pub(crate) mod history;
    pub(crate) mod rules;
    pub(crate) mod told;
    pub(crate) mod truth;
}

use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use arguments::Arguments;
use schedule::{Planned, plan};
use trial::Trial;

const BROKEN: u8 = 1;
const USAGE: u8 = 2;
/// The trial could not be run, and says nothing about the system.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [option, file] = &given[..]
        && option == "--table"
    {
        return print_table(Path::new(file));
    }
    match Arguments::parse(&given) {
        Ok(Some(arguments)) => run(&arguments),
        Ok(None) => {
            println!("trials under fire: run ops/faults --help");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let mut schedule = plan(arguments.seed, arguments.length, &arguments.kinds);
    if !arguments.only.is_empty() {
        schedule.retain(|planned| arguments.only.contains(&planned.number));
    }
    println!("seed {}: {} faults", arguments.seed, schedule.len());
    let trial = catch_unwind(AssertUnwindSafe(|| trial::run(arguments, &schedule)));
    let trial = trial.unwrap_or_else(|_| Err("the trial panicked, see above".to_owned()));
    match trial {
        Ok(trial) => finish(arguments, &schedule, &trial),
        Err(why) => {
            eprintln!("the trial could not be run: {why}");
            let folder = trial::folder(arguments);
            eprintln!("its journal and logs are in {}", folder.display());
            eprintln!("run it again: {}", command(arguments, &schedule));
            ExitCode::from(FAILED)
        }
    }
}

fn finish(arguments: &Arguments, schedule: &[Planned], trial: &Trial) -> ExitCode {
    let line = trial.report.line();
    println!("{line}");
    if let Some(file) = &arguments.report
        && let Err(error) = append(file, &line)
    {
        eprintln!("{}: {error}", file.display());
        return ExitCode::from(FAILED);
    }
    if trial.broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("--- the faults as planned ---");
    for planned in schedule {
        eprintln!("{planned}");
    }
    eprintln!("--- what happened ---");
    for line in &trial.journal {
        eprintln!("{line}");
    }
    eprintln!("--- seed {}: broken promises ---", arguments.seed);
    for one in &trial.broken {
        eprintln!("{}: {}", one.promise, one.what);
    }
    let folder = trial::folder(arguments);
    eprintln!("the logs of the programs are in {}", folder.display());
    eprintln!("run it again: {}", command(arguments, schedule));
    ExitCode::from(BROKEN)
}

fn command(arguments: &Arguments, schedule: &[Planned]) -> String {
    let numbers: Vec<usize> = schedule.iter().map(|planned| planned.number).collect();
    let only = if arguments.only.is_empty() {
        &[][..]
    } else {
        &numbers[..]
    };
    arguments.command(only)
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{line}")
}

fn print_table(file: &Path) -> ExitCode {
    let lines = std::fs::read_to_string(file).map_err(|error| error.to_string());
    match lines.and_then(|lines| report::table(&lines)) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::from(FAILED)
        }
    }
}
