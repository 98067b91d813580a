//! What a person may be, and what that allows.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr, VariantNames};

/// A person may have several.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    Serialize,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Viewer,
    Support,
    Operator,
    Approver,
    Admin,
}

impl Role {
    pub const CODES: &'static [&'static str] = Self::VARIANTS;

    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The role of the database that the console acts as.
    fn of_database(self) -> &'static str {
        match self {
            Self::Viewer => "paynow_console_viewer",
            Self::Support => "paynow_console_support",
            Self::Operator => "paynow_console_operator",
            Self::Approver => "paynow_console_approver",
            Self::Admin => "paynow_console_admin",
        }
    }

    /// Whether the role of the database sees the names of players.
    fn sees_names(self) -> bool {
        match self {
            Self::Viewer | Self::Admin => false,
            Self::Support | Self::Operator | Self::Approver => true,
        }
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumIter, IntoStaticStr, Serialize)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Look,
    FindByName,
    RequestCorrection,
    Replay,
    Discard,
    SetProduct,
    ControlReplay,
    RunCheck,
    Reveal,
    DecideCorrection,
    People,
}

impl Right {
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Who has it: any of these.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Look => &[Role::Viewer, Role::Support, Role::Operator, Role::Approver],
            Self::FindByName | Self::RequestCorrection => {
                &[Role::Support, Role::Operator, Role::Approver]
            }
            Self::Replay
            | Self::Discard
            | Self::SetProduct
            | Self::ControlReplay
            | Self::RunCheck => &[Role::Operator],
            Self::Reveal => &[Role::Operator, Role::Approver],
            Self::DecideCorrection => &[Role::Approver],
            Self::People => &[Role::Admin],
        }
    }
}

/// The roles of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    pub fn allow(&self, right: Right) -> bool {
        right.roles().iter().any(|role| self.0.contains(role))
    }

    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.iter().map(Role::code).collect()
    }

    /// Of a list with commas; words that are no role are left out.
    pub(crate) fn of_codes(codes: &str) -> Self {
        let roles = codes.split(',').filter_map(|code| code.parse().ok());
        Self(roles.collect())
    }

    /// The least role of the database that the right takes, or what the person has at most where the right is
    /// not theirs: then the database refuses.
    pub(crate) fn database_role(&self, right: Right) -> DatabaseRole {
        let least = right.roles().iter().copied();
        let role = if self.allow(right) {
            // Only a reveal is for two roles of which neither contains the other.
            match right {
                Right::Reveal => least.into_iter().find(|role| self.0.contains(role)),
                Right::Look
                | Right::FindByName
                | Right::RequestCorrection
                | Right::Replay
                | Right::Discard
                | Right::SetProduct
                | Right::ControlReplay
                | Right::RunCheck
                | Right::DecideCorrection
                | Right::People => least.into_iter().next(),
            }
        } else {
            self.0.last().copied()
        };
        let role = role.unwrap_or(Role::Viewer);
        DatabaseRole {
            name: role.of_database(),
            has_names: role.sees_names(),
        }
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.codes().join(", "))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseRole {
    pub(crate) name: &'static str,
    pub(crate) has_names: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_a_right_without_a_role_and_an_admin_moves_no_points() {
        let nobody = Roles::default();
        assert!(Right::all().all(|right| !nobody.allow(right)));
        let admin = Roles::of_codes("admin");
        let rights: Vec<Right> = Right::all().filter(|right| admin.allow(*right)).collect();
        assert_eq!(rights, [Right::People]);
    }

    #[test]
    fn a_right_is_taken_with_the_least_role_of_the_database() {
        let roles = Roles::of_codes("operator,approver");
        for (right, expected) in [
            (Right::Look, "paynow_console_viewer"),
            (Right::FindByName, "paynow_console_support"),
            (Right::Replay, "paynow_console_operator"),
            (Right::Reveal, "paynow_console_operator"),
            (Right::DecideCorrection, "paynow_console_approver"),
        ] {
            assert_eq!(roles.database_role(right).name, expected, "{right}");
        }
        let approver = Roles::of_codes("approver");
        let reveal = approver.database_role(Right::Reveal);
        assert_eq!(reveal.name, "paynow_console_approver");
    }

    #[test]
    fn a_right_that_is_not_theirs_gives_nobody_more_than_they_have() {
        let viewer = Roles::of_codes("viewer");
        assert_eq!(
            viewer.database_role(Right::Replay).name,
            "paynow_console_viewer"
        );
    }
}
