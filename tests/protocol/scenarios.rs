//! The runs of the checker: the protocol as it is, and each mistake.

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Path};
use strum::IntoEnumIterator;

use super::graph::walk;
use super::model::Protocol;
use super::mutation::Mutation;
use super::state::{EVENTS, Kind, LetterState, Outcome, State};
use super::step::Step;

const WITH_REFUND: [Kind; EVENTS] = [Kind::Order, Kind::Refund];
const WITH_REFUSED: [Kind; EVENTS] = [Kind::Order, Kind::Refused];
const WITH_RETOLD: [Kind; EVENTS] = [Kind::Order, Kind::Retold];
const WITH_OTHER_BODY: [Kind; EVENTS] = [Kind::Order, Kind::OtherBody];

/// More steps than any counterexample of a mistake has.
const DEPTH_MAX: usize = 40;

/// From the first post.
fn posted(events: [Kind; EVENTS], faults: u8, decisions: u8) -> Protocol {
    Protocol {
        events,
        faults,
        decisions,
        is_accepted: false,
        mutation: None,
    }
}

/// From the queue.
fn accepted(events: [Kind; EVENTS], faults: u8, decisions: u8) -> Protocol {
    Protocol {
        is_accepted: true,
        ..posted(events, faults, decisions)
    }
}

/// Visits every state, and panics with the steps to the first one in which a property does not hold.
fn check(model: Protocol) {
    let began = Instant::now();
    let checker = model.checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    if let Some(property) = checker.discoveries().into_keys().next() {
        let steps = shortest(model, property).map(|path| model.tell(path));
        panic!("not kept: {property}\n{}", steps.unwrap_or_default());
    }
    let (states, seconds) = (checker.unique_state_count(), began.elapsed().as_secs_f32());
    println!("{model:?}: {states} states in {seconds:.1} s");
}

/// The shortest way to a state in which a property does not hold. The checker keeps any of those that it
/// finds, so it looks one step further each time.
fn shortest(model: Protocol, property: &'static str) -> Option<Path<State, Step>> {
    (2..DEPTH_MAX).find_map(|depth| {
        let checker = model.checker().target_max_depth(depth);
        let checker = checker.finish_when(HasDiscoveries::AllOf([property].into()));
        checker.spawn_bfs().join().discovery(property)
    })
}

#[test]
fn an_order_and_its_refund() {
    check(posted(WITH_REFUND, 1, 0));
    check(posted(WITH_REFUND, 0, 2));
    check(accepted(WITH_REFUND, 1, 1));
    check(accepted(WITH_REFUND, 1, 2));
    check(accepted(WITH_REFUND, 2, 0));
}

#[test]
fn an_order_and_an_event_that_is_refused() {
    check(posted(WITH_REFUSED, 1, 1));
    check(accepted(WITH_REFUSED, 1, 2));
    check(accepted(WITH_REFUSED, 2, 1));
}

#[test]
fn an_order_under_two_event_ids() {
    check(posted(WITH_RETOLD, 2, 1));
}

#[test]
fn two_orders_under_one_event_id() {
    check(posted(WITH_OTHER_BODY, 1, 1));
    check(accepted(WITH_OTHER_BODY, 1, 2));
    check(accepted(WITH_OTHER_BODY, 2, 1));
}

#[test]
fn every_path_ends() {
    let models = [
        posted(WITH_REFUND, 1, 0),
        posted(WITH_REFUND, 0, 1),
        accepted(WITH_REFUSED, 1, 1),
        posted(WITH_RETOLD, 1, 0),
        posted(WITH_OTHER_BODY, 1, 0),
    ];
    for model in models {
        if let Some(steps) = walk(&model, |_state| {}) {
            panic!("a path that repeats: {steps:?}");
        }
    }
}

