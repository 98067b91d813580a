//! A log record as a line for people: time, level, event, message, and then its fields.

use std::fmt::{self, Write};

use slog::{Key, OwnedKVList, Record, Serializer};

/// The fields of every record that have a place of their own in the line, or none.
const PLACED: [&str; 6] = ["program", "module", "msg", "event", "level", "time"];
/// The width of the longest level, so that events stand below each other.
const LEVEL_WIDTH: usize = 8;

/// The record in one line, with the words for its level and its event, without its line break. Whatever a field contains, no character in it can
/// control a terminal, end the line, or be invisible.
pub(super) fn line(
    record: &Record<'_>,
    values: &OwnedKVList,
    level: &str,
    event: &str,
) -> Result<String, slog::Error> {
    let mut common = Fields::default();
    slog::KV::serialize(values, record, &mut common)?;
    let mut own = Fields::default();
    slog::KV::serialize(&record.kv(), record, &mut own)?;
    let time = common.0.iter().find(|(key, _value)| key == "time");
    let time = time.map_or("", |(_key, value)| value.as_str());
    let mut line = format!("{time} {level:<LEVEL_WIDTH$} {event}: ");
    escape(&record.msg().to_string(), &mut line)?;
    // The newest field comes first, so the fields of the record are read backwards.
    let fields = common.0.iter().chain(own.0.iter().rev());
    for (key, value) in fields.filter(|(key, _value)| !PLACED.contains(&key.as_str())) {
        write!(line, " {key}=")?;
        quote(value, &mut line)?;
    }
    Ok(line)
}

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Serializer for Fields {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.0.push((key.into(), value.to_string()));
        Ok(())
    }
}

/// A value that is no single word is put into quotes.
fn quote(value: &str, line: &mut String) -> fmt::Result {
    if !value.is_empty() && !value.contains([' ', '"', '=']) {
        return escape(value, line);
    }
    line.push('"');
    for (place, part) in value.split('"').enumerate() {
        if place > 0 {
            line.push_str("\\\"");
        }
        escape(part, line)?;
    }
    line.push('"');
    Ok(())
}

fn escape(text: &str, line: &mut String) -> fmt::Result {
    for character in text.chars() {
        match character {
            '"' | '\'' => line.push(character),
            other => write!(line, "{}", other.escape_debug())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use slog::{Drain, Logger, o};

    use super::*;

    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Drain for Lines {
        type Ok = ();
        type Err = slog::Error;

        fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Error> {
            let line = line(record, values, "warning", record.tag())?;
            if let Ok(mut lines) = self.0.lock() {
                lines.push(line);
            }
            Ok(())
        }
    }

    #[test]
    fn a_line_has_time_level_event_message_and_fields_without_control_characters() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let common = o!("program" => "paynow-worker", "time" => "2026-11-28T08:00:00.000Z");
        let logger = Logger::root(Lines(Arc::clone(&lines)).ignore_res(), common);
        slog::warn!(logger, # "event_dead", "became a \u{1b}[31mdead letter";
            "reason" => "malformed", "error" => "no \"id\"\nhere \u{202e}\u{200b}", "none" => "");
        let expected = "2026-11-28T08:00:00.000Z warning  event_dead: became a \\u{1b}[31mdead letter \
             reason=malformed error=\"no \\\"id\\\"\\nhere \\u{202e}\\u{200b}\" none=\"\"";
        assert_eq!(lines.lock().unwrap().as_slice(), [expected]);
    }
}
