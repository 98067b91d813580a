//! What was previewed is replayed, or nothing; and nothing that a preview calls pointless is sent unasked.

use serde_json::{Value, json};

use super::{
    ALL_UNKNOWN, NOTE, OTHER, PRODUCT, action, dead_orders, die, replay, replay_json, states,
};
use crate::harness::{TestApp, eventually};

const ALL: [&str; 2] = ["--since", "2020-01-01T00:00:00Z"];

fn previewed(app: &TestApp) -> String {
    let shown = replay_json(app, &ALL);
    let hash = shown["expect"].as_str().expect("a text").to_owned();
    let human = replay(app, &ALL).succeeded().stdout;
    assert!(human.contains(&format!("--yes --expect {hash}")), "{human}");
    hash
}

fn replays(app: &TestApp) -> i64 {
    app.database.number("SELECT count(*) AS value FROM replays")
}

#[track_caller]
fn is_refused(app: &TestApp, hash: &str, differences: &[&str]) {
    let refused = replay(app, &[&ALL[..], &["--yes", "--expect", hash]].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for difference in differences {
        assert!(refused.stderr.contains(difference), "{refused:?}");
    }
    assert_eq!(replays(app), 0);
}

#[test]
fn a_replay_that_names_its_preview_is_refused_with_what_changed_since() {
    let (app, orders) = dead_orders(2);
    app.set_product(PRODUCT, 500);
    let before = previewed(&app);
    let other = die(&app, OTHER, 1).remove(0);
    is_refused(&app, &before, &["other dead letters match, now 1, 2, 3"]);

    let before = previewed(&app);
    app.deliver(&other);
    eventually("it is dead again", || {
        let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
        (app.database.number(deaths) == 4).then_some(())
    });
    is_refused(&app, &before, &["the newest death is that of 3 at 20"]);

    let before = previewed(&app);
    // The price of today is not that of orders of before.
    let past = ["--valid-from", "2020-01-01T00:00:00Z", "--yes"];
    let price = ["products", "set", &PRODUCT.to_string(), "600"];
    app.ctl(&[&price[..], &past, &NOTE].concat()).succeeded();
    let effect = "now 2 applied, 0 deferred, 1 dead again and +1200 points";
    let price = format!("the newest price is 600 for product {PRODUCT}, set at 20");
    is_refused(&app, &before, &[effect, &price]);

    let before = previewed(&app);
    let wallet = orders[1].customer_id.to_string();
    let gift = ["correct", "--wallet", &wallet, "--points", "5", "--yes"];
    app.ctl(&[&gift[..], &NOTE].concat()).succeeded();
    let balance = format!("the newest is 5 of wallet {wallet} since 20");
    is_refused(&app, &before, &[&balance]);
    is_refused(
        &app,
        &"0123456789abcdef".repeat(2),
        &["other dead letters match"],
    );

    assert_eq!(states(&app), ["open: 3"]);
    let now = previewed(&app);
    let pace = ["--yes", "--max-failures", "100", "--expect", &now];
    let done = replay_json(&app, &[&ALL[..], &pace].concat());
    assert_eq!(
        (&done["applied"], &done["dead_again"]),
        (&2.into(), &1.into())
    );

    for wrong in [
        &["--expect", &now][..],
        &["--expect", &now[1..], "--yes"],
        &["--expect", "g", "--yes"],
    ] {
        let usage = replay(&app, &[&ALL[..], wrong].concat());
        assert_eq!(usage.code, Some(2), "{usage:?}");
    }
}

#[test]
fn a_replay_or_discard_of_a_filter_without_a_preview_says_what_it_chose_anew() {
    let (app, _orders) = dead_orders(3);
    app.set_product(PRODUCT, 500);
    let told = "chosen anew, because no --expect was given: ";
    let replayed = replay(&app, &ALL_UNKNOWN).succeeded().stdout;
    assert!(
        replayed.contains(&format!("{told}3 dead letters, hash ")),
        "{replayed}"
    );
    // The replay has two rows, and no preview has one.
    let id = action(&app);
    let listed = app.ctl_json(&["actions", "list", "--about", &format!("action:{id}")]);
    let steps = listed.as_array().expect("a list").iter();
    let steps: Vec<Value> = steps
        .map(|row| json!([row["step"], row["of_action"]]))
        .collect();
    assert_eq!(steps, [json!(["ended", id]), json!(["begun", null])]);
    let shown = app.ctl(&["actions", "list"]).succeeded().stdout;
    for part in ["replay: begun".to_owned(), format!("replay: end of {id}")] {
        assert!(shown.contains(&part), "{part}: {shown}");
    }
    die(&app, OTHER, 4);
    let discard = |more: &[&str]| {
        let given = ["dead", "discard"];
        app.ctl(&[&given[..], more, &NOTE].concat()).succeeded()
    };
    // Whoever names letters has not let a filter choose.
    let named = discard(&["4", "5", "--yes"]).stdout;
    assert!(!named.contains(told), "{named}");
    let shown = discard(&[&ALL[..], &["--json"]].concat()).json();
    assert_eq!(shown["chosen_anew"], false);
    let hash = shown["expect"].as_str().expect("a text");
    let chosen = discard(&[&ALL[..], &["--yes"]].concat()).stdout;
    assert!(
        chosen.contains(&format!("{told}2 dead letters, hash {hash}\n")),
        "{chosen}"
    );
}

#[test]
fn one_letter_that_would_die_again_is_sent_only_with_yes_and_is_then_finished() {
    let (app, _orders) = dead_orders(1);
    let deaths = || {
        app.database
            .number("SELECT deaths::bigint AS value FROM dead_letters")
    };

    let unasked = replay(&app, &["1"]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    let why = "dead letter 1 would die again (unknown_product), nothing was sent";
    assert!(unasked.stderr.contains(why), "{unasked:?}");
    assert!(
        unasked.stdout.contains("dry run: 1 dead letter would"),
        "{unasked:?}"
    );
    let document = replay(&app, &["1", "--json"]).json();
    assert_eq!(document["dry_run"], true);
    assert_eq!((deaths(), replays(&app)), (1, 0));

    let sent = replay(&app, &["1", "--yes"]);
    assert_eq!((sent.code, deaths()), (Some(1), 2), "{sent:?}");
    let over = format!(
        "replay {} is finished, and 1 letter died again",
        action(&app)
    );
    assert!(sent.stderr.contains(&over), "{sent:?}");
    assert!(
        sent.stdout
            .contains("1 dead again, 0 deferred, 0 skipped, 0 to do")
    );
    assert!(!sent.stderr.contains("--resume"), "{sent:?}");
}

#[test]
fn a_resumed_replay_goes_on_after_the_failures_of_the_run_before() {
    let (app, _orders) = dead_orders(4);
    let stopped = replay(&app, &ALL_UNKNOWN);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    let id = action(&app);
    let advice = format!("dead replay --resume {id} --by <name> --why <text>");
    for part in ["3 are still to do", &advice] {
        assert!(stopped.stderr.contains(part), "{part}: {stopped:?}");
    }
    // Its cause is not mended: one more letter tells, and no other is sent.
    let again = replay(&app, &["--resume", &id, "--yes"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("2 are still to do"), "{again:?}");

    app.set_product(PRODUCT, 500);
    // The action that records how a run ended has a number of its own, which names the replay too.
    let last = app
        .database
        .number("SELECT max(action_id) AS value FROM operator_actions WHERE action = 'replay'");
    assert_ne!(last.to_string(), id);
    let went_on = replay(&app, &["--resume", &last.to_string(), "--json"]);
    let document = went_on.json();
    assert_eq!(
        (&document["replay"], &document["ended"]),
        (&id.into(), &"finished".into())
    );
    assert_eq!(
        (&document["applied"], &document["to_do"]),
        (&2.into(), &0.into())
    );
    assert_eq!(states(&app), ["open: 2", "resolved: 2"]);
}
