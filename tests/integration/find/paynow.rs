//! Players whom no order has named, asked of a stand-in for PayNow's API with its published schema.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::hits;
use crate::harness::{Order, Outcome, Program, Reply, TestApp, flake, serve_api};
use crate::privileges::login::{Login, with};

const KEY: &str = "pnapi-only-for-this-test";
const STORE: &str = "600000000000000002";
const POINTS: i64 = 600_000_000_000_000_040;

/// PayNow's customers.
#[derive(Clone, Default)]
pub(crate) struct Customers {
    /// For every request, instead of a proper answer.
    trouble: Arc<Mutex<Option<Reply>>>,
    /// What a search for anything answers, and what a look-up does.
    listed: Arc<Mutex<Value>>,
    one: Arc<Mutex<Option<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Customers {
    /// Customers of the shop that a search lists.
    pub(crate) fn listing(customers: &[Value]) -> Self {
        let these = Self::default();
        *these.listed.lock().unwrap() = json!(customers);
        these
    }

    /// The settings of a program that asks them.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        let these = self.clone();
        let url = serve_api(move |head| these.answer(head));
        [
            ("PAYNOW_API_URL", url),
            ("PAYNOW_API_KEY", KEY.to_owned()),
            ("PAYNOW_STORE_ID", STORE.to_owned()),
        ]
    }

    pub(crate) fn trouble(&self, reply: Option<Reply>) {
        *self.trouble.lock().unwrap() = reply;
    }

    /// The paths that were asked for since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn answer(&self, head: &str) -> Reply {
        let path = head.split(' ').nth(1).unwrap_or_default();
        self.asked.lock().unwrap().push(path.to_owned());
        if let Some(trouble) = &*self.trouble.lock().unwrap() {
            return trouble.clone();
        }
        if !head.contains(&format!("authorization: APIKey {KEY}\n")) {
            return Reply::Status(401);
        }
        let of_store = path.strip_prefix(&format!("/v1/stores/{STORE}/customers"));
        match (of_store, &*self.one.lock().unwrap()) {
            (Some(rest), Some(one)) if rest.starts_with("/lookup?") => {
                Reply::Document(one.to_string())
            }
            (Some(rest), _) if rest.starts_with('?') => {
                Reply::Document(self.listed.lock().unwrap().to_string())
            }
            _other => Reply::Status(404),
        }
    }
}

/// A customer with the fields that matter, and some of the others.
pub(crate) fn customer(id: i64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "store_id": STORE, "name": null, "created_at": "2026-01-01T10:00:00Z",
        "metadata": {"note": "hidden"}, "steam_id": null, "steam": null, "minecraft_platform": "java",
        "minecraft": {"id": "0d252b7218b648bfb86c2ae476954d32", "name": name, "avatar_url": "https://x.example"},
        "profile": {"id": "0d252b72-18b6-48bf-b86c-2ae476954d32", "platform": "minecraft", "name": name}
    })
}

/// An identity that the worker keeps. Returns the wallet.
pub(crate) fn keep_steven(app: &TestApp) -> i64 {
    let wallet = flake();
    let known = format!(
        "INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, last_seen_at) \
         VALUES ({wallet}, 'steam', '76561198000000001', 'Steven', now(), now())"
    );
    app.database.execute(&known).unwrap();
    wallet
}

fn find(app: &TestApp, customers: &Customers, asked: &str) -> Outcome {
    let mut variables = app.variables();
    variables.extend(
        customers
            .settings()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    Program::run("paynowctl", &variables, &["find", asked, "--json"])
}

#[test]
fn a_player_whom_no_order_has_named_is_asked_of_paynow() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (credited, stranger) = (flake(), flake());
    app.deliver(&Order::of(POINTS, credited));
    app.drain();
    let customers = Customers::listing(&[customer(credited, "Alex"), customer(stranger, "Alexa")]);
    let found = find(&app, &customers, "Alex Zażółć&limit=9")
        .succeeded()
        .json();
    assert_eq!(
        hits(&found),
        [format!("player {credited}"), format!("player {stranger}")]
    );
    let detail = |place: usize| found["hits"][place]["detail"].as_str().unwrap();
    assert!(detail(0).starts_with("Alex, minecraft 0d25"), "{found}");
    assert!(detail(0).ends_with("says PayNow, balance 500"), "{found}");
    assert!(
        detail(1).ends_with("says PayNow, no wallet here"),
        "{found}"
    );
    assert!(!found.to_string().contains("hidden"), "{found}");
    let search = format!(
        "/v1/stores/{STORE}/customers?search=Alex+Za%C5%BC%C3%B3%C5%82%C4%87%26limit%3D9&limit=21"
    );
    assert_eq!(customers.asked(), [search]);

    // A search that lists nobody is followed by look-ups.
    *customers.listed.lock().unwrap() = json!([]);
    let nobody = find(&app, &customers, "Alex");
    assert_eq!(nobody.code, Some(3), "{nobody:?}");
    assert!(nobody.stderr.contains("; player at PayNow"), "{nobody:?}");
    assert_eq!(customers.asked().len(), 4);
    *customers.one.lock().unwrap() = Some(customer(stranger, "Alex"));
    let found = find(&app, &customers, "Alex").succeeded().json();
    assert_eq!(hits(&found), [format!("player {stranger}")]);
    let asked = customers.asked();
    assert!(
        asked[1].ends_with("/lookup?minecraft_java_name=Alex"),
        "{asked:?}"
    );
    find(&app, &customers, "0D252B7218B648BFB86C2AE476954D32").succeeded();
    let asked = customers.asked();
    let uuid = "/lookup?minecraft_uuid=0d252b72-18b6-48bf-b86c-2ae476954d32";
    assert!(asked.len() == 1 && asked[0].ends_with(uuid), "{asked:?}");
    // A customer of another store is none of ours.
    let mut other = customer(stranger, "Alex");
    other["store_id"] = json!("600000000000000003");
    *customers.one.lock().unwrap() = Some(other);
    assert_eq!(find(&app, &customers, "Alex").code, Some(3));
}

