//! Which state a chargeback is in.

use super::super::history::{self, Verdict};
use super::Rules;
use super::orders::time_of;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opened,
    Won,
    Lost,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    payment_id: i64,
    state: State,
    /// As it was told.
    at: Option<i64>,
    /// When it counts; an opening without a time counts as the oldest.
    counts_at: Option<i64>,
}

impl Step {
    fn is_closing(&self) -> bool {
        self.state != State::Opened
    }
}

impl Rules {
    pub(super) fn step_told(&mut self, told: &history::Step, event_id: i64) -> Verdict {
        if self.order.is_none() {
            return Verdict::Deferred;
        }
        let state = match told.chargeback_status.to_ascii_lowercase().as_str() {
            "won" => State::Won,
            "lost" => State::Lost,
            _open => State::Opened,
        };
        let of_payment = || {
            let is_same = |step: &&Step| step.payment_id == told.payment_id;
            self.steps.iter().filter(is_same)
        };
        if of_payment().any(|step| (step.state, step.at) == (state, told.at)) {
            return Verdict::Applied("noted");
        }
        let openings = of_payment().filter(|step| !step.is_closing());
        let newest_opening = openings.filter_map(|step| step.counts_at).max();
        let counts_at = match (told.at, state) {
            (Some(at), _) => Some(at),
            (None, State::Opened) => None,
            (None, State::Won | State::Lost) => Some(time_of(event_id)).max(newest_opening),
        };
        let step = Step {
            payment_id: told.payment_id,
            state,
            at: told.at,
            counts_at,
        };
        let opposes = |other: &Step| {
            other.is_closing()
                && other.state != state
                && (other.at == told.at || other.counts_at == step.counts_at)
        };
        if step.is_closing() && of_payment().any(opposes) {
            return Verdict::Refused("conflict");
        }
        self.steps.push(step);
        self.settle()
    }

    /// Whether the newest state of any payment is opened or lost.
    pub(super) fn is_charged_back(&self) -> bool {
        self.steps.iter().any(|step| {
            let order = |one: &&Step| (one.counts_at, one.is_closing());
            let same = self
                .steps
                .iter()
                .filter(|one| one.payment_id == step.payment_id);
            same.max_by_key(order)
                .is_some_and(|newest| newest.state != State::Won)
        })
    }
}
