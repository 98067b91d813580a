//! Corrections: two people, one entry.

use paynow_desk::console::corrections::{
    NewRequest, RequestFilter, RequestState, Verdict, decide, list, request, show, withdraw,
};
use paynow_desk::console::database::ConsoleDatabase;
use paynow_desk::console::permit::right;
use paynow_desk::console::refusal::Refusal;
use paynow_desk::console::session::Session;
use paynow_desk::error::DeskError;

use super::{WALLET, World, permit, refusal};

impl World {
    fn ask(&self, who: &Session, points: i64, key: &str) -> Result<i64, DeskError> {
        let new = NewRequest {
            wallet: WALLET.to_string().parse().expect("an id"),
            points,
            key: key.to_owned(),
            why: "a gift that was lost".to_owned(),
            ticket: Some("4711".parse().expect("a ticket")),
        };
        request(&self.console, &permit(who), &new)
    }

    fn approve(&self, who: &Session, request: i64, balance_seen: i64) -> Result<(), DeskError> {
        approve(&self.console, who, request, balance_seen)
    }

    fn state(&self, who: &Session, request: i64) -> String {
        let look = self.console.seat(&permit::<right::Look>(who));
        show(&look, request).expect("it exists").state
    }
}

fn approve(
    console: &ConsoleDatabase,
    who: &Session,
    request: i64,
    balance_seen: i64,
) -> Result<(), DeskError> {
    let verdict = Verdict::Approve { balance_seen };
    decide(console, &permit(who), request, verdict, "as asked")
}

#[test]
fn a_correction_takes_a_second_person_and_is_recorded_with_both() {
    let world = World::new();
    let broken = world.ledger.broken();
    let asking = world.sign_in("anna", "support");
    let deciding = world.sign_in("bo", "approver");
    let request = world.ask(&asking, 7, "k").unwrap();
    assert_eq!(world.ask(&asking, 7, "k").unwrap(), request);
    assert_eq!(refusal(world.ask(&asking, 8, "k")), Refusal::KeyUsed);
    assert_eq!(world.ledger.balances(), ["20: 500"]);

    world.approve(&deciding, request, 500).unwrap();
    assert_eq!(world.ledger.balances(), ["20: 507"]);
    assert_eq!(world.state(&asking, request), "approved");
    assert_eq!(
        refusal(world.approve(&deciding, request, 507)),
        Refusal::Decided
    );
    let actions = "SELECT concat_ws(' ', action, operator, outcome ->> 'requested_by') AS value \
                   FROM operator_actions WHERE operator <> 'root' AND action LIKE 'correct%' ORDER BY action_id";
    assert_eq!(
        world.ledger.database.texts(actions),
        [
            "correct_request anna",
            "correct bo",
            "correct_decide bo anna"
        ]
    );
    assert_eq!(world.ledger.broken(), broken);
}

#[test]
fn nobody_decides_about_their_own_request() {
    let world = World::new();
    let both = world.sign_in("anna", "support,approver");
    let elsewhere = world.sign_in("anna", "approver");
    let request = world.ask(&both, 7, "k").unwrap();
    for session in [&both, &elsewhere] {
        assert_eq!(
            refusal(world.approve(session, request, 500)),
            Refusal::OwnRequest
        );
        let rejected = decide(
            &world.console,
            &permit(session),
            request,
            Verdict::Reject,
            "no",
        );
        assert_eq!(refusal(rejected), Refusal::OwnRequest);
    }
    // Not even somebody who can write the rows may make one person of two.
    let mut owner = world.ledger.as_owner();
    let forged = "UPDATE correction_requests SET state = 'approved', decided_by = 'anna', decided_at = now(), \
                  balance_after = 507";
    assert_eq!(owner.refused_by(forged), "correction_requests_two_people");
    assert_eq!(world.ledger.balances(), ["20: 500"]);
}

