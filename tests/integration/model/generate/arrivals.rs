//! In which order the events of a history arrive, and how often.

use fastrand::Rng;

use super::{Body, History, Kind, chance};
use crate::model::history::Event;

pub(super) fn shuffle(random: &mut Rng, history: &mut History) {
    if chance(random, 5) {
        reuse_an_id(random, history);
    }
    let count = history.events.len();
    let mut arrivals: Vec<usize> = (0..count).collect();
    for event in 0..count {
        while chance(random, 25) {
            arrivals.push(event);
        }
    }
    if chance(random, 80) {
        random.shuffle(&mut arrivals);
    }
    if history.kind == Kind::Sound {
        put_true_first(history, &mut arrivals);
    }
    history.arrivals = arrivals;
}

/// Sends an event under the id of another one.
fn reuse_an_id(random: &mut Rng, history: &mut History) {
    let count = history.events.len();
    if history.kind == Kind::Wild && count > 1 {
        let (from, to) = (random.usize(..count), random.usize(..count));
        history.events[to].id = history.events[from].id;
    }
}

/// Which of two different tellings of an order is true cannot be seen: the first one counts.
fn put_true_first(history: &History, arrivals: &mut [usize]) {
    let tells_of = |event: &Event| match &event.body {
        Body::Order(order) => Some(order.clone()),
        Body::Refund(_) | Body::Chargeback(_) => None,
    };
    let order = |index: &usize| tells_of(&history.events[*index]);
    let first_telling = arrivals.iter().position(|index| order(index).is_some());
    let first_true = arrivals
        .iter()
        .position(|index| order(index).as_ref() == Some(&history.order));
    if let (Some(telling), Some(truth)) = (first_telling, first_true) {
        arrivals.swap(telling, truth);
    }
}
