//! The worker asks PayNow's API what a refund was for.

use serde_json::json;

use super::api::{Api, KEY};
use super::{COINS, PRICE, Refund, Shared, attempts, attributions};
use crate::harness::{Order, Reply, TestApp, eventually, flake};

/// The retry queue of these tests' ladder on which refunds wait for the API.
const WAITING: &str = "paynow.credits.retry.2s";
const FAILING: &str = "paynow_worker_api_failing";

fn await_applied(app: &TestApp, refund: &Refund) {
    eventually("the refund is applied", || {
        (app.outcome_of(refund.event_id).as_deref() == Some("reversed")).then_some(())
    });
}

#[test]
fn the_line_that_paynow_names_loses_its_points() {
    let (api, cart) = (Api::default(), Shared::new());
    let mut app = api.app();
    cart.deliver(&app);
    let refund = Refund::of(&cart.order);
    api.knows(&refund, Some(cart.gift()));

    refund.deliver(&app);
    app.drain();

    assert_eq!(cart.balances(&app), (PRICE, 0));
    let by_paynow = format!("line {} by paynow", cart.gift());
    assert_eq!(attributions(&app), [by_paynow]);
    assert_eq!((api.asked(), attempts(&app)), (1, vec!["1".to_owned()]));
    let story = app.ctl_json(&["events", "show", &refund.event()]);
    assert_eq!(story["refund"]["attribution_source"], "paynow");
    assert_eq!(story["refund"]["line_id"], cart.gift().to_string());
    assert_eq!(story["lines"][1]["refunded_by"], refund.id.to_string());
    let shown = app.ctl(&["events", "show", &refund.event()]).succeeded();
    assert!(shown.stdout.contains("PayNow's API"), "{shown:?}");
    let answered = "paynow_worker_api_questions_total{result=\"answered\"}";
    assert_eq!(app.worker_metric(answered), Some(1.0));
    let log = app.workers.remove(0).whole_log();
    assert!(!log.contains(KEY));
}

