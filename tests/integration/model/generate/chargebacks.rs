//! Random chargebacks: opened, won, lost, opened again.

use fastrand::Rng;

use super::{Body, History, Ids, Kind, MINUTE, PAID_AT, chance, event, one_of};
use crate::model::history::Step;

/// How a round of a chargeback ends, if it has.
type End = Option<&'static str>;

pub(super) fn happen(random: &mut Rng, ids: &mut Ids, history: &mut History) {
    if chance(random, 60) {
        return;
    }
    let payment_id = ids.at(PAID_AT);
    let has_time = chance(random, 85);
    // Without times a second opening cannot be told from the first one.
    let rounds = if has_time { random.i64(1..=3) } else { 1 };
    for round in 0..rounds {
        let opened_at = PAID_AT + (100 + 100 * round) * MINUTE;
        let is_last = round + 1 == rounds;
        let end: End = if is_last && chance(random, 40) {
            None
        } else {
            one_of(random, &[Some("won"), Some("won"), Some("lost")])
        };
        let mut tell = |event_type, status, delay: i64| {
            let step = Step {
                payment_id,
                order_id: history.order.id,
                at: has_time.then_some(opened_at),
                event_type,
                chargeback_status: status,
            };
            let time = opened_at + delay * MINUTE;
            history
                .events
                .push(event(ids, time, Body::Chargeback(step)));
        };
        let copies = if chance(random, 15) { 2 } else { 1 };
        for copy in 0..copies {
            if end.is_none() || chance(random, 80) {
                tell(
                    "ON_CHARGEBACK",
                    one_of(random, &["pending", "Pending"]),
                    copy,
                );
            }
            if let Some(end) = end {
                let closed = [
                    "ON_CHARGEBACK_CLOSED",
                    "ON_CHARGEBACK_CLOSED",
                    "ON_CHARGEBACK",
                ];
                tell(one_of(random, &closed), end, 10 + copy);
            }
        }
        if history.kind == Kind::Wild && chance(random, 10) {
            tell("ON_CHARGEBACK_CLOSED", one_of(random, &["won", "lost"]), 30);
        }
        history.is_charged_back = end != Some("won");
    }
}
