//! With every check of a permit switched off, PostgreSQL refuses what the person may not do.

use paynow_desk::actions::{Mode, Note};
use paynow_desk::console::control::ask;
use paynow_desk::console::corrections::{NewRequest, Verdict, decide, request};
use paynow_desk::console::people::sessions;
use paynow_desk::console::permit::right;
use paynow_desk::console::previews::make;
use paynow_desk::console::refusal::Refusal;
use paynow_desk::console::reveal::reveal;
use paynow_desk::discard::discard;
use paynow_desk::error::DeskError;
use paynow_desk::replay::Asked;
use paynow_desk::selection::Selection;
use paynow_process::environment::Environment;
use paynow_worker::config::read_policy;

use super::{WALLET, World, permit, refusal};

#[test]
fn a_viewer_whom_no_handler_stops_is_stopped_by_the_database() {
    let world = World::new();
    let before = world.ledger.contents();
    let viewer = world.sign_in("anna", "viewer");
    let console = &world.console;
    let note = || Note {
        by: "anna".to_owned(),
        why: "x".to_owned(),
    };
    let nothing: [(&str, &str); 0] = [];
    let policy = read_policy(&Environment::of(nothing)).expect("the default");
    let letter = Selection::Named(vec!["1".to_owned()]);
    let new = NewRequest {
        wallet: WALLET.to_string().parse().expect("an id"),
        points: 7,
        key: "k".to_owned(),
        why: "x".to_owned(),
        ticket: None,
    };
    let replay = permit::<right::Replay>(&viewer);
    let results: [Result<(), DeskError>; 7] = [
        make(console, &replay, &letter, &policy, false).map(drop),
        discard(
            &console.seat(&permit::<right::Discard>(&viewer)),
            &letter,
            &note(),
            Mode::Apply,
            None,
        )
        .map(drop),
        ask(
            &console.seat(&permit::<right::ControlReplay>(&viewer)),
            1,
            Asked::Stop,
            &note(),
        ),
        request(console, &permit(&viewer), &new).map(drop),
        decide(console, &permit(&viewer), 1, Verdict::Reject, "x"),
        reveal(console, &permit(&viewer), 1, "x").map(drop),
        sessions(console, &permit(&viewer)).map(drop),
    ];
    for result in results {
        assert_eq!(refusal(result), Refusal::NoRight);
    }
    assert_eq!(world.ledger.contents(), before);
}
