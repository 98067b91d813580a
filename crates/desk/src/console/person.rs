//! The name that a person is known by.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

const CHARACTERS_MAX: usize = 100;

/// Of ASCII in lower case, so that `Anna` and `anna` are one person and no letter looks like another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {CHARACTERS_MAX} letters, digits and signs of ASCII, without spaces")]
pub struct InvalidName;

impl PersonName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = (1..=CHARACTERS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        match is_valid {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidName),
        }
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_name_however_it_is_written() {
        let anna: PersonName = "Anna@Example.org".parse().unwrap();
        assert_eq!(anna.as_str(), "anna@example.org");
        for invalid in ["", "an na", "аnna", "anna\n", &"a".repeat(101)] {
            assert_eq!(invalid.parse::<PersonName>(), Err(InvalidName), "{invalid}");
        }
    }
}
