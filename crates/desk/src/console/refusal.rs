//! Why the database refused, by the name of its rule.

use diesel::result::Error;
use strum::EnumString;

use crate::database::DatabaseError;
use crate::error::DeskError;

/// The server's words for an error of the class 42501, which diesel does not tell.
const PERMISSION_DENIED: &str = "permission denied";

/// A rule that a call of the console ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
pub enum Refusal {
    #[strum(serialize = "console_session_over")]
    SessionOver,
    /// The session was signed in too long ago for this.
    #[strum(serialize = "console_sign_in_recent")]
    SignInOld,
    #[strum(serialize = "console_role_missing")]
    RoleMissing,
    #[strum(serialize = "operator_actions_of_the_session")]
    ForgedName,
    /// No role of the session may do that at all.
    #[strum(disabled)]
    NoRight,
    #[strum(serialize = "console_people_not_oneself")]
    NotOneself,
    #[strum(serialize = "console_people_one_source")]
    OneSource,
    /// A new person, or one who came in through a proxy before, was given no password.
    #[strum(serialize = "console_people_account_has_password")]
    PasswordMissing,
    #[strum(serialize = "console_proxy_secret")]
    ProxySecret,
    #[strum(serialize = "correction_requests_two_people")]
    OwnRequest,
    #[strum(serialize = "correction_requests_of_another")]
    OfAnother,
    #[strum(serialize = "correction_requests_decided_once")]
    Decided,
    #[strum(serialize = "correction_requests_expired")]
    Expired,
    /// Who asked was kept out of the console since.
    #[strum(serialize = "correction_requests_of_disabled")]
    OfDisabled,
    #[strum(serialize = "correction_requests_balance_seen")]
    BalanceMoved,
    #[strum(serialize = "correction_requests_entry_key_key")]
    KeyUsed,
    #[strum(serialize = "replay_previews_recent")]
    PreviewOld,
    #[strum(serialize = "replay_previews_unchanged")]
    PreviewChanged,
}

impl Refusal {
    /// `None` for an error of another kind.
    pub fn of(error: &DeskError) -> Option<Self> {
        let DeskError::Database(DatabaseError::Refused(Error::DatabaseError(_, information))) =
            error
        else {
            return None;
        };
        let by_name = information.constraint_name().map(str::parse);
        if let Some(Ok(refusal)) = by_name {
            return Some(refusal);
        }
        let is_denied = information.message().starts_with(PERMISSION_DENIED);
        is_denied.then_some(Self::NoRight)
    }

    /// Whether somebody else may do it, or the same person after they have signed in; everything else is about
    /// the state of things.
    pub fn is_about_rights(self) -> bool {
        match self {
            Self::SessionOver
            | Self::SignInOld
            | Self::RoleMissing
            | Self::ForgedName
            | Self::NoRight
            | Self::NotOneself
            | Self::OneSource
            | Self::ProxySecret
            | Self::OwnRequest
            | Self::OfAnother => true,
            Self::PasswordMissing
            | Self::Decided
            | Self::Expired
            | Self::OfDisabled
            | Self::BalanceMoved
            | Self::KeyUsed
            | Self::PreviewOld
            | Self::PreviewChanged => false,
        }
    }
}
