//! `products import` of a file, and `products export`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{COINS, NOTE, RANK, Shop};
use crate::harness::flake;

/// A file with this content. Returns its name.
fn file(content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("products-{}", flake()));
    std::fs::write(&path, content).expect("a file can be written");
    path.display().to_string()
}

/// The changes of a difference as `product was -> points`.
fn changes(difference: &Value) -> Vec<String> {
    let changes = difference["changes"].as_array().expect("a list").iter();
    changes
        .map(|it| {
            let product = it["product_id"].as_str().expect("an id is a text");
            format!("{product} {} -> {}", it["points_before"], it["points"])
        })
        .collect()
}

#[test]
fn an_import_shows_its_difference_and_changes_nothing_until_it_is_applied() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    shop.set(RANK, "0");
    shop.set("42", "9");
    let before = shop.contents();
    let file = file(&format!(
        "product_id,points,name\n{COINS},600,\"500 Coins, blue\"\n{RANK},0,\n43,70,Gems\n"
    ));

    let shown = shop.act(&["import", &file, "--json"]).succeeded().json();
    let expected = [format!("{COINS} 500 -> 600"), "43 null -> 70".to_owned()];
    let mut sorted = changes(&shown);
    sorted.sort_unstable_by_key(String::len);
    sorted.reverse();
    assert_eq!(sorted, expected);
    assert_eq!(shown["is_applied"], false);
    assert_eq!(shown["unchanged"], 1);
    assert_eq!(shown["unlisted"], json!(["42"]));
    let dry = shop.act(&["import", &file]).succeeded().stdout;
    for part in [
        "500 Coins, blue",
        "1 new, 1 with another price, 0 with another name only, 1 as they were",
        "not in the list, and kept: 42",
        "dry run: nothing was done; --apply does it",
    ] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    assert_eq!(shop.contents(), before);

    let applied = shop
        .act(&["import", &file, "--apply", "--json"])
        .succeeded();
    assert_eq!(applied.json()["is_applied"], true);
    let listed = shop.json(&["list"]);
    let rows: Vec<String> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| format!("{} {} {}", row["product_id"], row["points"], row["name"]))
        .collect();
    let expected = [
        "\"42\" 9 null".to_owned(),
        "\"43\" 70 \"Gems\"".to_owned(),
        format!("\"{COINS}\" 600 \"500 Coins, blue\""),
        format!("\"{RANK}\" 0 null"),
    ];
    assert_eq!(rows, expected);
    let again = shop
        .act(&["import", &file, "--apply", "--json"])
        .succeeded();
    assert_eq!(changes(&again.json()), [""; 0]);
    shop.holds();
}

#[test]
fn every_change_of_an_import_is_an_action_of_its_own() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let file = file(&format!(
        "product_id,points,name\n{COINS},500,Coins\n{RANK},0,VIP\n"
    ));
    shop.act(&["import", &file, "--apply"]).succeeded();
    shop.act(&["import", &file, "--apply"]).succeeded();
    let actions = "SELECT concat_ws(' ', action, operator, why, outcome ->> 'product_id', \
                       outcome ->> 'points', outcome ->> 'name') AS value \
                   FROM operator_actions ORDER BY action_id";
    assert_eq!(
        shop.ledger.database.texts(actions),
        [
            format!("price anna ticket 4711 {COINS} 500"),
            format!("price anna ticket 4711 {COINS} 500 Coins"),
            format!("price anna ticket 4711 {RANK} 0 VIP"),
        ]
    );
    // A new name is no new price.
    assert_eq!(shop.history().len(), 2);
    shop.holds();
}

#[test]
fn one_bad_row_changes_nothing() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let before = shop.contents();
    let good = format!("product_id,points\n{COINS},600\n");
    for (content, problem) in [
        (format!("{good}41,five\n"), "line 3: points \"five\""),
        (format!("{good}41,-5\n"), "line 3: points \"-5\""),
        (format!("{good}41,\n"), "line 3: points \"\""),
        (format!("{good}zero,5\n"), "line 3: product_id \"zero\""),
        (format!("{good}{COINS},700\n"), "is in the list twice"),
        (
            format!("{good}\"41,5\n"),
            "line 3: a quotation mark is not closed",
        ),
        ("id,points\n40,5".to_owned(), "must name the columns"),
        (
            "[{\"product_id\": \"40\"}]".to_owned(),
            "missing field `points`",
        ),
        (String::new(), "must name the columns"),
    ] {
        let refused = shop.act(&["import", &file(&content), "--apply", "--yes"]);
        assert_eq!(refused.code, Some(1), "{content}: {refused:?}");
        assert!(refused.stderr.contains(problem), "{content}: {refused:?}");
        assert!(refused.stderr.contains("nothing was done"), "{refused:?}");
    }
    assert_eq!(shop.contents(), before);
}

