//! What must hold. stateright's `eventually` misses a counterexample that joins a path it has visited before.
//! So liveness is a statement about the states in which nothing but a fault can happen any more; that every
//! path leads to one is what `graph.rs` shows.

use stateright::Property;

use super::model::Protocol;
use super::state::{EVENTS, Kind, LetterState, Outcome, Request, State};

/// Safety and the end of every path, in every scenario.
pub fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always("an event is credited once", credited_once),
        Property::always("202 follows a confirm", accepted_is_confirmed),
        Property::always("what was accepted is somewhere", accepted_is_somewhere),
        Property::always("a resolved letter was applied", resolved_is_applied),
        Property::always(
            "a person decided about the last death of a discarded letter",
            discarded_is_decided,
        ),
        Property::always(
            "a replay takes a letter as often as it was selected",
            replay_keeps_to_selection,
        ),
        Property::always(
            "a balance is the sum of what was recorded",
            balance_is_right,
        ),
        Property::always("a refund follows its order", refund_follows_order),
        Property::always("everything comes to rest", everything_comes_to_rest),
    ]
}

fn credited_once(model: &Protocol, state: &State) -> bool {
    let posted = |event: &usize| state.ledger.events[*event] == Some(Outcome::Posted);
    let one_body = (0..EVENTS).all(|event| {
        let id = model.events[event].event_id();
        let same_id = (0..EVENTS).filter(|other| model.events[*other].event_id() == id);
        same_id.filter(posted).count() <= 1
    });
    one_body && state.ledger.entries.iter().all(|entries| *entries <= 1)
}

fn accepted_is_confirmed(_model: &Protocol, state: &State) -> bool {
    let webhooks = state.webhooks.iter();
    webhooks
        .into_iter()
        .all(|webhook| webhook.confirmed || !webhook.accepted)
}

fn accepted_is_somewhere(_model: &Protocol, state: &State) -> bool {
    (0..EVENTS).all(|event| {
        let at_the_desk = match state.letters[event].state {
            LetterState::Open | LetterState::Replayed | LetterState::Discarded => true,
            // Its event must be in the books instead.
            LetterState::Absent | LetterState::Resolved => false,
        };
        !state.webhooks[event].accepted
            || at_the_desk
            || state.is_applied(event)
            || state.is_on_its_way(event)
    })
}

fn resolved_is_applied(_model: &Protocol, state: &State) -> bool {
    (0..EVENTS)
        .all(|event| state.letters[event].state != LetterState::Resolved || state.is_applied(event))
}

fn discarded_is_decided(_model: &Protocol, state: &State) -> bool {
    state.letters.iter().all(|letter| {
        letter.state != LetterState::Discarded || letter.discarded_death == letter.deaths
    })
}

fn replay_keeps_to_selection(_model: &Protocol, state: &State) -> bool {
    state
        .letters
        .iter()
        .all(|letter| letter.taken <= letter.selected)
}

fn balance_is_right(model: &Protocol, state: &State) -> bool {
    let recorded = state.ledger.events.iter().zip(&model.events);
    let points = recorded.filter(|(outcome, _kind)| **outcome == Some(Outcome::Posted));
    state.ledger.balance == points.map(|(_outcome, kind)| kind.points()).sum::<i8>()
}

fn refund_follows_order(model: &Protocol, state: &State) -> bool {
    (0..EVENTS).all(|event| {
        model.events[event] != Kind::Refund
            || !state.is_applied(event)
            || state.ledger.entries[0] > 0
    })
}

fn everything_comes_to_rest(model: &Protocol, state: &State) -> bool {
    is_at_rest(state) || model.has_step(state)
}

/// Whether nobody has anything left to do but a person, and each event was applied or lies before one.
fn is_at_rest(state: &State) -> bool {
    let idle = state.workers == [None; 2] && state.archive.is_none() && state.replay.is_none();
    idle && (0..EVENTS).all(|event| {
        let webhook = state.webhooks[event];
        let is_settled = match state.letters[event].state {
            LetterState::Absent | LetterState::Resolved => state.is_applied(event),
            LetterState::Open | LetterState::Discarded => !state.is_applied(event),
            LetterState::Replayed => false,
        };
        webhook.answered
            && webhook.request == Request::None
            && is_settled
            && !state.is_on_its_way(event)
    })
}
