//! Everything that is wrong is a sentence, as urgent as its alert.

use std::collections::BTreeMap;

use super::{About, Level, View};
use crate::top::fixtures::{
    RECEIVER_AT, WORKER_AT, queue, receiver_page, set_page, snapshot, with, worker_page,
};
use crate::top::snapshot::{DatabaseState, OpenDeadLetters, Queue, Snapshot, Unknown};

/// Always there: the events of these snapshots are beyond the last bucket.
const AGE: &str = "p95 of event age is over 1m 0s";

/// The only other problem of two snapshots, the second of which has the change.
#[track_caller]
fn problem_of(change: impl FnOnce(&mut Snapshot)) -> (Level, String) {
    let snapshots = [
        snapshot(0.0, 0, 0, 0),
        with(snapshot(2.0, 20, 20, 0), change),
    ];
    let mut problems = View::of(&snapshots).unwrap().problems;
    problems.retain(|problem| problem.what != AGE);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = problems.remove(0);
    (problem.level, problem.what)
}

fn alarm(what: &str) -> (Level, String) {
    (Level::Alarm, what.to_owned())
}

fn warning(what: &str) -> (Level, String) {
    (Level::Warning, what.to_owned())
}

#[test]
fn a_source_that_does_not_answer_and_one_that_is_not_configured() {
    let no_answer = || Unknown::NoAnswer("gone".to_owned());
    let not_configured = || Unknown::NotConfigured("no URL".to_owned());
    assert_eq!(
        problem_of(|it| it.broker = Err(no_answer())),
        alarm("broker: gone")
    );
    assert_eq!(
        problem_of(|it| it.broker = Err(not_configured())),
        warning("broker: no URL")
    );
    assert_eq!(
        problem_of(|it| it.database = Err(no_answer())),
        alarm("database: gone")
    );
    assert_eq!(
        problem_of(|it| it.database = Err(not_configured())),
        warning("database: no URL")
    );
}

#[test]
fn what_is_wrong_in_the_broker() {
    let problem = problem_of(|it| {
        it.broker.as_mut().unwrap().alarms = Ok(vec!["disk alarm of a".to_owned()]);
    });
    assert_eq!(problem, alarm("disk alarm of a"));
    let problem = problem_of(|it| it.broker.as_mut().unwrap().alarms = Err("no tag".to_owned()));
    assert_eq!(problem, warning("broker alarms are unknown: no tag"));
    let problem = problem_of(|it| {
        let queues = &mut it.broker.as_mut().unwrap().queues;
        queues.retain(|queue| queue.name != "paynow.unrouted");
    });
    assert_eq!(
        problem,
        alarm("there is no queue paynow.unrouted: run `paynowctl setup`")
    );
    for (name, expected) in [
        (
            "paynow.unrouted",
            alarm("3 events found no route: see paynow.unrouted"),
        ),
        (
            "paynow.credits.dead",
            warning("3 dead letters wait to be archived"),
        ),
    ] {
        let problem = problem_of(|it| {
            let queues = &mut it.broker.as_mut().unwrap().queues;
            queues.retain(|queue| queue.name != name);
            queues.push(queue(name, 3, 0));
        });
        assert_eq!(problem, expected);
    }
}

#[test]
fn an_event_is_overdue_when_every_snapshot_shows_it_expired() {
    let expired = |events| {
        move |it: &mut Snapshot| {
            let queues = &mut it.broker.as_mut().unwrap().queues;
            queues.retain(|queue| queue.name != "paynow.credits.retry.4s");
            queues.push(Queue {
                expired: Some(events),
                ..queue("paynow.credits.retry.4s", 5, 0)
            });
        }
    };
    let view = |before| {
        let before = with(snapshot(0.0, 0, 0, 0), expired(before));
        View::of(&[before, with(snapshot(2.0, 20, 20, 0), expired(3))]).unwrap()
    };
    let overdue = view(2);
    let rung = overdue.rungs.iter().find(|rung| rung.seconds == 4).unwrap();
    assert_eq!((rung.waiting, rung.overdue), (Some(8), Some(2)));
    let what = "2 deferred events are overdue: the broker cannot move them to paynow.credits";
    assert!(
        overdue
            .problems
            .contains(&Level::Alarm.problem(About::Queues, what))
    );
    let momentary = view(0).problems;
    assert!(
        !momentary
            .iter()
            .any(|problem| problem.what.contains("overdue"))
    );
}

#[test]
fn what_is_wrong_with_webhooks_and_the_ledger() {
    let problem = problem_of(|it| {
        let page = receiver_page(20).replace("refused\"} 1", "refused\"} 3");
        let page = page.replace("mismatch\"} 1", "mismatch\"} 3");
        set_page(it, RECEIVER_AT, &page);
    });
    assert_eq!(
        problem,
        warning("2 webhooks were refused in the last 2s: mismatch")
    );
    let problem = problem_of(|it| {
        let page = receiver_page(20).replace("refused\"} 1", "unavailable\"} 3");
        let page = page.replace("mismatch", "timed_out");
        set_page(it, RECEIVER_AT, &page);
    });
    assert_eq!(
        problem,
        alarm("1 webhook was not queued in the last 2s: timed_out")
    );
    let problem = problem_of(|it| {
        let page = worker_page(20, 1, 0).replace("balances\"} 0", "balances\"} 4");
        set_page(it, WORKER_AT, &page);
    });
    assert_eq!(
        problem,
        alarm("the ledger has 4 violations of balances: run `paynowctl check`")
    );
}

