//! What an operator may do with the logins of the operator role, and what not.

use super::login::{Login, with};
use super::made::Users;
use crate::harness::{Order, Outcome, Program, TestApp, eventually, flake};

const UNKNOWN: i64 = 600_000_000_000_000_099;
const NOTE: [&str; 5] = ["--by", "anna", "--why", "ticket 4711", "--yes"];

/// `paynowctl` with the database login of a role and a user of the broker.
struct Desk<'a> {
    app: &'a TestApp,
    login: Login,
    users: Users<'a>,
    user: &'static str,
}

impl<'a> Desk<'a> {
    fn of(app: &'a TestApp, role: &str, user: &'static str) -> Self {
        Self {
            app,
            login: Login::with_role(app, role),
            users: Users::for_app(app),
            user,
        }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut variables = with(
            self.app.variables(),
            "DATABASE_URL",
            Some(self.login.url.as_str()),
        );
        let amqp = self.users.amqp(self.user);
        variables = with(variables, "AMQP_URL", Some(amqp.as_str()));
        let management = self.users.management(self.user);
        variables = with(variables, "AMQP_MANAGEMENT_URL", Some(management.as_str()));
        Program::run("paynowctl", &variables, arguments)
    }

    /// Runs a command that must fail. Returns its error output.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(1), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        outcome.stderr
    }
}

/// Delivers an order of an unknown product, which becomes a dead letter.
fn with_letter(app: &TestApp, buyer: i64) -> Order {
    let order = Order::of(UNKNOWN, buyer);
    app.deliver(&order);
    app.drain();
    order
}

#[test]
fn an_operator_does_all_that_the_desk_is_for() {
    let app = TestApp::start();
    let buyer = flake();
    let (replayed, given_up) = (with_letter(&app, buyer), with_letter(&app, flake()));
    let desk = Desk::of(&app, "paynow_operator", "operator");
    let [event, other] = [&replayed, &given_up].map(|order| order.event_id.to_string());
    let (product, wallet) = (UNKNOWN.to_string(), buyer.to_string());

    for command in [
        &["dead", "list"][..],
        &["dead", "show", &event, "--reveal"],
        &["products", "set", &product, "500"],
        &["products", "set", &product, "501"],
        &["products", "list"],
        &["events", "show", &event],
        &["topology", "export"],
        &["top", "--once", "--json"],
        &["unrouted", "list"],
        &[&["dead", "discard", &other][..], &NOTE].concat(),
        &[&["dead", "replay", &event][..], &NOTE].concat(),
        &[
            &["correct", "--wallet", &wallet, "--points=7", "--key=k"][..],
            &NOTE,
        ]
        .concat(),
        &["wallet", "history", &wallet],
        &[&["forget", &wallet][..], &NOTE].concat(),
    ] {
        desk.run(command).succeeded();
    }
    // The broker's depths are some seconds old.
    eventually("all invariants hold, those of the broker too", || {
        let check = desk.run(&["check", "--json"]);
        let rows = check.json();
        let mut rows = rows.as_array()?.iter();
        let figures = rows.find(|row| row["id"] == "broker_figures")?;
        // Its login of the broker needs no right to ask the queue itself.
        (check.code == Some(0) && figures["status"] == "ok").then_some(())
    });

    // The order was completed before the second price began, and the correction gave 7.
    assert_eq!(app.balance_of(buyer), 507);
    // A price is recorded with the login where nobody gives a name. A replay records its start and its end.
    let actions = "SELECT action || ' by ' || operator AS value FROM operator_actions \
                   WHERE operator <> login OR action <> 'price' ORDER BY action_id";
    let prices = "SELECT count(*) AS value FROM operator_actions \
                  WHERE action = 'price' AND operator = login AND login LIKE '%paynow_operator'";
    assert_eq!(app.database.number(prices), 2);
    assert_eq!(
        app.database.texts(actions),
        [
            "discard by anna",
            "replay by anna",
            "replay by anna",
            "correct by anna",
            "forget by anna"
        ]
    );
}

