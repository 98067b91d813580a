//! What people meet while they do their job: the way on from each page, and what happens twice or half.

use std::thread;

use serde_json::Value;

use super::acting::{UNKNOWN, dead, go, preview, set_price};
use super::{Browser, Console, Page};
use crate::doctor::row;
use crate::harness::{Order, TestApp, eventually, flake};

fn json(browser: &Browser, path: &str) -> Value {
    browser.with("Accept", "application/json").get(path).json()
}

fn replay_ends(browser: &Browser, replay: &str) -> Value {
    eventually("the replay ends", || {
        let course = json(browser, replay);
        (course["ended"] == "finished").then_some(course)
    })
}

fn actions(app: &TestApp, action: &str) -> i64 {
    app.database.number(&format!(
        "SELECT count(*) AS value FROM operator_actions WHERE action = '{action}' AND NOT selection ? '{action}'"
    ))
}

/// Sends the form named `again` of a page, as it is.
fn look_again(anna: &Browser, page: &Page) -> Page {
    let form = page.between("<form id=\"again\"", "</form>");
    let fields: Vec<(&str, &str)> = form
        .split("<input type=\"hidden\" name=\"")
        .skip(1)
        .filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name, rest.split_once('"')?.0))
        })
        .filter(|(name, _value)| *name != "token")
        .collect();
    anna.post("/dead/preview", &fields)
}

#[test]
fn a_letter_leads_to_the_price_and_the_price_to_the_replay() {
    let (app, _console, anna) = dead(2);
    let letter = app
        .database
        .number("SELECT min(dead_letter_id) AS value FROM dead_letters");
    let product = format!("/products/{UNKNOWN}");
    let letters = "/dead?reason=unknown_product";
    let shown = anna.get(&format!("/dead/{letter}"));
    assert!(
        shown.text.contains(&product) && shown.text.contains("nobody set them"),
        "{shown:?}"
    );
    let list = anna.get("/products");
    assert!(
        list.text.contains(&product) && list.text.contains(letters),
        "{list:?}"
    );
    let without = anna.get(&product);
    assert!(without.text.contains("set the points"), "{without:?}");
    set_price(&anna);
    let priced = anna.get(&format!("/dead/{letter}"));
    let now = "All its products have points now: replay it.";
    assert!(
        priced.text.contains(now) && !priced.text.contains("Set the points"),
        "{priced:?}"
    );
    let replayed = anna.get("/dead?state=replayed");
    assert!(
        replayed.text.contains("Replayed: sent again"),
        "{replayed:?}"
    );
    let with = anna.get(&product);
    assert!(
        with.text.contains(letters) && with.text.contains("a replay gives +1,000"),
        "{with:?}"
    );
    let both = anna.get("/dead");
    assert!(
        both.text
            .contains("form=\"choose\" formaction=\"/dead/discard/preview\""),
        "ticked letters can be discarded: {both:?}"
    );
}

#[test]
fn a_preview_keeps_what_was_typed_and_leads_to_the_next_one() {
    let (app, _console, anna) = dead(2);
    set_price(&anna);
    let first = preview(&anna);
    let fields = [("why", "typed with care"), ("count", "3"), ("rate", "7")];
    let miscounted = anna.post(&format!("{first}/go"), &fields);
    assert_eq!(miscounted.status, 422, "{miscounted:?}");
    assert!(
        miscounted.text.contains("typed with care") && miscounted.text.contains("value=\"7\""),
        "{miscounted:?}"
    );
    app.deliver(&Order::of(UNKNOWN + 1, flake()));
    app.drain();
    let changed = go(&anna, &first, "2");
    assert_eq!(changed.status, 409, "{changed:?}");
    let again = look_again(&anna, &changed);
    assert_eq!(again.status, 303, "{again:?}");
    let of_three = json(&anna, again.header("location"));
    assert_eq!(of_three["letters"], 3, "{of_three}");
    app.database
        .execute("UPDATE replay_previews SET made_at = made_at - interval '16 minutes'")
        .expect("a superuser may");
    let old = anna.get(&first);
    assert!(old.text.contains("look again"), "{old:?}");
    assert_eq!(look_again(&anna, &old).status, 303);
    let refused = anna.post("/products", &[("product", "x")]);
    assert!(
        refused.status == 422 && refused.text.contains("href=\"/products\">Back"),
        "{refused:?}"
    );
}