#[test]
fn dead_letters_are_urgent_after_a_day() {
    for (oldest_age_seconds, expected) in [
        (61, warning("2 open dead letters, oldest 1m 1s")),
        (86_401, alarm("2 open dead letters, oldest 1d 0h")),
    ] {
        let dead_letters = vec![OpenDeadLetters {
            reason: "malformed".to_owned(),
            letters: 2,
            oldest_age_seconds,
        }];
        let database = DatabaseState {
            dead_letters,
            ..DatabaseState::default()
        };
        assert_eq!(problem_of(|it| it.database = Ok(database)), expected);
    }
}

#[test]
fn the_worst_comes_first() {
    let snapshots = [snapshot(0.0, 0, 0, 0), snapshot(2.0, 20, 20, 1_000)];
    let problems = View::of(&snapshots).unwrap().problems;
    let sentences: Vec<&str> = problems
        .iter()
        .map(|problem| problem.what.as_str())
        .collect();
    assert_eq!(sentences, [AGE, "paynow.credits takes 1m 40s to empty"]);
}

#[test]
fn a_worker_that_did_nothing_since_the_database_is_away_is_in_no_known_state() {
    let state = |credited: u32, database: Option<Unknown>| {
        let last = with(snapshot(2.0, 20, credited, 0), |it| {
            if let Some(unknown) = database {
                it.database = Err(unknown);
            }
        });
        let view = View::of(&[snapshot(0.0, 20, 20, 0), last]).unwrap();
        let worker = view.processes.iter().find(|row| row.address == WORKER_AT);
        let sentences = view.problems.iter().map(|it| it.what.clone());
        let state = worker.unwrap().answer.as_ref().unwrap().state;
        (state, sentences.collect::<Vec<_>>().join("; "))
    };
    let away = || Some(Unknown::NoAnswer("gone".to_owned()));
    let (idle, problems) = state(20, away());
    assert_eq!(idle, "unknown");
    assert!(
        problems.contains("nobody knows whether paynow-worker"),
        "{problems}"
    );
    assert_eq!(state(21, away()).0, "consuming");
    let unset = Unknown::NotConfigured("no URL".to_owned());
    assert_eq!(state(20, Some(unset)).0, "consuming");
    // After ten seconds it knows itself.
    let knows = with(snapshot(2.0, 20, 20, 0), |it| {
        let page = worker_page(20, 1, 0) + "paynow_worker_database_unanswered_seconds 9\n";
        set_page(it, WORKER_AT, &page);
    });
    let view = View::of(&[snapshot(0.0, 20, 20, 0), knows]).unwrap();
    let sentences: Vec<&str> = view.problems.iter().map(|it| it.what.as_str()).collect();
    let worker = format!("paynow-worker {WORKER_AT} gets no answer of the database");
    assert_eq!(sentences, [worker]);
    assert_eq!(state(20, None).0, "consuming");
}

#[test]
fn a_cause_comes_before_what_follows_from_it() {
    let broken = with(snapshot(2.0, 20, 20, 5), |it| {
        let paused = worker_page(20, 0, 0);
        set_page(it, WORKER_AT, &paused);
        it.database = Err(Unknown::NoAnswer("gone".to_owned()));
        let broker = it.broker.as_mut().unwrap();
        broker.alarms = Ok(vec!["disk alarm of a".to_owned()]);
        broker
            .queues
            .retain(|queue| queue.name != "paynow.unrouted");
        broker.consumers = Ok(BTreeMap::new());
    });
    let view = View::of(&[snapshot(0.0, 0, 0, 0), broken]).unwrap();
    let sentences: Vec<&str> = view.problems.iter().map(|it| it.what.as_str()).collect();
    let causes = [
        "disk alarm of a",
        "there is no queue paynow.unrouted: run `paynowctl setup`",
        "database: gone",
    ];
    assert_eq!(sentences[..3], causes, "{sentences:?}");
    assert!(
        sentences.contains(&"paynow.credits does not drain"),
        "{sentences:?}"
    );
}

#[test]
fn a_backlog_that_nobody_takes_is_never_empty_however_fast_it_was() {
    let paused = with(snapshot(2.0, 1624, 1580, 120), |it| {
        let page = worker_page(1580, 0, 0);
        set_page(it, WORKER_AT, &page);
    });
    let view = View::of(&[snapshot(0.0, 0, 0, 0), paused]).unwrap();
    assert!(view.backlog.drain > Some(0.0));
    assert_eq!(
        (view.backlog.work_seconds, view.backlog.is_consumed),
        (None, Some(false))
    );
    assert_eq!(view.backlog.level(), Level::Alarm);
}

#[test]
fn a_worker_that_consumes_is_believed_for_a_while() {
    let nobody = |at, credited| {
        with(snapshot(at, 0, credited, 0), |it| {
            it.broker.as_mut().unwrap().consumers = Ok(BTreeMap::new());
        })
    };
    let gone = |it: &mut Snapshot| {
        it.processes.remove(WORKER_AT);
    };
    let is_reported = |snapshots: &[Snapshot]| {
        let problems = View::of(snapshots).unwrap().problems;
        problems.contains(&Level::Alarm.problem(About::Queues, "no worker consumes paynow.credits"))
    };
    assert!(!is_reported(&[nobody(0.0, 0), nobody(2.0, 20)]));
    assert!(is_reported(&[nobody(0.0, 0), with(nobody(2.0, 20), gone)]));
    assert!(is_reported(&[nobody(0.0, 0), nobody(16.0, 20)]));
    assert!(!is_reported(&[snapshot(0.0, 0, 0, 0), nobody(16.0, 20)]));
}