#[test]
fn two_approvers_at_once_give_one_entry() {
    let world = World::new();
    let asking = world.sign_in("anna", "support");
    let approvers = ["bo", "cy", "di", "ed"].map(|name| world.sign_in(name, "approver"));
    let request = world.ask(&asking, 7, "k").unwrap();
    let console = &world.console;
    let results = std::thread::scope(|scope| {
        let threads = approvers
            .each_ref()
            .map(|who| scope.spawn(|| approve(console, who, request, 500)));
        threads.map(|thread| thread.join().expect("it does not panic"))
    });
    let (made, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for result in refused {
        assert_eq!(refusal(result), Refusal::Decided);
    }
    assert_eq!(world.ledger.balances(), ["20: 507"]);
}

#[test]
fn a_balance_that_moved_since_is_looked_at_again() {
    let world = World::new();
    let asking = world.sign_in("anna", "support");
    let deciding = world.sign_in("bo", "approver");
    let request = world.ask(&asking, -7, "k").unwrap();
    world.execute("SELECT correct_wallet('correction:other', 20, 1, 'cy', 'meanwhile')");
    assert_eq!(
        refusal(world.approve(&deciding, request, 500)),
        Refusal::BalanceMoved
    );
    assert_eq!(world.state(&asking, request), "waiting");
    world.approve(&deciding, request, 501).unwrap();
    assert_eq!(world.ledger.balances(), ["20: 494"]);
}

#[test]
fn a_request_expires_and_is_taken_back_by_whoever_asked_and_rejected_by_others() {
    let world = World::new();
    let asking = world.sign_in("anna", "support");
    let other = world.sign_in("cy", "support");
    let deciding = world.sign_in("bo", "approver");
    let [old, back, no] = ["a", "b", "c"].map(|key| world.ask(&asking, 7, key).unwrap());
    world.execute(&format!(
        "SET session_replication_role = replica; \
         UPDATE correction_requests SET expires_at = now() WHERE request_id = {old}; \
         SET session_replication_role = origin"
    ));
    assert_eq!(
        refusal(world.approve(&deciding, old, 500)),
        Refusal::Expired
    );
    assert_eq!(world.state(&asking, old), "expired");

    let take_back = |who, request| withdraw(&world.console, &permit(who), request, "not needed");
    assert_eq!(refusal(take_back(&other, back)), Refusal::OfAnother);
    take_back(&asking, back).unwrap();
    assert_eq!(refusal(take_back(&asking, back)), Refusal::Decided);
    decide(
        &world.console,
        &permit(&deciding),
        no,
        Verdict::Reject,
        "no",
    )
    .unwrap();

    let look = world.console.seat(&permit::<right::Look>(&other));
    let waiting = RequestFilter {
        state: Some(RequestState::Waiting),
        ..RequestFilter::default()
    };
    assert!(list(&look, &waiting, 10).unwrap().rows.is_empty());
    let page = list(&look, &RequestFilter::default(), 2).unwrap();
    let states: Vec<&str> = page.rows.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(
        (states, page.has_more),
        (vec!["rejected", "withdrawn"], true)
    );
    assert_eq!(world.ledger.balances(), ["20: 500"]);
}

#[test]
fn a_decision_takes_a_sign_in_of_the_last_minutes() {
    let world = World::new();
    let asking = world.sign_in("anna", "support");
    let deciding = world.sign_in("bo", "approver");
    let request = world.ask(&asking, 7, "k").unwrap();
    world.execute(
        "UPDATE console_sessions SET signed_in_at = now() - interval '16 minutes' WHERE person = 'bo'",
    );
    assert_eq!(
        refusal(world.approve(&deciding, request, 500)),
        Refusal::SignInOld
    );
    world
        .approve(&world.sign_in("bo", "approver"), request, 500)
        .unwrap();
}

#[test]
fn small_corrections_are_made_alone_only_where_a_rule_says_so_and_only_so_many_a_day() {
    let world = World::new();
    let broken = world.ledger.broken();
    let asking = world.sign_in("anna", "support");
    world.execute("SELECT set_correction_rule('root', 'a test', 10)");
    let first = world.ask(&asking, 6, "a").unwrap();
    assert_eq!(world.state(&asking, first), "alone");
    // Ten in one day, in however many parts, given or taken.
    let second = world.ask(&asking, -5, "b").unwrap();
    assert_eq!(world.state(&asking, second), "waiting");
    let other = world.sign_in("bo", "operator");
    let third = world.ask(&other, -5, "c").unwrap();
    assert_eq!(world.state(&other, third), "alone");
    assert_eq!(world.ledger.balances(), ["20: 501"]);
    assert_eq!(world.ledger.broken(), broken);
}

#[test]
fn what_somebody_asked_for_who_was_kept_out_since_is_not_approved() {
    let world = World::new();
    let asking = world.sign_in("anna", "support");
    let deciding = world.sign_in("bo", "approver");
    let request = world.ask(&asking, 7, "k").unwrap();
    world.execute("UPDATE console_people SET disabled_at = now() WHERE name = 'anna'");
    assert_eq!(
        refusal(world.approve(&deciding, request, 500)),
        Refusal::OfDisabled
    );
    let reject = decide(
        &world.console,
        &permit(&deciding),
        request,
        Verdict::Reject,
        "no",
    );
    reject.unwrap();
    assert_eq!(world.ledger.balances(), ["20: 500"]);
}
