//! What a view makes of snapshots with pages of two programs, a broker and a database.

use std::collections::BTreeMap;

use super::*;
use crate::top::fixtures::{
    RECEIVER_AT, WORKER_AT, receiver_page, set_page, snapshot, with, worker_page,
};
use crate::top::quantile::Quantile;

fn at(seconds: f64) -> Quantile {
    Quantile {
        seconds,
        is_beyond: false,
    }
}

fn beyond(seconds: f64) -> Quantile {
    Quantile {
        is_beyond: true,
        ..at(seconds)
    }
}

fn rate_of<'a>(view: &'a View, name: &str) -> &'a Rate {
    view.rates.iter().find(|rate| rate.name == name).unwrap()
}

#[test]
fn rates_are_of_the_last_interval_and_of_the_minute() {
    let snapshots = [
        snapshot(0.0, 0, 0, 0),
        snapshot(2.0, 100, 80, 20),
        snapshot(4.0, 120, 120, 0),
    ];
    let view = View::of(&snapshots).unwrap();
    let queued = rate_of(&view, "queued");
    assert_eq!(
        (queued.now, queued.window, queued.total),
        (Some(10.0), Some(30.0), Some(120.0))
    );
    assert_eq!(rate_of(&view, "credited").now, Some(20.0));
    assert_eq!(
        rate_of(&view, "reversed").now,
        Some(0.0),
        "the worker answers without this series"
    );
    assert_eq!((view.interval_seconds, view.window_seconds), (2.0, 4.0));
    assert_eq!(
        rate_of(&view, "refused").level,
        Level::Fine,
        "refused before the first snapshot"
    );
    assert_eq!(
        view.problems.len(),
        1,
        "ages beyond the last bucket: {:?}",
        view.problems
    );
}

#[test]
fn one_snapshot_has_depths_but_no_rates() {
    let view = View::of(&[snapshot(0.0, 100, 80, 20)]).unwrap();
    assert_eq!(rate_of(&view, "queued").now, None);
    assert_eq!(rate_of(&view, "queued").total, Some(100.0));
    assert_eq!(view.broker.unwrap().queues[0].ready, Some(20));
    assert_eq!(view.backlog.work_seconds, None);
    assert_eq!(view.pauses, None);
    assert!(View::of(&[]).is_none());
}

#[test]
fn latencies_come_from_the_increases_of_the_buckets() {
    let view = View::of(&[snapshot(0.0, 0, 0, 0), snapshot(2.0, 100, 80, 0)]).unwrap();
    let quantile = |index: usize| view.latencies[index].window.map(|seen| seen.p50);
    assert_eq!(quantile(0), Some(at(0.005)));
    assert_eq!(quantile(1), None, "no confirm was timed");
    assert_eq!(quantile(3), Some(beyond(60.0)));
    assert_eq!(Level::from(&view.latencies[3].problem), Level::Alarm);
}

#[test]
fn a_backlog_takes_time_to_empty() {
    for (credited, ready, work_seconds, level) in [
        (20, 0, Some(0.0), Level::Fine),
        (20, 100, Some(10.0), Level::Fine),
        (20, 1_000, Some(100.0), Level::Warning),
        (20, 10_001, Some(1_000.1), Level::Alarm),
        (0, 5, None, Level::Alarm),
    ] {
        let view = View::of(&[snapshot(0.0, 0, 0, 0), snapshot(2.0, 0, credited, ready)]).unwrap();
        assert_eq!(
            view.backlog.work_seconds, work_seconds,
            "{ready} at {credited}"
        );
        assert_eq!(view.backlog.level(), level, "{ready} at {credited}");
        assert_eq!(
            view.broker.unwrap().queues[0].change,
            Some(ready as f64 / 2.0)
        );
    }
}

#[test]
fn a_process_that_does_not_answer_has_no_figures_and_keeps_its_name() {
    let gone = |snapshot: &mut Snapshot| {
        snapshot
            .processes
            .insert(WORKER_AT.to_owned(), Err("connection refused".to_owned()));
    };
    let snapshots = [
        snapshot(0.0, 0, 0, 0),
        snapshot(2.0, 20, 20, 0),
        with(snapshot(4.0, 40, 20, 9), gone),
    ];
    let view = View::of(&snapshots).unwrap();
    let credited = rate_of(&view, "credited");
    assert_eq!(
        (credited.now, credited.window, credited.total),
        (None, None, None)
    );
    assert_eq!(rate_of(&view, "queued").now, Some(10.0));
    assert_eq!(view.backlog.work_seconds, None);
    assert_eq!(view.processes[1].program.as_deref(), Some("paynow-worker"));
    assert_eq!(
        view.processes[1].answer.as_ref().err().unwrap(),
        "connection refused"
    );
    assert_eq!(view.rungs[1].waiting, Some(0));
    assert_eq!(view.rungs[1].put, None);
}

#[test]
fn rungs_are_those_of_the_broker_and_those_of_the_worker() {
    let page = worker_page(20, 1, 3);
    let busy = |snapshot: &mut Snapshot| set_page(snapshot, WORKER_AT, &page);
    let snapshots = [snapshot(0.0, 0, 0, 0), with(snapshot(2.0, 0, 0, 0), busy)];
    let view = View::of(&snapshots).unwrap();
    let seconds: Vec<u32> = view.rungs.iter().map(|rung| rung.seconds).collect();
    assert_eq!(seconds, [1, 4, 9, 16, 64, 256, 1024, 3600]);
    let rung = |put| Rung {
        seconds: 4,
        overdue: Some(0),
        waiting: Some(0),
        put: Some(put),
    };
    assert_eq!(view.rungs[1], rung(3.0));
    assert_eq!(view.rungs[2].waiting, None, "a rung without a queue");
    let records = &view.log_records;
    let recent: Vec<(&str, f64)> = records
        .iter()
        .map(|of| (of.event.as_str(), of.recent))
        .collect();
    assert_eq!(recent, [("event_dead_lettered", 3.0), ("paused", 0.0)]);
}

#[test]
fn a_process_shows_its_most_urgent_state() {
    let paused = |snapshot: &mut Snapshot| {
        set_page(snapshot, WORKER_AT, &worker_page(20, 0, 0));
        let page = receiver_page(20).replace("lane=\"1\"} 1", "lane=\"1\"} 0");
        set_page(snapshot, RECEIVER_AT, &page);
    };
    let snapshots = [
        snapshot(0.0, 0, 0, 0),
        with(snapshot(2.0, 20, 20, 0), paused),
    ];
    let view = View::of(&snapshots).unwrap();
    let states: Vec<&str> = view
        .processes
        .iter()
        .map(|row| row.answer.as_ref().unwrap().state)
        .collect();
    assert_eq!(states, ["disconnected", "paused"]);
    let receiver = view.processes[0].answer.as_ref().unwrap();
    assert_eq!((receiver.lanes_connected, receiver.lanes), (1, 2));
    assert_eq!(receiver.up_seconds, Some(3_727.0));
    assert_eq!(receiver.cpu_share, Some(0.01));
    assert_eq!(
        view.pauses.unwrap(),
        BTreeMap::from([("database".to_owned(), 1.0)])
    );
}
