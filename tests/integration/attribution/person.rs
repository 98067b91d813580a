//! A person decides what a refund was for.

use serde_json::{Value, json};

use super::api::Api;
use super::{COINS, PRICE, Refund, Shared, attributions};
use crate::harness::{Outcome, Program, Reply, TestApp, eventually, flake};
use crate::reversals;

fn app() -> TestApp {
    let app = TestApp::start();
    app.set_product(COINS, PRICE);
    app
}

/// An app with a cart, and with a refund of it that is a dead letter.
fn undecided() -> (TestApp, Shared, Refund) {
    let (app, cart) = (app(), Shared::new());
    cart.deliver(&app);
    let refund = one_more(&app, &cart);
    assert_eq!(app.dead_letters(), [refund.undecided()]);
    (app, cart, refund)
}

fn one_more(app: &TestApp, cart: &Shared) -> Refund {
    let refund = Refund::of(&cart.order);
    refund.deliver(app);
    app.drain();
    refund
}

fn attribute(app: &TestApp, event: &str, choice: &[&str]) -> Outcome {
    let note = ["--by", "anna", "--why", "it's ticket 4711"];
    app.ctl(&[&["refund", "attribute", event], choice, &note].concat())
}

#[track_caller]
fn is_refused(outcome: &Outcome, because: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(because), "{outcome:?}");
}

fn decisions(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT concat_ws(' ', operator, why, outcome->>'line_id', outcome->>'points') AS value \
         FROM operator_actions WHERE action = 'attribute' ORDER BY action_id",
    )
}

#[test]
fn the_line_that_a_person_names_loses_its_points() {
    let (app, cart, refund) = undecided();
    let shown = app.ctl_json(&["dead", "show", &refund.event()]);
    let line = |place: usize, wallet: i64| {
        let line = &shown["candidates"]["lines"][place];
        let id = cart.order.lines[place].line_id.to_string();
        assert_eq!(
            (&line["line_id"], &line["wallet_id"], &line["points"]),
            (&json!(id), &json!(wallet.to_string()), &json!(PRICE))
        );
        assert_eq!(
            (&line["product_id"], &line["total_amount_minor"]),
            (&json!(COINS.to_string()), &json!(500))
        );
        assert_eq!(
            (&line["fits"], &line["refunded_by"]),
            (&json!(true), &Value::Null)
        );
    };
    line(0, cart.buyer);
    line(1, cart.friend);
    assert_eq!(shown["candidates"]["everything_fits"], false);
    let text = app.ctl(&["dead", "show", &refund.event()]).succeeded();
    assert!(text.stdout.contains("refund attribute"), "{text:?}");

    let gift = cart.gift().to_string();
    let decided = attribute(&app, &refund.event(), &["--line", &gift]).succeeded();

    assert!(decided.stdout.contains("recorded for anna"), "{decided:?}");
    assert_eq!(cart.balances(&app), (PRICE, 0));
    assert_eq!(attributions(&app), [format!("line {gift} by operator")]);
    assert_eq!(decisions(&app), [format!("anna it's ticket 4711 {gift}")]);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
    let story = app.ctl_json(&["events", "show", &refund.event()]);
    assert_eq!(story["refund"]["decided_by"], "anna");
    let action = &story["refund"]["action_id"];
    let actions = story["operator_actions"].as_array().unwrap();
    assert!(
        actions.iter().any(|it| it["action_id"] == *action),
        "{story}"
    );

    // The same again is harmless, and another decision is refused.
    let again = attribute(&app, &refund.event(), &["--line", &gift]).succeeded();
    assert!(again.stdout.contains("nothing to replay"), "{again:?}");
    let other = cart.order.lines[0].line_id.to_string();
    let changed = attribute(&app, &refund.event(), &["--line", &other]);
    is_refused(&changed, "refund_attributions_decided_once");
    assert_eq!(
        (decisions(&app).len(), cart.balances(&app)),
        (1, (PRICE, 0))
    );
}

#[test]
fn points_are_taken_from_the_wallet_that_a_person_names() {
    let (app, cart, refund) = undecided();
    let friend = cart.friend.to_string();
    let without_wallet = attribute(&app, &refund.event(), &["--points", "200"]);
    is_refused(&without_wallet, &friend);
    let of_nobody = ["--points", "200", "--wallet", "12345"];
    is_refused(
        &attribute(&app, &refund.event(), &of_nobody),
        "refund_attributions_of_order",
    );
    let too_many = ["--points", "501", "--wallet", &friend];
    is_refused(
        &attribute(&app, &refund.event(), &too_many),
        "refund_attributions_points_given",
    );
    assert_eq!(decisions(&app), Vec::<String>::new());

    let some = ["--points", "200", "--wallet", &friend];
    attribute(&app, &refund.event(), &some).succeeded();

    assert_eq!(cart.balances(&app), (PRICE, 300));
    assert_eq!(attributions(&app), ["points 200 by operator"]);
}