#[test]
fn forms_that_are_sent_at_once_begin_one_replay() {
    let (app, console, anna) = dead(4);
    set_price(&anna);
    let (of_anna, of_olaf) = (preview(&anna), preview(&anna));
    let sent: Vec<_> = (0..4)
        .map(|_click| {
            let (anna, preview) = (anna.clone(), of_anna.clone());
            thread::spawn(move || {
                let fields = [("why", "x"), ("count", "4"), ("once", "one form")];
                anna.post(&format!("{preview}/go"), &fields)
            })
        })
        .collect();
    let answers: Vec<Page> = sent
        .into_iter()
        .map(|thread| thread.join().expect("it does not panic"))
        .collect();
    let replay = answers[0].header("location").to_owned();
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, replay.as_str()),
            "{answer:?}"
        );
    }
    replay_ends(&anna, &replay);
    // Somebody else saw the same letters before.
    let olaf = console.somebody(&app, "olaf", "operator");
    let late = go(&olaf, &of_olaf, "4");
    assert_eq!(late.status, 409, "{late:?}");
    assert_eq!(actions(&app, "replay"), 1);
    assert_eq!(
        app.database
            .number("SELECT count(*) AS value FROM ledger_entries"),
        4
    );
}

#[test]
fn a_replay_whose_console_is_killed_goes_on_even_when_all_was_sent() {
    let (app, console, anna) = dead(2);
    set_price(&anna);
    let preview = preview(&anna);
    app.workers[0].signal("-STOP");
    let why = [("why", "x"), ("count", "2"), ("canary", "2")];
    let replay = anna.post(&format!("{preview}/go"), &why);
    let replay = replay.header("location").to_owned();
    eventually("all is sent", || {
        (json(&anna, &replay)["sent"] == 2).then_some(())
    });
    console.program.signal("-KILL");
    drop(console);
    app.workers[0].signal("-CONT");
    let next = Console::start(&app);
    let olaf = next.somebody(&app, "olaf", "operator");
    let page = eventually("the console knows that nobody runs it", || {
        let page = olaf.get(&replay);
        page.text.contains("without a word").then_some(page)
    });
    assert!(page.text.contains("<form id=\"resume\""), "{page:?}");
    let resume = format!("{replay}/resume");
    let on = olaf.post(&resume, &[("why", "the console is back")]);
    assert_eq!(on.status, 303, "{on:?}");
    assert_eq!(replay_ends(&olaf, &replay)["applied"], 2);
    assert_eq!(
        app.database
            .number("SELECT count(*) AS value FROM ledger_entries"),
        2
    );
}

#[test]
fn the_command_of_a_correction_is_the_same_correction() {
    let (app, console, anna) = dead(1);
    set_price(&anna);
    let preview = preview(&anna);
    let begun = go(&anna, &preview, "1");
    replay_ends(&anna, begun.header("location"));
    let wallet = app
        .database
        .texts("SELECT wallet_id::text AS value FROM wallets")
        .remove(0);
    let sue = console.somebody(&app, "sue", "support");
    let ask = [
        ("wallet", wallet.as_str()),
        ("points", "-20"),
        ("why", "twice"),
        ("key", "case-1"),
    ];
    let asked = sue.post("/corrections", &ask);
    let page = sue.get(asked.header("location"));
    let command = page.between("paynowctl correct ", "</code>").to_owned();
    let words = command
        .replace("&#60;name&#62;", "cy")
        .replace("&lt;name&gt;", "cy");
    let words: Vec<&str> = words.split(' ').chain(["--yes", "--json"]).collect();
    let abe = console.somebody(&app, "abe", "approver");
    let decide = [
        ("verdict", "approve"),
        ("balance", "500"),
        ("why", "I saw it"),
    ];
    let decided = format!("{}/decide", asked.header("location"));
    assert_eq!(abe.post(&decided, &decide).status, 303);
    // Typed by somebody who did not see that it was approved.
    let _outcome = app.ctl(&[&["correct"], &words[..]].concat());
    assert_eq!(
        app.balance_of(wallet.parse().expect("a number")),
        480,
        "{words:?}"
    );
    let done = sue.get(asked.header("location"));
    assert!(!done.text.contains("paynowctl correct"), "{done:?}");

    let of_two = || {
        let check = app.ctl(&["check", "--skip-broker", "--json"]);
        row(&check, "corrections_by_two")
    };
    assert_eq!(of_two()["status"], "ok");
    let alone = [
        "--points", "3", "--key", "night", "--by", "cy", "--why", "x",
    ];
    app.ctl(&[&["correct", "--wallet", &wallet, "--yes"][..], &alone].concat())
        .succeeded();
    let row = of_two();
    assert_eq!(row["status"], "notice");
    let message = row["message"].as_str().expect("a text");
    assert!(message.ends_with("correction:night"), "{row}");
}