#[test]
fn an_operator_moves_unrouted_messages_and_one_with_older_rights_sees_what_to_do() {
    let app = TestApp::start();
    app.set_product(UNKNOWN, 500);
    let desk = Desk::of(&app, "paynow_operator", "operator");
    let binding = "e/paynow.events/q/paynow.credits/paynow.%23";
    let vhost = app.broker.vhost();
    app.broker.delete(&format!("bindings/{vhost}/{binding}"));
    let buyer = flake();
    app.deliver(&Order::of(UNKNOWN, buyer));
    app.ctl(&["setup", "--skip-database"]).succeeded();

    let arguments = [&["unrouted", "move"][..], &NOTE].concat();
    desk.run(&arguments).succeeded();
    app.drain();
    assert_eq!(app.balance_of(buyer), 500);

    desk.users.limit("operator", "^$", "^amq\\.default$", "^$");
    let message = desk.refused(&arguments);
    assert!(
        message.contains("rabbitmqctl set_permissions -p / "),
        "{message}"
    );
    let no_operator = Desk::of(&app, "paynow_reader", "setup");
    let message = no_operator.refused(&arguments);
    assert!(message.contains("log in as paynow_operator"), "{message}");
}

#[test]
fn an_operator_cannot_set_up_and_sees_who_can() {
    let app = TestApp::builder().workers(0).start();
    let desk = Desk::of(&app, "paynow_operator", "operator");

    let roles = desk.refused(&["setup", "--skip-broker"]);
    assert!(
        roles.contains("run setup once with one that may"),
        "{roles}"
    );
    // The broker needs no change. Once it needs one, the import is refused.
    desk.run(&["setup", "--skip-database"]).succeeded();
    app.broker
        .delete(&format!("queues/{}/paynow.unrouted", app.broker.vhost()));
    let broker = desk.refused(&["setup", "--skip-database"]);
    assert!(broker.contains("does not allow"), "{broker}");
    app.ctl(&["setup"]).succeeded();
}

#[test]
fn the_user_for_setup_makes_what_is_missing() {
    let app = TestApp::builder().workers(0).start();
    let desk = Desk::of(&app, "paynow_owner", "setup");
    app.broker
        .delete(&format!("queues/{}/paynow.unrouted", app.broker.vhost()));

    let output = desk.run(&["setup"]).succeeded().stdout;

    assert!(output.contains("database: roles exist"), "{output}");
    assert!(output.contains("queues: 1 created"), "{output}");
}

#[test]
fn other_roles_read_at_most_and_see_what_they_lack() {
    let app = TestApp::start();
    let order = with_letter(&app, flake());
    let (event, product) = (order.event_id.to_string(), UNKNOWN.to_string());
    for (role, may_read) in [
        ("paynow_reader", true),
        ("paynow_worker", false),
        ("paynow_spender", false),
    ] {
        let desk = Desk::of(&app, role, "monitoring");
        for command in [
            &["products", "set", &product, "500"][..],
            &["dead", "show", &event],
            &[&["dead", "replay", &event][..], &NOTE].concat(),
            &[&["dead", "discard", &event][..], &NOTE].concat(),
            &[&["correct", "--wallet=1", "--points=7"][..], &NOTE].concat(),
        ] {
            let words = desk.refused(command);
            assert!(
                words.contains("log in as paynow_operator"),
                "{role}: {words}"
            );
        }
        let read = desk.run(&["events", "show", &event]);
        assert_eq!(read.code == Some(0), may_read, "{role}: {read:?}");
        let shown = desk.run(&["top", "--once", "--json"]).succeeded().json();
        assert_eq!(shown["queues"][0]["exists"], true, "{shown}");
    }
    assert_eq!(app.dead_letters().len(), 1);
}
