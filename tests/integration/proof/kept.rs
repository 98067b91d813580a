//! The proof stays with a message on the retry ladder, in the table and in a replay, also after its
//! secret was changed.

use super::{POINTS, UNKNOWN, proofs, replay};
use crate::harness::{Order, Program, SECRET, TestApp, eventually, flake};
use crate::reversals::refund;

const NEW_SECRET: &str = "new:pn-fedcba9876543210fedcba9876543210";

/// An app whose secret was changed after an order and a refund without its order had died.
fn rotated() -> (TestApp, Order) {
    let mut app = TestApp::start();
    let order = Order::of(UNKNOWN, flake());
    app.deliver(&order);
    app.deliver_bytes(&refund(&Order::of(POINTS, flake()), flake(), 1000));
    app.drain();
    app.set_product(UNKNOWN, 500);
    app.workers.iter_mut().for_each(Program::stop);
    app.workers.clear();
    (app, order)
}

fn signed_letters(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT encode(signature, 'base64') || ' ' || secret_id || ' ' || \
             (extract(epoch FROM signed_at) * 1000)::bigint AS value \
         FROM dead_letters ORDER BY dead_letter_id",
    )
}

#[test]
fn a_letter_of_a_retired_secret_is_replayed_with_its_first_proof() {
    let (mut app, order) = rotated();
    let letters = signed_letters(&app);
    assert_eq!(letters.len(), 2, "the ladder keeps the signature too");
    app.set_for_workers("PAYNOW_RETIRED_SECRETS", &format!("test:{SECRET}"));
    app.start_worker_with("PAYNOW_SIGNING_SECRETS", NEW_SECRET);
    replay(&app, &[&order.event_id.to_string()]).succeeded();
    assert_eq!(app.balance_of(order.customer_id), 500);
    let signature = letters[0]
        .split(' ')
        .next()
        .expect("a signature")
        .to_owned();
    assert_eq!(proofs(&app), [signature]);
    let other = replay(&app, &["--reason", "order_unknown", "--wait", "30"]);
    assert!(other.stderr.contains("died again"), "{other:?}");
    assert_eq!(signed_letters(&app), letters);
    let reasons = app.dead_letters().concat();
    assert!(reasons.ends_with("order_unknown"), "{reasons}");
}

#[test]
fn without_its_secret_a_letter_is_unsigned_until_the_secret_is_back_or_a_person_vouches() {
    let (mut app, order) = rotated();
    app.start_worker_with("PAYNOW_SIGNING_SECRETS", NEW_SECRET);
    let event = order.event_id.to_string();
    let again = replay(&app, &[&event, "--wait", "30"]);
    assert!(again.stderr.contains("died again"), "{again:?}");
    let reasons = app.dead_letters().concat();
    assert!(reasons.contains(&format!("{event}: unsigned")), "{reasons}");
    assert_eq!(app.balance_of(order.customer_id), 0);

    replay(&app, &[&event, "--without-proof"]).succeeded();
    assert_eq!(app.balance_of(order.customer_id), 500);
    assert!(proofs(&app)[0].starts_with("- "), "{:?}", proofs(&app));
}

#[test]
fn a_secret_that_the_worker_reads_a_moment_later_costs_no_event() {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(POINTS, 500);
    let file = format!("{}/late-{}", env!("CARGO_TARGET_TMPDIR"), flake());
    std::fs::write(&file, NEW_SECRET).expect("a file can be written");
    app.set_for_workers("PAYNOW_SIGNING_SECRETS", "");
    app.start_worker_with("PAYNOW_SIGNING_SECRETS_FILE", &file);
    let order = Order::of(POINTS, flake());
    app.deliver(&order);
    // The worker did not know the secret.
    app.await_log(r#""event":"event_deferred""#);
    std::fs::write(&file, format!("{NEW_SECRET},test:{SECRET}")).expect("it can be written");
    app.workers[0].signal("-HUP");
    eventually("the order is credited", || {
        (app.balance_of(order.customer_id) == 500).then_some(())
    });
}