#[test]
fn a_dry_run_shows_balances_and_a_decision_that_names_it_has_that_effect_or_none() {
    let (app, cart, refund) = undecided();
    let gift = cart.gift().to_string();
    let buyers = cart.order.lines[0].line_id.to_string();
    let decide = |line: &str, more: &[&str]| {
        attribute(&app, &refund.event(), &[&["--line", line], more].concat())
    };
    let previewed = || {
        let shown = decide(&gift, &["--dry-run", "--json"]).succeeded().json();
        let hash = shown["expect"].as_str().expect("a text").to_owned();
        (hash, shown)
    };
    let (before, shown) = previewed();
    let friend = cart.friend.to_string();
    let effect =
        json!([{"wallet_id": friend, "balance": PRICE, "change": -PRICE, "balance_after": 0}]);
    assert_eq!(
        (&shown["wallets"], &shown["dry_run"]),
        (&effect, &json!(true))
    );
    assert_eq!(shown["letters"][0]["would_be"], "applied");
    let human = decide(&gift, &["--dry-run"]).succeeded().stdout;
    for part in [
        "dry run      nothing was decided",
        &format!("{friend}      500    -500      0"),
        &format!("--why 'it'\\''s ticket 4711' --yes --expect {before}"),
    ] {
        assert!(human.contains(part), "{part}: {human}");
    }

    let note = ["--by", "anna", "--why", "gift"];
    let gives = ["correct", "--wallet", &friend, "--points", "5", "--yes"];
    app.ctl(&[&gives[..], &note].concat()).succeeded();
    for (line, because) in [
        (
            &gift,
            format!("nothing was done: a balance is another, now 505 of wallet {friend}"),
        ),
        (
            &buyers,
            "nothing was done: the decision is another, now about refund".to_owned(),
        ),
    ] {
        is_refused(&decide(line, &["--yes", "--expect", &before]), &because);
    }
    assert_eq!(decisions(&app), Vec::<String>::new());
    assert_eq!(app.dead_letters(), [refund.undecided()]);

    let (now, _shown) = previewed();
    let done = decide(&gift, &["--yes", "--expect", &now, "--json"])
        .succeeded()
        .json();
    assert_eq!(
        (&done["is_new"], &done["replay"]["applied"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        (cart.balances(&app), decisions(&app).len()),
        ((PRICE, 5), 1)
    );
    let again = decide(&gift, &["--dry-run"]).succeeded().stdout;
    for part in ["decided the same before", "there is nothing to replay"] {
        assert!(again.contains(part), "{part}: {again}");
    }
}

#[test]
fn a_person_may_decide_that_a_refund_was_for_everything() {
    let (app, cart, refund) = undecided();
    let decide = || attribute(&app, &refund.event(), &["--everything", "--json"]).succeeded();
    let decided = decide().json();
    assert_eq!(decided["is_new"], true, "{decided}");
    assert_eq!(decided["order_id"], cart.order.order_id.to_string());
    let replay = ["ended", "applied", "dead_again"].map(|field| decided["replay"][field].clone());
    assert_eq!(replay, [json!("finished"), json!(1), json!(0)], "{decided}");
    let again = decide().json();
    assert_eq!(
        (&again["is_new"], &again["replay"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(cart.balances(&app), (0, 0));
    assert_eq!(attributions(&app), ["everything by operator"]);
}

#[test]
fn a_refund_may_be_for_no_points_and_needs_no_wallet_in_an_order_of_one() {
    let app = app();
    let buyer = flake();
    let order = crate::harness::Order::of(COINS, buyer);
    app.deliver(&order);
    let refund = Refund::with_amounts(&order, 123, 123);
    refund.deliver(&app);
    app.drain();
    assert_eq!(app.dead_letters(), [refund.undecided()]);
    attribute(&app, &refund.event(), &["--points", "0"]).succeeded();
    assert_eq!(app.balance_of(buyer), PRICE);
    assert_eq!(app.outcome_of(refund.event_id).as_deref(), Some("noted"));
}

#[test]
fn only_a_refund_that_is_not_decided_can_be_attributed() {
    let app = app();
    let cart = Shared::new();
    let gift = cart.gift().to_string();
    let unknown = attribute(&app, "12345", &["--line", &gift]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    let early = app.deliver_bytes(&reversals::refund(&cart.order, flake(), 500));
    app.drain();
    let not_such = attribute(&app, early.event_id(), &["--line", &gift]);
    is_refused(&not_such, "died of order_unknown");
    cart.deliver(&app);
    let refund = one_more(&app, &cart);
    let note = ["--by", "anna", "--why", "x"];
    app.ctl(&[&["dead", "discard", &refund.event()][..], &note].concat())
        .succeeded();
    let discarded = attribute(&app, &refund.event(), &["--line", &gift]);
    is_refused(&discarded, "refund_attributions_open");
    let foreign = one_more(&app, &cart);
    let of_another_order = attribute(&app, &foreign.event(), &["--line", "12345"]);
    is_refused(&of_another_order, "refund_attributions_of_order");
    assert_eq!(decisions(&app), Vec::<String>::new());
}

#[test]
fn a_decision_that_cannot_be_applied_at_once_says_how_to_apply_it() {
    let (app, cart, refund) = undecided();
    let gift = cart.gift().to_string();
    let mut variables = app.variables();
    variables.retain(|(name, _value)| name != "AMQP_URL");
    let decide = ["refund", "attribute", &refund.event(), "--line", &gift];
    let note = ["--by", "anna", "--why", "it's ticket 4711"];
    let decided = Program::run("paynowctl", &variables, &[&decide[..], &note].concat());
    is_refused(&decided, "AMQP_URL is required");
    is_refused(
        &decided,
        r"paynowctl dead replay 1 --by 'anna' --why 'it'\''s ticket 4711'",
    );
    assert_eq!(cart.balances(&app), (PRICE, PRICE));
    let shown = app.ctl_json(&["dead", "show", &refund.event()]);
    assert_eq!(shown["candidates"]["decision"]["line_id"], gift);

    app.ctl(&[&["dead", "replay", "1"][..], &note].concat())
        .succeeded();
    assert_eq!(cart.balances(&app), (PRICE, 0));
}

#[test]
fn a_person_may_decide_what_paynow_does_not_know_and_paynow_is_not_asked_again() {
    let (api, cart) = (Api::default(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    let refund = one_more(&app, &cart);
    assert_eq!(
        (app.dead_letters(), api.asked()),
        (vec![refund.undecided()], 1)
    );
    // What PayNow knows later does not count against the person.
    let buyers = cart.order.lines[0].line_id;
    api.knows(&refund, Some(buyers));
    let gift = cart.gift().to_string();
    attribute(&app, &refund.event(), &["--line", &gift]).succeeded();
    assert_eq!(attributions(&app), [format!("line {gift} by operator")]);
    assert_eq!((cart.balances(&app), api.asked()), ((PRICE, 0), 1));
}

#[test]
fn a_refund_that_waits_for_paynow_is_not_a_dead_letter_that_a_person_can_decide() {
    let (api, cart) = (Api::default(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    api.trouble(Some(Reply::Status(503)));
    let refund = Refund::of(&cart.order);
    refund.deliver(&app);
    eventually("the refund waits", || {
        (app.broker.depth("paynow.credits.retry.2s") == 1).then_some(())
    });
    let gift = cart.gift().to_string();
    let decided = attribute(&app, &refund.event(), &["--line", &gift]);
    assert_eq!(decided.code, Some(3), "{decided:?}");
    api.knows(&refund, Some(cart.gift()));
    api.trouble(None);
    app.drain();
    assert_eq!(cart.balances(&app), (PRICE, 0));
}

#[test]
fn a_line_is_refunded_once_whoever_says_so() {
    let (api, mut cart) = (Api::default(), Shared::new());
    let third = flake();
    cart.order = cart.order.clone().line(COINS, 1, Some(third));
    let mut order = cart.order.json();
    order["body"]["total_amount"] = 1500.into();
    let app = api.app();
    app.deliver_bytes(order.to_string().as_bytes());
    app.drain();
    let first = Refund::of(&cart.order);
    api.knows(&first, Some(cart.gift()));
    first.deliver(&app);
    app.drain();
    assert_eq!(cart.balances(&app), (PRICE, 0));

    let second = Refund::of(&cart.order);
    api.knows(&second, Some(cart.gift()));
    second.deliver(&app);
    app.drain();

    assert_eq!(app.dead_letters(), [second.undecided()]);
    let gift = cart.gift().to_string();
    let shown = app.ctl_json(&["dead", "show", &second.event()]);
    let refunded = &shown["candidates"]["lines"][1];
    assert_eq!(refunded["refunded_by"], first.id.to_string());
    assert_eq!(refunded["fits"], false);
    let taken = attribute(&app, &second.event(), &["--line", &gift]);
    is_refused(&taken, "refund_attributions_line_free");
    let free = cart.order.lines[2].line_id.to_string();
    attribute(&app, &second.event(), &["--line", &free]).succeeded();
    assert_eq!(
        (cart.balances(&app), app.balance_of(third)),
        ((PRICE, 0), 0)
    );
}
