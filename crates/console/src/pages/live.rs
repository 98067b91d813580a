//! `/live`, and the stream that keeps it up to date.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;
use paynow_desk::console::database::ConsoleDatabase;
use paynow_desk::console::letters::groups;
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::Look;
use paynow_desk::console::session::SessionKey;
use paynow_desk::database::Database;
use paynow_desk::error::in_one_line;
use paynow_desk::selection::{Filter, LetterState};
use paynow_desk::top::document::document;
use paynow_desk::top::sources::{Asked, Sources};
use url::Url;

use crate::answer::Answer;
use crate::console::Console;
use crate::frame::Frame;
use crate::live::collector::{Eyes, PACE};
use crate::live::moment::Moment;
use crate::live::node::Element;
use crate::live::stakes::Stakes;
use crate::live::stream::{Lasting, PULSE, Standing, body, moments};
use crate::problem::Problem;
use crate::visit::Visit;

/// Longer than the slowest source may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// When another stream may be asked for.
const TRY_AGAIN_SECONDS: u64 = 10;

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    frame: &'a Frame,
    title: &'a str,
    parts: &'a [Element],
    grafana: Option<&'a Url>,
}

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let collector = &console.live.collector;
    let begin = || eyes(console, visit.seat(console));
    if visit.call.wants_json() {
        let moment = collector.moment(begin, Moment::has_rates, PATIENCE);
        let nothing = || Problem::Unavailable("nothing was measured yet: ask again".to_owned());
        let document = document(&moment.ok_or_else(nothing)?.view);
        return Ok(Answer::json(StatusCode::OK, &document)?);
    }
    let moment = collector.moment(begin, |_any| true, PATIENCE);
    let moment = moment.as_deref();
    let page = Page {
        frame: visit.frame,
        title: moment.map_or("Live: nothing was measured yet", |it| &it.title),
        parts: moment.map_or(&[], |it| &it.parts),
        grafana: console.grafana.as_ref(),
    };
    Ok(Answer::html(StatusCode::OK, &page)?)
}

pub(crate) fn stream(
    console: &Console,
    visit: &Visit<'_, Permit<Look>>,
) -> Result<Answer, Problem> {
    let (live, session) = (&console.live, visit.session.key);
    let place = live.streams.enter(session);
    let place = place.ok_or(Problem::TooMany(TRY_AGAIN_SECONDS))?;
    let moments = moments(live.collector.look(|| eyes(console, visit.seat(console))));
    let database = Arc::clone(&console.database);
    let lasting = Lasting {
        _place: place,
        check: Box::new(move || {
            let database = Arc::clone(&database);
            let asked = tokio::task::spawn_blocking(move || standing(&database, session));
            Box::pin(async { asked.await.unwrap_or(Standing::Unknown) })
        }),
        stop: live.stop.clone(),
        pulse: PULSE,
    };
    Ok(Answer::events(body(moments, lasting)))
}

fn standing(database: &ConsoleDatabase, session: SessionKey) -> Standing {
    match database.session_of(session) {
        Ok(Some(session)) if session.permit::<Look>().is_ok() => Standing::GoesOn,
        Ok(Some(_) | None) => Standing::Over,
        Err(_no_answer) => Standing::Unknown,
    }
}

/// The database is read with the rights of whoever looks first: everybody who may look sees the same.
fn eyes(console: &Console, database: Database) -> Eyes {
    let mut sources = Sources::new(Asked {
        metrics: console.live.metrics.clone(),
        broker: Ok(console.management()),
        database: Ok(database.clone()),
        interval: PACE.interval,
    });
    let stakes = move || {
        let groups = groups(&database, &Filter::default(), Some(LetterState::Open));
        groups.map_err(|error| in_one_line(&error))
    };
    let checks = Arc::clone(&console.checks);
    Eyes {
        snapshot: Box::new(move || sources.snapshot()),
        checked: Box::new(move || checks.newest()),
        stakes: Stakes::new(Arc::new(stakes)),
    }
}
