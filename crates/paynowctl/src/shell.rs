//! Arguments as a shell takes them back.

/// Between quotes, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Between quotes only where a shell would read something else.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,+@%".contains(it);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("it's late; rm -r"), r"'it'\''s late; rm -r'");
        for (text, expected) in [
            ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
            ("ticket 4711", "'ticket 4711'"),
            ("", "''"),
            ("$(id)", "'$(id)'"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
