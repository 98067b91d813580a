//! A broker that stays connected and says nothing, or only that it is alive. Every wait for it ends by
//! a limit of our own, as an outage: no event spends an attempt, and readiness tells it.

mod filter;

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use url::Url;

use self::filter::{Filter, Silence};
use crate::harness::{
    Flow, Order, Outcome, Program, Proxy, Servers, TestApp, Way, eventually, flake,
};

const PRODUCT: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;
const PRICE: i64 = 500;
/// The longest silence that one call of `paynowctl` may take, with room for a slow machine.
const CALL_MAX: Duration = Duration::from_secs(45);
const SILENCES: [Silence; 2] = [Silence::HeartbeatsOnly, Silence::Total];

/// An app whose worker reaches the broker through a filter.
fn app_with_filtered_worker() -> (TestApp, Filter) {
    let mut app = TestApp::builder().workers(0).start();
    app.set_product(PRODUCT, PRICE);
    let filter = Filter::before(app.broker.url());
    let address = filter.address(app.broker.url());
    app.start_worker_with("AMQP_URL", &address);
    (app, filter)
}

fn await_worker(app: &TestApp, status: u16, code: &str) {
    eventually(
        &format!("the worker's readiness is {status} {code}"),
        || {
            app.worker_admin("/readyz")
                .filter(|(got, body)| *got == status && body.contains(code))
        },
    );
}

/// Attempts of every settled event.
fn attempts(app: &TestApp) -> Vec<String> {
    app.database
        .texts("SELECT attempts::text AS value FROM webhook_events")
}

#[test]
fn a_receiver_learns_between_events_that_its_broker_is_silent() {
    let mut app = TestApp::start();
    app.set_product(PRODUCT, PRICE);
    let filter = Filter::before(app.broker.url());
    app.receiver = None;
    let mut variables = app.receiver_variables();
    variables.push(("AMQP_URL".to_owned(), filter.address(app.broker.url())));
    let log = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-filtered.log", app.broker.vhost()));
    app.receiver = Some(Program::start("paynow-receiver", log, &variables));
    let await_receiver = |status: u16| {
        eventually(&format!("the receiver's readiness is {status}"), || {
            app.receiver_ready().filter(|(got, _body)| *got == status)
        })
    };
    await_receiver(200);
    let connections = filter.open();

    for silence in SILENCES {
        filter.silence("paynow-receiver", silence);
        let (_status, body) = await_receiver(503);
        assert!(body.contains("disconnected"), "{silence:?}: {body}");
        let order = Order::of(PRODUCT, flake());
        let refused = app.deliver(&order);
        assert_eq!((refused.status, refused.code()), (503, "disconnected"));
        filter.silence("paynow-receiver", Silence::None);
        await_receiver(200);
        assert!(app.deliver(&order).accepted());
        app.drain();
        assert_eq!(app.balance_of(order.customer_id), PRICE);
        // Nothing keeps a connection whose other side was silent.
        eventually("only the connections in use are open", || {
            (filter.open() == connections).then_some(())
        });
    }
    app.await_log("no answer to a probe");
}

#[test]
fn an_event_that_a_silent_broker_does_not_confirm_is_refused_and_credited_once() {
    let mut app = TestApp::start();
    app.set_product(PRODUCT, PRICE);
    let filter = Filter::before(app.broker.url());
    app.receiver = None;
    let mut variables = app.receiver_variables();
    variables.push(("AMQP_URL".to_owned(), filter.address(app.broker.url())));
    let log = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-unconfirmed.log", app.broker.vhost()));
    app.receiver = Some(Program::start("paynow-receiver", log, &variables));
    eventually("the receiver is ready", || {
        app.receiver_ready()
            .filter(|(status, _body)| *status == 200)
    });
    filter.silence("paynow-receiver", Silence::HeartbeatsOnly);
    let order = Order::of(PRODUCT, flake());
    let refused = app.deliver(&order);
    assert_eq!((refused.status, refused.code()), (503, "timed_out"));
    filter.silence("paynow-receiver", Silence::None);
    eventually("the receiver accepts it", || {
        app.deliver(&order).accepted().then_some(())
    });
    app.drain();
    assert_eq!(app.balance_of(order.customer_id), PRICE);
}

#[test]
fn a_worker_does_not_mistake_a_silent_broker_for_an_empty_queue() {
    let (app, filter) = app_with_filtered_worker();
    let connections = filter.open();
    for silence in SILENCES {
        filter.silence("paynow-worker", silence);
        let order = Order::of(PRODUCT, flake());
        assert!(app.deliver(&order).accepted());
        await_worker(&app, 503, "broker");
        assert_eq!(app.balance_of(order.customer_id), 0, "{silence:?}");
        filter.silence("paynow-worker", Silence::None);
        await_worker(&app, 200, "");
        app.drain();
        assert_eq!(app.balance_of(order.customer_id), PRICE);
        eventually("only the connections in use are open", || {
            (filter.open() == connections).then_some(())
        });
    }
    assert_eq!(attempts(&app), ["1", "1"]);
    app.await_log("sign of life");
}