#[test]
fn what_the_database_knows_and_what_is_no_players_name_is_not_asked() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let (wallet, stranger) = (flake(), flake());
    let order = Order::of(POINTS, wallet);
    app.deliver(&order);
    app.drain();
    let known = format!(
        "DELETE FROM customer_identities; \
         INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, last_seen_at) \
         VALUES ({wallet}, 'steam', '76561198000000001', 'Steven', now(), now())"
    );
    app.database.execute(&known).unwrap();
    let customers = Customers::listing(&[customer(stranger, "Steve")]);
    for asked in [
        "steven",
        "76561198000000001",
        "zofia@shop.example",
        &wallet.to_string(),
        &flake().to_string(),
        &format!("order-line:{}", order.lines[0].line_id),
        &"a".repeat(64),
    ] {
        find(&app, &customers, asked);
        let made = customers.asked();
        let is_digest = asked.len() == 64;
        assert!(made.is_empty() || is_digest, "{asked}: {made:?}");
    }
    // The beginning of a name is known, and may be the whole name of somebody else.
    let both = find(&app, &customers, "Steve").succeeded().json();
    assert_eq!(
        hits(&both),
        [format!("player {wallet}"), format!("player {stranger}")]
    );
    assert_eq!(customers.asked().len(), 1);
    // A login that may not read names here does not get them elsewhere.
    let login = Login::with_role(&app, "paynow_reader");
    let mut variables = with(app.variables(), "DATABASE_URL", Some(login.url.as_str()));
    variables.extend(
        customers
            .settings()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let refused = Program::run("paynowctl", &variables, &["find", "Steve"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(customers.asked().is_empty());
}

#[test]
fn without_an_answer_of_paynow_find_shows_what_the_database_knows_and_says_why() {
    let app = TestApp::start();
    let wallet = keep_steven(&app);
    let customers = Customers::listing(&[customer(flake(), "Steve")]);
    let nonsense = |text: &str| Reply::Document(text.to_owned());
    for (reply, said) in [
        (Reply::Silence, "no answer in time"),
        (Reply::Status(500), "status 500"),
        (Reply::Status(401), "refuses the key"),
        (Reply::Status(404), "does not know"),
        (
            nonsense("[{\"id\": \"Steve\"}]"),
            "differs from the documentation",
        ),
        (nonsense("<html>"), "differs from the documentation"),
        (nonsense(&" ".repeat(2 << 20)), "more than 1048576 bytes"),
    ] {
        customers.trouble(Some(reply));
        let began = Instant::now();
        let found = find(&app, &customers, "Steve").succeeded().json();
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(hits(&found), [format!("player {wallet}")]);
        let searched = found["searched"].as_array().unwrap().last().unwrap();
        assert_eq!(searched["what"], "player at PayNow");
        let why = searched["left_out_because"].as_str().unwrap();
        assert!(why.contains(said) && !why.contains(KEY), "{why}");
    }
    let storeless = with(app.variables(), "PAYNOW_API_KEY", Some(KEY));
    let told = Program::run("paynowctl", &storeless, &["find", "Nobody"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    let said = "not as player at PayNow: PAYNOW_STORE_ID is not set";
    assert!(told.stderr.contains(said), "{told:?}");
    let keyless = app.ctl(&["find", "Nobody"]);
    assert!(!keyless.stderr.contains("PayNow"), "{keyless:?}");
}
