//! Text that others wrote, made safe for a terminal: it moves no cursor, starts no line, and turns or
//! hides nothing next to it.

/// Text of one line in which a terminal shows every character. A character that it would obey, or
/// not show, is written as `\u{202e}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printable(String);

impl Printable {
    pub(crate) fn of(text: &str) -> Self {
        let mut printable = String::with_capacity(text.len());
        for (start, character) in text.char_indices() {
            let after = text.get(start + character.len_utf8()..).unwrap_or_default();
            // A text that looks like an escape must not be taken for the character. Every other
            // backslash stays, because paths and patterns are full of them.
            let looks_like_an_escape = character == '\\' && after.starts_with("u{");
            // A mark at the start would combine with what another text ends with.
            let is_loose_mark = start == 0 && !is_shown_alone(character);
            if looks_like_an_escape || is_loose_mark || !is_shown(character) {
                printable.extend(character.escape_unicode());
            } else {
                printable.push(character);
            }
        }
        Self(printable)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// The text that [`Printable`] was made of.
pub(crate) fn unescaped(printable: &str) -> String {
    let mut text = String::with_capacity(printable.len());
    let mut rest = printable;
    while let Some((before, after)) = rest.split_once("\\u{") {
        text.push_str(before);
        let escape = after.split_once('}').and_then(|(digits, rest)| {
            let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((character, rest))
        });
        if let Some((character, after_escape)) = escape {
            text.push(character);
            rest = after_escape;
        } else {
            text.push_str("\\u{");
            rest = after;
        }
    }
    text + rest
}

/// A JSON document as text, with the escapes of JSON for what a terminal would obey or not show.
/// Outside of its strings such a document has only ASCII, and line breaks only if it is indented.
pub(crate) fn printable_json(document: &str) -> String {
    let mut printable = String::with_capacity(document.len());
    for character in document.chars() {
        if character == '\n' || is_shown(character) {
            printable.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                printable.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    printable
}

/// Letters and marks of which a terminal shows nothing, and that `{:?}` leaves as they are: Unicode's
/// `Default_Ignorable_Code_Point` among them, and the empty pattern of Braille. A name of these looks like
/// none, or like another name.
const INVISIBLE: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// Whether a terminal shows the character after another one: not so a control or format character, a
/// separator other than the space, and what is for private use or unassigned. The standard library
/// has the tables, for `{:?}`.
fn is_shown(character: char) -> bool {
    let is_ascii_text = character == ' ' || character.is_ascii_graphic();
    // `{:?}` escapes the first mark of a text, so there is a letter before it.
    let is_invisible = |character| {
        let mut ranges = INVISIBLE.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&character))
    };
    is_ascii_text
        || (!character.is_ascii()
            && escaped_length(&format!("a{character}")) == 2
            && !is_invisible(character))
}

/// Whether the character is no mark, which combines with the one before it.
fn is_shown_alone(character: char) -> bool {
    character.is_ascii() || escaped_length(character.encode_utf8(&mut [0; 4])) == 1
}

fn escaped_length(text: &str) -> usize {
    text.escape_debug().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unicode's general categories Cf, Zl and Zp, whole: DerivedGeneralCategory.txt of Unicode 16.
    const FORMAT_AND_SEPARATORS: [(u32, u32); 23] = [
        (0xad, 0xad),
        (0x600, 0x605),
        (0x61c, 0x61c),
        (0x6dd, 0x6dd),
        (0x70f, 0x70f),
        (0x890, 0x891),
        (0x8e2, 0x8e2),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x2028),
        (0x2029, 0x2029),
        (0x202a, 0x202e),
        (0x2060, 0x2064),
        (0x2066, 0x206f),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0x110bd, 0x110bd),
        (0x110cd, 0x110cd),
        (0x13430, 0x1343f),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0001, 0xe0001),
        (0xe0020, 0xe007f),
    ];

    fn of(text: &str) -> String {
        Printable::of(text).into_string()
    }

    #[test]
    fn no_control_format_or_separator_character_is_left() {
        let categories = FORMAT_AND_SEPARATORS
            .iter()
            .flat_map(|(first, last)| *first..=*last)
            .filter_map(char::from_u32);
        let controls = ('\0'..='\u{9f}').filter(|character| character.is_control());
        let private_or_unassigned = ['\u{e000}', '\u{10fffd}', '\u{378}', '\u{ffff}'];
        let mut tried = 0;
        for character in categories.chain(controls).chain(private_or_unassigned) {
            let escape = format!("\\u{{{:x}}}", u32::from(character));
            assert_eq!(of(&format!("a{character}b")), format!("a{escape}b"));
            let document = serde_json::Value::from(format!("a{character}b"));
            let text = printable_json(&document.to_string());
            assert!(
                text.is_ascii() && !text.contains(char::is_control),
                "{text:?}"
            );
            assert_eq!(serde_json::from_str(&text).ok(), Some(document));
            tried += 1;
        }
        assert_eq!(tried, 170 + 2 + 65 + 4);
    }

    #[test]
    fn letters_and_marks_that_show_nothing_are_escaped() {
        for (first, last) in INVISIBLE {
            for character in first..=last {
                let escape = format!("\\u{{{:x}}}", u32::from(character));
                assert_eq!(of(&format!("a{character}b")), format!("a{escape}b"));
                assert!(printable_json(&format!("\"{character}\"")).is_ascii());
            }
        }
    }

    #[test]
    fn words_of_any_language_stay() {
        for text in [
            "",
            "order:123 \"a\" 'b' C:\\new\\users",
            "Zażółć gęślą jaźń",
            "Ünïcödé e\u{301}",
            "日本語 한국어 ไทย हिन्दी",
            "العربية עברית",
            "👍🏽",
        ] {
            assert_eq!(of(text), text);
            assert_eq!(printable_json(text), text);
        }
    }

    #[test]
    fn a_text_cannot_pass_itself_off_as_an_escape() {
        assert_eq!(of(r"\u{202e}"), r"\u{5c}u{202e}");
        assert_eq!(of("\u{202e}"), r"\u{202e}");
        assert_eq!(of("\\\u{202e}"), r"\\u{202e}");
        assert_eq!(of(r"\u202e \n"), r"\u202e \n");
    }

    #[test]
    fn a_mark_without_its_letter_is_escaped() {
        assert_eq!(of("\u{301}e"), "\\u{301}e");
        assert_eq!(of("e\u{301}"), "e\u{301}");
    }
}