#[test]
fn a_refund_that_its_amounts_explain_is_not_asked_about() {
    let (api, cart) = (Api::default(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    Refund::with_amounts(&cart.order, 1000, 1000).deliver(&app);
    app.drain();
    assert_eq!((cart.balances(&app), api.asked()), ((0, 0), 0));
    assert_eq!(attributions(&app), ["everything by amounts"]);
}

#[test]
fn a_refund_without_a_line_at_paynow_is_of_the_whole_payment_if_its_amounts_allow_it() {
    let (api, cart, other) = (Api::default(), Shared::new(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    other.deliver(&app);
    let whole = Refund::with_amounts(&cart.order, 1000, PRICE);
    let of_a_line = Refund::of(&other.order);
    api.knows(&whole, None);
    api.knows(&of_a_line, None);

    whole.deliver(&app);
    of_a_line.deliver(&app);
    app.drain();

    assert_eq!(cart.balances(&app), (0, 0));
    assert_eq!(attributions(&app), ["everything by paynow"]);
    assert_eq!(other.balances(&app), (PRICE, PRICE));
    assert_eq!(app.dead_letters(), [of_a_line.undecided()]);
}

#[test]
fn an_answer_that_does_not_name_the_refund_leaves_it_to_a_person() {
    let (api, cart) = (Api::default(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    let replies = [
        Reply::Status(404),
        Reply::Status(400),
        Reply::Document("[]".to_owned()),
        Reply::Document("<html>Zofia</html>".to_owned()),
        Reply::Document(json!({"refunds": [{"id": "7", "order_line_id": null}]}).to_string()),
        Reply::Document(json!({"order_id": "8", "refunds": null}).to_string()),
    ];
    let mut undecided = Vec::new();
    for reply in replies {
        let refund = Refund::of(&cart.order);
        api.reply(&refund, reply);
        refund.deliver(&app);
        app.drain();
        undecided.push(refund.undecided());
    }
    assert_eq!(app.dead_letters(), undecided);
    assert_eq!(cart.balances(&app), (PRICE, PRICE));
    assert_eq!(app.worker_metric(FAILING), Some(0.0));
    let errors = app.database.texts(
        "SELECT split_part(error, '; ', 2) AS value FROM dead_letters ORDER BY dead_letter_id",
    );
    let all_say_it = errors.iter().all(|error| error.contains("PayNow's API"));
    assert!(all_say_it, "{errors:#?}");
}

#[test]
fn a_line_of_another_order_leaves_the_refund_to_a_person() {
    let (api, cart) = (Api::default(), Shared::new());
    let app = api.app();
    cart.deliver(&app);
    let refund = Refund::of(&cart.order);
    api.knows(&refund, Some(flake()));
    refund.deliver(&app);
    app.drain();
    assert_eq!(app.dead_letters(), [refund.undecided()]);
    assert_eq!(cart.balances(&app), (PRICE, PRICE));
}

#[test]
fn a_refund_waits_while_the_api_fails_and_spends_no_attempt() {
    for trouble in [Reply::Status(500), Reply::Status(429)] {
        let (api, cart) = (Api::default(), Shared::new());
        let app = api.app();
        cart.deliver(&app);
        let refund = Refund::of(&cart.order);
        api.knows(&refund, Some(cart.gift()));
        api.trouble(Some(trouble));
        refund.deliver(&app);
        eventually("the API failed twice, the refund waits", || {
            let questions = "paynow_worker_api_questions_total{result=\"unavailable\"}";
            (app.worker_metric(questions) >= Some(2.0) && app.broker.depth(WAITING) == 1)
                .then_some(())
        });
        assert_eq!(app.worker_metric(FAILING), Some(1.0));
        assert_eq!(app.worker_admin("/readyz").unwrap().0, 200);
        assert_eq!(app.dead_letters(), Vec::<String>::new());

        api.trouble(None);
        await_applied(&app, &refund);

        assert_eq!(cart.balances(&app), (PRICE, 0));
        assert_eq!(attempts(&app), ["1"]);
        assert_eq!(app.worker_metric(FAILING), Some(0.0));
        let logs = app.await_log("\"event\":\"api_back\"");
        assert_eq!(logs.matches("\"event\":\"api_failing\"").count(), 1);
        assert_eq!(logs.matches("\"event\":\"api_back\"").count(), 1);
    }
}

#[test]
fn a_silent_api_does_not_hold_up_the_credits() {
    let api = Api::default();
    let mut app = api.app();
    let carts: Vec<Shared> = (0..5).map(|_| Shared::new()).collect();
    carts.iter().for_each(|cart| cart.deliver(&app));
    app.workers.remove(0).stop();
    api.trouble(Some(Reply::Silence));
    let wallets: Vec<i64> = carts.iter().map(|_| flake()).collect();
    for (cart, wallet) in carts.iter().zip(&wallets) {
        let refund = Refund::of(&cart.order);
        api.knows(&refund, Some(cart.gift()));
        refund.deliver(&app);
        app.deliver(&Order::of(COINS, *wallet));
    }
    app.start_worker();

    eventually(
        "the refunds wait, and their neighbours are credited",
        || {
            let mut credited = wallets.iter().map(|wallet| app.balance_of(*wallet));
            let is_credited = credited.all(|balance| balance == PRICE);
            (is_credited && app.broker.depth(WAITING) == 5).then_some(())
        },
    );
    let wallet = flake();
    app.deliver(&Order::of(COINS, wallet));
    eventually("a later order is credited", || {
        (app.balance_of(wallet) == PRICE).then_some(())
    });
    assert_eq!(app.dead_letters(), Vec::<String>::new());

    api.trouble(None);
    app.drain();
    for cart in &carts {
        assert_eq!(cart.balances(&app), (PRICE, 0));
    }
    assert_eq!(attempts(&app), ["1"; 5]);
}

#[test]
fn a_wrong_key_is_an_outage_and_no_answer() {
    let (api, cart) = (Api::default(), Shared::new());
    let mut app = api.app_with_key("pnapi-of-somebody-else");
    cart.deliver(&app);
    let refund = Refund::of(&cart.order);
    api.knows(&refund, Some(cart.gift()));
    refund.deliver(&app);
    eventually("the refund waits", || {
        (app.broker.depth(WAITING) == 1).then_some(())
    });
    let denied = "paynow_worker_api_questions_total{result=\"denied\"}";
    assert!(app.worker_metric(denied) >= Some(1.0));
    assert_eq!(app.worker_metric(FAILING), Some(1.0));
    assert_eq!(app.worker_admin("/readyz").unwrap().0, 200);

    let log = app.workers.remove(0).whole_log();
    assert!(!log.contains("pnapi-of-somebody-else"));
    app.start_worker_with("PAYNOW_API_KEY", KEY);
    await_applied(&app, &refund);
    assert_eq!(cart.balances(&app), (PRICE, 0));
    assert_eq!(attempts(&app), ["1"]);
}
