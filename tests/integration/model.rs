//! Random histories of orders, gift cards, taxes, refunds, chargebacks and retellings, in any order of
//! arrival and with repeats. A model that is written without the worker's code says what is right:
//! after each event the ledger is what the rules say, no wallet ever loses points that the truth does not
//! take, and in the end, when people have decided what was left to them, every balance is the truth.
//!
//! A failing test prints `MODEL_SEED`, which repeats its first failure.

mod bodies;
mod generate;
mod history;
mod play;
mod rules;
mod stack;
mod told;
mod truth;
mod worker;

use std::collections::BTreeMap;

use fastrand::Rng;

use generate::{Ids, history};
use history::{History, Kind, Verdict};
use play::{Broken, Play, Tally};
use worker::Worker;

const HISTORIES: u64 = 20_000;

/// What a run takes its random numbers from.
#[expect(
    clippy::disallowed_methods,
    reason = "no program reads it; it is for whoever runs the test"
)]
fn seed() -> u64 {
    let given = std::env::var("MODEL_SEED").ok();
    given.map_or(14, |seed| seed.parse().expect("MODEL_SEED is a number"))
}

fn play(history: &History, seed: u64) -> Result<Tally, Broken> {
    let mut worker = Worker::new(&history.settings, &history.prices);
    Play::new(history, seed, &mut worker).run()
}

/// The history without the arrivals that its failure does not need, and the failure.
fn shrink(mut history: History, mut broken: Broken, seed: u64) -> (History, Broken) {
    let mut place = 0;
    while place < history.arrivals.len() {
        let mut smaller = history.clone();
        let event = smaller.arrivals.remove(place);
        // An event that never arrives would be another truth.
        let still_arrives = smaller.arrivals.contains(&event);
        match play(&smaller, seed) {
            Err(same)
                if same.claim == broken.claim
                    && (still_arrives || same.claim.is_of_one_event()) =>
            {
                (history, broken) = (smaller, same);
            }
            Ok(_) | Err(_) => place += 1,
        }
    }
    (history, broken)
}

#[test]
fn twenty_thousand_random_histories_end_as_the_model_says() {
    let mut verdicts = BTreeMap::<Verdict, u32>::new();
    for seed in (seed()..).take(usize::try_from(HISTORIES).unwrap()) {
        let mut random = Rng::with_seed(seed);
        let kind = [Kind::Sound, Kind::Wild][random.usize(..2)];
        let history = history(&mut random, &mut Ids::from(1), kind);
        match play(&history, seed) {
            Ok(tally) => tally.add_to(&mut verdicts),
            Err(broken) => {
                let (history, Broken { claim, what }) = shrink(history, broken, seed);
                panic!("MODEL_SEED={seed}: {claim:?}: {what}\n{history:#?}");
            }
        }
    }
    for verdict in Verdict::ALL {
        let count = verdicts.get(&verdict).copied().unwrap_or_default();
        assert!(count > 100, "{verdict:?} happened {count} times only");
    }
}
