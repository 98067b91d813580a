//! A system that has something to do for each command, and the logins of whoever is on call.

use std::path::PathBuf;

use super::super::shell::Shell;
use crate::harness::{Order, Outcome, SECRET, TestApp, eventually, flake, signed_headers};
use crate::privileges::login::{Login, with};
use crate::privileges::made::Users;
use crate::reversals::refund;

const PRODUCT: i64 = 600_000_000_000_000_040;
const WALLET: i64 = 600_000_000_000_100_000;
const FORGOTTEN: i64 = 600_000_000_000_100_005;
/// What stands in a command that does exactly what a preview showed.
const HASH: &str = "--expect \"$HASH\"";
const NOTE: &str = "--by anna --why 'a test'";

/// An app with credited orders, and the number of a replay that the live traffic stopped.
pub(super) fn with_a_stopped_replay() -> (TestApp, i64) {
    let mut app = TestApp::start();
    app.set_product(PRODUCT, 500);
    for wallet in [WALLET, FORGOTTEN] {
        app.deliver(&Order::of(PRODUCT, wallet));
        app.drain();
    }
    for _letter in 0..2 {
        let letter = dead_letter(&app);
        change(&app, letter, "reason = 'order_type'");
    }
    app.workers.pop().expect("one runs").stop();
    app.deliver(&Order::of(PRODUCT, WALLET));
    eventually("the broker's figures show the order", || {
        (app.broker.management_depth("paynow.credits") == Some(1)).then_some(())
    });
    let replay = "dead replay --reason order_type --yes --max-depth 0 --max-depth-wait 1";
    let stopped = Shell::with(app.variables()).run(&format!("paynowctl {replay} {NOTE}"));
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    app.start_worker();
    app.drain();
    let replay = "SELECT max(action_id) AS value FROM operator_actions WHERE action = 'replay'";
    let replay = app.database.number(replay);
    (app, replay)
}

/// A new letter of a product that got its price after the order died.
fn dead_letter(app: &TestApp) -> i64 {
    let product = flake();
    let order = Order::of(product, flake());
    app.deliver(&order);
    app.drain();
    app.set_product(product, 5);
    number_of(app, order.event_id.to_string().as_str())
}

fn number_of(app: &TestApp, event: &str) -> i64 {
    app.database.number(&format!(
        "SELECT dead_letter_id AS value FROM dead_letters WHERE event_id = '{event}'"
    ))
}

/// Only a superuser may change what a letter says.
fn change(app: &TestApp, letter: i64, to: &str) {
    let sql = format!(
        "SET session_replication_role = replica; \
         UPDATE dead_letters SET {to} WHERE dead_letter_id = {letter}; \
         SET session_replication_role = origin"
    );
    app.database.execute(&sql).expect("a superuser may");
}

/// The hash that the same command shows as long as it does nothing.
fn hash_of_preview(shell: &Shell, command: &str) -> String {
    let is_decision = command.contains("refund attribute");
    let dry = if is_decision { " --dry-run" } else { "" };
    let preview = command
        .replace(&format!(" --yes {HASH}"), dry)
        .replace(&format!(" {HASH}"), dry)
        .replace(" --apply", "");
    let shown = shell.run(&preview);
    let mut words = shown.stdout.split_whitespace();
    let hash = words.by_ref().find(|word| *word == "--expect");
    let hash = hash.and_then(|_option| words.next());
    hash.unwrap_or_else(|| panic!("{preview} shows no hash: {shown:?}"))
        .to_owned()
}

/// Whether a command is about letters that somebody still has to decide about.
fn decides(command: &str) -> bool {
    let begins = |name: &&str| command.starts_with(&format!("paynowctl dead {name} "));
    ["replay", "discard"].iter().any(begins) && !command.contains(" --resume ")
}

/// What stands for the examples of the pages.
struct Examples {
    letter: i64,
    line: i64,
}

pub(super) struct Duty<'a> {
    app: &'a TestApp,
    users: Users<'a>,
    operator: Login,
    replay: i64,
    folder: PathBuf,
}

impl<'a> Duty<'a> {
    pub(super) fn of(app: &'a TestApp, replay: i64) -> Self {
        let folder = format!("{}-duty", app.broker.vhost());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        std::fs::create_dir_all(&folder).expect("it can be made");
        Self {
            app,
            users: Users::for_app(app),
            operator: Login::with_role(app, "paynow_operator"),
            replay,
            folder,
        }
    }

