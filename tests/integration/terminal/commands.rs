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
    /// The id of its order.
    pub(super) order: String,
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
    let unreadable = format!("/tmp/{HOSTILE}");
    let first = &world.letters[0];
    let lines: Vec<Vec<&str>> = match command {
        "setup" => vec![
            vec![],
            vec!["--game-login", "game", "--password-file", &unreadable],
        ],
        "check" | "doctor" | "topology export" => vec![vec![]],
        "send" => vec![
            vec!["--url", &world.receiver, "--give-up-after", "1"],
            vec!["--file", &unreadable],
        ],
        "wallet show" | "wallet history" => vec![vec![&world.wallet], vec!["12345"]],
        "find" | "orders show" | "events list" | "wallet list" | "actions list" => {
            look_ups(command, world)
        }
        "events show" => vec![vec![&world.credited], vec![&world.dead], vec!["12345"]],
        "dead list" => vec![vec![], vec!["--each"], vec!["--each", "--state", "all"]],
        "dead show" => [first, &world.acted_on, &world.bytes]
            .into_iter()
            .flat_map(|letter| [vec![letter.as_str()], vec![letter, "--reveal"]])
            .collect(),
        "dead discard" | "dead replay" | "dead control" | "refund attribute" => {
            decisions(command, world, &note)
        }
        "people list" | "people add" | "people disable" | "people limit" => {
            of_people(command, &note)
        }
        "history missing" | "history send" => of_history(command, world, &note, &unreadable),
        "unrouted list" => vec![vec![]],
        "unrouted move" => vec![note.to_vec(), [&note[..], &["--yes"]].concat()],
        "correct" => {
            let change = ["--wallet", &world.wallet, "--points", "1"];
            vec![
                [&change[..], &note].concat(),
                [&change[..], &note, &["--yes", "--key", "k"]].concat(),
                [&change[..], &note, &["--yes", "--key", "k"]].concat(),
            ]
        }
        "forget" => vec![
            [&[world.wallet.as_str()], &note[..]].concat(),
            [&["12345", "--yes"], &note[..]].concat(),
        ],
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

/// The command lines about what PayNow delivered.
fn of_history<'a>(
    command: &str,
    world: &'a World,
    note: &[&'a str; 4],
    unreadable: &'a str,
) -> Vec<Vec<&'a str>> {
    let known = [&["--file", world.page.as_str()][..], &SINCE].concat();
    match command {
        "history missing" => vec![known, [&["--file", unreadable][..], &SINCE].concat()],
        _send => vec![
            [&known[..], note].concat(),
            [
                &known[..],
                note,
                &["--yes", "--despite-waiting", "--url", &world.receiver],
                &["--give-up-after", "1", "--wait", "0"],
            ]
            .concat(),
        ],
    }
}

/// The command lines of a search or a list.
fn look_ups<'a>(command: &str, world: &'a World) -> Vec<Vec<&'a str>> {
    match command {
        "find" => [
            world.wallet.as_str(),
            &world.credited,
            &world.order,
            &world.letters[0],
            &world.acted_on,
            "Planted",
            "order:1",
            "1",
            HOSTILE,
        ]
        .map(|asked| vec![asked])
        .into(),
        "orders show" => vec![vec![&world.order], vec!["12345"]],
        "events list" => vec![vec![], vec!["--wallet", &world.wallet], vec!["--waiting"]],
        "wallet list" => vec![vec![], vec!["--debts"]],
        "actions list" => vec![vec![], vec!["--about", &world.acted_on]],
        _other => panic!("no look-up: {command}"),
    }
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
        "dead control" => [[world.acted_on.as_str(), "stop"], ["999999", "go"]]
            .map(|asked| [&asked, note].concat())
            .into(),
        "refund attribute" => {
            let line = ["--line", "31"];
            vec![
                [&[first.as_str()], &line[..], note].concat(),
                [&[first.as_str(), "--dry-run"], &line[..], note].concat(),
                [&[world.dead.as_str()], &line[..], note].concat(),
                [&["12345"], &line[..], note].concat(),
            ]
        }
        _other => panic!("no decision: {command}"),
    }
}

/// The command lines of a command on people.
fn of_people<'a>(command: &str, note: &[&'a str]) -> Vec<Vec<&'a str>> {
    let role = ["--role", "viewer"];
    match command {
        "people list" => vec![vec![]],
        "people add" => vec![
            [&["bo"], &role[..], note, &["--shown-name", HOSTILE]].concat(),
            [&[HOSTILE], &role[..], note].concat(),
        ],
        "people disable" => [["bo"], ["nobody"]]
            .map(|name| [&name, note].concat())
            .into(),
        "people limit" => vec![[&["10"], note].concat()],
        _other => panic!("not about people: {command}"),
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
