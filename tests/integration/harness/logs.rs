//! The logs of a test, and the rules for every one of them: each line is a JSON object, each field and event is
//! documented, and nothing in it is private.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::app::TestApp;
use super::guide::guide_table;
use super::order::{PLANTED_EMAIL, PLANTED_NAME};
use super::program::Program;
use super::wait::eventually;
use super::webhook::SECRET;

impl TestApp {
    /// What the running programs of this test have logged so far.
    pub(crate) fn logs(&self) -> String {
        self.receiver
            .iter()
            .chain(&self.workers)
            .map(Program::log)
            .collect()
    }

    /// Waits until a log contains `text`, and returns the logs; [`Program::log`] says why.
    #[track_caller]
    pub(crate) fn await_log(&self, text: &str) -> String {
        eventually(&format!("a program logs {text:?}"), || {
            Some(self.logs()).filter(|logs| logs.contains(text))
        })
    }
}

struct Documented {
    fields: Vec<String>,
    /// The level of each event, by its name.
    events: BTreeMap<String, String>,
}

fn documented() -> &'static Documented {
    static DOCUMENTED: OnceLock<Documented> = OnceLock::new();
    DOCUMENTED.get_or_init(|| {
        let first = |mut row: Vec<String>| row.swap_remove(0);
        let events = guide_table("Event").into_iter();
        Documented {
            fields: guide_table("Field").into_iter().map(first).collect(),
            events: events.map(|row| (row[0].clone(), row[1].clone())).collect(),
        }
    })
}

/// Checks the log of one program, which must not contain any text of `private`.
pub(crate) fn check_log(log: &str, private: &[&str]) {
    for secret in [SECRET, PLANTED_NAME, PLANTED_EMAIL].iter().chain(private) {
        assert!(!log.contains(secret), "a log contains {secret:?}");
    }
    // The last line of a program that was killed may be cut off.
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    whole.lines().for_each(check_line);
}

fn check_line(line: &str) {
    let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let record = record.as_object().expect("a record is an object");
    let Documented { fields, events } = documented();
    for field in record.keys() {
        assert!(fields.contains(field), "undocumented field {field}: {line}");
    }
    let text = |field: &str| {
        let value = record.get(field).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text in {field}: {line}"))
    };
    assert!(text("time").ends_with('Z'), "{line}");
    assert!(!text("msg").is_empty(), "{line}");
    assert!(text("program").starts_with("paynow-"), "{line}");
    if text("module").starts_with("paynow_") {
        let level = events.get(text("event")).map(String::as_str);
        assert_eq!(level, Some(text("level")), "undocumented event: {line}");
    }
}
