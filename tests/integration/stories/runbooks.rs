//! Whoever is on call, with the runbooks alone: each command of a runbook and of the guides for people is run by a
//! test, as the role that the pages name, or is listed with the reason why none runs it.

mod duty;
mod not_run;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command as Process;

use self::duty::{Duty, with_a_stopped_replay};
use self::not_run::NOT_RUN;
use super::page::{Command, Page};
use super::shell::flat;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The guides whose commands are run as one whole, and by what.
const OWN_TESTS: [(&str, &str); 4] = [
    ("backup.md", "restore"),
    ("first-points.md", "stories::shop"),
    (
        "plain-server.md",
        "the story `package` of ops/plain-server.sh",
    ),
    ("support.md", "stories::support"),
];
/// The same as `paynowctl` where that runs in a container.
const CTL_OF_COMPOSE: &str = "deploy/compose run --rm -T ctl ";
/// The commands that show what they would do, and do it with `--yes`.
const ASK_FIRST: [&str; 5] = [
    "dead replay",
    "dead discard",
    "correct",
    "forget",
    "unrouted move",
];

fn commands() -> Vec<Command> {
    let pages = [pages_in("ops"), pages_in("ops/runbooks")].concat();
    let has_no_own = |name: &&String| {
        let file = name.rsplit('/').next().unwrap_or_default();
        OWN_TESTS.iter().all(|(own, _by)| *own != file)
    };
    let pages = pages.iter().filter(has_no_own);
    pages.flat_map(|name| Page::read(name).commands()).collect()
}

fn pages_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).expect("it is there");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let names = names.map(|name| format!("{folder}/{}", name.to_string_lossy()));
    let mut pages: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    pages.sort();
    pages
}

/// Who runs a command.
#[derive(Debug, PartialEq)]
enum Runner {
    /// The test below.
    Here,
    /// `privileges::guides`, in a transaction that it takes back.
    Statements,
    /// The story `one` of `ops/stories.sh`, up to a pipe, where all services run in containers.
    Containers,
    /// Nothing, for this reason.
    Nobody,
}

fn runner(text: &str, in_containers: &BTreeSet<String>) -> Option<Runner> {
    let of_services = ["http://receiver:", "http://worker:"];
    let is_ours = text.starts_with("paynowctl ")
        || text.starts_with(CTL_OF_COMPOSE)
        || text.starts_with("pg_isready ")
        || text.starts_with("curl ") && of_services.iter().any(|name| text.contains(name));
    if NOT_RUN
        .iter()
        .any(|(listed, _why)| text.starts_with(listed))
    {
        Some(Runner::Nobody)
    } else if text.starts_with("psql \"$DATABASE_URL\"")
        || text.starts_with("psql \"$SUPERUSER_URL\"")
    {
        Some(Runner::Statements)
    } else if is_ours {
        Some(Runner::Here)
    } else {
        let first = text
            .split(" | ")
            .next()
            .and_then(|text| text.split(" > ").next());
        let first = first.unwrap_or_default();
        in_containers.contains(first).then_some(Runner::Containers)
    }
}

fn asks_first(text: &str) -> bool {
    let begins = |name: &&str| text.starts_with(&format!("paynowctl {name} "));
    ASK_FIRST.iter().any(begins)
}

/// What was stopped goes on without being asked again, and a letter that is named by its number needs no preview.
fn does_it(text: &str) -> bool {
    let names_a_letter = [" 17 ", " 18 "].iter().any(|number| text.contains(number));
    names_a_letter || text.contains(" --yes") || text.contains(" --resume ")
}

/// What the story runs, as its own script chooses it.
fn in_containers() -> BTreeSet<String> {
    let listed = Process::new("bash")
        .args(["-c", ". ops/stories.sh && safe_commands"])
        .current_dir(ROOT)
        .output()
        .expect("bash runs");
    let text = String::from_utf8(listed.stdout).expect("it is text");
    let lines: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() > 60, "{lines:?} {:?}", listed.stderr);
    lines
}

#[test]
fn each_command_is_run_by_a_test_or_listed_with_a_reason() {
    let in_containers = in_containers();
    let commands = commands();
    let nobody: Vec<String> = commands
        .iter()
        .filter(|command| runner(&command.text, &in_containers).is_none())
        .map(|command| format!("{}: {}", command.place, command.text))
        .collect();
    assert!(
        nobody.is_empty(),
        "run them in a test, or say in stories/runbooks/not_run.rs why none does:\n{}",
        nobody.join("\n")
    );
    for (listed, _why) in NOT_RUN {
        let is_there = |command: &Command| command.text.starts_with(listed);
        assert!(commands.iter().any(is_there), "in no document: {listed}");
    }
}

#[test]
fn each_command_does_what_its_page_says_for_whoever_is_on_call() {
    let (app, replay) = with_a_stopped_replay();
    let duty = Duty::of(&app, replay);
    let none = BTreeSet::new();
    let mut known = BTreeSet::new();
    let (mut run, mut problems) = (0, Vec::new());
    for Command { place, text, .. } in commands() {
        let is_new = known.insert(text.clone());
        if !is_new || runner(&text, &none) != Some(Runner::Here) {
            continue;
        }
        run += 1;
        let outcome = duty.run(&text.replace(CTL_OF_COMPOSE, "paynowctl "));
        let printed = flat(&outcome);
        let is_dry = printed.contains("dry run");
        let as_said = !asks_first(&text) || is_dry != does_it(&text);
        if outcome.code != Some(0) || !as_said {
            problems.push(format!("{place}: {text}: {:?}\n{printed}", outcome.code));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(run > 60, "{run} commands only: the scan is broken");
}
