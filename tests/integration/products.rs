//! The price list: who changes it and why, what a change must be confirmed for, and which price an order
//! gets.

mod import;
mod paynow;
mod rules;
mod time;

use serde_json::Value;

use crate::contract::database::Ledger;
use crate::harness::{Outcome, Program};

const COINS: &str = "600000000000000040";
const RANK: &str = "600000000000000041";
const NOTE: [&str; 4] = ["--by", "anna", "--why", "ticket 4711"];

/// `paynowctl` with a database of its own and nothing else.
struct Shop {
    ledger: Ledger,
    variables: Vec<(String, String)>,
}

impl Shop {
    fn open() -> Self {
        let ledger = Ledger::empty();
        let url = ledger.database.url().to_string();
        Self {
            ledger,
            variables: vec![("DATABASE_URL".to_owned(), url)],
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn products(&self, arguments: &[&str]) -> Outcome {
        let arguments = [&["products"], arguments].concat();
        Program::run("paynowctl", &self.variables, &arguments)
    }

    /// The same with a name and a reason.
    fn act(&self, arguments: &[&str]) -> Outcome {
        self.products(&[arguments, &NOTE].concat())
    }

    fn set(&self, product: &str, points: &str) {
        self.act(&["set", product, points, "--yes"]).succeeded();
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let outcome = self.products(&[arguments, &["--json"]].concat());
        outcome.succeeded().json()
    }

    /// Every price there ever was as `product from time: points by operator`.
    fn history(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let line = |row: &Value| {
            let [product, from, by] =
                ["product_id", "valid_from", "by"].map(|field| text(&row[field]));
            format!("{product} from {from}: {} by {by}", row["points"])
        };
        let history = self.json(&["list", "--history"]);
        history
            .as_array()
            .expect("a list")
            .iter()
            .map(line)
            .collect()
    }

    /// Every row that a change of prices writes.
    fn contents(&self) -> Vec<String> {
        let rows = ["products", "product_prices", "operator_actions"].map(|table| {
            format!("SELECT '{table} ' || row_of_it::text AS value FROM {table} AS row_of_it")
        });
        self.ledger
            .database
            .texts(&format!("{} ORDER BY value", rows.join(" UNION ALL ")))
    }

    #[track_caller]
    fn holds(&self) {
        let check = ["check", "--skip-broker", "--json"];
        let outcome = Program::run("paynowctl", &self.variables, &check);
        outcome.succeeded();
    }
}

#[test]
fn a_price_is_recorded_with_who_and_why() {
    let shop = Shop::open();

    let set = shop.act(&["set", COINS, "500"]).succeeded();
    assert_eq!(
        set.stdout,
        format!("product {COINS} gives 500 points (new)\n")
    );
    assert_eq!(set.stderr, "");
    let again = shop.act(&["set", COINS, "500"]).succeeded();
    assert_eq!(
        again.stdout,
        format!("product {COINS} gives 500 points (as before)\n")
    );

    let history = shop.json(&["list", "--history"]);
    let [price] = &history.as_array().expect("a list")[..] else {
        panic!("one set of a new product makes one price: {history}");
    };
    assert_eq!(price["valid_from"], Value::Null);
    assert_eq!(price["points"], 500);
    assert_eq!(
        (&price["by"], &price["why"]),
        (&"anna".into(), &"ticket 4711".into())
    );
    assert!(
        price["login"].is_string() && price["acted_at"].is_string(),
        "{price}"
    );
    shop.holds();
}

#[test]
fn a_price_without_a_name_is_set_under_the_login_with_a_warning() {
    let shop = Shop::open();
    for arguments in [
        &["set", COINS, "500"][..],
        &["set", COINS, "501", "--by", "anna"],
        &["set", COINS, "502", "--why", "ticket 4711"],
    ] {
        let set = shop.products(arguments).succeeded();
        assert!(set.stderr.contains("give --by and --why"), "{set:?}");
        assert_eq!(set.stderr.lines().count(), 1, "{set:?}");
    }
    // Nothing changes, so nothing is recorded.
    let same = shop.products(&["set", COINS, "502"]).succeeded();
    assert_eq!(same.stderr, "");
    let actions = "SELECT concat_ws(' ', operator = login, why) AS value FROM operator_actions \
                   ORDER BY action_id";
    assert_eq!(
        shop.ledger.database.texts(actions),
        [
            "t no reason was given",
            "f no reason was given",
            "t ticket 4711"
        ]
    );
}

#[test]
fn a_tenfold_change_and_a_large_price_must_be_confirmed() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    shop.set(RANK, "0");
    let before = shop.contents();
    for (product, points, caution) in [
        (COINS, "5000", "instead of 500, ten times as many or more"),
        (COINS, "50", "a tenth or less"),
        (COINS, "0", "a tenth or less"),
        (RANK, "1000001", "more than a million a unit"),
        ("42", "1000001", "more than a million a unit"),
    ] {
        let refused = shop.act(&["set", product, points]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(caution), "{refused:?}");
        assert!(refused.stderr.contains("--yes"), "{refused:?}");
    }
    assert_eq!(shop.contents(), before);

    shop.act(&["set", COINS, "4999"]).succeeded();
    shop.act(&["set", RANK, "1000000"]).succeeded();
    shop.act(&["set", COINS, "50000", "--yes"]).succeeded();
    shop.holds();
}

#[test]
fn a_removed_product_is_gone_and_its_history_stays() {
    let shop = Shop::open();
    let unknown = shop.act(&["remove", COINS]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    shop.set(COINS, "500");

    let removed = shop.act(&["remove", COINS]).succeeded();

    assert!(removed.stdout.contains("(gave 500 points)"), "{removed:?}");
    assert_eq!(shop.json(&["list"]), Value::Array(Vec::new()));
    assert_eq!(shop.act(&["remove", COINS]).code, Some(3));
    shop.set(COINS, "600");
    let history = shop.history();
    let points: Vec<&str> = history
        .iter()
        .filter_map(|line| line.rsplit_once(": "))
        .map(|(_time, points)| points)
        .collect();
    assert_eq!(points, ["500 by anna", "null by anna", "600 by anna"]);
    shop.holds();
}
