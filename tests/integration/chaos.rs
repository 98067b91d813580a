//! Everything at once: thousands of events of all kinds in random order, many of them twice, some
//! of them broken, with servers and workers dying in the middle, against a model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use crate::harness::{Order, Stack, TestApp, eventually, flake, try_post};
use crate::paynow_events::{Completeness, EVENT_TYPES, Ids, envelope};
use crate::reversals::{chargeback, refund};

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 500;
/// What every order of these tests cost.
const TOTAL: i64 = 1000;
const ORDERS: usize = 2000;
const SENDERS: usize = 8;

/// The events to send, and what every wallet must have in the end.
struct Story {
    bodies: Vec<Vec<u8>>,
    model: BTreeMap<i64, i64>,
}

/// What the shop's own arithmetic leaves of an order's points in a wallet.
fn left(points: i64, refunds: &[i64], taken_by_chargeback: bool) -> i64 {
    let refunded: i64 = refunds.iter().sum();
    if taken_by_chargeback || (refunded >= TOTAL && !refunds.is_empty()) {
        return 0;
    }
    points - (2 * points * refunded + TOTAL) / (2 * TOTAL) * i64::from(!refunds.is_empty())
}

fn story(random: &mut fastrand::Rng) -> Story {
    let wallets: Vec<i64> = (0..300).map(|_| flake()).collect();
    let mut story = Story {
        bodies: Vec::new(),
        model: BTreeMap::new(),
    };
    for _ in 0..ORDERS {
        let mut order = Order::of(POINTS, wallets[random.usize(..300)]).quantity(random.i64(1..4));
        if random.u8(..4) == 0 {
            order = order.line(POINTS, random.i64(1..3), Some(wallets[random.usize(..300)]));
        }
        story.bodies.push(order.body());
        let count = [0, 0, 1, 2][random.usize(..4)];
        let refunds: Vec<i64> = (0..count).map(|_| random.i64(1..700)).collect();
        story.bodies.extend(
            refunds
                .iter()
                .map(|amount| refund(&order, flake(), *amount)),
        );
        let steps: &[Option<&str>] = match random.u8(..8) {
            0 => &[None],
            1 => &[None, Some("won")],
            2 => &[None, Some("lost")],
            _most => &[],
        };
        let payment = flake();
        story.bodies.extend(
            steps
                .iter()
                .map(|closed| chargeback(&order, payment, *closed)),
        );
        let taken = !steps.is_empty() && !steps.contains(&Some("won"));
        let mut shares = BTreeMap::<i64, i64>::new();
        for line in &order.lines {
            let wallet = line.gift_to.unwrap_or(order.customer_id);
            *shares.entry(wallet).or_default() += line.quantity * PRICE;
        }
        for (wallet, points) in shares {
            *story.model.entry(wallet).or_default() += left(points, &refunds, taken);
        }
    }
    add_noise(&mut story, random);
    random.shuffle(&mut story.bodies);
    story
}

/// Events that move nothing, broken ones, and a fifth of everything a second time.
fn add_noise(story: &mut Story, random: &mut fastrand::Rng) {
    let moves_points = [
        "ON_ORDER_COMPLETED",
        "ON_REFUND",
        "ON_CHARGEBACK",
        "ON_CHARGEBACK_CLOSED",
    ];
    for event_type in EVENT_TYPES.into_iter().cycle().take(800) {
        if !moves_points.contains(&event_type) {
            let ids = Ids::random(random);
            let event = envelope(event_type, &ids, Completeness::Sparse, random);
            story.bodies.push(event.to_string().into_bytes());
        }
    }
    story
        .bodies
        .extend((0..60).map(|serial| format!("broken {serial}").into_bytes()));
    story
        .bodies
        .extend((0..20).map(|_| Order::of(POINTS + 9, flake()).body()));
    story.bodies.extend((0..20).map(|_| {
        format!(
            r#"{{"event_type":"ON_TEST_PANIC","event_id":"{}"}}"#,
            flake()
        )
        .into_bytes()
    }));
    let repeats: Vec<Vec<u8>> = story
        .bodies
        .iter()
        .filter(|_| random.u8(..5) == 0)
        .cloned()
        .collect();
    story.bodies.extend(repeats);
}

