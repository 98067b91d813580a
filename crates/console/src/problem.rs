//! Why a page could not be shown or an action was not done, as people are told.

use paynow_desk::console::refusal::Refusal;
use paynow_desk::console::roles::Right;
use paynow_desk::database::DatabaseError;
use paynow_desk::error::{DeskError, Ended, in_one_line};

use crate::origin::Foreign;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("you are not signed in, or your session is over")]
    NotSignedIn,
    #[error("somebody else knows your password: choose one of your own first")]
    MustEnrol,
    #[error("this needs a sign-in that is not older than 15 minutes")]
    SignInTooOld,
    #[error("{0}")]
    SignInTooOldAtProxy(&'static str),
    /// A proxy signs people in, and did not do so.
    #[error("nobody can sign in here: {0}")]
    NotTold(&'static str),
    #[error("this needs the right to {}", right_text(*.0))]
    NotAllowed(Right),
    /// Somebody else may do it.
    #[error("{0}")]
    NotYours(&'static str),
    /// The page asked for it, the database refused: a page that forgot to check.
    #[error("the database does not let your roles do this")]
    RefusedByDatabase(String),
    /// The state of things forbids it.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Foreign(#[from] Foreign),
    #[error("{0}")]
    NotFound(String),
    #[error("this address cannot be used with that method")]
    WrongMethod(Vec<String>),
    #[error("{0}")]
    Invalid(String),
    #[error("too many requests: try again in {0} s")]
    TooMany(u64),
    #[error("the request is larger than 64 KiB")]
    TooLarge,
    #[error("the head of the request is larger than 16 KiB")]
    HeadTooLarge,
    #[error("the request did not arrive within 10 s")]
    TooSlow,
    #[error("{0}")]
    Unavailable(String),
    /// The database or the broker does not answer; the sentence may say where it is.
    #[error("{0}")]
    Silent(String),
    /// The database ended a statement of ours at a limit.
    #[error("{}", ended_text(*.ended))]
    Ended { ended: Ended, error: String },
    #[error("this page could not be made; the log of the console says why")]
    Broken(String),
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        if let Some(refusal) = Refusal::of(&error) {
            return of_refusal(refusal, &error);
        }
        if let Some(ended) = error.ended() {
            let error = in_one_line(&error);
            return Self::Ended { ended, error };
        }
        match error {
            DeskError::NotFound(text) => Self::NotFound(text),
            DeskError::Refused(text) => Self::Refused(text),
            DeskError::Database(DatabaseError::Unreachable(_) | DatabaseError::Silent(_))
            | DeskError::Management(_) => Self::Silent(in_one_line(&error)),
            DeskError::Database(_) | DeskError::Failed { .. } | DeskError::Progress(_) => {
                Self::Broken(in_one_line(&error))
            }
        }
    }
}

fn of_refusal(refusal: Refusal, error: &DeskError) -> Problem {
    let changed = |text: &str| Problem::Refused(text.to_owned());
    match refusal {
        Refusal::SessionOver => Problem::NotSignedIn,
        Refusal::SignInOld => Problem::SignInTooOld,
        Refusal::RoleMissing | Refusal::ForgedName | Refusal::NoRight => {
            Problem::RefusedByDatabase(in_one_line(error))
        }
        Refusal::NotOneself => Problem::NotYours("nobody changes their own roles"),
        Refusal::OneSource => {
            Problem::NotYours("people have accounts here, so nobody comes in through a proxy")
        }
        Refusal::ProxySecret => Problem::NotYours(
            "the database knows the proxy by another secret: ops/people.md says how it learns a new one",
        ),
        Refusal::OwnRequest => {
            Problem::NotYours("somebody else must decide about a request of yours")
        }
        Refusal::OfAnother => Problem::NotYours("only who made a request can take it back"),
        Refusal::PasswordMissing => {
            changed("a new person needs a new password for the first sign-in: tick it")
        }
        Refusal::Decided => changed("the request is decided already"),
        Refusal::OfDisabled => changed("who asked for it may no longer use the console: reject it"),
        Refusal::Expired => changed("the request has waited for too long: ask again"),
        Refusal::BalanceMoved => {
            changed("the balance has moved since you saw it: look again, and decide then")
        }
        Refusal::KeyUsed => changed("this request was made already, with other content"),
        Refusal::PreviewOld => changed("the preview is older than 15 minutes: look again"),
        Refusal::PreviewChanged => changed("something changed since the preview: look again"),
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::Broken(in_one_line(&error))
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(in_one_line(&error))
    }
}

/// The limits are those of `crates/desk/src/database/seat.rs`, and of logins.
fn ended_text(ended: Ended) -> &'static str {
    match ended {
        Ended::TooLong => {
            "the database took longer than it may, 5 s for a page and 10 minutes for what reads whole tables, so it \
             was stopped and changed nothing"
        }
        Ended::Locked => {
            "somebody else holds what this needs in the database and did not let go in time, so this was stopped \
             and changed nothing"
        }
    }
}

/// What a right is called in a sentence that begins with "you may".
pub(crate) fn right_text(right: Right) -> &'static str {
    match right {
        Right::Look => "look at everything but personal data",
        Right::FindByName => "find players by name, and see who a player is in games",
        Right::RequestCorrection => "ask for a correction",
        Right::Replay => "replay dead letters",
        Right::Discard => "discard dead letters",
        Right::SetProduct => "set the points of a product",
        Right::ControlReplay => "pause and stop replays",
        Right::RunCheck => "run the checks",
        Right::Reveal => "see the personal data in a body",
        Right::DecideCorrection => "decide about corrections of others",
        Right::People => "say who may use this console",
    }
}

/// Who has a right that somebody lacks.
pub(crate) fn who_may(right: Right) -> String {
    let roles: Vec<&str> = right.roles().iter().map(|role| role.code()).collect();
    format!("Roles with this right: {}.", roles.join(", "))
}
