//! What is around the content of every page.

use paynow_desk::console::roles::Right;
use paynow_desk::console::session::{Session, SessionId};
use paynow_process::clock;

use crate::ask::fresh_key;
use crate::assets::ASSETS;
use crate::call::Call;
use crate::console::Console;
use crate::cookie::Look;
use crate::document::Link;
use crate::origin::token;
use crate::text;

pub(crate) struct Frame {
    pub(crate) theme: &'static str,
    pub(crate) keys: &'static str,
    pub(crate) css: &'static str,
    pub(crate) js: &'static str,
    pub(crate) icons: &'static str,
    pub(crate) environment: String,
    pub(crate) is_production: bool,
    pub(crate) now_iso: String,
    pub(crate) now: String,
    pub(crate) person: Option<Person>,
    /// Of every form that acts.
    pub(crate) token: String,
    /// Makes a form of this page count once.
    pub(crate) once: String,
    /// Empty where nothing is open to the person yet.
    pub(crate) navigation: Vec<Link>,
}

pub(crate) struct Person {
    pub(crate) name: String,
    /// Says that there are none while somebody has to choose a password.
    pub(crate) roles: String,
}

/// The pages of the navigation, and the right that each needs.
const PLACES: [(&str, &str, Right); 11] = [
    ("/live", "Live", Right::Look),
    ("/dead", "Dead letters", Right::Look),
    ("/replays", "Replays", Right::Look),
    ("/events", "Events", Right::Look),
    ("/wallets", "Wallets", Right::Look),
    ("/corrections", "Corrections", Right::Look),
    ("/products", "Products", Right::Look),
    ("/audit", "Audit", Right::Look),
    ("/checks", "Checks", Right::Look),
    ("/me", "What I may do", Right::Look),
    ("/admin/people", "People", Right::People),
];

impl Frame {
    /// For somebody who is not signed in.
    pub(crate) fn bare(console: &Console, call: &Call) -> Self {
        let look = Look::of_request(&call.headers);
        let now_iso = clock::now_rfc3339();
        Self {
            theme: look.theme,
            keys: look.keys(),
            css: &ASSETS.css.path,
            js: &ASSETS.js.path,
            icons: &ASSETS.icons.path,
            environment: console.environment.clone().unwrap_or_default(),
            is_production: console.environment.as_deref() == Some("production"),
            now: text::time(&now_iso).0,
            now_iso,
            person: None,
            token: String::new(),
            once: String::new(),
            navigation: Vec::new(),
        }
    }

    pub(crate) fn of(console: &Console, call: &Call, id: &SessionId, session: &Session) -> Self {
        // A page that only some people may open is not in the way of the others.
        let places = PLACES
            .iter()
            .filter(|(_, _, right)| *right == Right::Look || session.roles.allow(*right));
        let link = |(href, text, _right): &(&str, &str, Right)| Link {
            href: (*href).to_owned(),
            text: (*text).to_owned(),
            is_current: call.path.starts_with(href),
        };
        Self {
            person: Some(Person {
                name: session.person.to_string(),
                roles: session.roles.to_string(),
            }),
            token: token(id),
            once: fresh_key("form"),
            navigation: match session.must_enrol {
                true => Vec::new(),
                false => places.map(link).collect(),
            },
            ..Self::bare(console, call)
        }
    }
}
