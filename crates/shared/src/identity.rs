//! Who a customer is in games. The texts come from players, so each is cleaned, and one that cannot be
//! an id is none. `normal_external_id` and `identities_of` in the database do the same to older payloads.

use crate::ids::WalletId;

/// Longer than the ids of all platforms. A cut id would be another one.
const EXTERNAL_ID_LENGTH_MAX: usize = 100;
/// Longer than the names of all platforms. A longer one is cut.
const NAME_LENGTH_MAX: usize = 100;
const PLATFORM_LENGTH_MAX: usize = 30;
/// Where the dashes of a UUID are.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_DIGITS: usize = 32;

/// The platforms whose profiles have fields of their own.
pub const STEAM: &str = "steam";
pub const MINECRAFT: &str = "minecraft";
/// The platform of a customer of whom `PayNow` told no profile. Their external id is their wallet's id, so
/// that a name is never an id.
pub const NO_PROFILE: &str = "name";

/// One customer on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub wallet_id: WalletId,
    /// In lower case.
    pub platform: String,
    /// Normalized: see [`external_id`].
    pub external_id: String,
    pub name: Option<String>,
}

/// The id of a player as it is stored: a UUID in lower case with dashes, and everything else, like a Steam
/// id, an XUID or the name on an offline-mode server, as it is.
pub fn external_id(text: &str) -> Option<String> {
    let text = clean(text)?;
    uuid(&text).or_else(|| (text.chars().count() <= EXTERNAL_ID_LENGTH_MAX).then_some(text))
}

/// A UUID with or without dashes, in lower case with dashes.
pub fn uuid(text: &str) -> Option<String> {
    let is_dash = |at: &usize| text.as_bytes().get(*at) == Some(&b'-');
    let digits = match UUID_DASHES.iter().all(is_dash) {
        true => text.replacen('-', "", UUID_DASHES.len()),
        false => text.to_owned(),
    };
    if digits.len() != UUID_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut with_dashes = String::new();
    for digit in digits.to_ascii_lowercase().chars() {
        if UUID_DASHES.contains(&with_dashes.len()) {
            with_dashes.push('-');
        }
        with_dashes.push(digit);
    }
    Some(with_dashes)
}

/// A platform, unless it is no plain word or the one that has a meaning of ours.
pub fn platform(text: &str) -> Option<String> {
    let word = clean(text)?.to_ascii_lowercase();
    let is_plain = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (is_plain && word.len() <= PLATFORM_LENGTH_MAX && word != NO_PROFILE).then_some(word)
}

pub fn name(text: &str) -> Option<String> {
    let text = clean(text)?;
    Some(text.chars().take(NAME_LENGTH_MAX).collect())
}

/// The text without control characters, of which PostgreSQL does not store U+0000, and without the spaces
/// around it; `None` if nothing is left.
fn clean(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|char| !char.is_control()).collect();
    let plain = plain.trim_matches(' ');
    (!plain.is_empty()).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0123abcd-4567-4ef0-8123-456789abcdef";

    #[test]
    fn a_uuid_has_one_form_and_other_ids_stay_as_they_are() {
        for text in [
            UUID,
            "0123ABCD-4567-4EF0-8123-456789ABCDEF",
            " 0123abcd45674ef08123456789abcdef\n",
        ] {
            assert_eq!(external_id(text).as_deref(), Some(UUID), "{text:?}");
        }
        for text in [
            "76561198000000001",
            "2535428504476914",
            "Player_One",
            "0123abcd-4567-4ef0-8123-456789abcdeg",
            "0123abcd4567-4ef0-8123-456789abcdef-",
            "0123abcd-4567-4ef0-8123-456789abcde-f",
        ] {
            assert_eq!(external_id(text).as_deref(), Some(text));
            assert_eq!(uuid(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_cleaned_and_cut_and_a_long_id_is_none() {
        assert_eq!(name("\0 Zo\u{1b}fia\u{9b} ").as_deref(), Some("Zofia"));
        assert_eq!(name(&"ż".repeat(200)), Some("ż".repeat(100)));
        for nothing in ["", " ", "\0\u{7f}"] {
            assert_eq!((name(nothing), external_id(nothing)), (None, None));
        }
        assert_eq!(external_id(&"7".repeat(100)), Some("7".repeat(100)));
        assert_eq!(external_id(&"7".repeat(101)), None);
    }

    #[test]
    fn a_platform_is_a_plain_word() {
        assert_eq!(platform(" Xbox_Live\0").as_deref(), Some("xbox_live"));
        let long = "x".repeat(PLATFORM_LENGTH_MAX + 1);
        for text in ["", "Name", "x box", "ẍbox", "x'", &long] {
            assert_eq!(platform(text), None, "{text:?}");
        }
    }
}
