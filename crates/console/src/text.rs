//! Numbers, times and names as people read them.

use chrono::{DateTime, Utc};
use paynow_desk::list::ReasonGroup;
use paynow_process::clock;

/// In place of what takes long, while somebody else has it added up for the first time.
pub(crate) const BEING_ADDED_UP: &str =
    "these are just being added up: open the page again in some seconds";

/// "1,234"
pub(crate) fn count(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match number < 0 {
        true => format!("-{text}"),
        false => text,
    }
}

/// A change: "+1,234", "-5" or "0".
pub(crate) fn change(points: i64) -> String {
    match points > 0 {
        true => format!("+{}", count(points)),
        false => count(points),
    }
}

/// "1 letter" or "2 letters"
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _zero_or_more => format!("{} {many}", count(number)),
    }
}

/// The points at stake in the letters of a group, as far as they are known.
pub(crate) fn stake(group: &ReasonGroup) -> String {
    group.stake(count)
}

/// A time of a document as people read it, and how long ago it was.
pub(crate) fn time(iso: &str) -> (String, String) {
    let Ok(time) = DateTime::parse_from_rfc3339(iso) else {
        return (iso.to_owned(), String::new());
    };
    let time = time.with_timezone(&Utc);
    let seconds = (clock::now_ms() - time.timestamp_millis()).div_euclid(1000);
    let ago = match seconds < 0 {
        true => format!("in {}", span(-seconds)),
        false => format!("{} ago", span(seconds)),
    };
    (time.format("%Y-%m-%d %H:%M:%S UTC").to_string(), ago)
}

/// "5 s", "3 min", "2 h" or "4 d".
pub(crate) fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = UNITS.iter().find(|(length, _unit)| seconds >= *length);
    match unit {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

/// A page in which every character that shows nothing, or turns what is around it, is spelled out. Our
/// own templates have none, so each of them came from somebody else.
pub(crate) fn tamed(page: String) -> String {
    if !page.contains(is_wild) {
        return page;
    }
    let mut tame = String::with_capacity(page.len());
    for letter in page.chars() {
        match is_wild(letter) {
            true => tame.extend(letter.escape_unicode()),
            false => tame.push(letter),
        }
    }
    tame
}

fn is_wild(letter: char) -> bool {
    let turns_or_hides = matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    turns_or_hides || (letter.is_control() && letter != '\n')
}

/// The same for a document, as JSON spells characters: it says the same to a program, and on a terminal it does
/// nothing.
pub(crate) fn tamed_json(document: &str) -> String {
    let mut tame = String::with_capacity(document.len());
    for letter in document.chars() {
        match is_wild(letter) {
            true => {
                let units = letter.encode_utf16(&mut [0; 2]).to_vec();
                tame.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
            }
            false => tame.push(letter),
        }
    }
    tame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_and_changes_a_sign() {
        for (number, text) in [(0, "0"), (999, "999"), (-1_234_567, "-1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(change(i64::MAX), "+9,223,372,036,854,775,807");
        assert_eq!(change(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!([change(0), change(-5)], ["0", "-5"]);
        assert_eq!(counted(1, "letter", "letters"), "1 letter");
        assert_eq!(counted(1_000, "letter", "letters"), "1,000 letters");
    }

    #[test]
    fn a_stake_names_the_letters_of_unknown_points() {
        let group = |letters_of_unknown_points| ReasonGroup {
            letters: 2,
            letters_of_unknown_points,
            points_at_stake: 1_500,
            ..ReasonGroup::default()
        };
        assert_eq!(stake(&group(0)), "1,500");
        assert_eq!(stake(&group(1)), "1,500 and 1 letter with unknown points");
        assert_eq!(stake(&group(2)), "unknown");
    }

    #[test]
    fn a_time_is_shown_to_the_second_with_its_age() {
        let (text, ago) = time("2026-01-02T03:04:05.678Z");
        assert_eq!(text, "2026-01-02 03:04:05 UTC");
        assert!(ago.ends_with("ago") || ago.starts_with("in "), "{ago}");
        assert_eq!(time("never"), ("never".to_owned(), String::new()));
        let spans = [59, 60, 3_600, 200_000].map(span);
        assert_eq!(spans, ["59 s", "1 min", "1 h", "2 d"]);
    }

    #[test]
    fn what_turns_or_hides_text_is_spelled_out() {
        let page = tamed("a\u{202e}b\u{1b}[2Jc\u{200b}\n\u{e9}".to_owned());
        assert_eq!(page, "a\\u{202e}b\\u{1b}[2Jc\\u{200b}\n\u{e9}");
        let text = "a\u{202e}\u{9b}2J\u{e0001}\u{e9}";
        let document = tamed_json(&serde_json::json!(text).to_string());
        assert_eq!(document, "\"a\\u202e\\u009b2J\\udb40\\udc01\u{e9}\"");
        let read: String = serde_json::from_str(&document).unwrap();
        assert_eq!(read, text);
    }
}
