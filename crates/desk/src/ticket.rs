//! The number of a case in another system, such as the support's.

use std::fmt;
use std::str::FromStr;

const CHARACTERS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket has 1 to {CHARACTERS_MAX} characters, in one line")]
pub struct InvalidTicket;

impl Ticket {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticket {
    type Err = InvalidTicket;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_valid = (1..=CHARACTERS_MAX).contains(&text.chars().count())
            && !text.contains(char::is_control);
        match is_valid {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidTicket),
        }
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_one_short_line() {
        let ticket: Ticket = "  SUP-4711 ".parse().unwrap();
        assert_eq!(ticket.as_str(), "SUP-4711");
        assert!("ä".repeat(100).parse::<Ticket>().is_ok());
        for invalid in ["", " ", "a\nb", &"ä".repeat(101)] {
            assert_eq!(invalid.parse::<Ticket>(), Err(InvalidTicket), "{invalid}");
        }
    }
}
