//! The keys that do what links and buttons do, where the browser runs scripts.

use serde_json::json;

use crate::answer::Answer;
use crate::console::Console;
use crate::document::{Cell, Document, Link, Part, Table, column};
use crate::problem::Problem;
use crate::visit::Visit;

/// As `assets/console.js` acts on them.
const KEYS: [(&str, &str); 14] = [
    ("?", "this list"),
    ("/", "search"),
    ("j and k", "next and previous row"),
    ("x", "select the row"),
    ("Enter", "open the row"),
    ("g then d", "dead letters"),
    ("g then e", "events"),
    ("g then l", "live"),
    ("g then r", "replays"),
    ("g then w", "wallets"),
    ("g then c", "corrections"),
    ("g then p", "products"),
    ("g then a", "audit"),
    ("g then m", "what I may do"),
];

pub(crate) fn page(_console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let keys = KEYS.map(|(key, does)| json!({ "key": key, "does": does }));
    visit.reply(&keys, |_keys| document())
}

fn document() -> Document {
    let rows = KEYS.map(|(key, does)| vec![Cell::text(key), Cell::text(does)]);
    let table = Table {
        caption: "Keys".to_owned(),
        columns: vec![column("Key"), column("What it does")],
        rows: rows.into(),
        empty: String::new(),
    };
    let text = "Every page works without scripts and without these keys: they do nothing that a link or a button \
                does not do. A field in which you type gets its letters, and with Ctrl, Alt or Meta they are the \
                browser's.";
    Document::new("Keys")
        .with(Part::text(text))
        .with(Part::Table(table))
        .with(Part::Links {
            label: "More".to_owned(),
            links: vec![Link::new("/me", "Switch the keys of one letter off")],
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_the_keys_that_the_script_lists() {
        let script = include_str!("../../assets/console.js");
        let list = script
            .split_once("const HELP = [")
            .and_then(|(_, rest)| rest.split_once("];"));
        let (list, _rest) = list.expect("the script has a list");
        let listed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let here: Vec<&str> = KEYS.iter().flat_map(|(key, does)| [*key, *does]).collect();
        assert_eq!(listed, here);
    }
}
