//! The mix has every sort, and the same seed gives the same events.

use std::collections::{BTreeMap, BTreeSet};

use strum::IntoEnumIterator;

use crate::load::Sort;
use crate::load::mix::{Item, Mix};
use crate::model::bodies::bytes;

#[test]
fn the_same_seed_gives_the_same_events() {
    let bodies = |seed| {
        let mut mix = Mix::new(seed);
        (0..500).map(|_| mix.next().body).collect::<Vec<_>>()
    };
    assert_eq!(bodies(4), bodies(4));
    assert_ne!(bodies(4), bodies(5));
}

#[test]
fn every_sort_is_sent_and_each_history_is_told_whole() {
    let mut mix = Mix::new(1);
    let mut counts = BTreeMap::<Sort, usize>::new();
    let mut sent = BTreeSet::new();
    let mut items: Vec<Item> = (0..5_000).map(|_| mix.next()).collect();
    items.extend(mix.rest());
    for item in items {
        *counts.entry(item.sort).or_default() += 1;
        sent.insert(item.body);
    }
    for sort in Sort::iter().filter(|sort| *sort != Sort::Probe) {
        assert!(counts[&sort] > 50, "{sort}: {counts:?}");
    }
    let told = mix.into_told();
    assert!(told.len() > 500);
    for event in told.iter().flat_map(|one| one.history.deliveries()) {
        assert!(sent.contains(&bytes(event)));
    }
}

#[test]
fn another_body_waits_for_the_event_whose_id_it_has() {
    let mut mix = Mix::new(2);
    let waiting: BTreeSet<Sort> = (0..2_000)
        .map(|_| mix.next())
        .filter(|item| item.after.is_some())
        .map(|item| item.sort)
        .collect();
    assert_eq!(waiting, BTreeSet::from([Sort::Retelling, Sort::OtherBody]));
}
