//! Support staff with `ops/support.md` alone: every command of the page, run as it is written, shows what the page says.
//! The world has the ids that the page has.

mod world;

use std::collections::BTreeSet;

use self::world::{
    BOTH, DISCARDED, EVENT, FREE, GIFT, LATE, LETTER, LOST, NOBODY, ORDER, People, SPENT, WALLET,
    WON, World,
};
use super::page::{Page, words};
use super::shell::{Shell, flat};
use crate::harness::eventually;

const PAGE: &str = "ops/support.md";

/// A command of the page, its exit code, and what one sees.
type Seen = (&'static str, i32, &'static [&'static str]);

/// The commands of the page's code blocks.
const BLOCKS: [Seen; 11] = [
    (
        "paynowctl find Steve",
        0,
        &[
            "player 600000000000100000",
            "Steve",
            "balance",
            "paynowctl wallet show",
        ],
    ),
    (
        "paynowctl find 069a79f4-44e9-4726-a5be-fca90e38aaf5",
        0,
        &["player 600000000000100000", "balance"],
    ),
    (
        "paynowctl find 600000000000100000",
        0,
        &[
            "wallet 600000000000100000",
            "dead letter 1 open",
            "paynowctl dead show 1",
        ],
    ),
    (
        "paynowctl orders show 600000000000000020",
        0,
        &["given", "taken back", "balance now", "was for"],
    ),
    (
        "paynowctl events list --waiting",
        0,
        &["order_unknown", "order 600000000000000029", "ON_REFUND"],
    ),
    (
        "paynowctl events show 600000000000000010",
        0,
        &["PayNow signed it", "received", "applied: credited"],
    ),
    (
        "paynowctl wallet history 600000000000100000",
        0,
        &["order_line", "order-line:600000000000000031", "correction"],
    ),
    (
        "paynowctl actions list --about 600000000000100000",
        0,
        &["correct", "anna", "sorry"],
    ),
    (
        "paynowctl actions list --by anna --since 2026-11-24T00:00:00Z",
        0,
        &["attribute", "correct", "discard", "price", "replay"],
    ),
    (
        "paynowctl forget 600000000000100000 --by anna --why 'ticket 4711'",
        0,
        &["600000000000100000", "dry run"],
    ),
    (
        "paynowctl correct --wallet 600000000000100000 --points 500 --key ticket-4711 --by anna --why 'ticket 4711: ...'",
        0,
        &["+500", "dry run", "--yes"],
    ),
];

/// The commands within sentences, with what stands for `<wallet>`, `<order>` and `<line>`.
const QUOTED: [Seen; 5] = [
    (
        "paynowctl events list --wallet <wallet>",
        0,
        &["ON_ORDER_COMPLETED", "credited"],
    ),
    ("paynowctl wallet history <wallet>", 0, &["spend"]),
    (
        "paynowctl actions list --about <order>",
        0,
        &["discard", "anna", "a test of ours"],
    ),
    (
        "paynowctl actions list --about <wallet>",
        0,
        &["correct", "anna", "sorry"],
    ),
    (
        "paynowctl wallet list --debts",
        0,
        &["600000000000100002 -400"],
    ),
];

/// Names of commands in sentences. `check` needs no argument, and has a test of its own below.
const NAMES: [&str; 3] = ["paynowctl", "paynowctl correct", "paynowctl check"];

/// The row that is seen only while an event waits.
const WAITS: &str = "the state `not applied yet`";

#[track_caller]
fn shows(shell: &Shell, command: &str, code: i32, seen: &[&str]) {
    let outcome = shell.run(command);
    assert_eq!(outcome.code, Some(code), "{command}: {outcome:?}");
    let printed = flat(&outcome);
    for words in seen {
        assert!(
            printed.contains(words),
            "{command}: no {words:?} in\n{printed}"
        );
    }
}

/// The guide's command with the ids that a person puts into it: of an order that somebody discarded, and of a player
/// who spent points where the command is about spends.
fn filled(command: &str, seen: &[&str]) -> String {
    let wallet = if seen.contains(&"spend") {
        SPENT.1
    } else {
        WALLET
    };
    command
        .replace("<wallet>", &wallet.to_string())
        .replace("<order>", &DISCARDED.to_string())
}

#[test]
fn every_command_of_the_guide_shows_what_the_guide_says() {
    let world = World::new();
    let page = Page::read(PAGE);
    let people = People::of(&world.app);
    let operator = people.operator();
    waits_for_its_order(&page, &world, &operator);

    let mut left: BTreeSet<&str> = BLOCKS.map(|(command, ..)| command).into();
    for command in page.commands() {
        let (text, place) = (command.text.as_str(), &command.place);
        let Some((known, code, seen)) = BLOCKS.iter().find(|(known, ..)| *known == text) else {
            panic!("{place}: say in this test what one sees: {text}");
        };
        left.remove(known);
        if !known.contains("--waiting") {
            shows(&operator, text, *code, seen);
        }
    }
    assert!(left.is_empty(), "no longer in the guide: {left:?}");

    let mut left: BTreeSet<&str> = QUOTED.map(|(command, ..)| command).into();
    for command in page.quoted("paynowctl") {
        let (text, place) = (command.text.as_str(), &command.place);
        if NAMES.contains(&text) {
            continue;
        }
        let Some((known, code, seen)) = QUOTED.iter().find(|(known, ..)| *known == text) else {
            panic!("{place}: say in this test what one sees: {text}");
        };
        left.remove(known);
        shows(&operator, &filled(text, seen), *code, seen);
    }
    assert!(left.is_empty(), "no longer in the guide: {left:?}");

    each_row_is_seen(&page, &operator);
    refunds_and_chargebacks_say_what_they_were_for(&page, &operator);
    nobody_knows_an_event(&page, &operator);
    players_are_found(&page, &operator);
    lists_go_on(&page, &operator);
    a_reader_does_the_same_by_ids(&page, &people);
    a_correction_is_given_once(&page, &world, &operator);
    world.app.ctl(&["check", "--skip-broker"]).succeeded();
}

/// `events list --waiting` and the row about it, while a refund waits for an order that comes soon.
fn waits_for_its_order(page: &Page, world: &World, operator: &Shell) {
    let (command, code, seen) = BLOCKS[4];
    let rows = page.table("You see");
    let row = rows.iter().find(|row| row[0].starts_with(WAITS));
    let words = words(&row.expect("the page has the row")[0]);
    let mut sent = 0;
    eventually("the refund waits, and both commands say so", || {
        // One that waited too long for a slow machine is a dead letter by now.
        if sent == world.refunds_without_order() {
            world.refund_of_an_order_to_come();
            sent += 1;
        }
        let listed = operator.run(command);
        let printed = flat(&listed);
        let shown = flat(&operator.run(&format!("paynowctl orders show {LATE}")));
        let is_seen = listed.code == Some(code)
            && seen.iter().all(|words| printed.contains(words))
            && words.iter().all(|words| shown.contains(words));
        is_seen.then_some(())
    });
    world.the_order_comes();
}

/// The table of the part "I did not get my points": each first cell has the words that one order shows.
fn each_row_is_seen(page: &Page, operator: &Shell) {
    let rows = page.table("You see");
    let orders = [
        ("`wallets` with points", GIFT, 0),
        ("the same, and `balance now`", SPENT.0, 0),
        ("points under `taken back`", ORDER, 0),
        ("lines with 0 points", FREE, 0),
        ("the state `not applied`", LOST, 0),
        ("a dead letter that is `discarded`", DISCARDED, 0),
        ("`order … is not recorded`", NOBODY, 3),
    ];
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| !row[0].starts_with(WAITS))
        .collect();
    assert_eq!(rows.len(), orders.len(), "{rows:?}");
    for (row, (beginning, order, code)) in rows.into_iter().zip(orders) {
        assert!(row[0].starts_with(beginning), "{row:?}");
        let words = words(&row[0]);
        shows(
            operator,
            &format!("paynowctl orders show {order}"),
            code,
            &words,
        );
    }
    let column = |order: i64| {
        let shown = operator.run(&format!("paynowctl orders show {order}"));
        let printed = flat(&shown);
        let mut lines = printed
            .lines()
            .skip_while(|line| !line.starts_with("wallet given"));
        lines.nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(column(GIFT), "600000000000100001 500 0 500");
    assert_eq!(column(SPENT.0), format!("{} 500 0 300", SPENT.1));
    assert_eq!(column(ORDER), "600000000000100000 1500 500 2257");
    shows(
        operator,
        &format!("paynowctl orders show {FREE}"),
        0,
        &["600000000000100000 0"],
    );
}

fn refunds_and_chargebacks_say_what_they_were_for(page: &Page, operator: &Shell) {
    page.says("`line` names the line; `everything` takes all that was not back yet; `points` is what a person decided.");
    page.says("`chargeback won` gives the points back.");
    let of = |order: i64, seen: &[&str]| {
        shows(operator, &format!("paynowctl orders show {order}"), 0, seen)
    };
    of(ORDER, &["500 line 600000000000000031"]);
    of(BOTH, &["1000 everything", "points"]);
    of(WON, &["chargeback won", "chargeback opened", "500 0"]);
    page.says("Its event may be a dead letter of the order (`partial_refund` waits for a person");
    of(LETTER, &["partial_refund", "open"]);
    page.says("**The balance is below 0:** the points were spent before they were taken back.");
}

/// The table of what is said about an event that is in no record.
fn nobody_knows_an_event(page: &Page, operator: &Shell) {
    let rows = page.table("It says");
    assert_eq!(rows[0][0], "`was never accepted`", "{rows:?}");
    let never = words(&rows[0][0]);
    let command = format!("paynowctl events show {NOBODY}");
    // The broker's figures are up to ten seconds old, and the orders before have only just left its queues.
    eventually("the broker's figures show empty queues", || {
        (!flat(&operator.run(&command)).contains("may be in a queue")).then_some(())
    });
    shows(operator, &command, 3, &never);
}

fn players_are_found(page: &Page, operator: &Shell) {
    page.says("a Minecraft UUID with or without dashes, a Steam id, an XUID.");
    for asked in ["stev", "069A79F444E94726A5BEFCA90E38AAF5"] {
        shows(
            operator,
            &format!("paynowctl find {asked}"),
            0,
            &["player 600000000000100000"],
        );
    }
    for asked in ["76561198000000001", "2533274800000001", "Alex"] {
        shows(
            operator,
            &format!("paynowctl find {asked}"),
            0,
            &["player 600000000000100001"],
        );
    }
    page.says("The id of an order, order line, event, refund or wallet, also of one that waits.");
    for (asked, kind) in [
        (ORDER, "order"),
        (600_000_000_000_000_031, "order line"),
        (EVENT, "event"),
    ] {
        shows(
            operator,
            &format!("paynowctl find {asked}"),
            0,
            &[kind, &asked.to_string()],
        );
    }
    page.says("Exit code 3 means that nothing was found, and the sentence says what was searched.");
    shows(
        operator,
        "paynowctl find steve@example.org",
        3,
        &["searched"],
    );
}

fn lists_go_on(page: &Page, operator: &Shell) {
    page.says("Their last line says how the next page is asked for (`--after …`).");
    for list in ["events list", "wallet list", "actions list"] {
        let first = operator.run(&format!("paynowctl {list} --limit 1"));
        let printed = flat(&first);
        let last = printed.trim_end().lines().last().unwrap_or_default();
        let (_more, after) = last.split_once("--after ").expect("it says how to go on");
        let next = flat(&operator.run(&format!("paynowctl {list} --limit 1 --after {after}")));
        assert_ne!(next, printed, "{list}");
        shows(
            operator,
            &format!("paynowctl {list} --limit 1000 --json"),
            0,
            &[],
        );
    }
}

/// Of the page's commands that only read, all but the search for a name.
fn a_reader_does_the_same_by_ids(page: &Page, people: &People<'_>) {
    page.says("A login in `paynow_reader` can do the same by ids; it may read no names, and not `dead show`.");
    let reader = people.reader();
    let reads = [
        "find 6",
        "orders show",
        "events show",
        "wallet history",
        "actions list",
    ];
    let mut run = 0;
    for (command, code, seen) in BLOCKS {
        let is_read = |read: &&str| command.starts_with(&format!("paynowctl {read}"));
        if reads.iter().any(is_read) {
            shows(&reader, command, code, seen);
            run += 1;
        }
    }
    assert_eq!(run, 6);
    let name = flat(&reader.run("paynowctl find Steve"));
    assert!(!name.contains("player 600000000000100000"), "{name}");
    let letter = reader.run("paynowctl dead show 1");
    assert_ne!(letter.code, Some(0), "{letter:?}");
}

fn a_correction_is_given_once(page: &Page, world: &World, operator: &Shell) {
    page.says("The key makes a repeat harmless: the same key gives once.");
    let before = world.app.balance_of(WALLET);
    let (command, ..) = BLOCKS[10];
    for _time in 0..2 {
        shows(operator, &format!("{command} --yes"), 0, &[]);
        assert_eq!(world.app.balance_of(WALLET), before + 500);
    }
}
