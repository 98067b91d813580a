//! One route: its address, who may use it and what it does. A route that names no right does not compile.

use actix_web::http::Method;
use paynow_desk::console::access::{Access as Looked, record};
use paynow_desk::console::permit::{Permit, RightMarker};
use paynow_desk::console::roles::Right;
use paynow_desk::console::session::Session;

use crate::answer::Answer;
use crate::call::Call;
use crate::console::Console;
use crate::door::{self, Entered, Use};
use crate::frame::Frame;
use crate::problem::Problem;
use crate::visit::Visit;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody: the way in, and what it needs.
    Open,
    /// Everybody who is signed in, whatever the roles.
    SignedIn,
    Needs(Right),
}

/// A problem, and the frame of whom it is told to.
pub(crate) struct Refusal {
    pub(crate) problem: Problem,
    pub(crate) frame: Option<Box<Frame>>,
}

impl From<Problem> for Refusal {
    /// Of somebody who is not known yet.
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            frame: None,
        }
    }
}

/// What a route asks of a request besides the right.
struct Terms {
    query: &'static [&'static str],
    of: Use,
}

type Run = Box<dyn Fn(&Console, &Call) -> Result<Answer, Refusal> + Send + Sync>;

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// The names that its query may have.
    pub query: &'static [&'static str],
    run: Run,
}

impl Route {
    pub(crate) fn open(
        method: Method,
        path: &'static str,
        query: &'static [&'static str],
        page: fn(&Console, &Call) -> Result<Answer, Problem>,
    ) -> Self {
        let run = move |console: &Console, call: &Call| {
            check_query(call, query)?;
            Ok(page(console, call)?)
        };
        Self {
            method,
            path,
            access: Access::Open,
            query,
            run: Box::new(run),
        }
    }

    pub(crate) fn signed_in(
        method: Method,
        path: &'static str,
        query: &'static [&'static str],
        page: fn(&Console, &Visit<'_, ()>) -> Result<Answer, Problem>,
    ) -> Self {
        let terms = Terms {
            query,
            of: Use::Person,
        };
        let run = move |console: &Console, call: &Call| {
            visit(console, call, &terms, |_session| Ok(()), page)
        };
        Self {
            method,
            path,
            access: Access::SignedIn,
            query,
            run: Box::new(run),
        }
    }

    /// A page that looks.
    pub(crate) fn get<R: RightMarker + 'static>(
        path: &'static str,
        query: &'static [&'static str],
        page: fn(&Console, &Visit<'_, Permit<R>>) -> Result<Answer, Problem>,
    ) -> Self {
        Self::needs(Method::GET, path, query, page)
    }

    /// The news of a page that stays open.
    pub(crate) fn stream<R: RightMarker + 'static>(
        path: &'static str,
        page: fn(&Console, &Visit<'_, Permit<R>>) -> Result<Answer, Problem>,
    ) -> Self {
        let terms = Terms {
            query: &[],
            of: Use::OpenPage,
        };
        Self::on_terms(Method::GET, path, terms, page)
    }

    /// A form that acts.
    pub(crate) fn post<R: RightMarker + 'static>(
        path: &'static str,
        page: fn(&Console, &Visit<'_, Permit<R>>) -> Result<Answer, Problem>,
    ) -> Self {
        Self::needs(Method::POST, path, &[], page)
    }

    fn needs<R: RightMarker + 'static>(
        method: Method,
        path: &'static str,
        query: &'static [&'static str],
        page: fn(&Console, &Visit<'_, Permit<R>>) -> Result<Answer, Problem>,
    ) -> Self {
        let terms = Terms {
            query,
            of: Use::Person,
        };
        Self::on_terms(method, path, terms, page)
    }

    fn on_terms<R: RightMarker + 'static>(
        method: Method,
        path: &'static str,
        terms: Terms,
        page: fn(&Console, &Visit<'_, Permit<R>>) -> Result<Answer, Problem>,
    ) -> Self {
        let permit = |session: &Session| {
            if session.must_enrol {
                return Err(Problem::MustEnrol);
            }
            let permit = session.permit::<R>();
            permit.map_err(|_refused| Problem::NotAllowed(R::RIGHT))
        };
        let query = terms.query;
        let run = move |console: &Console, call: &Call| visit(console, call, &terms, permit, page);
        Self {
            method,
            path,
            access: Access::Needs(R::RIGHT),
            query,
            run: Box::new(run),
        }
    }

    /// Answers a request that came to this route.
    pub(crate) fn run(&self, console: &Console, call: &Call) -> Result<Answer, Refusal> {
        (self.run)(console, call)
    }
}

fn visit<P>(
    console: &Console,
    call: &Call,
    terms: &Terms,
    permit: impl Fn(&Session) -> Result<P, Problem>,
    page: fn(&Console, &Visit<'_, P>) -> Result<Answer, Problem>,
) -> Result<Answer, Refusal> {
    let Entered {
        id,
        session,
        freshness,
    } = door::enter(console, call, terms.of)?;
    let frame = Box::new(Frame::of(console, call, &id, &session));
    let answer = || {
        door::check_form(console, call, &id)?;
        check_query(call, terms.query)?;
        let permit = permit(&session)?;
        let visit = Visit {
            call,
            session: &session,
            freshness,
            permit,
            frame: &frame,
        };
        let act = || page(console, &visit);
        match call.method == Method::POST {
            true => console
                .forms
                .once(session.key, &call.path, call.once(), act),
            false => act(),
        }
    };
    let answer = answer();
    answer.map_err(|problem| {
        note_refusal(console, call, &session, &problem);
        Refusal {
            problem,
            frame: Some(frame),
        }
    })
}

/// Records that somebody was refused. Where that fails, the log has it.
fn note_refusal(console: &Console, call: &Call, session: &Session, problem: &Problem) {
    let is_refusal = matches!(
        problem,
        Problem::NotAllowed(_)
            | Problem::NotYours(_)
            | Problem::SignInTooOld
            | Problem::SignInTooOldAtProxy(_)
            | Problem::RefusedByDatabase(_)
            | Problem::Foreign(_)
    );
    if is_refusal {
        let about = format!("{} {}", call.method, call.path);
        let _recorded = record(&console.database, session, Looked::Refused, &about);
    }
}

/// A name that is misspelled must not be a filter that is silently lost.
fn check_query(call: &Call, known: &[&str]) -> Result<(), Problem> {
    let mut seen: Vec<&str> = Vec::new();
    for (name, _value) in &call.query {
        if !known.contains(&name.as_str()) {
            let problem = format!("this page knows no {name:?} in its address");
            return Err(Problem::Invalid(problem));
        }
        if seen.contains(&name.as_str()) {
            return Err(Problem::Invalid(format!(
                "{name:?} is in the address twice"
            )));
        }
        seen.push(name);
    }
    Ok(())
}