/// Posts until it is accepted, as PayNow does; gives the event's id.
fn insist(url: &str, body: &[u8]) -> String {
    eventually("the receiver takes an event", || {
        let answer = try_post(url, body).ok()?;
        answer.accepted().then(|| answer.event_id().to_owned())
    })
}

fn send_all(url: &str, bodies: &[Vec<u8>]) -> BTreeSet<String> {
    let accepted = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for part in bodies.chunks(bodies.len().div_ceil(SENDERS)) {
            let accepted = &accepted;
            scope.spawn(move || {
                for body in part {
                    let event_id = insist(url, body);
                    accepted
                        .lock()
                        .expect("no sender panics with it")
                        .insert(event_id);
                }
            });
        }
    });
    accepted.into_inner().expect("no sender panicked with it")
}

fn settled(app: &TestApp, events: i64) {
    eventually(&format!("{events} events are settled"), || {
        let sql = "SELECT count(*) AS value FROM webhook_events";
        (app.database.number(sql) >= events).then_some(())
    });
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn thousands_of_mixed_events_through_faults_end_as_the_model_says() {
    let mut app = TestApp::builder()
        .workers(2)
        .worker_program("paynow-worker-poison")
        .start();
    app.set_product(POINTS, PRICE);
    let story = story(&mut fastrand::Rng::with_seed(3));
    assert!(story.bodies.len() >= 5_000, "{}", story.bodies.len());

    let url = app.webhook_url();
    let accepted = thread::scope(|scope| {
        let sending = scope.spawn(|| send_all(&url, &story.bodies));
        settled(&app, 500);
        app.workers.remove(0).kill();
        app.start_worker();
        settled(&app, 1_200);
        Stack::kill("db");
        Stack::start("db");
        settled(&app, 2_000);
        Stack::kill("broker");
        Stack::start("broker");
        sending.join().expect("everything is sent")
    });
    for event_id in &accepted {
        app.note_accepted(event_id);
    }
    app.drain();
    come_again(&mut app, &story);

    let rows = app
        .database
        .texts("SELECT wallet_id || ' ' || balance AS value FROM wallets");
    let balances: BTreeMap<i64, i64> = rows
        .iter()
        .filter_map(|row| row.split_once(' '))
        .map(|(wallet, balance)| (wallet.parse().unwrap(), balance.parse().unwrap()))
        .collect();
    assert_eq!(balances, story.model);
    // One copy of an event may have died before its order came, and another been applied after
    // it: such a letter is of an event that is in the books already.
    let books = "SELECT (SELECT count(*) FROM webhook_events) \
                 + (SELECT count(*) FROM dead_letters letter \
                    WHERE state = 'open' AND NOT EXISTS ( \
                        SELECT FROM webhook_events event \
                        WHERE event.event_id::text = letter.event_id \
                            AND event.body_sha256 = letter.body_sha256)) AS value";
    assert_eq!(
        app.database.number(books),
        i64::try_from(accepted.len()).unwrap()
    );
    let reasons = app.dead_letters();
    let count = |reason: &str| reasons.iter().filter(|row| row.ends_with(reason)).count();
    assert_eq!((count(": malformed"), count(": unknown_product")), (60, 20));
    assert_eq!(count(": crash_loop"), 20);
}

/// The ladder of tests ends after three seconds, so some reversals died before their order came:
/// PayNow sends them again. Their letters are then resolved by the worker's housekeeping, which it
/// does when it starts.
fn come_again(app: &mut TestApp, story: &Story) {
    let early = |app: &TestApp| -> BTreeSet<String> {
        app.dead_letters()
            .iter()
            .filter_map(|row| row.strip_suffix(": order_unknown").map(str::to_owned))
            .collect()
    };
    let died = early(app);
    for body in &story.bodies {
        let label = paynow_shared::wire::label(body).message_id;
        if died.contains(&label) {
            app.deliver_bytes(body);
        }
    }
    for event_id in &died {
        eventually("it is applied now", || {
            app.outcome_of(event_id.parse().ok()?)
        });
    }
    app.start_worker();
    eventually("no letter is left of what was applied", || {
        early(app).is_empty().then_some(())
    });
}
