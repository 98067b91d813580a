//! The commands of `paynowctl`, as its own help lists them, and how the test calls each.

use super::plant::HOSTILE;
use crate::harness::TestApp;

const SINCE: [&str; 2] = ["--since", "2026-01-01T00:00:00Z"];

pub(super) struct Command {
    /// `dead list`
    pub(super) name: String,
    pub(super) has_json: bool,
}

/// What the arguments name.
pub(super) struct World {
    pub(super) wallet: String,
    /// The id of an event that was credited.
    pub(super) credited: String,
    /// The id of an event whose dead letter can be found by it.
    pub(super) dead: String,
    /// The number of a dead letter with an operator action.
    pub(super) acted_on: String,
    /// The numbers of open dead letters.
    pub(super) letters: Vec<String>,
    /// The number of a dead letter whose body is not JSON.
    pub(super) bytes: String,
    pub(super) receiver: String,
    pub(super) metrics: String,
    /// A file with a page of PayNow's history.
    pub(super) page: String,
    /// A file with products.
    pub(super) products: String,
}

/// Every command that does something.
pub(super) fn commands(app: &TestApp) -> Vec<Command> {
    let mut found = Vec::new();
    add(app, &mut found, &[]);
    assert!(found.len() > 10, "the help lists few commands");
    found
}

fn add(app: &TestApp, found: &mut Vec<Command>, path: &[&str]) {
    let help = app.ctl(&[path, &["--help"]].concat()).succeeded().stdout;
    let Some((_before, list)) = help.split_once("\nCommands:\n") else {
        found.push(Command {
            name: path.join(" "),
            has_json: help.contains(" --json"),
        });
        return;
    };
    // What goes on in the next line is further in than a name.
    let names = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty());
    for name in names.filter(|name| *name != "help") {
        add(app, found, &[path, &[name]].concat());
    }
}

/// The command lines of a command. One without any fails the test.
pub(super) fn invocations(command: &str, world: &World) -> Vec<Vec<String>> {
    let by = format!("{HOSTILE} of an argument");
    let note = ["--by", &by, "--why", HOSTILE];
    let since = SINCE;
    let file = ["--file", world.page.as_str()];
    let unreadable = format!("/tmp/{HOSTILE}");
    let first = &world.letters[0];
    let lines: Vec<Vec<&str>> = match command {
        "setup" => vec![vec![]],
        "check" | "topology export" => vec![vec![]],
        "send" => vec![
            vec!["--url", &world.receiver, "--give-up-after", "1"],
            vec!["--file", &unreadable],
        ],
        "wallet show" | "wallet history" => vec![vec![&world.wallet], vec!["12345"]],
        "events show" => vec![vec![&world.credited], vec![&world.dead], vec!["12345"]],
        "dead list" => vec![vec![], vec!["--each"], vec!["--each", "--state", "all"]],
        "dead show" => [first, &world.acted_on, &world.bytes]
            .into_iter()
            .flat_map(|letter| [vec![letter.as_str()], vec![letter, "--reveal"]])
            .collect(),
        "dead discard" | "dead replay" | "refund attribute" => decisions(command, world, &note),
        "history missing" => vec![
            [&file[..], &since].concat(),
            [&["--file", &unreadable][..], &since].concat(),
        ],
        "history send" => vec![
            [&file[..], &since, &note].concat(),
            [
                &file[..],
                &since,
                &note,
                &["--yes", "--despite-waiting", "--url", &world.receiver],
                &["--give-up-after", "1", "--wait", "0"],
            ]
            .concat(),
        ],
        "correct" => {
            let change = ["--wallet", &world.wallet, "--points", "1"];
            vec![
                [&change[..], &note].concat(),
                [&change[..], &note, &["--yes", "--key", "k"]].concat(),
                [&change[..], &note, &["--yes", "--key", "k"]].concat(),
            ]
        }
        "top" => vec![vec![
            "--once",
            "--interval",
            "1",
            "--metrics",
            &world.metrics,
        ]],
        other => of_products(other, world, &note, &unreadable),
    };
    let full = |line: Vec<&str>| command.split(' ').chain(line).map(str::to_owned).collect();
    lines.into_iter().map(full).collect()
}

/// The command lines of what a person decides about dead letters.
fn decisions<'a>(command: &str, world: &'a World, note: &[&'a str]) -> Vec<Vec<&'a str>> {
    let [first, second, third] = &world.letters[..] else {
        panic!("three open letters");
    };
    match command {
        "dead discard" => vec![
            [&SINCE[..], note].concat(),
            [&[first.as_str()], note].concat(),
        ],
        "dead replay" => {
            let soon = [note, &["--wait", "1"]].concat();
            vec![
                [&SINCE[..], &soon].concat(),
                [&[second.as_str()], &soon[..]].concat(),
                [&[third.as_str()], &soon[..]].concat(),
                [&["--resume", "999999"], &soon[..]].concat(),
            ]
        }
        "refund attribute" => {
            let line = ["--line", "31"];
            vec![
                [&[first.as_str()], &line[..], note].concat(),
                [&[world.dead.as_str()], &line[..], note].concat(),
                [&["12345"], &line[..], note].concat(),
            ]
        }
        _other => panic!("no decision: {command}"),
    }
}

/// The command lines of a command on products.
fn of_products<'a>(
    command: &str,
    world: &'a World,
    note: &[&'a str],
    unreadable: &'a str,
) -> Vec<Vec<&'a str>> {
    match command {
        "products set" => vec![vec!["41", "7"]],
        "products list" => vec![vec![], vec!["--history"]],
        "products remove" => [["41"], ["42"]].map(|id| [&id, note].concat()).into(),
        "products import" => [
            &[world.products.as_str(), "--apply", "--yes"][..],
            &[world.page.as_str()],
            &[unreadable],
            &["--from-paynow"],
        ]
        .map(|from| [from, note].concat())
        .into(),
        "products export" => vec![vec![], vec!["--csv"]],
        new => panic!("say here how `{new}` is called with hostile texts"),
    }
}
