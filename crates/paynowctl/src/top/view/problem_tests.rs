//! Everything that is wrong is told in a sentence, and matters as much as its alert.

use std::collections::BTreeMap;

use super::tests::{
    RECEIVER_AT, WORKER_AT, look, queue, receiver_page, set_page, with, worker_page,
};
use super::{Level, Problem, View};
use crate::top::sample::{Books, OpenLetters, Sample, Silent};

/// Always there: the events of these looks are beyond the last bucket.
const AGE: &str = "p95 of event age is over 1m 0s";

/// The only other problem of two looks, the second of them changed.
#[track_caller]
fn problem_of(change: impl FnOnce(&mut Sample)) -> (Level, String) {
    let looks = [look(0.0, 0, 0, 0), with(look(2.0, 20, 20, 0), change)];
    let mut problems = View::of(&looks).unwrap().problems;
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
fn a_source_that_is_silent_and_one_that_was_not_given() {
    let no_answer = || Silent::NoAnswer("gone".to_owned());
    let not_asked = || Silent::NotAsked("no URL".to_owned());
    assert_eq!(
        problem_of(|it| it.broker = Err(no_answer())),
        alarm("broker: gone")
    );
    assert_eq!(
        problem_of(|it| it.broker = Err(not_asked())),
        warning("broker: no URL")
    );
    assert_eq!(
        problem_of(|it| it.books = Err(no_answer())),
        alarm("database: gone")
    );
    assert_eq!(
        problem_of(|it| it.books = Err(not_asked())),
        warning("database: no URL")
    );
}

#[test]
fn what_is_wrong_in_the_broker() {
    let told = problem_of(|it| {
        it.broker.as_mut().unwrap().alarms = Ok(vec!["disk alarm of a".to_owned()]);
    });
    assert_eq!(told, alarm("disk alarm of a"));
    let told = problem_of(|it| it.broker.as_mut().unwrap().alarms = Err("no tag".to_owned()));
    assert_eq!(told, warning("alarms are unknown: no tag"));
    let told = problem_of(|it| {
        let queues = &mut it.broker.as_mut().unwrap().queues;
        queues.retain(|queue| queue.name != "paynow.unrouted");
    });
    assert_eq!(
        told,
        alarm("there is no queue paynow.unrouted: run `paynowctl setup`")
    );
    for (name, expected) in [
        (
            "paynow.unrouted",
            alarm("3 events found no queue and wait in paynow.unrouted"),
        ),
        (
            "paynow.credits.dead",
            warning("3 dead letters wait to be archived"),
        ),
    ] {
        let told = problem_of(|it| {
            let queues = &mut it.broker.as_mut().unwrap().queues;
            queues.retain(|queue| queue.name != name);
            queues.push(queue(name, 3, 0));
        });
        assert_eq!(told, expected);
    }
}

#[test]
fn what_is_wrong_with_webhooks_and_the_ledger() {
    let told = problem_of(|it| {
        let page = receiver_page(20).replace("refused\"} 1", "refused\"} 3");
        let page = page.replace("mismatch\"} 1", "mismatch\"} 3");
        set_page(it, RECEIVER_AT, "paynow-receiver", &page);
    });
    assert_eq!(told, warning("webhooks are refused, in 2s: mismatch 2"));
    let told = problem_of(|it| {
        let page = receiver_page(20).replace("refused\"} 1", "unavailable\"} 3");
        let page = page.replace("mismatch", "timed_out");
        set_page(it, RECEIVER_AT, "paynow-receiver", &page);
    });
    assert_eq!(told, alarm("webhooks are not queued, in 2s: timed_out 1"));
    let told = problem_of(|it| {
        let page = worker_page(20, 1, 0).replace("balances\"} 0", "balances\"} 4");
        set_page(it, WORKER_AT, "paynow-worker", &page);
    });
    assert_eq!(
        told,
        alarm("ledger: 4 violate balances: run `paynowctl check`")
    );
}

#[test]
fn dead_letters_are_urgent_after_a_day() {
    for (oldest_age_seconds, expected) in [
        (61, warning("2 open dead letters, oldest 1m 1s")),
        (86_401, alarm("2 open dead letters, oldest 1d 0h")),
    ] {
        let letters = vec![OpenLetters {
            reason: "malformed".to_owned(),
            letters: 2,
            oldest_age_seconds,
        }];
        let books = Books {
            letters,
            ..Books::default()
        };
        assert_eq!(problem_of(|it| it.books = Ok(books)), expected);
    }
}

#[test]
fn the_worst_comes_first() {
    let looks = [look(0.0, 0, 0, 0), look(2.0, 20, 20, 1_000)];
    let problems = View::of(&looks).unwrap().problems;
    let told: Vec<&str> = problems
        .iter()
        .map(|problem| problem.what.as_str())
        .collect();
    assert_eq!(told, [AGE, "paynow.credits is 1m 40s of work"]);
}

#[test]
fn a_worker_that_consumes_is_believed_for_a_while() {
    let nobody = |at, credited| {
        with(look(at, 0, credited, 0), |it| {
            it.broker.as_mut().unwrap().consumers = Ok(BTreeMap::new());
        })
    };
    let gone = |it: &mut Sample| {
        it.processes.remove(WORKER_AT);
    };
    let is_told = |looks: &[Sample]| {
        let problems = View::of(looks).unwrap().problems;
        problems.contains(&Problem::alarm("nobody consumes paynow.credits"))
    };
    assert!(!is_told(&[nobody(0.0, 0), nobody(2.0, 20)]));
    assert!(is_told(&[nobody(0.0, 0), with(nobody(2.0, 20), gone)]));
    assert!(is_told(&[nobody(0.0, 0), nobody(16.0, 20)]));
    assert!(!is_told(&[look(0.0, 0, 0, 0), nobody(16.0, 20)]));
}