#[test]
fn an_unusual_change_of_an_import_must_be_confirmed() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let before = shop.contents();
    let file = file(&format!("product_id,points\n{COINS},5000\n{RANK},7\n"));

    let refused = shop.act(&["import", &file, "--apply"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stdout
            .contains("UNUSUAL: ten times as many or more"),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("1 change is unusual"),
        "{refused:?}"
    );
    assert_eq!(shop.contents(), before);

    shop.act(&["import", &file, "--apply", "--yes"]).succeeded();
    assert_eq!(shop.json(&["list"])[0]["points"], 5000);
    shop.holds();
}

#[test]
fn an_import_that_names_its_preview_makes_exactly_these_changes_or_none() {
    let shop = Shop::open();
    shop.set(COINS, "500");
    let previewed = |list: &str| {
        let shown = shop.act(&["import", list, "--json"]).succeeded().json();
        let hash = shown["expect"].as_str().expect("a text").to_owned();
        let human = shop.act(&["import", list]).succeeded().stdout;
        assert!(human.contains(&format!("--expect {hash}")), "{human}");
        (hash, human)
    };
    let is_refused = |list: &str, hash: &str, because: &str| {
        let before = shop.contents();
        let refused = shop.act(&["import", list, "--apply", "--yes", "--expect", hash]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let why = format!("not what the preview showed, nothing was done: {because}");
        assert!(refused.stderr.contains(&why), "{refused:?}");
        assert_eq!(shop.contents(), before);
    };
    let list = file(&format!("product_id,points\n{COINS},600\n"));
    let (before, human) = previewed(&list);
    assert!(human.contains(" --apply --expect "), "{human}");
    let longer = file(&format!("product_id,points\n{COINS},600\n{RANK},7\n"));
    is_refused(&longer, &before, "the list is another, now of 2 products");
    shop.set(COINS, "550");
    let newest = format!("the newest price is 550 for product {COINS}, set at 20");
    is_refused(
        &list,
        &before,
        "the price list is another, now 1 would change",
    );
    is_refused(
        &list,
        &before,
        &format!("the price list is another, now 1 would change; {newest}"),
    );

    let (now, _human) = previewed(&list);
    let applied = shop.act(&["import", &list, "--apply", "--expect", &now, "--json"]);
    let applied = applied.succeeded().json();
    assert_eq!(
        (&applied["is_applied"], &applied["expect"]),
        (&json!(true), &json!(now))
    );
    assert_eq!(shop.json(&["list"])[0]["points"], 600);

    let unusual = file(&format!("product_id,points\n{COINS},6000\n"));
    let (hash, human) = previewed(&unusual);
    let how = "if every row that is marked UNUSUAL is right, and only if nothing changes until then: paynowctl products import ";
    assert!(
        human.contains(how) && human.contains(" --apply --yes --expect "),
        "{human}"
    );
    let unconfirmed = shop.act(&["import", &unusual, "--apply", "--expect", &hash]);
    assert_eq!(unconfirmed.code, Some(1), "{unconfirmed:?}");
    shop.act(&["import", &unusual, "--apply", "--yes", "--expect", &hash])
        .succeeded();
    shop.holds();
}

#[test]
fn an_export_is_imported_into_another_shop_as_it_was() {
    let names = [
        "500 \"Coins\", blue; red",
        "\u{1b}[2J\u{202e}\u{200b}",
        "\\u{202e} is no escape",
        "=SUM(A1:A9)",
        "two\nlines",
        "zażółć 👍",
        "x",
    ];
    let entries: Vec<Value> = (1..)
        .zip(names)
        .map(|(id, name)| json!({"product_id": id.to_string(), "points": id * 100, "name": name}))
        .chain([json!({"product_id": "99", "points": 0, "name": null})])
        .collect();
    let shop = Shop::open();
    let list = file(&json!(entries).to_string());
    shop.act(&["import", &list, "--apply"]).succeeded();

    let json = shop.products(&["export"]).succeeded().stdout;
    let csv = shop.products(&["export", "--csv"]).succeeded().stdout;
    assert!(!csv.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{csv}");
    assert_eq!(csv.lines().next(), Some("product_id,points,name"));

    for exported in [json, csv] {
        let other = Shop::open();
        let exported = file(&exported);
        other.act(&["import", &exported, "--apply"]).succeeded();
        assert_eq!(other.json(&["export"]), json!(entries), "{exported}");
        let same = shop.products(&[&["import", &exported, "--json"], &NOTE[..]].concat());
        assert_eq!(changes(&same.succeeded().json()), [""; 0]);
        other.holds();
    }
}
