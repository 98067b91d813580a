//! Other tests rely on the generator, so it has tests of its own.

use std::collections::{BTreeMap, HashSet};

use fastrand::Rng;
use serde_json::{Value, json};

use super::shape::{Field, Shape, Table};
use super::{BODIES, Completeness, EVENT_TYPES, Ids, body_table, envelope, order_points};

const SEEDS: u64 = 200;

fn seeded(event_type: &str, completeness: Completeness, seed: u64) -> (Ids, Value) {
    let mut rng = Rng::with_seed(seed);
    let ids = Ids::random(&mut rng);
    let value = envelope(event_type, &ids, completeness, &mut rng);
    (ids, value)
}

fn fields(table: Table) -> impl Iterator<Item = &'static Field> {
    table.iter().copied().flatten()
}

/// Visits every field of the table in the value, and of all tables below it.
fn walk(table: Table, value: &Value, visit: &mut dyn FnMut(&Field, Option<&Value>)) {
    for field in fields(table) {
        let held = value.get(field.name);
        visit(field, held);
        match (&field.shape, held) {
            (Shape::Object(below) | Shape::MaybeObject(below), Some(Value::Object(_))) => {
                walk(below, &value[field.name], visit);
            }
            (Shape::List(below, ..), Some(Value::Array(items))) => {
                for item in items {
                    walk(below, item, visit);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn every_type_builds_with_its_envelope_fields() {
    for (event_type, seed) in EVENT_TYPES
        .iter()
        .flat_map(|t| (0..SEEDS).map(move |s| (t, s)))
    {
        for completeness in [Completeness::Full, Completeness::Sparse] {
            let (ids, value) = seeded(event_type, completeness, seed);
            assert_eq!(value["event_type"], json!(event_type));
            assert_eq!(value["event_id"], json!(ids.event_id.to_string()));
            assert!(value["body"].is_object(), "{value}");
        }
    }
}

#[test]
fn the_event_types_are_distinct() {
    let distinct: HashSet<&str> = EVENT_TYPES.into_iter().collect();
    assert_eq!(distinct.len(), BODIES.len());
}

#[test]
fn a_seed_repeats_its_envelope() {
    for event_type in EVENT_TYPES {
        let first = seeded(event_type, Completeness::Sparse, 7);
        assert_eq!(first, seeded(event_type, Completeness::Sparse, 7));
        assert_ne!(first, seeded(event_type, Completeness::Sparse, 8));
    }
}

#[test]
fn full_has_every_field_of_its_table() {
    for (event_type, table) in BODIES {
        for seed in 0..SEEDS {
            let (_, value) = seeded(event_type, Completeness::Full, seed);
            walk(table, &value["body"], &mut |field, held| {
                let may_be_null = matches!(field.shape, Shape::MaybeObject(_));
                let there = held.is_some_and(|held| may_be_null || !held.is_null());
                assert!(there, "{event_type} lacks {}: {value}", field.name);
            });
        }
    }
}

#[test]
fn sparse_nulls_and_drops_every_optional_field_and_no_other() {
    for (event_type, table) in BODIES {
        let mut seen: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
        for seed in 0..SEEDS {
            let (_, value) = seeded(event_type, Completeness::Sparse, seed);
            walk(table, &value["body"], &mut |field, held| {
                let kept = held.is_some_and(|held| !held.is_null());
                assert!(kept || !field.keep, "{event_type} lost {}", field.name);
            });
            for field in fields(table).filter(|field| !field.keep) {
                let state = match value["body"].get(field.name) {
                    None => "absent",
                    Some(Value::Null) => "null",
                    Some(_) => "present",
                };
                seen.entry(field.name).or_default().insert(state);
            }
        }
        assert!(!seen.is_empty());
        for (name, states) in seen {
            assert_eq!(states.len(), 3, "{event_type} {name} was only {states:?}");
        }
    }
}

#[test]
fn unknown_fields_occur_at_the_envelope_and_in_the_body() {
    let (mut envelopes, mut bodies) = (0, 0);
    for seed in 0..SEEDS {
        let (_, value) = seeded("ON_REFUND", Completeness::Full, seed);
        let known = fields(body_table("ON_REFUND")).count();
        envelopes += value.as_object().unwrap().len() - 3;
        bodies += value["body"].as_object().unwrap().len() - known;
    }
    assert!(envelopes > 0 && bodies > 0, "{envelopes} {bodies}");
}

#[test]
fn what_the_wallet_flow_needs_is_never_dropped() {
    for seed in 0..SEEDS {
        let (ids, order) = seeded("ON_ORDER_COMPLETED", Completeness::Sparse, seed);
        let body = &order["body"];
        assert_eq!(body["id"], json!(ids.body_id.to_string()));
        assert_eq!(body["store_id"], json!(ids.store_id.to_string()));
        assert_eq!(body["customer"]["id"], json!(ids.customer_id.to_string()));
        let lines = body["lines"].as_array().unwrap();
        assert!((1..=3).contains(&lines.len()));
        let line_ids: HashSet<&str> = lines.iter().map(|l| l["id"].as_str().unwrap()).collect();
        assert_eq!(line_ids.len(), lines.len());
        for line in lines {
            assert_eq!(line["product_id"], json!(ids.product_id.to_string()));
            let quantity = &line["quantity"];
            assert!(quantity.is_null() || (1..=3).contains(&quantity.as_i64().unwrap()));
        }
        for event_type in ["ON_REFUND", "ON_CHARGEBACK", "ON_CHARGEBACK_CLOSED"] {
            let (ids, value) = seeded(event_type, Completeness::Sparse, seed);
            assert_eq!(value["body"]["id"], json!(ids.body_id.to_string()));
            assert_eq!(value["body"]["order_id"], json!(ids.order_id.to_string()));
        }
    }
}

#[test]
fn ids_are_distinct_and_recent() {
    for seed in 0..SEEDS {
        let ids = Ids::random(&mut Rng::with_seed(seed));
        let all = [
            ids.event_id,
            ids.body_id,
            ids.store_id,
            ids.order_id,
            ids.customer_id,
            ids.product_id,
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for id in all {
            let time_ms = (id >> 22) + 1_645_568_542_000;
            assert!((1_793_491_200_000..1_795_219_200_000).contains(&time_ms));
        }
    }
}

#[test]
fn points_go_to_the_receiver_and_a_missing_quantity_is_one() {
    let order = json!({"body": {"customer": {"id": "10"}, "lines": [
        {"quantity": 3, "gift_to_customer": {"id": "20"}},
        {"quantity": null, "gift_to_customer": null},
        {"quantity": 2, "gift_to_customer": {"name": "no id"}},
        {},
    ]}});
    let expected = vec![(20, 750), (10, 250), (10, 500), (10, 250)];
    assert_eq!(order_points(&order, 250), expected);
}

#[test]
fn random_orders_have_gifts_and_non_gifts() {
    let (mut gifts, mut own) = (0, 0);
    for seed in 0..SEEDS {
        let (ids, order) = seeded("ON_ORDER_COMPLETED", Completeness::Sparse, seed);
        for (wallet, points) in order_points(&order, 5) {
            assert!([5, 10, 15].contains(&points));
            if wallet == ids.customer_id {
                own += 1;
            } else {
                gifts += 1;
            }
        }
    }
    assert!(gifts > 20 && own > 20, "{gifts} gifts, {own} own");
}