#[test]
fn a_worker_that_cannot_hand_events_off_says_so_and_spends_no_attempt() {
    let (app, filter) = app_with_filtered_worker();
    let before = Order::of(UNKNOWN, flake());
    app.deliver(&before);
    app.drain();
    for silence in SILENCES {
        filter.silence("paynow-worker-publisher", silence);
        await_worker(&app, 503, "broker");
        let order = Order::of(UNKNOWN, flake());
        assert!(app.deliver(&order).accepted());
        eventually("the worker pauses, because it cannot hand it off", || {
            app.worker_metric("paynow_worker_pauses_total{cause=\"handing_on\"}")
                .filter(|pauses| *pauses > 0.0)
        });
        filter.silence("paynow-worker-publisher", Silence::None);
        await_worker(&app, 200, "");
        app.drain();
    }
    let attempts = app
        .database
        .texts("SELECT DISTINCT attempts || ' ' || reason AS value FROM dead_letters ORDER BY 1");
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    let letters = "SELECT count(*) AS value FROM dead_letters";
    assert_eq!(app.database.number(letters), 3);
    app.set_product(UNKNOWN, PRICE);
}

/// Runs `paynowctl` with one variable replaced, and checks that it ends in time.
fn ctl_with(app: &TestApp, variable: (&str, String), arguments: &[&str]) -> Outcome {
    let mut variables = app.variables();
    variables.push((variable.0.to_owned(), variable.1));
    let started = Instant::now();
    let outcome = Program::run("paynowctl", &variables, arguments);
    assert!(started.elapsed() < CALL_MAX, "{outcome:?}");
    outcome
}

#[test]
fn a_replay_ends_when_the_broker_is_silent_and_goes_on_later() {
    let app = TestApp::start();
    let order = Order::of(PRODUCT, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(PRODUCT, PRICE);
    let filter = Filter::before(app.broker.url());
    let address = || ("AMQP_URL", filter.address(app.broker.url()));
    let note = ["--by", "anna", "--why", "the broker is well again"];
    let start = [
        &["dead", "replay", "--reason", "unknown_product", "--yes"],
        &note[..],
    ]
    .concat();

    filter.silence("paynowctl-replay", Silence::HeartbeatsOnly);
    let unopened = ctl_with(&app, address(), &start);
    assert_eq!(unopened.code, Some(1), "{unopened:?}");
    assert!(unopened.stderr.contains("broker"), "{unopened:?}");
    assert_eq!(app.balance_of(order.customer_id), 0);

    // The letter is sent, but its confirm never comes.
    filter.silence("paynowctl-replay", Silence::AfterPublish);
    let number = app
        .database
        .number("SELECT min(action_id) AS value FROM operator_actions WHERE action = 'replay'");
    let number = number.to_string();
    let resume = [&["dead", "replay", "--resume", &number], &note[..]].concat();
    let unconfirmed = ctl_with(&app, address(), &resume);
    assert_eq!(unconfirmed.code, Some(1), "{unconfirmed:?}");
    assert!(
        unconfirmed.stderr.contains("could not be sent"),
        "{unconfirmed:?}"
    );

    filter.silence("paynowctl-replay", Silence::None);
    let resumed = ctl_with(&app, address(), &resume);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    app.drain();
    assert_eq!(app.balance_of(order.customer_id), PRICE);
}

fn socket_address(url: &Url) -> SocketAddr {
    let port = url.port_or_known_default().expect("it has a port");
    let found = (url.host_str().expect("it has a host"), port).to_socket_addrs();
    found
        .expect("it has an address")
        .next()
        .expect("it has one")
}

#[test]
fn a_command_ends_when_the_management_api_is_silent_or_trickles() {
    let app = TestApp::builder().workers(0).start();
    let management = Servers::of_this_run().management;
    let proxy = Proxy::to(socket_address(&management));
    let mut url = management;
    url.set_host(Some("127.0.0.1")).expect("it takes a host");
    url.set_port(Some(proxy.port())).expect("it takes a port");
    let check = || {
        let variable = ("AMQP_MANAGEMENT_URL", url.to_string());
        ctl_with(&app, variable, &["check"])
    };
    assert_eq!(check().code, Some(0));

    proxy.blackhole(true);
    let silent = check();
    assert_eq!(silent.code, Some(1), "{silent:?}");
    assert!(silent.stdout.contains("cannot be reached"), "{silent:?}");

    proxy.blackhole(false);
    proxy.set(Way::Down, Flow::Throttle(20));
    let trickling = check();
    assert_eq!(trickling.code, Some(1), "{trickling:?}");
    assert!(
        trickling.stdout.contains("cannot be reached"),
        "{trickling:?}"
    );
    proxy.heal();
    assert_eq!(check().code, Some(0));
}
