//! Thousands of mutated messages: each is recorded in the ledger or among the dead letters, and
//! none costs an order its credit or makes the worker pause.

mod bodies;
mod properties;

use std::collections::BTreeSet;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};
use paynow_process::broker::{Link, message};
use paynow_process::environment::Environment;
use paynow_shared::digest::BodyDigest;
use paynow_shared::topology::{CREDITS_QUEUE, DEAD_QUEUE};
use paynow_shared::wire::label;

use crate::harness::{Order, SECRET, TestApp, eventually, flake, signed_headers};
use bodies::{DEAR, POINTS, Pool};

const MUTATED: usize = 3000;
const PLAIN: usize = 50;
/// How many messages are published before their confirms are awaited.
const AT_ONCE: usize = 100;
/// Fixed, so that every run sends the same messages. `MUTATED_SEED` sets another.
const SEED: u64 = 20_261_123;

struct Message {
    queue: &'static str,
    body: Vec<u8>,
    properties: BasicProperties,
}

/// Prints the seed when the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to send the same messages again: MUTATED_SEED={}", self.0);
        }
    }
}

fn seed() -> Seed {
    let given = Environment::of_this_process()
        .text("MUTATED_SEED")
        .map(|text| text.parse().expect("a seed is a number"));
    Seed(given.unwrap_or(SEED))
}

fn mutated_messages(random: &mut fastrand::Rng) -> Vec<Message> {
    let pool = Pool::of(random);
    (0..MUTATED)
        .map(|_| {
            let body = bodies::mutated(&pool, random);
            Message {
                queue: if random.u8(..10) == 0 {
                    DEAD_QUEUE
                } else {
                    CREDITS_QUEUE
                },
                properties: properties::any(random, &body),
                body,
            }
        })
        .collect()
}

fn plain(order: &Order) -> Message {
    let body = order.body();
    let label = label(&body);
    let headers = signed_headers(SECRET, &body);
    Message {
        queue: CREDITS_QUEUE,
        properties: message::properties(&label.message_id, label.event_type.as_ref(), &headers),
        body,
    }
}

/// Publishes all messages and checks that each is confirmed.
fn publish(app: &TestApp, messages: &[Message]) {
    app.broker.runtime().block_on(async {
        let mut link = Link::open(&app.broker.address(), "test")
            .await
            .expect("the broker answers");
        let channel = link.channel().await.expect("a channel opens");
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.expect("confirms");
        for batch in messages.chunks(AT_ONCE) {
            let mut waiting = Vec::new();
            for message in batch {
                let published = channel
                    .basic_publish(
                        "".into(),
                        message.queue.into(),
                        BasicPublishOptions::default(),
                        &message.body,
                        message.properties.clone(),
                    )
                    .await;
                waiting.push(published.expect("it is sent"));
            }
            for confirm in waiting {
                let confirmed = confirm.await.expect("the broker answers");
                assert!(matches!(confirmed, Confirmation::Ack(_)), "{confirmed:?}");
            }
        }
        link.close().await;
    });
}

/// What identifies a message: its id and its exact body.
fn name_of(body: &[u8]) -> String {
    format!("{} {}", label(body).message_id, BodyDigest::of(body))
}

/// The messages that are recorded, in the ledger or among the dead letters.
fn recorded(app: &TestApp) -> BTreeSet<String> {
    let rows = app.database.texts(
        "SELECT event_id || ' ' || encode(body_sha256, 'hex') AS value FROM webhook_events \
         UNION ALL SELECT event_id || ' ' || encode(body_sha256, 'hex') FROM dead_letters",
    );
    rows.into_iter().collect()
}

#[test]
fn every_message_is_recorded_and_costs_no_other_its_credit() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed.0);
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("POINTS_METADATA_KEY", "points")
        .start();
    app.set_product(POINTS, 500);
    app.set_product(DEAR, i64::MAX);
    let orders: Vec<Order> = (0..PLAIN).map(|_| Order::of(POINTS, flake())).collect();
    let mut messages = mutated_messages(&mut random);
    for order in &orders {
        messages.insert(random.usize(..messages.len()), plain(order));
    }
    publish(&app, &messages);

    app.start_worker();
    let mut missing: BTreeSet<String> = messages
        .iter()
        .map(|message| name_of(&message.body))
        .collect();
    // Waits in stages, so that a slow machine has enough time for each.
    for left in [2000, 1000, 500, 0] {
        eventually(
            &format!("only {left} messages are not recorded yet"),
            || {
                let recorded = recorded(&app);
                missing.retain(|name| !recorded.contains(name));
                (missing.len() <= left).then_some(())
            },
        );
    }
    let given_up = "SELECT count(*) AS value FROM dead_letters WHERE reason = 'ledger_rejected'";
    assert_eq!(
        app.database.number(given_up),
        0,
        "a decision was made on an incomplete view of the ledger"
    );

    for order in &orders {
        assert_eq!(app.balance_of(order.customer_id), 500);
    }
    let logs = app.logs();
    for trouble in ["paused", "panicked", "not archived", "housekeeping failed"] {
        let lines: Vec<&str> = logs.lines().filter(|line| line.contains(trouble)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}
