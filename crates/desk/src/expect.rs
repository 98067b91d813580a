//! What a preview showed, as a hash: a run that names it does exactly that, or nothing.

use std::str::FromStr;

use paynow_shared::digest::BodyDigest;
use serde::Serialize;

use crate::error::DeskError;

/// Hexadecimal digits of a part: enough against a mistake, and short enough to copy.
const PART_DIGITS: usize = 16;
/// Parts of the longest hash.
const PARTS_MAX: usize = 4;
/// More would fill the screen.
const NAMED_MAX: usize = 20;

/// The digests of the parts of a preview, one after another, so that a refusal can say which part has
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PreviewHash(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give the hexadecimal digits that the preview printed, all of them")]
pub struct InvalidPreviewHash;

impl PreviewHash {
    pub(crate) fn of<const N: usize>(parts: [String; N]) -> Self {
        let digits = |part: &String| -> String {
            let digest = BodyDigest::of(part.as_bytes()).to_string();
            digest.chars().take(PART_DIGITS).collect()
        };
        Self(parts.iter().map(digits).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a part, counted from 0, is as in the other hash.
    pub(crate) fn agrees(&self, other: &Self, part: usize) -> bool {
        let digits = part * PART_DIGITS..(part + 1) * PART_DIGITS;
        self.0.get(digits.clone()) == other.0.get(digits)
    }
}

impl FromStr for PreviewHash {
    type Err = InvalidPreviewHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let are_parts = text.len().is_multiple_of(PART_DIGITS);
        let parts = text.len() / PART_DIGITS;
        if is_hexadecimal && are_parts && (1..=PARTS_MAX).contains(&parts) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidPreviewHash)
        }
    }
}

/// Refuses a call that names another preview than the one of now. `told` says for each part what it is now:
/// the first is what was chosen, and where that is another the other parts follow from it.
pub(crate) fn refuse_other<const N: usize>(
    now: &PreviewHash,
    expected: Option<&PreviewHash>,
    told: [String; N],
) -> Result<(), DeskError> {
    let Some(expected) = expected.filter(|expected| *expected != now) else {
        return Ok(());
    };
    let changed = (0..).zip(told);
    let mut changed = changed.filter(|(part, _sentence)| !now.agrees(expected, *part));
    let first = changed.next();
    let is_another_choice = first.as_ref().is_some_and(|(part, _sentence)| *part == 0);
    let others = changed.filter(|_| !is_another_choice);
    refuse_changed(first.into_iter().chain(others).map(|(_part, it)| Some(it)))
}

/// Refuses with what changed; `None` stands for a part that did not.
pub(crate) fn refuse_changed(
    changes: impl IntoIterator<Item = Option<String>>,
) -> Result<(), DeskError> {
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    Err(DeskError::Refused(match changes.as_slice() {
        [] => "this is not the hash of this preview, nothing was done: look again".to_owned(),
        changes => format!(
            "not what the preview showed, nothing was done: {}; look at a new preview",
            changes.join("; ")
        ),
    }))
}

/// That others match than before: `what` is the noun with its verb, such as "dead letters match".
pub(crate) fn others<N: ToString>(what: &str, names: &[N]) -> String {
    let named: Vec<String> = names.iter().take(NAMED_MAX).map(N::to_string).collect();
    let named = match named.as_slice() {
        [] => "none".to_owned(),
        named => named.join(", "),
    };
    let more = match names.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("other {what}, now {named}{more}")
}

/// That other letters match than before.
pub(crate) fn other_letters(numbers: &[i64]) -> String {
    others("dead letters match", numbers)
}

/// What a part freezes of rows: one line for each.
pub(crate) fn lines<R: ToString>(rows: impl IntoIterator<Item = R>) -> String {
    let lines = rows.into_iter().map(|row| format!("{}\n", row.to_string()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_which_part_has_changed() {
        let of = |parts: [&str; 2]| PreviewHash::of(parts.map(str::to_owned));
        let (before, after) = (of(["a", "b"]), of(["a", "c"]));
        assert!(before.agrees(&after, 0) && !before.agrees(&after, 1));
        assert_eq!(before.as_str().parse(), Ok(before.clone()));
        assert_eq!(before.as_str().to_uppercase().parse(), Ok(before));
    }

    #[test]
    fn a_refusal_says_what_changed_and_only_that_where_something_else_was_chosen() {
        let of = |parts: [&str; 3]| PreviewHash::of(parts.map(str::to_owned));
        let told = || ["chosen", "effect", "balance"].map(|it| format!("other {it}"));
        let refused = |before: [&str; 3]| {
            let now = of(["a", "b", "c"]);
            let refused = refuse_other(&now, Some(&of(before)), told());
            refused.map_err(|error| error.to_string())
        };
        assert_eq!(refused(["a", "b", "c"]), Ok(()));
        assert!(refuse_other(&of(["a", "b", "c"]), None, told()).is_ok());
        for (before, changes) in [
            (["x", "y", "z"], "other chosen"),
            (["a", "y", "z"], "other effect; other balance"),
            (["a", "b", "z"], "other balance"),
        ] {
            let expected = format!(
                "not what the preview showed, nothing was done: {changes}; look at a new preview"
            );
            assert_eq!(refused(before), Err(expected));
        }
    }

    #[test]
    fn a_list_of_others_is_cut() {
        assert_eq!(
            others("events match", &[0; 0]),
            "other events match, now none"
        );
        assert_eq!(other_letters(&[1, 2]), "other dead letters match, now 1, 2");
        let many: Vec<i64> = (1..=22).collect();
        assert!(other_letters(&many).ends_with(", 20 and 2 more"));
    }

    #[test]
    fn a_hash_that_was_cut_is_refused() {
        let whole = "0123456789abcdef".repeat(4);
        assert!(whole.parse::<PreviewHash>().is_ok());
        for wrong in [
            "",
            "0123456789abcde",
            "0123456789abcdeg",
            &"0123456789abcdef".repeat(5),
        ] {
            assert_eq!(
                wrong.parse::<PreviewHash>(),
                Err(InvalidPreviewHash),
                "{wrong}"
            );
        }
    }
}
