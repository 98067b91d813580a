//! What operators, support and approvers do.

use super::{Browser, Console, Page, rows_of};
use crate::harness::{Order, TestApp, eventually, flake};

pub(super) const UNKNOWN: i64 = 600_000_000_000_000_099;

/// So many orders of a product without points, the console and an operator.
pub(super) fn dead(letters: usize) -> (TestApp, Console, Browser) {
    let app = TestApp::start();
    for _ in 0..letters {
        app.deliver(&Order::of(UNKNOWN, flake()));
    }
    app.drain();
    let console = Console::start(&app);
    let operator = console.somebody(&app, "anna", "operator");
    (app, console, operator)
}

pub(super) fn set_price(operator: &Browser) {
    let product = UNKNOWN.to_string();
    let set = [
        ("product", product.as_str()),
        ("points", "500"),
        ("why", "it was forgotten"),
    ];
    assert_eq!(operator.post("/products", &set).status, 303);
}

/// The address of the preview of all open letters.
pub(super) fn preview(operator: &Browser) -> String {
    let made = operator.post(
        "/dead/preview",
        &[("which", "matching"), ("reason", "unknown_product")],
    );
    assert_eq!(made.status, 303, "{made:?}");
    made.header("location").to_owned()
}

pub(super) fn go(operator: &Browser, preview: &str, count: &str) -> Page {
    let fields = [
        ("why", "the price is right now"),
        ("count", count),
        ("canary", "1"),
    ];
    operator.post(&format!("{preview}/go"), &fields)
}

#[test]
fn a_night_on_call_in_the_browser() {
    let (app, _console, anna) = dead(3);
    let list = anna.get("/dead?reason=unknown_product");
    assert!(list.text.contains("<title>3 open dead letters"), "{list:?}");
    // Each letter leads to where its product gets points.
    let letter = "SELECT max(dead_letter_id) AS value FROM dead_letters";
    let letter = anna.get(&format!("/dead/{}", app.database.number(letter)));
    let product = format!("href=\"/products/{UNKNOWN}\"");
    assert!(letter.text.contains(&product), "{letter:?}");
    set_price(&anna);
    let preview = preview(&anna);
    let shown = anna.with("Accept", "application/json").get(&preview).json();
    assert_eq!(
        shown["effect"]["wallets"].as_array().unwrap().len(),
        3,
        "{shown}"
    );
    let miscounted = go(&anna, &preview, "2");
    assert_eq!(miscounted.status, 422, "{miscounted:?}");
    let begun = go(&anna, &preview, "3");
    assert_eq!(begun.status, 303, "{begun:?}");
    let replay = begun.header("location").to_owned();
    // The same form once more, as of a double click, leads to the same replay.
    assert_eq!(go(&anna, &preview, "3").header("location"), replay);
    let ended = eventually("the replay ends", || {
        let json = anna.with("Accept", "application/json").get(&replay).json();
        (json["ended"] == "finished").then_some(json)
    });
    assert_eq!(
        (ended["applied"].as_i64(), ended["by"].as_str()),
        (Some(3), Some("anna"))
    );
    for wallet in shown["effect"]["wallets"].as_array().unwrap() {
        let id = wallet["wallet_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(Some(app.balance_of(id)), wallet["balance_after"].as_i64());
    }
    assert!(
        anna.get("/dead")
            .text
            .contains("<title>0 open dead letters")
    );
    let replays = "SELECT count(*) AS value FROM operator_actions WHERE action = 'replay' \
                   AND NOT selection ? 'replay'";
    assert_eq!(app.database.number(replays), 1);
}

#[test]
fn a_preview_that_is_not_true_any_more_does_nothing() {
    let (app, _console, anna) = dead(2);
    set_price(&anna);
    let preview = preview(&anna);
    app.deliver(&Order::of(UNKNOWN + 1, flake()));
    app.drain();
    let before = rows_of(&app);
    let refused = go(&anna, &preview, "2");
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.text.contains("a letter matches that did not"),
        "{refused:?}"
    );
    assert_eq!(before, rows_of(&app));
    let letters = app
        .database
        .texts("SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY 1");
    let ticked: Vec<(&str, &str)> = letters.iter().map(|id| ("letter", id.as_str())).collect();
    let shown = anna.post(
        "/dead/discard/preview",
        &[&[("which", "ticked")], &ticked[..]].concat(),
    );
    assert_eq!(shown.status, 200, "{shown:?}");
    let expect = shown.between("name=\"expect\" value=\"", "\"").to_owned();
    let numbers = shown.between("name=\"letters\" value=\"", "\"").to_owned();
    let discard = [
        ("letters", numbers.as_str()),
        ("expect", &expect),
        ("why", "test orders"),
        ("count", "3"),
    ];
    assert_eq!(anna.post("/dead/discard", &discard).status, 303);
    assert_eq!(
        anna.post("/dead/discard", &discard).status,
        409,
        "they are discarded already"
    );
    assert!(app.dead_letters().is_empty());
}

