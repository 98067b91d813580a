//! The pages of the console that are asked for.

use crate::servers::{Known, Visitor};

/// Makes the address of a page from the ids of one turn.
type Address = fn(&Turn<'_>) -> String;

/// The names that the notes have.
const PAGES: [(&str, Address); 16] = [
    ("/live", |_| "/live".to_owned()),
    ("/dead", |_| "/dead".to_owned()),
    ("/dead?reason=", |_| "/dead?reason=wallet_locked".to_owned()),
    ("/dead?type=", |_| {
        "/dead?type=ON_ORDER_COMPLETED&since=48h".to_owned()
    }),
    ("/dead?wallet=", |turn| {
        format!("/dead?wallet={}", turn.of(&turn.known.wallets))
    }),
    ("/dead?after=", |turn| {
        format!("/dead?after={}", turn.of(&turn.known.letters))
    }),
    ("/dead/{id}", |turn| {
        format!("/dead/{}", turn.of(&turn.known.letters))
    }),
    ("/wallets", |_| "/wallets".to_owned()),
    ("/wallets/{id}", |turn| {
        format!("/wallets/{}", turn.of(&turn.known.wallets))
    }),
    ("/orders/{id}", |turn| {
        format!("/orders/{}", turn.of(&turn.known.orders))
    }),
    ("/events", |_| "/events".to_owned()),
    ("/events/{id}", |turn| {
        format!("/events/{}", turn.of(&turn.known.events))
    }),
    (SEARCH, |turn| {
        format!("/search?q={}", turn.of(&turn.known.wallets))
    }),
    ("/products", |_| "/products".to_owned()),
    ("/corrections", |_| "/corrections".to_owned()),
    ("/audit", |_| "/audit".to_owned()),
];
const SEARCH: &str = "/search?q=";

struct Turn<'a> {
    known: &'a Known,
    number: usize,
}

impl Turn<'_> {
    /// Another id in each turn.
    fn of(&self, ids: &[i64]) -> i64 {
        let place = self.number.checked_rem(ids.len());
        place.and_then(|place| ids.get(place)).copied().unwrap_or(0)
    }
}

pub(super) const COUNT: usize = PAGES.len();

pub(super) fn name(index: usize) -> &'static str {
    PAGES[index % COUNT].0
}

/// A search that finds one thing leads to its page.
pub(super) fn is_answered(index: usize, status: u16) -> bool {
    status == 200 || status == 303 && name(index) == SEARCH
}

/// So many requests, for one page after the other, by one visitor after the other.
pub(super) fn requests(count: usize, visitors: &[Visitor], known: &Known) -> Vec<Vec<u8>> {
    let people = visitors.iter().cycle();
    let numbered = (0..count).zip(people);
    let request = |(index, visitor): (usize, &Visitor)| {
        let number = index / COUNT;
        let address = PAGES[index % COUNT].1;
        visitor.get(&address(&Turn { known, number }))
    };
    numbered.map(request).collect()
}
