//! `paynowctl forget`: what names a person goes, and what keeps credits correct stays.

use serde_json::json;

use super::{POINTS, PRICE, UUID, app_with_product, known, order_by, player, tell};
use crate::harness::{Order, PLANTED_EMAIL, PLANTED_NAME, TestApp, eventually, flake};

const UNKNOWN: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "request of 2026-11-20"];

/// How many payloads and bodies are left.
fn left(app: &TestApp) -> (i64, i64) {
    let count = |sql: &str| app.database.number(sql);
    (
        count("SELECT count(payload) AS value FROM webhook_events"),
        count("SELECT count(body) AS value FROM dead_letters"),
    )
}

fn forgets(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' | ', operator, why, selection ->> 'wallet_id', outcome ->> 'identities', \
             jsonb_array_length(outcome -> 'event_ids'), jsonb_array_length(outcome -> 'dead_letter_ids'), \
             outcome ->> 'unsettled') AS value \
         FROM operator_actions WHERE action = 'forget' ORDER BY action_id",
    )
}

#[test]
fn what_names_a_person_is_removed_and_nothing_of_others() {
    let app = app_with_product();
    let (wallet, other, giver) = (flake(), flake(), flake());
    let order = order_by(&player(wallet, "Steve"), 0);
    tell(&app, &order);
    tell(&app, &order_by(&player(other, "Alex"), 0));
    // A gift names both.
    app.deliver(&Order::of(POINTS, giver).line(POINTS, 1, Some(wallet)));
    // Neither names the customer's id, both are about the customer's order.
    let order_id = order["body"]["id"].clone();
    for kind in ["ON_REFUND", "ON_PAYMENT_COMPLETED"] {
        let about = json!({"event_type": kind, "event_id": flake().to_string(), "body": {
            "id": flake().to_string(), "order_id": order_id, "customer": null, "status": "completed",
            "currency": "USD", "amount": 1000, "store_refund_amount": 1000,
            "billing_email": PLANTED_EMAIL}});
        tell(&app, &about);
    }
    // Settled, and of somebody else whose id begins with the same digits.
    let settled = Order::of(UNKNOWN, wallet);
    app.deliver(&settled);
    app.deliver(&Order::of(UNKNOWN, wallet * 10));
    app.drain();
    let discard = ["dead", "discard", &settled.event_id.to_string()];
    app.ctl(&[&discard[..], &NOTE].concat()).succeeded();
    assert_eq!(left(&app), (5, 2));
    let balance = app.balance_of(wallet);
    let before = known(&app).len();

    let id = wallet.to_string();
    let forget = [&["forget", &id][..], &NOTE].concat();
    let dry = app.ctl(&forget).succeeded().stdout;
    for part in [
        "of 4 events",
        "of 1 settled dead letter",
        UUID,
        "Steve",
        "dry run",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!((left(&app), known(&app).len()), ((5, 2), before));
    assert_eq!(forgets(&app), [""; 0]);

    let done = app.ctl(&[&forget[..], &["--yes"]].concat()).succeeded();
    assert!(
        done.stdout.contains("removed; recorded for anna"),
        "{done:?}"
    );
    assert_eq!((left(&app), known(&app).len()), ((1, 1), before - 2));
    assert!(!known(&app).iter().any(|row| row.starts_with(&id)));
    assert_eq!(
        forgets(&app),
        [format!(
            "anna | request of 2026-11-20 | {id} | 2 | 4 | 1 | []"
        )]
    );
    assert_eq!(app.balance_of(wallet), balance);
    let story = app.ctl_json(&["events", "show", order["event_id"].as_str().unwrap()]);
    assert_eq!(story["operator_actions"][0]["action"], "forget", "{story}");
    let again = app.ctl(&[&forget[..], &["--yes"]].concat()).succeeded();
    for part in [
        "of 0 events",
        "nothing was there to remove",
        "recorded for anna",
    ] {
        assert!(again.stdout.contains(part), "{part}: {again:?}");
    }
    assert!(!again.stdout.contains("removed;"), "{again:?}");
    let nobody = [&["forget", "12345"][..], &NOTE, &["--yes"]].concat();
    assert_eq!(app.ctl(&nobody).code, Some(3));
}

#[test]
fn a_removal_that_names_its_preview_removes_exactly_that_or_nothing() {
    let app = app_with_product();
    let wallet = flake();
    let id = wallet.to_string();
    let forget = |more: &[&str]| app.ctl(&[&["forget", &id][..], &NOTE, more].concat());
    let previewed = || {
        let shown = forget(&["--json"]).succeeded().json();
        let hash = shown["expect"].as_str().expect("a text").to_owned();
        let human = forget(&[]).succeeded().stdout;
        assert!(human.contains(&format!("--yes --expect {hash}")), "{human}");
        hash
    };
    let is_refused = |hash: &str, because: &str| {
        let before = (left(&app), known(&app));
        let refused = forget(&["--yes", "--expect", hash]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused
                .stderr
                .contains("not what the preview showed, nothing was done")
        );
        assert!(refused.stderr.contains(because), "{because}: {refused:?}");
        assert_eq!((left(&app), known(&app)), before);
    };
    tell(&app, &order_by(&player(wallet, "Steve"), 0));
    app.drain();
    let before = previewed();
    tell(&app, &order_by(&player(wallet, "Alex"), 0));
    app.drain();
    is_refused(&before, "other ids or names in games are known, now ");
    is_refused(&before, "other events name the customer, now ");
    let before = previewed();
    app.deliver(&Order::of(UNKNOWN, wallet));
    app.drain();
    is_refused(
        &before,
        "other dead letters name the customer, now 1 (not settled)",
    );
    let before = previewed();
    app.ctl(&[&["dead", "discard", "1"][..], &NOTE].concat())
        .succeeded();
    is_refused(&before, "other dead letters name the customer, now 1;");
    assert_eq!(forgets(&app), [""; 0]);

    let now = previewed();
    let done = forget(&["--yes", "--expect", &now, "--json"])
        .succeeded()
        .json();
    assert_eq!(
        (&done["expect"], &done["payloads"], &done["bodies"]),
        (&json!(now), &json!(2), &json!(1))
    );
    assert_eq!((left(&app), known(&app).len()), ((0, 0), 0));
    let nothing = forget(&[]).succeeded().stdout;
    assert!(nothing.contains("nothing is there to remove"), "{nothing}");
}

#[test]
fn an_event_whose_payload_was_removed_is_told_again_without_a_second_credit() {
    let app = app_with_product();
    let wallet = flake();
    let order = Order::of(POINTS, wallet);
    // Its first copy died, and was replayed after its product got a price.
    let replayed = Order::of(UNKNOWN, wallet);
    app.deliver(&order);
    app.deliver(&replayed);
    app.drain();
    app.set_product(UNKNOWN, PRICE);
    let event = replayed.event_id.to_string();
    app.ctl(&[&["dead", "replay", &event][..], &NOTE].concat())
        .succeeded();
    assert_eq!(app.balance_of(wallet), 2 * PRICE);
    let id = wallet.to_string();
    let forget = [&["forget", &id][..], &NOTE, &["--yes"]].concat();
    app.ctl(&forget).succeeded();
    assert_eq!(left(&app), (0, 0));

    for told in [&order, &replayed, &order.retold()] {
        app.deliver(told);
    }
    app.drain();
    assert_eq!(app.balance_of(wallet), 2 * PRICE);
    app.deliver(&order.clone().quantity(2));
    eventually("another body with its id is a conflict", || {
        let conflict = format!("{}: conflict", order.event_id);
        app.dead_letters().contains(&conflict).then_some(())
    });
    let shown = app.ctl_json(&["events", "show", &order.event_id.to_string()]);
    assert!(!shown.to_string().contains(PLANTED_NAME), "{shown}");
    // The customer is known again, as the help says, and the command can be repeated.
    assert_eq!(known(&app).len(), 1);
}

#[test]
fn the_body_of_a_letter_that_is_not_settled_stays_and_the_command_says_so() {
    let app = app_with_product();
    let wallet = flake();
    let open = Order::of(UNKNOWN, wallet);
    app.deliver(&Order::of(POINTS, wallet));
    app.deliver(&open);
    app.drain();
    let id = wallet.to_string();
    let forget = [&["forget", &id][..], &NOTE, &["--yes"]].concat();
    let letter = app
        .database
        .texts("SELECT dead_letter_id::text AS value FROM dead_letters");

    let kept = app.ctl(&forget);
    assert_eq!(kept.code, Some(1), "{kept:?}");
    let line = format!("not settled and keep their bodies: {}", letter[0]);
    assert!(kept.stdout.contains(&line), "{kept:?}");
    assert_eq!((left(&app), known(&app).len()), ((0, 1), 0));
    let document = app.ctl(&[&forget[..], &["--json"]].concat());
    assert_eq!(document.code, Some(1));
    assert_eq!(document.json()["unsettled_letters"], json!(letter));

    app.ctl(&[&["dead", "discard", &letter[0]][..], &NOTE].concat())
        .succeeded();
    app.ctl(&forget).succeeded();
    assert_eq!(left(&app), (0, 0));
}

#[test]
fn a_number_that_is_no_customers_removes_nothing() {
    let app = app_with_product();
    let wallet = flake();
    let order = order_by(&player(wallet, "Steve"), 0);
    tell(&app, &order);
    app.drain();
    let before = left(&app);
    // A quantity, the product, the order: all of them are in the payload.
    let order_id = order["body"]["id"].as_str().expect("an id").to_owned();
    for number in ["1".to_owned(), POINTS.to_string(), order_id] {
        let forget = [&["forget", &number, "--yes"][..], &NOTE].concat();
        let refused = app.ctl(&forget);
        assert_eq!(refused.code, Some(3), "{refused:?}");
    }
    assert_eq!(left(&app), before);
    assert!(forgets(&app).is_empty());
}
