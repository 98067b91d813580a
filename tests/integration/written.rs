//! What a command that changes something prints with `--json`: one document.

use serde_json::{Value, json};

use crate::harness::{Order, TestApp, flake};

const PRODUCT: &str = "600000000000000040";
const NOTE: [&str; 4] = ["--by", "anna", "--why", "ticket 4711"];

fn act(app: &TestApp, arguments: &[&str]) -> Value {
    app.ctl_json(&[arguments, &NOTE].concat())
}

#[test]
fn a_setup_tells_each_step_and_whether_all_were_taken() {
    let app = TestApp::builder().workers(0).start();
    let done = app.ctl_json(&["setup"]);
    assert_eq!(done["is_complete"], true);
    let steps = done["steps"].as_array().expect("a list");
    let has = |part: &str, what: &str| {
        steps
            .iter()
            .any(|step| step["part"] == part && step["what"] == what)
    };
    assert!(has("database", "migrations are up to date"), "{done}");
    assert!(has("broker", "queues: 5 unchanged"), "{done}");

    let mut variables = app.variables();
    variables.retain(|(name, _value)| name != "DATABASE_URL");
    variables.push((
        "DATABASE_URL".to_owned(),
        "postgres://127.0.0.1:1/none".to_owned(),
    ));
    let failed = crate::harness::Program::run("paynowctl", &variables, &["setup", "--json"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(failed.json()["is_complete"], false);
    assert!(failed.stderr.contains("cannot be reached"), "{failed:?}");
}

#[test]
fn a_price_a_discard_and_a_correction_tell_before_and_after() {
    let app = TestApp::start();
    let wallet = flake();
    app.deliver(&Order::of(PRODUCT.parse().unwrap(), wallet));
    app.drain();

    let set = act(&app, &["products", "set", PRODUCT, "500"]);
    let price = |points: Value, before: Value| json!({"product_id": PRODUCT, "points": points, "points_before": before, "is_changed": true});
    let mut expected = price(500.into(), Value::Null);
    for time in ["starts_at", "ends_at"] {
        expected[time] = Value::Null;
    }
    assert_eq!(set, expected);
    let same = act(&app, &["products", "set", PRODUCT, "500"]);
    assert_eq!(
        (&same["is_changed"], &same["points_before"]),
        (&json!(false), &json!(500))
    );
    let removed = act(&app, &["products", "remove", PRODUCT]);
    assert_eq!(removed, price(Value::Null, 500.into()));

    let discarded = act(&app, &["dead", "discard", "1"]);
    assert_eq!(discarded["dry_run"], false);
    assert_eq!(discarded["letters"][0]["dead_letter_id"], "1");

    let wallet = wallet.to_string();
    let change = [
        "correct", "--wallet", &wallet, "--points", "7", "--key", "k",
    ];
    let (dry, done) = (
        act(&app, &change),
        act(&app, &[&change[..], &["--yes"]].concat()),
    );
    assert_eq!(
        (&dry["dry_run"], &dry["outcome"]),
        (&json!(true), &json!("foreseen"))
    );
    let expected = json!({
        "dry_run": false, "outcome": "applied", "wallet_id": wallet, "is_new_wallet": true,
        "points": 7, "balance_before": 0, "balance_after": 7, "entry_key": "correction:k",
        "earlier": null, "expect": done["expect"],
    });
    assert_eq!(done, expected);
    let again = act(&app, &[&change[..], &["--yes"]].concat());
    assert_eq!(
        (&again["outcome"], &again["balance_after"]),
        (&json!("already_applied"), &json!(7))
    );
}