#[test]
fn a_correction_has_two_people_and_counts_once() {
    let (app, console, anna) = dead(1);
    set_price(&anna);
    let preview = preview(&anna);
    assert_eq!(go(&anna, &preview, "1").status, 303);
    let wallet = eventually("the order is applied", || {
        app.database
            .texts("SELECT wallet_id::text AS value FROM wallets")
            .pop()
    });
    let both = console.somebody(&app, "bo", "support,approver");
    let ask = [
        ("wallet", wallet.as_str()),
        ("points", "-20"),
        ("why", "given twice"),
        ("key", "case-1"),
    ];
    let asked = both.post("/corrections", &ask);
    assert_eq!(asked.status, 303, "{asked:?}");
    let request = asked.header("location").to_owned();
    assert_eq!(
        both.post("/corrections", &ask).header("location"),
        request,
        "a second click"
    );
    let decide = [
        ("verdict", "approve"),
        ("balance", "500"),
        ("why", "I saw the case"),
    ];
    let own = both.post(&format!("{request}/decide"), &decide);
    assert_eq!(own.status, 403, "{own:?}");
    assert_eq!(app.balance_of(wallet.parse().unwrap()), 500);
    let cleo = console.somebody(&app, "cleo", "approver");
    let moved = [
        ("verdict", "approve"),
        ("balance", "499"),
        ("why", "I saw the case"),
    ];
    assert_eq!(cleo.post(&format!("{request}/decide"), &moved).status, 409);
    assert_eq!(cleo.post(&format!("{request}/decide"), &decide).status, 303);
    assert_eq!(cleo.post(&format!("{request}/decide"), &decide).status, 409);
    assert_eq!(app.balance_of(wallet.parse().unwrap()), 480);
    let typed = both.post(
        "/corrections",
        &[
            ("wallet", "x"),
            ("points", "5"),
            ("why", "kept"),
            ("key", "k"),
        ],
    );
    assert!(
        typed.status == 422 && typed.text.contains("kept"),
        "the input is kept: {typed:?}"
    );
}

#[test]
fn whoever_sees_personal_data_says_why_and_recently_signed_in() {
    let (app, mut console, anna) = dead(1);
    let letter = app
        .database
        .number("SELECT dead_letter_id AS value FROM dead_letters");
    let masked = anna.get(&format!("/dead/{letter}"));
    assert!(masked.text.contains("***") && !masked.text.contains(crate::harness::PLANTED_EMAIL));
    let path = format!("/dead/{letter}/reveal");
    assert_eq!(anna.post(&path, &[]).status, 422, "without a reason");
    let shown = anna.post(&path, &[("why", "the case of a player")]);
    assert!(
        shown.status == 200 && shown.text.contains(crate::harness::PLANTED_EMAIL),
        "{shown:?}"
    );
    assert!(shown.header("refresh").contains(&format!("/dead/{letter}")));
    let why = "SELECT why AS value FROM operator_actions WHERE action = 'reveal'";
    assert_eq!(app.database.texts(why), ["the case of a player"]);
    app.database
        .execute("UPDATE console_sessions SET signed_in_at = now() - interval '16 minutes'")
        .unwrap();
    let old = anna.post(&path, &[("why", "once more")]);
    assert!(
        old.status == 403 && old.text.contains("Sign in once more"),
        "{old:?}"
    );
    app.database
        .execute("UPDATE console_sessions SET seen_at = now() - interval '31 minutes'")
        .unwrap();
    assert_eq!(anna.get("/dead").status, 303, "idle for too long");
    let log = console.program.whole_log();
    assert!(!log.contains(crate::harness::PLANTED_EMAIL), "{log}");
    app.leave_unaudited();
}
