//! Histories through the receiver, the broker, several workers and the database.

use std::collections::BTreeMap;
use std::thread;

use fastrand::Rng;

use super::bodies::bytes;
use super::generate::{Ids, PRODUCTS, default_settings, history_of};
use super::history::{Answer, Kind, Price};
use super::rules::Points;
use super::seed;
use super::told::{Told, decision, is_true};
use crate::chaos::send_all;
use crate::harness::{Program, TestApp};

const HISTORIES: usize = 1_500;
/// Who decide at the same time.
const PEOPLE: usize = 8;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "seen at PayNow"];

#[test]
#[ignore = "takes minutes: ops/test runs it alone"]
fn random_histories_through_the_broker_end_as_they_truly_were() {
    let seed = seed();
    eprintln!("MODEL_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let told = histories(&mut random);
    let app = TestApp::builder()
        .workers(3)
        .worker_setting("EVENT_RETENTION_DAYS", "3650")
        .start();
    for (number, points) in PRODUCTS {
        app.set_product(Ids::from(0).products + number, points);
    }

    for is_true in [true, false] {
        deliver(&app, &told, &mut random, is_true);
    }
    replay(&app);
    let decisions = let_people_decide(&app, &told);
    replay(&app);

    assert!(decisions > HISTORIES / 50, "{decisions} decisions");
    compare(&app, &told);
}

/// People who know the truth decide every refund that waits for one. Returns how many they decided.
fn let_people_decide(app: &TestApp, told: &[Told]) -> usize {
    let answer = |event: i64| {
        let answer = told.iter().find_map(|one| one.answer_to(event))?;
        Some((event, answer))
    };
    let answers: Vec<(i64, Answer)> = undecided(app).into_iter().filter_map(answer).collect();
    let environment = &app.variables();
    thread::scope(|scope| {
        for part in answers.chunks(answers.len().div_ceil(PEOPLE).max(1)) {
            scope.spawn(move || {
                for (event, answer) in part {
                    decide(environment, *event, *answer);
                }
            });
        }
    });
    answers.len()
}

fn histories(random: &mut Rng) -> Vec<Told> {
    let mut ids = Ids::from(1);
    let prices: Vec<Price> = PRODUCTS
        .map(|(number, points)| Price {
            product: ids.products + number,
            valid_from: None,
            points: Some(points),
        })
        .to_vec();
    let mut shop = || {
        let shop = (default_settings(), prices.clone());
        Told::new(history_of(random, &mut ids, Kind::Sound, shop))
    };
    (0..HISTORIES).map(|_| shop()).collect()
}

/// Posts the events that are true, or the others, each as often as its history has it, in random order.
fn deliver(app: &TestApp, told: &[Told], random: &mut Rng, truth: bool) {
    let mut bodies: Vec<Vec<u8>> = told
        .iter()
        .flat_map(|one| {
            one.history
                .deliveries()
                .map(move |event| (event, &one.history))
        })
        .filter(|(event, history)| is_true(event, history) == truth)
        .map(|(event, _)| bytes(event))
        .collect();
    random.shuffle(&mut bodies);
    for event_id in send_all(&app.webhook_url(), &bodies) {
        app.note_accepted(&event_id);
    }
    app.drain();
}

/// Replays all dead letters until none is applied any more.
fn replay(app: &TestApp) {
    let pace = [
        "--canary",
        "1000",
        "--rate",
        "5000",
        "--max-failures",
        "100",
    ];
    let all = [
        "dead",
        "replay",
        "--since",
        "2020-01-01T00:00:00Z",
        "--yes",
        "--json",
    ];
    loop {
        let outcome = app.ctl(&[&all[..], &pace, &NOTE].concat()).json();
        if outcome["applied"] == 0 {
            return;
        }
    }
}

/// The events of refunds that wait for a person.
fn undecided(app: &TestApp) -> Vec<i64> {
    let letters = app.dead_letters();
    let mut events: Vec<i64> = letters
        .iter()
        .filter_map(|letter| letter.strip_suffix(": partial_refund"))
        .map(|event| event.parse().expect("an event id"))
        .collect();
    events.sort_unstable();
    events.dedup();
    events
}

fn decide(environment: &[(String, String)], event: i64, answer: Answer) {
    let decision = decision(event, answer);
    let decision: Vec<&str> = decision.iter().map(String::as_str).collect();
    Program::run("paynowctl", environment, &[&decision[..], &NOTE].concat());
}

fn compare(app: &TestApp, told: &[Told]) {
    let balances = sums(
        app,
        "SELECT wallet_id || ' ' || balance AS value FROM wallets",
    );
    let entries = sums(
        app,
        "SELECT wallet_id || ' ' || sum(points) AS value FROM ledger_entries GROUP BY wallet_id",
    );
    let lines = sums(
        app,
        "SELECT split_part(entry_key, ':', 2) || ' ' || points AS value FROM ledger_entries \
         WHERE kind = 'order_line'",
    );
    let mut expected_lines = Points::new();
    let mut wrong = Vec::new();
    for one in told {
        let of_lines = one.rules.points_of_lines();
        expected_lines.extend(of_lines.iter().map(|(line, _, points)| (*line, *points)));
        for (wallet, (least, most)) in one.bounds() {
            let balance = balances.get(&wallet).copied().unwrap_or_default();
            let sum = entries.get(&wallet).copied().unwrap_or_default();
            if balance != sum || balance < least || balance > most {
                wrong.push(format!(
                    "{wallet}: {balance}, {sum}, not {least} to {most}: {:?}",
                    one.history
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(lines, expected_lines);
    app.ctl(&["check", "--skip-broker"]).succeeded();
}

/// Numbers by id, of a query that returns both in one text.
fn sums(app: &TestApp, sql: &str) -> BTreeMap<i64, i64> {
    let rows = app.database.texts(sql);
    let pair = |row: &String| {
        let (id, number) = row.split_once(' ')?;
        Some((id.parse().ok()?, number.parse().ok()?))
    };
    rows.iter().filter_map(pair).collect()
}
