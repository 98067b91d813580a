//! What happened in the shop: orders, a gift, refunds, chargebacks and dead letters, with the ids of the guide.

use serde_json::{Value, json};

use super::super::shell::Shell;
use crate::harness::{Line, Order, SECRET, TestApp, eventually, flake};
use crate::privileges::login::{Login, with};
use crate::privileges::made::Users;
use crate::reversals::refund;

const POINTS: i64 = 600_000_000_000_000_040;
const NO_POINTS: i64 = 600_000_000_000_000_041;
const UNKNOWN: i64 = 600_000_000_000_000_099;
const UUID: &str = "069a79f4-44e9-4726-a5be-fca90e38aaf5";

pub(super) const WALLET: i64 = 600_000_000_000_100_000;
const FRIEND: i64 = 600_000_000_000_100_001;
const DEBTOR: i64 = 600_000_000_000_100_002;
pub(super) const EVENT: i64 = 600_000_000_000_000_010;
/// Of two lines, of which the first was refunded.
pub(super) const ORDER: i64 = 600_000_000_000_000_020;
pub(super) const GIFT: i64 = 600_000_000_000_000_021;
/// Charged back and won.
pub(super) const WON: i64 = 600_000_000_000_000_022;
/// Its product is not in the price list.
pub(super) const LOST: i64 = 600_000_000_000_000_023;
pub(super) const DISCARDED: i64 = 600_000_000_000_000_024;
pub(super) const FREE: i64 = 600_000_000_000_000_025;
/// Refunded in two parts, of which a person decided the first.
pub(super) const BOTH: i64 = 600_000_000_000_000_026;
/// With a refund that waits for a person.
pub(super) const LETTER: i64 = 600_000_000_000_000_027;
/// An order, and the wallet, which spent some of its points.
pub(super) const SPENT: (i64, i64) = (600_000_000_000_000_028, 600_000_000_000_100_003);
/// Its refund comes first.
pub(super) const LATE: i64 = 600_000_000_000_000_029;
/// Of the player who spent what was charged back.
const OWED: i64 = 600_000_000_000_000_030;
pub(super) const NOBODY: i64 = 600_000_000_000_000_666;

pub(super) struct World {
    pub(super) app: TestApp,
}

/// The logins of those who look things up.
pub(super) struct People<'a> {
    app: &'a TestApp,
    users: Users<'a>,
    operator: Login,
    reader: Login,
}

impl<'a> People<'a> {
    pub(super) fn of(app: &'a TestApp) -> Self {
        Self {
            app,
            users: Users::for_app(app),
            operator: Login::with_role(app, "paynow_operator"),
            reader: Login::with_role(app, "paynow_reader"),
        }
    }

    pub(super) fn operator(&self) -> Shell {
        self.shell(&self.operator)
    }

    pub(super) fn reader(&self) -> Shell {
        self.shell(&self.reader)
    }

    /// With the broker's login of operators.
    fn shell(&self, login: &Login) -> Shell {
        let amqp = self.users.amqp("operator");
        let management = self.users.management("operator");
        let mut variables = with(self.app.variables(), "AMQP_URL", Some(amqp.as_str()));
        variables = with(variables, "AMQP_MANAGEMENT_URL", Some(management.as_str()));
        Shell::with(with(variables, "DATABASE_URL", Some(login.url.as_str())))
    }
}

/// An order with this many units of the product, for the wallet.
fn order(order_id: i64, wallet: i64, product_id: i64, line_id: i64) -> Order {
    let mut order = Order::of(product_id, wallet);
    order.order_id = order_id;
    order.lines[0].line_id = line_id;
    order
}

fn steve(body: &mut Value) {
    body["body"]["customer"] = json!({"id": WALLET.to_string(), "name": "Steve", "minecraft": {"id": UUID, "name": "Steve"}});
}

impl World {
    pub(super) fn new() -> Self {
        let app = TestApp::start();
        let world = Self { app };
        for (product, points) in [(POINTS, 500), (NO_POINTS, 0)] {
            world.ctl(&format!(
                "products set {product} {points} --by anna --why 'a price'"
            ));
        }
        world.orders();
        world.reversals();
        world.decisions();
        world
    }

    fn ctl(&self, command: &str) {
        let outcome = Shell::with(self.app.variables()).run(&format!("paynowctl {command}"));
        assert_eq!(outcome.code, Some(0), "{command}: {outcome:?}");
    }

    fn tell(&self, body: &Value) {
        let answer = self.app.deliver_bytes(body.to_string().as_bytes());
        assert!(answer.accepted(), "{answer:?}");
    }

