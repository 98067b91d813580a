//! How games write the ids of players.

const UUID_DIGITS: usize = 32;
/// Before which digits a UUID has its dashes.
const DASHES: [usize; 4] = [8, 12, 16, 20];

/// A UUID in lower case with dashes, however it is written: with or without dashes, in braces.
pub fn as_uuid(text: &str) -> Option<String> {
    let text = text
        .strip_prefix('{')
        .and_then(|it| it.strip_suffix('}'))
        .unwrap_or(text);
    let has_dashes = text.len() == UUID_DIGITS + DASHES.len();
    let digits: String = text.chars().filter(|it| *it != '-').collect();
    let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    if digits.len() != UUID_DIGITS || !is_hex || !(has_dashes || text.len() == UUID_DIGITS) {
        return None;
    }
    let mut uuid = String::new();
    for (place, digit) in digits.to_ascii_lowercase().chars().enumerate() {
        if DASHES.contains(&place) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    Some(uuid)
}

/// A text as the beginning of a pattern: its own signs for any text stand for themselves.
pub(super) fn as_prefix(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_the_same_however_it_is_written() {
        let expected = "069a79f4-44e9-4726-a5be-fca90e38aaf5";
        for text in [
            expected,
            "069a79f444e94726a5befca90e38aaf5",
            "{069A79F4-44E9-4726-A5BE-FCA90E38AAF5}",
        ] {
            assert_eq!(as_uuid(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "069a79f444e94726a5befca90e38aaf",
            "069a79f444e94726a5befca90e38aafg",
            "069a79f4-44e94726a5befca90e38aaf5",
        ] {
            assert_eq!(as_uuid(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_with_signs_of_a_pattern_means_itself() {
        assert_eq!(as_prefix("The_Best\\100%"), "The\\_Best\\\\100\\%%");
    }
}
