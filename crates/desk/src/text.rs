//! Texts for people: numbers with their nouns, and text in one line.

/// "1 event" or "5 events".
pub fn counted(count: u64, singular: &str, plural: &str) -> String {
    match count {
        1 => format!("1 {singular}"),
        _zero_or_more => format!("{count} {plural}"),
    }
}

/// The text with every run of white space as one space.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