    /// Runs a command as the role that `ops/alerts.md` names for it, with real numbers for its examples.
    pub(super) fn run(&self, command: &str) -> Outcome {
        let examples = self.prepare(command);
        let words = command.split(' ').map(|word| self.real(word, &examples));
        let command = words.collect::<Vec<_>>().join(" ");
        let is_of_setup = ["setup", "people"]
            .iter()
            .any(|name| command.starts_with(&format!("paynowctl {name}")));
        let mut shell = if is_of_setup {
            Shell::with(self.app.variables())
        } else {
            self.operator()
        }
        .at(self.folder.clone());
        if command.contains(HASH) {
            let hash = hash_of_preview(&shell, &command);
            shell.remember(&format!("HASH={hash}"));
        }
        shell.run(&command)
    }

    fn operator(&self) -> Shell {
        let amqp = self.users.amqp("operator");
        let management = self.users.management("operator");
        let mut variables = with(self.app.variables(), "AMQP_URL", Some(amqp.as_str()));
        variables = with(variables, "AMQP_MANAGEMENT_URL", Some(management.as_str()));
        variables = with(
            variables,
            "PAYNOW_WEBHOOK_URL",
            Some(&self.app.webhook_url()),
        );
        Shell::with(with(
            variables,
            "DATABASE_URL",
            Some(self.operator.url.as_str()),
        ))
    }

    /// Makes what the command is about.
    fn prepare(&self, command: &str) -> Examples {
        let mut examples = Examples { letter: 0, line: 0 };
        if command.contains("refund attribute") || command.contains("partial_refund") {
            (examples.letter, examples.line) = self.refund_to_decide();
        } else if command.contains("unrouted move") {
            let body = Order::of(PRODUCT, WALLET).body();
            let headers = signed_headers(SECRET, &body);
            self.app.broker.publish("paynow.unrouted", &body, &headers);
        } else if command.contains("products export") {
            // An earlier command of the page removed it.
            self.app.set_product(PRODUCT, 500);
        } else if command.contains("products import prices.csv") {
            // So that the file says another price.
            self.app.set_product(PRODUCT, 510);
        } else if command.starts_with("paynowctl dead show") {
            let newest = "SELECT max(dead_letter_id) AS value FROM dead_letters";
            examples.letter = self.app.database.number(newest);
        } else if decides(command) {
            // Of one letter alone there is no preview.
            for _letter in 0..2 {
                examples.letter = dead_letter(self.app);
                self.make_fit(examples.letter, command);
            }
        }
        examples
    }

    /// Gives a letter the reason and the age that the command asks for.
    fn make_fit(&self, letter: i64, command: &str) {
        if command.contains("--without-proof") {
            change(self.app, letter, "reason = 'unsigned', signature = NULL");
        }
        for reason in ["crash_loop", "order_unknown"] {
            if command.contains(reason) {
                let old = format!("reason = '{reason}', last_dead_at = now() - interval '2 days'");
                change(self.app, letter, &old);
            }
        }
    }

    /// A letter of a refund whose amount tells no line, and the one line of its order.
    fn refund_to_decide(&self) -> (i64, i64) {
        let order = Order::of(PRODUCT, flake());
        self.app.deliver(&order);
        self.app.drain();
        let refunded = self.app.deliver_bytes(&refund(&order, flake(), 400));
        self.app.drain();
        (
            number_of(self.app, refunded.event_id()),
            order.lines[0].line_id,
        )
    }

    fn credited(&self, what: &str) -> String {
        let sql = format!(
            "SELECT {what}::text AS value FROM webhook_events WHERE outcome = 'credited' \
             ORDER BY event_id DESC LIMIT 1"
        );
        self.app.database.texts(&sql).remove(0)
    }

    fn event_of(&self, letter: i64) -> String {
        let sql =
            format!("SELECT event_id AS value FROM dead_letters WHERE dead_letter_id = {letter}");
        self.app.database.texts(&sql).remove(0)
    }

    fn real(&self, word: &str, examples: &Examples) -> String {
        let port = |port: u16| format!("http://127.0.0.1:{port}/");
        match word {
            "17" | "18" => examples.letter.to_string(),
            "12" => self.replay.to_string(),
            // A key gives once, and each command is to do something.
            "ticket-4711" | "incident-12" => format!("{word}-{}", flake()),
            "600000000000000031" => examples.line.to_string(),
            "600000000000000070" if examples.letter > 0 => self.event_of(examples.letter),
            "600000000000000001" | "600000000000000070" => self.credited("event_id"),
            "600000000000000010" => self.credited("order_id"),
            "https://shop.example.org/webhooks/paynow" | "http://receiver:8080/webhooks/paynow" => {
                self.app.webhook_url()
            }
            other => other
                .replace(
                    "http://receiver:9464/",
                    &port(self.app.receiver_admin_port()),
                )
                .replace(
                    "http://worker:9465/",
                    &port(*self.app.worker_ports.last().expect("one runs")),
                ),
        }
    }
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}
