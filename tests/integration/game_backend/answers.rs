//! What the examples answer where a careless one goes wrong: large balances, and logins that are refused.

use serde_json::{Value, json};
use url::Url;

use super::Example::{JavaScript, Python};
use super::{PLAYER, World};

#[test]
fn the_examples_print_balances_to_the_last_digit() {
    let world = World::new();
    world.execute(
        "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
         VALUES ('correction:a', 20, 'correction', 9007199254740993 - 500)",
    );
    for example in [Python, JavaScript] {
        let (code, document) = world.run(example, &["balance", "minecraft", PLAYER]);
        let expected = json!({"wallet_id": "20", "balance": 9_007_199_254_740_993_i64});
        assert_eq!((code, document), (Some(0), expected), "{example:?}");
    }
}

#[test]
fn a_login_that_is_refused_is_not_tried_again() {
    let world = World::new();
    let changed = |change: fn(&mut Url)| {
        let mut url = world.ledger.url_of(0).clone();
        change(&mut url);
        url
    };
    let wrong = [
        (changed(|url| url.set_path("/nowhere")), "3D000"),
        (
            changed(|url| url.set_password(Some("wrong")).expect("it has a host")),
            "28P01",
        ),
    ];
    for example in [Python, JavaScript] {
        for (url, name) in &wrong {
            let mut command = world.command(example, &["unspend", "sword"]);
            let output = command.env("DATABASE_URL", url.as_str()).output();
            let output = output.expect("it runs");
            assert_eq!(output.status.code(), Some(1), "{example:?}: {output:?}");
            let said = String::from_utf8_lossy(&output.stdout);
            let said: Value = serde_json::from_str(&said).expect("one document");
            assert_eq!(said, json!({"refused": name}), "{example:?}");
            let complained = String::from_utf8_lossy(&output.stderr);
            assert!(!complained.contains("attempt"), "{example:?}: {complained}");
        }
    }
}
