//! What the states of letters mean for their points, and what a preview freezes of them.

use serde_json::{Value, json};

use super::{Desk, NOTE};
use crate::harness::eventually;

#[test]
fn points_of_settled_letters_are_not_at_stake_and_their_states_are_told() {
    let desk = Desk::start();
    let given_up = desk.elsewhere[0].event_id.to_string();
    desk.discard(&[&given_up]).succeeded();

    let groups = desk.app.ctl_json(&["dead", "list", "--state", "all"]);
    let listed: Vec<Value> = groups
        .as_array()
        .expect("a list")
        .iter()
        .map(|group| {
            json!([
                group["reason"],
                group["state"],
                group["letters"],
                group["points_at_stake"]
            ])
        })
        .collect();
    let expected = [
        json!(["malformed", "open", 1, 0]),
        json!(["unknown_product", "open", 1, 0]),
        json!(["wrong_store", "discarded", 1, 0]),
        json!(["wrong_store", "open", 1, 1500]),
    ];
    assert_eq!(listed, expected);
    let human = desk
        .app
        .ctl(&["dead", "list", "--state", "all"])
        .succeeded()
        .stdout;
    for words in [
        ["wrong_store", "discarded", "1"],
        ["wrong_store", "open", "1"],
    ] {
        let is_row = |line: &str| line.split_whitespace().take(3).eq(words);
        assert!(human.lines().any(is_row), "{words:?}: {human}");
    }
    let each = desk
        .app
        .ctl_json(&["dead", "list", "--each", "--state", "discarded"]);
    assert_eq!(each[0]["points_at_stake"], 0);
    let discarded = desk.app.ctl_json(&["dead", "list", "--state", "discarded"]);
    assert_eq!(discarded[0]["points_at_stake"], 0);
}

#[test]
fn a_selection_that_changed_since_its_preview_is_not_discarded() {
    let desk = Desk::start();
    let selection = ["--reason", "wrong_store"];
    let preview = || {
        let arguments = [&["dead", "discard"], &selection[..], &NOTE].concat();
        let shown = desk.app.ctl_json(&arguments);
        assert_eq!(
            (&shown["dry_run"], shown["letters"].as_array().map(Vec::len)),
            (&json!(true), Some(2))
        );
        shown["expect"].as_str().expect("a text").to_owned()
    };
    let discard =
        |hash: &str| desk.discard(&[&selection[..], &["--yes", "--expect", hash]].concat());
    let hash = preview();

    desk.app.deliver(&desk.elsewhere[0]);
    eventually("it is dead again", || {
        let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
        (desk.app.database.number(deaths) == 5).then_some(())
    });
    let refused = discard(&hash);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("the newest death is that of"),
        "{refused:?}"
    );

    let hash = preview();
    desk.discard(&[&desk.elsewhere[1].event_id.to_string()])
        .succeeded();
    let refused = discard(&hash);
    assert!(
        refused.stderr.contains("other dead letters match, now"),
        "{refused:?}"
    );
    assert_eq!(
        (desk.app.dead_letters().len(), desk.actions().len()),
        (3, 1)
    );
}
