//! Numbers with their nouns.

/// "1 event" or "5 events".
pub fn counted(count: u64, singular: &str, plural: &str) -> String {
    match count {
        1 => format!("1 {singular}"),
        _zero_or_more => format!("{count} {plural}"),
    }
}