    fn orders(&self) {
        let first = Order {
            event_id: EVENT,
            ..order(ORDER, WALLET, POINTS, 600_000_000_000_000_031)
        };
        let mut first = first.line(POINTS, 2, None).json();
        // So that each line has an amount of its own.
        first["body"]["lines"][1]["price"] = json!(450);
        for field in ["subtotal_amount", "total_amount"] {
            first["body"]["lines"][1][field] = json!(900);
            first["body"][field] = json!(1400);
        }
        steve(&mut first);
        self.tell(&first);
        let mut gift = order(GIFT, WALLET, POINTS, flake()).json();
        gift["body"]["lines"][0]["gift_to_customer"] = json!({"id": FRIEND.to_string(), "name": "Alex",
            "steam": {"id": "76561198000000001"},
            "profile": {"id": "2533274800000001", "platform": "Xbox", "name": "Alex"}});
        steve(&mut gift);
        self.tell(&gift);
        for (order_id, wallet, product) in [
            (WON, DEBTOR + 2, POINTS),
            (LOST, WALLET, UNKNOWN),
            (DISCARDED, WALLET, UNKNOWN),
            (FREE, WALLET, NO_POINTS),
            (LETTER, WALLET, POINTS),
            (SPENT.0, SPENT.1, POINTS),
            (OWED, DEBTOR, POINTS),
        ] {
            let mut told = order(order_id, wallet, product, flake()).json();
            if wallet == WALLET {
                steve(&mut told);
            }
            // Half of it is no line.
            told["body"]["lines"][0]["total_amount"] = told["body"]["total_amount"].clone();
            self.tell(&told);
            // So that the letter of the first unknown product is number 1.
            self.app.drain();
        }
        let both = Order {
            lines: vec![line(POINTS), line(POINTS)],
            ..order(BOTH, DEBTOR + 3, POINTS, flake())
        };
        self.tell(&both.quantity(2).json());
        self.app.drain();
    }

    fn reversals(&self) {
        for (wallet, points) in [(SPENT.1, 200), (DEBTOR, 400)] {
            let spend = format!("SELECT spend({wallet}, {points}, 'game-{wallet}')");
            self.app.database.execute(&spend).expect("it has so many");
        }
        self.ctl(&format!(
            "correct --wallet {WALLET} --points 757 --key sorry --by anna --why sorry --yes"
        ));
        // The sender makes the events as PayNow does, from what the database knows of an order.
        for (order_id, then) in [
            (ORDER, "--then partial-refund"),
            (WON, "--then chargeback"),
            (OWED, "--then chargeback"),
            (LETTER, "--then partial-refund"),
        ] {
            self.send(order_id, then);
        }
        self.await_entries("chargeback", 2);
        self.send(WON, "--then chargeback-won");
        self.await_entries("chargeback_won", 1);
    }

    /// Posts with the real sender, and waits until nothing is left to settle.
    fn send(&self, order_id: i64, then: &str) {
        let mut variables = self.app.variables();
        variables.push(("PAYNOW_WEBHOOK_URL".to_owned(), self.app.webhook_url()));
        variables.push((
            "PAYNOW_SIGNING_SECRETS".to_owned(),
            format!("test:{SECRET}"),
        ));
        let sent =
            Shell::with(variables).run(&format!("paynowctl send --order {order_id} {then} --json"));
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }

    fn await_entries(&self, kind: &str, entries: i64) {
        let count = format!("SELECT count(*) AS value FROM ledger_entries WHERE kind = '{kind}'");
        eventually(kind, || {
            (self.app.database.number(&count) == entries).then_some(())
        });
    }

    fn decisions(&self) {
        let of = |order_id: i64, what: &str| {
            format!(
                "SELECT coalesce(max(dead_letter_id), 0) AS value FROM dead_letters \
                 WHERE position('{order_id}' IN encode(body, 'escape')) > 0 AND reason = '{what}'"
            )
        };
        let letter = |order_id: i64, what: &str| {
            let sql = of(order_id, what);
            eventually(what, || {
                let letter = self.app.database.number(&sql);
                (letter > 0).then_some(letter)
            })
        };
        let discarded = letter(DISCARDED, "unknown_product");
        self.ctl(&format!(
            "dead discard {discarded} --by anna --why 'a test of ours' --yes"
        ));
        assert_eq!(letter(LOST, "unknown_product"), 1);
        letter(LETTER, "partial_refund");
        let both = order(BOTH, DEBTOR + 3, POINTS, flake());
        self.app.deliver_bytes(&refund(&both, flake(), 400));
        let decided = letter(BOTH, "partial_refund");
        self.ctl(&format!(
            "refund attribute {decided} --points 250 --by anna --why 'ticket 4711'"
        ));
        self.app.deliver_bytes(&refund(&both, flake(), 1000));
        self.app.drain();
    }

    /// Those that waited in vain.
    pub(super) fn refunds_without_order(&self) -> i64 {
        let dead = "SELECT count(*) AS value FROM dead_letters WHERE reason = 'order_unknown'";
        self.app.database.number(dead)
    }

    pub(super) fn refund_of_an_order_to_come(&self) {
        let late = order(LATE, DEBTOR + 4, POINTS, flake());
        self.app.deliver_bytes(&refund(&late, flake(), 1000));
    }

    pub(super) fn the_order_comes(&self) {
        self.app.deliver(&order(LATE, DEBTOR + 4, POINTS, flake()));
        self.app.drain();
    }
}

fn line(product_id: i64) -> Line {
    Line {
        line_id: flake(),
        product_id,
        quantity: 1,
        gift_to: None,
    }
}
