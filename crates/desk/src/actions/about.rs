//! Which operator actions name an id, and as what. A wallet, an order and a dead letter may have the same number.

use std::collections::{BTreeMap, BTreeSet};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::{Value, json};

use crate::row::row;

/// An id is about so many actions and letters at most, as far as a list shows.
const ABOUT_MAX: i64 = 1_000;
/// What an id can be of. Written before it, with a colon, one of these says which is meant.
const KINDS: [&str; 8] = [
    "wallet", "event", "order", "refund", "product", "letter", "key", "action",
];
/// The id is in the body of a dead letter that was acted on: as what is not known, because only operators may
/// read bodies.
const IN_LETTER: &str = "named_in_letter";
/// The kinds of ids that are looked for in bodies. The letters of an event are known without.
const KINDS_IN_BODIES: [&str; 4] = ["wallet", "order", "refund", "product"];
/// Where the documents of an action name an id as a text, and the kind of it.
const IN_SELECTION: [(&str, &str); 9] = [
    ("wallet_id", "wallet"),
    ("wallet", "wallet"),
    ("order", "order"),
    ("product_id", "product"),
    ("dead_letter_id", "letter"),
    ("key", "key"),
    ("replay", "action"),
    ("history_send", "action"),
    ("unrouted_move", "action"),
];
const IN_OUTCOME: [(&str, &str); 5] = [
    ("wallet_id", "wallet"),
    ("order_id", "order"),
    ("refund_id", "refund"),
    ("product_id", "product"),
    ("entry_key", "key"),
];

/// Each action that was found, and as what it names the id.
pub(crate) type Found = BTreeMap<i64, BTreeSet<String>>;

row! {
    struct Naming {
        action_id: i64,
        kind: String,
    }

    struct NamedLetter {
        dead_letter_id: i64,
        kind: String,
    }
}

/// An id, and what it is of where somebody says so.
pub(crate) struct Asked<'a> {
    kind: Option<&'a str>,
    id: &'a str,
}

impl<'a> Asked<'a> {
    pub(crate) fn of_event(id: &'a str) -> Self {
        Self {
            kind: Some("event"),
            id,
        }
    }

    /// Also of the letters of the order that the caller knows.
    pub(crate) fn of_order(
        connection: &mut PgConnection,
        id: &'a str,
        letters: impl Iterator<Item = i64>,
    ) -> QueryResult<Found> {
        let kind = Some("order");
        let letters = letters.map(|dead_letter_id| NamedLetter {
            dead_letter_id,
            kind: IN_LETTER.to_owned(),
        });
        Self { kind, id }.naming(connection, letters.collect())
    }

