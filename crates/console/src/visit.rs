//! A request of somebody who is signed in and may make it.

use actix_web::http::StatusCode;
use askama::Template;
use paynow_desk::console::permit::{Permit, RightMarker};
use paynow_desk::console::roles::Right;
use paynow_desk::console::session::Session;
use paynow_desk::database::Database;
use serde::Serialize;

use crate::answer::Answer;
use crate::call::Call;
use crate::console::Console;
use crate::document::{Cell, Document, FieldKind, Part};
use crate::door::Freshness;
use crate::frame::Frame;
use crate::problem::{Problem, who_may};

/// `P` is the permit that the route asks for.
pub(crate) struct Visit<'a, P> {
    pub(crate) call: &'a Call,
    pub(crate) session: &'a Session,
    pub(crate) freshness: Freshness,
    pub(crate) permit: P,
    pub(crate) frame: &'a Frame,
}

/// The template of all pages but the live ones.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    frame: &'a Frame,
    document: &'a Document,
}

/// A document as a page.
pub(crate) fn page(
    status: StatusCode,
    frame: &Frame,
    document: &Document,
) -> Result<Answer, Problem> {
    Ok(Answer::html(status, &Page { frame, document })?)
}

impl<P> Visit<'_, P> {
    pub(crate) fn page(&self, document: &Document) -> Result<Answer, Problem> {
        page(StatusCode::OK, self.frame, document)
    }

    /// Why a form of this right cannot be sent, if it cannot.
    pub(crate) fn lacks(&self, right: Right) -> Option<String> {
        (!self.session.roles.allow(right)).then(|| who_may(right))
    }

    /// Why a form that takes a fresh sign-in cannot be sent, if it cannot.
    pub(crate) fn must_sign_in_again(&self) -> Option<String> {
        let text = match self.freshness {
            Freshness::Fresh => return None,
            Freshness::Old => "it takes a sign-in of the last 15 minutes: sign out and in again.",
            Freshness::OldAtProxy => {
                "it takes a sign-in of the last 15 minutes: sign out and in again where you sign in for this \
                 console."
            }
            Freshness::UnknownAtProxy => {
                "it takes a sign-in of the last 15 minutes, and the proxy does not say when you signed in: see \
                 CONSOLE_PROXY_SIGNED_IN_HEADER."
            }
        };
        Some(text.to_owned())
    }

    /// Whether the person has signed in lately, for what takes that.
    pub(crate) fn check_recent(&self) -> Result<(), Problem> {
        match self.freshness {
            Freshness::Fresh => Ok(()),
            Freshness::Old => Err(Problem::SignInTooOld),
            Freshness::OldAtProxy => Err(Problem::SignInTooOldAtProxy(
                "this needs a sign-in that is not older than 15 minutes: sign out and in again where you sign in \
                 for this console",
            )),
            Freshness::UnknownAtProxy => Err(Problem::SignInTooOldAtProxy(
                "this needs a sign-in that is not older than 15 minutes, and the proxy does not say when you \
                 signed in",
            )),
        }
    }

    /// What is not as it was when the person decided.
    pub(crate) fn conflict<T: Serialize>(
        &self,
        data: &T,
        document: impl FnOnce(&T) -> Document,
    ) -> Result<Answer, Problem> {
        match self.call.wants_json() {
            true => Ok(Answer::json(StatusCode::CONFLICT, data)?),
            false => page(StatusCode::CONFLICT, self.frame, &document(data)),
        }
    }

    /// The same page with what is wrong with a form that was sent.
    pub(crate) fn wrong_form(&self, document: &Document) -> Result<Answer, Problem> {
        page(StatusCode::UNPROCESSABLE_ENTITY, self.frame, document)
    }

    /// What there is to say about something that is not there.
    pub(crate) fn missing(&self, document: &Document) -> Result<Answer, Problem> {
        page(StatusCode::NOT_FOUND, self.frame, document)
    }

    /// The data as a document for programs, or the page about it for people.
    pub(crate) fn reply<T: Serialize>(
        &self,
        data: &T,
        document: impl FnOnce(&T) -> Document,
    ) -> Result<Answer, Problem> {
        match self.call.wants_json() {
            true => Ok(Answer::json(StatusCode::OK, data)?),
            false => self.page(&document(data)),
        }
    }
}

impl<R: RightMarker> Visit<'_, Permit<R>> {
    /// The database with the rights of this permit, and no more.
    pub(crate) fn seat(&self, console: &Console) -> Database {
        console.database.seat(&self.permit)
    }
}

#[cfg(test)]
mod tests {
    /// A template that marks a text as safe, or brings a script or a style along, would undo what every
    /// page is protected by. One with letters beyond ASCII could turn what is around it.
    #[test]
    fn templates_escape_everything_and_bring_no_script() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let plain = text.replace(' ', "").to_ascii_lowercase();
            for banned in [
                "|safe",
                "style=",
                "<style",
                "javascript:",
                "escape=\"none\"",
                "{%raw",
            ] {
                assert!(!plain.contains(banned), "{}: {banned}", path.display());
            }
            let handler = text.split(" on").skip(1).find(|rest| {
                let name = rest.split(['=', ' ', '>', '\n']).next().unwrap_or_default();
                rest.get(name.len()..)
                    .is_some_and(|rest| rest.starts_with('='))
            });
            assert_eq!(handler, None, "{}", path.display());
            for script in text.split("<script").skip(1) {
                assert!(script.starts_with(" src="), "{}", path.display());
            }
            assert!(text.is_ascii(), "{}", path.display());
            seen += 1;
        }
        assert!(seen >= 6, "{seen} templates");
    }
}
