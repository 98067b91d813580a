//! `products import --from-paynow`, against a stand-in with PayNow's published schema.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{COINS, RANK, Shop};
use crate::harness::{Reply, serve_api};

const KEY: &str = "pnapi-only-for-this-test";

/// PayNow's API with this list of products. Collects what it was asked.
struct PayNow {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl PayNow {
    fn with(products: &Value) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, products) = (Arc::clone(&asked), products.to_string());
        let url = serve_api(move |head| {
            log.lock().unwrap().push(head.trim_end().to_owned());
            let is_let_in = head
                .lines()
                .any(|line| line == format!("authorization: APIKey {KEY}"));
            match is_let_in {
                true => Reply::Document(products.clone()),
                false => Reply::Status(401),
            }
        });
        Self { url, asked }
    }

    fn shop(&self) -> Shop {
        Shop::open()
            .with("PAYNOW_API_URL", &self.url)
            .with("PAYNOW_STORE_ID", "600000000000000002")
            .with("POINTS_METADATA_KEY", "points")
    }
}

/// A product with the fields that matter, and some of the others.
fn product(id: &str, name: &str, metadata: &Value) -> Value {
    json!({
        "id": id, "store_id": "600000000000000002", "version_id": "1", "image_url": null,
        "slug": "a-product", "name": name, "description": "<p>a product</p>", "price": 999,
        "tags": [], "gameservers": [], "commands": [], "metadata": metadata,
        "created_at": "2026-01-01T10:00:00Z",
    })
}

#[test]
fn paynows_products_are_imported_with_their_names_and_the_points_of_their_metadata() {
    let paynow = PayNow::with(&json!([
        product(COINS, "500 Coins", &json!({"points": "500"})),
        product(RANK, "VIP", &json!(null)),
        product("42", "Gems", &json!({"other": "7"})),
    ]));
    let shop = paynow.shop().with("PAYNOW_API_KEY", KEY);
    shop.set("42", "70");
    let before = shop.contents();

    let import = ["import", "--from-paynow"];
    let dry = shop.act(&import).succeeded();
    assert!(
        dry.stdout.contains("UNUSUAL: the list names no points"),
        "{dry:?}"
    );
    // A product that would give nothing must be confirmed.
    let refused = shop.act(&["import", "--from-paynow", "--apply"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(shop.contents(), before);

    let applied = shop.act(&["import", "--from-paynow", "--apply", "--yes"]);
    applied.succeeded();
    let listed = shop.json(&["export"]);
    assert_eq!(
        listed,
        json!([
            {"product_id": "42", "points": 70, "name": "Gems"},
            {"product_id": COINS, "points": 500, "name": "500 Coins"},
            {"product_id": RANK, "points": 0, "name": "VIP"},
        ])
    );
    let asked = paynow.asked.lock().unwrap().concat();
    assert!(
        asked.starts_with("GET /v1/stores/600000000000000002/products HTTP/1.1"),
        "{asked}"
    );
    shop.holds();
}

#[test]
fn a_product_with_unreadable_metadata_changes_nothing() {
    let paynow = PayNow::with(&json!([
        product(COINS, "Coins", &json!({"points": "500"})),
        product(RANK, "VIP", &json!({"points": "many"})),
    ]));
    let shop = paynow.shop().with("PAYNOW_API_KEY", KEY);
    let before = shop.contents();
    let refused = shop.act(&["import", "--from-paynow", "--apply", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains(&format!("of product {RANK}")),
        "{refused:?}"
    );
    assert_eq!(shop.contents(), before);
}

#[test]
fn without_a_key_or_a_store_nothing_is_asked_and_a_wrong_key_is_told_but_not_shown() {
    let paynow = PayNow::with(&json!([]));
    let import = ["import", "--from-paynow"];
    let missing = paynow.shop().act(&import);
    assert_eq!(missing.code, Some(64), "{missing:?}");
    assert!(
        missing.stderr.contains("PAYNOW_API_KEY must be set"),
        "{missing:?}"
    );
    let storeless = Shop::open()
        .with("PAYNOW_API_URL", &paynow.url)
        .with("PAYNOW_API_KEY", KEY)
        .act(&import);
    assert_eq!(storeless.code, Some(64), "{storeless:?}");
    assert!(
        storeless.stderr.contains("PAYNOW_STORE_ID must be set"),
        "{storeless:?}"
    );
    assert!(paynow.asked.lock().unwrap().is_empty());

    let denied = paynow
        .shop()
        .with("PAYNOW_API_KEY", "pnapi-another")
        .act(&import);
    assert_eq!(denied.code, Some(1), "{denied:?}");
    assert!(denied.stderr.contains("refuses the key"), "{denied:?}");
    assert!(!denied.stderr.contains("pnapi"), "{denied:?}");
}
