//! A wallet is found by the id that a game knows its owner by.

use serde_json::{Value, json};

use super::{POINTS, PRICE, UUID, app_with_product, order_by, player, tell};
use crate::harness::{Order, Program, flake};
use crate::privileges::login::{Login, with};

const STEAM: &str = "76561198000000001";
const XUID: &str = "2535428504476914";

#[test]
fn a_wallet_is_shown_by_a_uuid_a_steam_id_or_an_xuid() {
    let app = app_with_product();
    let wallet = flake();
    let id = wallet.to_string();
    let mut customer = player(wallet, "Steve");
    customer["steam"] = json!({"id": STEAM});
    customer["profile"] = json!({"id": XUID, "platform": "xbox"});
    tell(&app, &order_by(&customer, 0));
    let bare = UUID.replace('-', "").to_uppercase();
    for name in [UUID, &bare, STEAM, XUID, &id] {
        let shown = app.ctl_json(&["wallet", "show", name]);
        assert_eq!(
            (&shown["wallet_id"], &shown["balance"]),
            (&json!(id), &json!(PRICE))
        );
        let identity = &shown["identities"][0];
        assert_eq!(identity["platform"], "minecraft", "{shown}");
        assert_eq!(
            (&identity["external_id"], &identity["name"]),
            (&json!(UUID), &json!("Steve"))
        );
        let entries = app.ctl_json(&["wallet", "history", name]);
        assert_eq!(entries.as_array().map(Vec::len), Some(1));
    }
    let shown = app.ctl(&["wallet", "show", UUID]).succeeded().stdout;
    assert!(
        shown.contains("known as") && shown.contains("Steve"),
        "{shown}"
    );
}

#[test]
fn an_id_that_belongs_to_nobody_or_to_several_is_said_to() {
    let app = app_with_product();
    let wallets = [flake(), flake()];
    for wallet in wallets {
        tell(&app, &order_by(&player(wallet, "Steve"), 0));
    }
    let several = app.ctl(&["wallet", "show", UUID]);
    assert_eq!(several.code, Some(1), "{several:?}");
    for wallet in wallets {
        assert!(several.stderr.contains(&wallet.to_string()), "{several:?}");
    }
    for (name, form) in [
        (STEAM, "a Steam id"),
        (XUID, "an XUID"),
        (
            "00000000-0000-4000-8000-000000000002",
            "the UUID of a player",
        ),
    ] {
        let unknown = app.ctl(&["wallet", "history", name]);
        assert_eq!(unknown.code, Some(3), "{unknown:?}");
        assert!(unknown.stderr.contains(form), "{unknown:?}");
        assert!(unknown.stderr.contains("paynowctl find"), "{unknown:?}");
    }
    let named = app.ctl(&["wallet", "show", "Steve"]);
    assert_eq!(named.code, Some(2), "{named:?}");
}

#[test]
fn a_reader_sees_ids_and_no_names() {
    let app = app_with_product();
    let wallet = flake();
    app.deliver(&Order::of(POINTS, wallet));
    app.drain();
    let reader = Login::with_role(&app, "paynow_reader");
    let variables = with(app.variables(), "DATABASE_URL", Some(reader.url.as_str()));
    let show = ["wallet", "show", &wallet.to_string(), "--json"];
    let shown = Program::run("paynowctl", &variables, &show)
        .succeeded()
        .json();
    let identity = &shown["identities"][0];
    assert_eq!(
        identity["external_id"],
        "00000000-0000-4000-8000-000000000001"
    );
    assert_eq!(identity["name"], Value::Null, "{shown}");
}
