//! What happened to an event, and when.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use paynow_shared::ids::EventId;
use serde::Serialize;

use crate::actions::EventAction;
use crate::database::times;
use crate::row::row;
use crate::waiting::{Waiting, WaitingStep};

row! {
    #[derive(Serialize)]
    pub struct Moment {
        pub at: String,
        pub what: String,
    }
}

/// Each source gives times, the order of those that are equal, and what happened then; one without a time is no
/// moment.
const SOURCES: &str = "\
     SELECT moment.* FROM webhook_events, LATERAL (VALUES \
             (signed_at, 1, 'PayNow signed it'), (received_at, 2, 'received'), \
             (settled_at, 4, format('applied: %s', outcome))) AS moment (at, step, what) \
         WHERE event_id = $2 \
     UNION ALL SELECT moment.* FROM dead_letters, LATERAL (VALUES \
             (signed_at, 1, 'PayNow signed it'), (received_at, 2, 'received'), \
             (last_dead_at, 3, format('became dead letter %s: %s', dead_letter_id, reason)), \
             (settled_at, 4, format('dead letter %s is %s', dead_letter_id, state))) \
             AS moment (at, step, what) \
         WHERE event_id = $1 \
     UNION ALL SELECT (died ->> 'dead_at')::timestamptz, 3, \
             format('became dead letter %s: %s', dead_letter_id, died ->> 'reason') \
         FROM dead_letters, \
             jsonb_array_elements(CASE jsonb_typeof(history) WHEN 'array' THEN history ELSE '[]' END) AS died \
         WHERE event_id = $1";

pub(super) fn of_event(
    connection: &mut PgConnection,
    event: &str,
    (waiting, steps): (Option<&Waiting>, &[WaitingStep]),
    actions: &[EventAction],
) -> QueryResult<Vec<Moment>> {
    let number = event.parse::<EventId>().ok().map(EventId::get);
    let mut moments: Vec<Moment> = sql_query(format!(
        "SELECT {}, what FROM (SELECT at, min(step) AS step, what \
             FROM ({SOURCES}) AS moment (at, step, what) WHERE at IS NOT NULL GROUP BY at, what) AS moment \
         ORDER BY moment.at, step",
        times(&["at"])
    ))
    .bind::<Text, _>(event)
    .bind::<Nullable<BigInt>, _>(number)
    .load(connection)?;
    moments.extend(steps.iter().flat_map(took_rung));
    moments.extend(
        waiting
            .into_iter()
            .flat_map(|it| on_ladder(it, !steps.is_empty())),
    );
    moments.extend(actions.iter().map(|action| Moment {
        at: action.acted_at.clone(),
        what: format!(
            "{} by {}, action {}",
            action.action, action.operator, action.action_id
        ),
    }));
    // Times of one form and zone sort as texts.
    moments.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(moments)
}

fn moment(at: &str, what: String) -> Moment {
    Moment {
        at: at.to_owned(),
        what,
    }
}

/// The first and the last time.
fn took_rung(step: &WaitingStep) -> impl Iterator<Item = Moment> {
    let failed = format!("attempt {} failed: {}", step.attempt, step.reason);
    let rung = format!("{failed}; on the rung of {} s", step.rung_seconds);
    let again = (step.times > 1).then(|| {
        let again = format!("{rung}, for the last of {} times", step.times);
        moment(&step.last_at, again)
    });
    [Some(moment(&step.first_at, rung)), again]
        .into_iter()
        .flatten()
}

/// How it waits now. What came before is told by its steps, unless they are not kept.
fn on_ladder(waiting: &Waiting, has_steps: bool) -> impl Iterator<Item = Moment> {
    let (first, last) = (&waiting.since, &waiting.deferred_at);
    let failed = format!("attempt {} failed: {}", waiting.attempt, waiting.reason);
    let again = (first != last && !has_steps).then(|| moment(last, failed));
    let begin = (!has_steps).then(|| moment(first, "put on the retry ladder".to_owned()));
    let next = moment(&waiting.next_at, "next attempt".to_owned());
    [begin, again, Some(next)].into_iter().flatten()
}