#[test]
fn an_auditor_exports_all_with_what_came_of_it() {
    let app = TestApp::start();
    let console = Console::start(&app);
    let vera = console.somebody(&app, "vera", "viewer");
    app.database
        .execute(
            "SELECT correct_wallet('correction:' || number, 20, number, 'cy', 'x') \
             FROM generate_series(1, 130) AS number",
        )
        .expect("a superuser may");
    let export = vera.get("/audit/export?by=cy");
    assert_eq!(export.text.lines().count(), 131, "{export:?}");
    assert!(export.text.contains("selection,outcome\r\n"), "{export:?}");
    let page = vera.get("/audit");
    assert!(page.text.contains("Outcome"), "{page:?}");
    let none = vera.get("/wallets/77");
    assert!(
        none.status == 404 && none.text.contains("/dead?wallet=77"),
        "{none:?}"
    );
}

/// What two ways to do the same leave behind, without what must differ.
fn recorded(app: &TestApp, action: &str) -> Vec<String> {
    app.database.texts(&format!(
        "SELECT action || ' ' || operator || ' ' || why || ' ' || \
             regexp_replace(((selection - 'preview_id' - 'sha256' - 'expect') || coalesce(outcome, '{{}}'))::text, \
                 '\"[0-9]+\"', 'id', 'g') AS value \
         FROM operator_actions WHERE action = '{action}' ORDER BY action_id"
    ))
}

#[test]
fn the_console_and_the_command_leave_the_same_behind() {
    let (app, _console, anna) = dead(4);
    let letters = app
        .database
        .texts("SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY dead_letter_id");
    let note = ["--by", "anna", "--why", "as it is"];
    let ticked = |id: &str| {
        let fields = [("which", "ticked"), ("letter", id)];
        anna.post("/dead/discard/preview", &fields)
    };
    let shown = ticked(&letters[0]);
    let expect = shown.between("name=\"expect\" value=\"", "\"").to_owned();
    let discard = [
        ("letters", letters[0].as_str()),
        ("expect", &expect),
        ("why", "as it is"),
    ];
    assert_eq!(anna.post("/dead/discard", &discard).status, 303);
    app.ctl(&[&["dead", "discard", &letters[1], "--yes"], &note[..]].concat())
        .succeeded();
    let price = [
        ("product", UNKNOWN.to_string()),
        ("points", "500".to_owned()),
        ("why", "as it is".to_owned()),
    ];
    let price = price
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(anna.post("/products", &price).status, 303);
    let other = (UNKNOWN + 1).to_string();
    app.ctl(&[&["products", "set", &other, "500", "--yes"], &note[..]].concat())
        .succeeded();
    let made = anna.post(
        "/dead/preview",
        &[("which", "ticked"), ("letter", &letters[2])],
    );
    let begun = anna.post(
        &format!("{}/go", made.header("location")),
        &[("why", "as it is")],
    );
    replay_ends(&anna, begun.header("location"));
    app.ctl(&[&["dead", "replay", &letters[3], "--yes"], &note[..]].concat())
        .succeeded();
    for (action, rows) in [("discard", 1), ("price", 1), ("replay", 2)] {
        let recorded = recorded(&app, action);
        assert_eq!(recorded.len(), 2 * rows, "{recorded:?}");
        assert_eq!(recorded[..rows], recorded[rows..], "{action}");
    }
}
