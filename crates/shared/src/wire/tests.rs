use proptest::prelude::*;

use super::*;

fn order(body: &str) -> String {
    format!(r#"{{"event_type":"ON_ORDER_COMPLETED","event_id":"1","body":{body}}}"#)
}

#[test]
fn an_order_needs_only_its_ids() {
    let sparse = order(r#"{"id":"2","lines":[{"id":"3","product_id":"4"}]}"#);
    let nulls = order(
        r#"{"id":"2","store_id":null,"customer":null,"total_amount":null,"currency":null,
            "lines":[{"id":"3","product_id":"4","quantity":null,"gift_to_customer":null,
                      "product":{"metadata":null},"unknown":[1]}]}"#,
    );
    let decoded = decode(sparse.as_bytes()).unwrap();
    assert_eq!(decode(nulls.as_bytes()).unwrap(), decoded);
    let EventKind::OrderCompleted(order) = decoded.kind else {
        panic!("not an order")
    };
    assert_eq!(order.lines.first().unwrap().quantity, None);
}

#[test]
fn a_missing_id_is_a_wrong_shape_and_says_which() {
    for (body, names) in [
        (r#"{"lines":[]}"#, "`id`"),
        (r#"{"id":"2"}"#, "`lines`"),
        (r#"{"id":"2","lines":[{"product_id":"4"}]}"#, "`id`"),
        (r#"{"id":"2","lines":[{"id":"3"}]}"#, "`product_id`"),
        (
            r#"{"id":"2","lines":[{"id":"3","product_id":"4","gift_to_customer":{}}]}"#,
            "`id`",
        ),
    ] {
        let error = decode(order(body).as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("ON_ORDER_COMPLETED") && error.contains(names),
            "{error}"
        );
    }
}

#[test]
fn an_error_never_quotes_the_body() {
    let error = decode(order(r#"{"id":"2","customer":"Jane \"J\" Doe"}"#).as_bytes());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("invalid type") && !error.contains("Jane"),
        "{error}"
    );
    let closed = r#"{"event_type":"ON_CHARGEBACK_CLOSED","event_id":"1",
        "body":{"id":"2","order_id":"3","chargeback_status":"Jane `J` Doe"}}"#;
    let error = decode(closed.as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("neither `won` nor `lost`") && !error.contains("Doe"),
        "{error}"
    );
}

#[test]
fn other_types_are_ignored_whatever_their_body() {
    for body in ["null", "{}", "[1]", r#"{"id":5}"#] {
        let text = format!(r#"{{"event_type":"ON_NEW_THING","event_id":"1","body":{body}}}"#);
        assert_eq!(decode(text.as_bytes()).unwrap().kind, EventKind::Ignored);
    }
    let bare = br#"{"event_type":"ON_NEW_THING","event_id":"1"}"#;
    assert_eq!(decode(bare).unwrap().kind, EventKind::Ignored);
}

#[test]
fn only_texts_of_the_metadata_count() {
    let text = order(
        r#"{"id":"2","lines":[{"id":"3","product_id":"4",
            "product":{"metadata":{"points":"500","tier":7}}}]}"#,
    );
    let EventKind::OrderCompleted(order) = decode(text.as_bytes()).unwrap().kind else {
        panic!("not an order")
    };
    let metadata = &order.lines.first().unwrap().product_metadata;
    assert_eq!(metadata.get("points").map(String::as_str), Some("500"));
    assert_eq!(metadata.len(), 1);
}

#[test]
fn a_label_is_the_event_id_or_else_the_digest() {
    let label_of = |body: &str| label(body.as_bytes());
    assert_eq!(label_of(&order("{}")).message_id, "1");
    assert_eq!(
        label_of(r#"{"event_id":"7","event_type":null}"#).message_id,
        "7"
    );
    for body in [
        "",
        "{",
        "[]",
        r#"{"event_id":"evt_1"}"#,
        r#"{"event_type":"A"}"#,
    ] {
        assert_eq!(
            label_of(body).message_id,
            BodyDigest::of(body.as_bytes()).to_string()
        );
    }
    assert_eq!(label_of(r#"{"event_type":"a.b"}"#).event_type, None);
}

proptest! {
    #[test]
    fn no_bytes_make_decode_or_label_panic(body: Vec<u8>) {
        let _ = decode(&body);
        prop_assert!(!label(&body).message_id.is_empty());
    }

    #[test]
    fn no_damage_to_a_real_order_makes_decode_panic(at in 0usize..400, byte: u8) {
        let mut body = order(
            r#"{"id":"2","customer":{"id":"9"},"total_amount":100,"lines":[{"id":"3",
                "product_id":"4","quantity":2,"product":{"metadata":{"points":"5"}}}]}"#,
        ).into_bytes();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        let _ = decode(&body);
    }

    #[test]
    fn what_decodes_carries_the_id_of_its_label(id in 1i64.., kind in "[A-Z_]{1,20}") {
        let body = format!(r#"{{"event_type":"{kind}","event_id":"{id}","body":{{}}}}"#);
        if let Ok(event) = decode(body.as_bytes()) {
            prop_assert_eq!(event.id.to_string(), label(body.as_bytes()).message_id);
        }
    }
}

#[test]
fn a_list_is_no_object_however_well_its_values_fit() {
    let list = br#"["ON_ORDER_COMPLETED","11",{"id":"2","lines":[]}]"#;
    assert!(decode(list).is_err());
    assert_eq!(label(list).message_id, BodyDigest::of(list).to_string());
    let two = br#"["ON_ORDER_COMPLETED","11"]"#;
    assert_eq!(label(two).message_id, BodyDigest::of(two).to_string());
    for body in [
        r#"["2",null,null,null,null,[]]"#,
        r#"{"id":"2","customer":["5"],"lines":[]}"#,
        r#"{"id":"2","lines":[["3","4",1,null,null]]}"#,
        r#"{"id":"2","lines":[{"id":"3","product_id":"4","gift_to_customer":["5"]}]}"#,
        r#"{"id":"2","lines":[{"id":"3","product_id":"4","product":[{}]}]}"#,
    ] {
        assert!(decode(order(body).as_bytes()).is_err(), "{body}");
    }
}