/// A model in which nothing happens would keep every promise.
#[test]
fn what_the_promises_are_about_happens() {
    let refund = |is: fn(&State) -> bool| (accepted(WITH_REFUND, 0, 1), is);
    let refused = |is: fn(&State) -> bool| (accepted(WITH_REFUSED, 0, 2), is);
    let retold = |is: fn(&State) -> bool| (accepted(WITH_RETOLD, 0, 0), is);
    let cases = [
        refund(|state| state.ledger.events == [Some(Outcome::Posted); EVENTS]),
        refund(|state| state.broker.rung[1] == 1 && state.is_applied(0)),
        refund(|state| state.letters[1].deaths == 1 && state.is_applied(1)),
        refund(|state| state.letters[1].state == LetterState::Resolved),
        refused(|state| state.letters[1].state == LetterState::Discarded),
        refused(|state| {
            state.letters[1].state == LetterState::Open && state.letters[1].deaths == 2
        }),
        retold(|state| state.ledger.events == [Some(Outcome::Posted), Some(Outcome::Noted)]),
        retold(|state| state.ledger.events == [Some(Outcome::Noted), Some(Outcome::Posted)]),
        (accepted(WITH_OTHER_BODY, 0, 0), |state| {
            state.letters[0].state == LetterState::Open && state.is_applied(1)
        }),
        (accepted(WITH_REFUND, 1, 0), |state| {
            let held = state.workers.iter().flatten();
            held.filter(|held| held.copy.event == 0).count() == 2
        }),
    ];
    for (number, (model, is)) in cases.into_iter().enumerate() {
        let mut is_reached = false;
        walk(&model, |state| is_reached |= is(state));
        assert!(is_reached, "nothing of case {number} happens");
    }
}

/// The promises that a mistake breaks, and where it shows.
fn broken(mutation: Mutation) -> (Protocol, &'static [&'static str]) {
    const SOMEWHERE: &str = "what was accepted is somewhere";
    const AT_REST: &str = "everything comes to rest";
    const ONCE: &str = "an event is credited once";
    match mutation {
        Mutation::AckBeforeCommit | Mutation::AckBeforeArchive => {
            (posted(WITH_REFUSED, 1, 0), &[SOMEWHERE, AT_REST])
        }
        Mutation::HandOffWithoutConfirm => (posted(WITH_REFUND, 1, 0), &[SOMEWHERE, AT_REST]),
        Mutation::AcceptWithoutConfirm => (
            posted(WITH_REFUSED, 1, 0),
            &["202 follows a confirm", SOMEWHERE, AT_REST],
        ),
        Mutation::NoEventId => (posted(WITH_OTHER_BODY, 0, 0), &[ONCE]),
        Mutation::NoBusinessKey => (posted(WITH_RETOLD, 0, 0), &[ONCE]),
        Mutation::NoKeys => (
            posted(WITH_REFUND, 1, 0),
            &[ONCE, "a balance is the sum of what was recorded"],
        ),
        Mutation::TwoTransactions => (
            posted(WITH_REFUND, 1, 0),
            &["a balance is the sum of what was recorded"],
        ),
        Mutation::DeathKeepsState => (
            posted(WITH_REFUSED, 1, 1),
            &[
                "a person decided about the last death of a discarded letter",
                AT_REST,
            ],
        ),
        Mutation::MovingSelection => (
            posted(WITH_REFUSED, 0, 1),
            &["a replay takes a letter as often as it was selected"],
        ),
        Mutation::NobodyResumes => (accepted(WITH_REFUSED, 1, 1), &[AT_REST]),
        Mutation::DiscardedStays => (accepted(WITH_REFUND, 1, 1), &[AT_REST]),
        Mutation::SendBeforeTake => (posted(WITH_REFUSED, 0, 1), &[AT_REST]),
        Mutation::ResolveWithoutLook => (
            posted(WITH_REFUSED, 0, 1),
            &["a resolved letter was applied"],
        ),
    }
}

#[test]
fn every_mistake_is_found() {
    for mutation in Mutation::iter() {
        let (model, properties) = broken(mutation);
        let model = Protocol {
            mutation: Some(mutation),
            ..model
        };
        for property in properties {
            let found = shortest(model, property);
            let path = found.unwrap_or_else(|| panic!("{mutation:?} keeps: {property}"));
            println!("{mutation:?} breaks: {property}\n{}", model.tell(path));
        }
    }
}

/// Each batch of such a replay finds the letters that died again since the last one.
#[test]
fn a_moving_selection_never_ends() {
    let model = Protocol {
        mutation: Some(Mutation::MovingSelection),
        ..posted(WITH_REFUSED, 0, 1)
    };
    assert!(walk(&model, |_state| {}).is_some());
}
