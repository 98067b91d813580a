//! What events mean in points: each row of a table goes as signed posts through the real receiver and
//! worker, and its last number is the balance that is right. `ops/points.md` says the same in words.

mod chargebacks;
mod orders;
mod refunds;
pub(crate) mod row;
pub(crate) mod sale;
mod settings;

use std::collections::HashMap;

use crate::harness::TestApp;
use row::{Row, Step};

/// Gives 500 points.
pub(crate) const COINS: i64 = 600_000_000_000_000_040;
/// Gives none.
const RANK: i64 = 600_000_000_000_000_041;
/// Is not in the price list.
const MYSTERY: i64 = 600_000_000_000_000_042;

/// A shop with these settings, whose worker is not started yet.
fn shop(settings: &[(&str, &str)]) -> TestApp {
    let builder = TestApp::builder()
        .workers(0)
        // One lane and one large batch: what waits in the queue is decided together and in order.
        .worker_setting("WORKER_LANES", "1")
        .worker_setting("WORKER_BATCH_MAX", "1000");
    let builder = settings.iter().fold(builder, |builder, (name, value)| {
        builder.worker_setting(name, value)
    });
    let app = builder.start();
    app.set_product(COINS, 500);
    app.set_product(RANK, 0);
    app
}

/// Posts the first events of all rows, starts a worker if none runs, and so on with the next ones.
/// Fails with all that is wrong.
#[track_caller]
pub(crate) fn check(app: &mut TestApp, rows: &[Row]) {
    let longest = rows.iter().map(|row| row.steps.len()).max();
    let mut problems = Vec::new();
    for number in 0..longest.expect("there are rows") {
        let steps: Vec<(&Row, &Step)> = rows
            .iter()
            .filter_map(|row| Some((row, row.steps.get(number)?)))
            .collect();
        for (_row, step) in &steps {
            for (event, _ending) in &step.events {
                let answer = app.deliver_bytes(event.to_string().as_bytes());
                assert!(answer.accepted(), "{answer:?}: {event}");
            }
        }
        if app.workers.is_empty() {
            app.start_worker();
        }
        app.drain();
        let endings = endings(app);
        for (row, step) in steps {
            let found = found(app, &endings, row, step);
            if found != step.expected() {
                let (name, expected) = (&row.name, step.expected());
                problems.push(format!(
                    "{name}, step {number}: {found} instead of {expected}"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What happened to each event: its outcome, or the reason of its dead letter.
fn endings(app: &TestApp) -> HashMap<String, String> {
    let listed = app.database.texts(
        "SELECT event_id::text || ' ' || outcome::text AS value FROM webhook_events \
         UNION ALL SELECT event_id || ' ' || reason FROM dead_letters WHERE state = 'open'",
    );
    let pairs = listed.iter().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(event, ending)| (event.to_owned(), ending.to_owned()))
        .collect()
}

/// What a step did, in the form of `Step::expected`.
fn found(app: &TestApp, endings: &HashMap<String, String>, row: &Row, step: &Step) -> String {
    let ending = |event: &serde_json::Value| {
        let id = event["event_id"].as_str().expect("an event has an id");
        endings.get(id).map_or("nothing", String::as_str)
    };
    let events = step.events.iter();
    let found: Vec<&str> = events
        .map(|(event, expected)| match expected {
            // Which of several events takes the points depends on their order.
            None if row::is_applied(ending(event)) => "applied",
            None | Some(_) => ending(event),
        })
        .collect();
    let wallets = [row.sale.buyer, row.sale.friend];
    let balances = wallets.iter().take(step.balances.len());
    let balances: Vec<String> = balances
        .map(|wallet| app.balance_of(*wallet).to_string())
        .collect();
    format!("{} {}", found.join(", "), balances.join("/"))
}