    pub(crate) fn read(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((kind, id)) if KINDS.contains(&kind) => Self {
                kind: Some(kind),
                id,
            },
            // The key of an entry has a colon too.
            Some(_) | None => Self {
                kind: None,
                id: text,
            },
        }
    }

    fn takes(&self, kind: &str) -> bool {
        match self.kind {
            None => true,
            Some(asked) if kind == IN_LETTER => KINDS_IN_BODIES.contains(&asked),
            Some(asked) => asked == kind,
        }
    }

    /// The actions that name the id, or a dead letter that concerns it, and the one with this number.
    pub(crate) fn find(&self, connection: &mut PgConnection) -> QueryResult<Found> {
        let number: Option<i64> = self.id.parse().ok();
        let letters = self.letters(connection, number)?;
        let mut found = self.naming(connection, letters)?;
        if let Some(number) = number.filter(|_| self.takes("action")) {
            found.entry(number).or_default().insert("action".to_owned());
        }
        Ok(found)
    }

    /// The actions whose documents name the id or one of these dead letters.
    fn naming(
        &self,
        connection: &mut PgConnection,
        letters: Vec<NamedLetter>,
    ) -> QueryResult<Found> {
        let (mut in_outcome, mut in_selection) = (Documents::default(), Documents::default());
        for (field, kind) in IN_OUTCOME {
            in_outcome.add(self, kind, json!({ field: self.id }));
        }
        in_outcome.add(self, "event", json!({"event_ids": [self.id]}));
        for (field, kind) in IN_SELECTION {
            in_selection.add(self, kind, json!({ field: self.id }));
        }
        for letter in letters {
            let (number, kind) = (letter.dead_letter_id, letter.kind);
            let text = number.to_string();
            in_outcome.add(self, &kind, json!({"dead_letter_ids": [number]}));
            in_outcome.add(self, &kind, json!({"dead_letter_ids": [text]}));
            in_selection.add(self, &kind, json!({"letters": [text]}));
        }
        let mut found = Found::new();
        for row in search(connection, &in_outcome, &in_selection)? {
            found.entry(row.action_id).or_default().insert(row.kind);
        }
        Ok(found)
    }

    /// The dead letters that the id is of, or that have it in their body.
    fn letters(
        &self,
        connection: &mut PgConnection,
        number: Option<i64>,
    ) -> QueryResult<Vec<NamedLetter>> {
        let in_bodies = number.filter(|_| self.takes(IN_LETTER));
        sql_query(
            "(SELECT dead_letter_id, 'event' AS kind FROM dead_letters WHERE event_id = $1) \
             UNION ALL SELECT $2, 'letter' WHERE $2 IS NOT NULL \
             UNION ALL SELECT letters_about($3, $4::integer), $5 WHERE $3 IS NOT NULL",
        )
        .bind::<Text, _>(self.id)
        .bind::<Nullable<BigInt>, _>(number)
        .bind::<Nullable<BigInt>, _>(in_bodies)
        .bind::<BigInt, _>(ABOUT_MAX)
        .bind::<Text, _>(IN_LETTER)
        .load(connection)
    }
}

/// Parts of the documents that are looked for, and as what each names the id.
#[derive(Default)]
struct Documents {
    texts: Vec<String>,
    kinds: Vec<String>,
}

impl Documents {
    fn add(&mut self, asked: &Asked<'_>, kind: &str, document: Value) {
        if asked.takes(kind) {
            self.texts.push(document.to_string());
            self.kinds.push(kind.to_owned());
        }
    }
}

/// Each document is looked up alone, so that the index is used whatever the planner expects of many.
fn search(
    connection: &mut PgConnection,
    in_outcome: &Documents,
    in_selection: &Documents,
) -> QueryResult<Vec<Naming>> {
    sql_query(
        "SELECT found.action_id, named.kind FROM unnest($1, $2) AS named (document, kind), LATERAL ( \
             SELECT action_id FROM operator_actions WHERE outcome @> named.document::jsonb LIMIT $5) AS found \
         UNION \
         SELECT found.action_id, named.kind FROM unnest($3, $4) AS named (document, kind), LATERAL ( \
             SELECT action_id FROM operator_actions WHERE selection @> named.document::jsonb LIMIT $5) \
             AS found",
    )
    .bind::<Array<Text>, _>(&in_outcome.texts)
    .bind::<Array<Text>, _>(&in_outcome.kinds)
    .bind::<Array<Text>, _>(&in_selection.texts)
    .bind::<Array<Text>, _>(&in_selection.kinds)
    .bind::<BigInt, _>(ABOUT_MAX)
    .load(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_before_an_id_says_which_is_meant() {
        for (text, kind, id) in [
            ("17", None, "17"),
            ("letter:17", Some("letter"), "17"),
            ("key:correction:t-1", Some("key"), "correction:t-1"),
            ("correction:t-1", None, "correction:t-1"),
        ] {
            let asked = Asked::read(text);
            assert_eq!((asked.kind, asked.id), (kind, id), "{text}");
        }
        let taken = |text| {
            let asked = Asked::read(text);
            let kinds = KINDS.into_iter().chain([IN_LETTER]);
            let taken: Vec<&str> = kinds.filter(|kind| asked.takes(kind)).collect();
            taken.join(" ")
        };
        assert_eq!(taken("17").split(' ').count(), KINDS.len() + 1);
        assert_eq!(taken("letter:17"), "letter");
        assert_eq!(taken("order:17"), "order named_in_letter");
    }
}
