//! What a view makes of snapshots with pages of two programs, a broker and a database.

use std::collections::BTreeMap;

use super::*;
use crate::top::exposition::parse;
use crate::top::quantile::Quantile;
use crate::top::snapshot::{Answer, Broker, Queue, Scrape};

pub(in crate::top) const RECEIVER_AT: &str = "10.0.0.1:9464";
pub(in crate::top) const WORKER_AT: &str = "10.0.0.2:9465";

/// A receiver that has queued so many webhooks, and refused one of each.
pub(in crate::top) fn receiver_page(queued: u32) -> String {
    format!(
        "paynow_build_info{{program=\"paynow-receiver\",version=\"0.1.0\",revision=\"x\"}} 1\n\
         process_start_time_seconds 1000000000\nprocess_resident_memory_bytes 24000000\n\
         process_cpu_seconds_total {cpu}\n\
         paynow_publisher_connected{{connection=\"c\",lane=\"0\"}} 1\n\
         paynow_publisher_connected{{connection=\"c\",lane=\"1\"}} 1\n\
         paynow_publisher_blocked{{connection=\"c\",lane=\"0\"}} 0\n\
         paynow_receiver_requests_total{{outcome=\"queued\"}} {queued}\n\
         paynow_receiver_requests_total{{outcome=\"mismatch\"}} 1\n\
         paynow_receiver_request_duration_seconds_count{{outcome=\"accepted\"}} {queued}\n\
         paynow_receiver_request_duration_seconds_count{{outcome=\"refused\"}} 1\n\
         paynow_receiver_request_duration_seconds_bucket{{outcome=\"accepted\",le=\"0.01\"}} {queued}\n\
         paynow_receiver_request_duration_seconds_bucket{{outcome=\"accepted\",le=\"+Inf\"}} {queued}\n",
        cpu = f64::from(queued) / 1000.0,
    )
}

/// A worker that has credited so many events, consumes or not, and has so many dead letters.
pub(in crate::top) fn worker_page(credited: u32, is_consuming: u8, dead: u32) -> String {
    format!(
        "paynow_build_info{{program=\"paynow-worker\",version=\"0.1.0\",revision=\"x\"}} 1\n\
         process_start_time_seconds 1000000000\nprocess_resident_memory_bytes 12000000\n\
         process_cpu_seconds_total 1\npaynow_worker_consuming {is_consuming}\n\
         paynow_worker_events_total{{outcome=\"credited\"}} {credited}\n\
         paynow_worker_events_total{{outcome=\"dead\"}} {dead}\n\
         paynow_worker_pauses_total{{cause=\"database\"}} {pauses}\n\
         paynow_worker_retries_total{{rung_seconds=\"4\",reason=\"order_unknown\"}} {dead}\n\
         paynow_worker_retries_total{{rung_seconds=\"9\",reason=\"order_unknown\"}} 0\n\
         paynow_worker_event_age_seconds_bucket{{le=\"10\"}} 0\n\
         paynow_worker_event_age_seconds_bucket{{le=\"60\"}} 0\n\
         paynow_worker_event_age_seconds_bucket{{le=\"+Inf\"}} {credited}\n\
         paynow_worker_ledger_violations{{check=\"balances\"}} 0\n\
         paynow_log_records_total{{level=\"error\",event=\"event_dead_lettered\"}} {dead}\n\
         paynow_log_records_total{{level=\"warning\",event=\"paused\"}} 7\n\
         paynow_log_records_total{{level=\"info\",event=\"listening\"}} 1\n",
        pauses = 1 - is_consuming,
    )
}

fn scrape(at: f64, program: &str, page: &str) -> Answer<Scrape> {
    let scrape = |samples| Scrape {
        at,
        program: program.to_owned(),
        version: "0.1.0".to_owned(),
        samples,
    };
    parse(page).map(scrape).map_err(|error| error.to_string())
}

pub(in crate::top) fn queue(name: &str, ready: u64, unacked: u64) -> Queue {
    Queue {
        name: name.to_owned(),
        ready: Some(ready),
        unacked: Some(unacked),
        expired: Some(0),
    }
}

/// Everything answers and nothing is wrong.
pub(in crate::top) fn snapshot(at: f64, queued: u32, credited: u32, ready: u64) -> Snapshot {
    let ladder = [1, 4, 16, 64, 256, 1024, 3600];
    let rungs = ladder.map(|seconds| queue(&format!("paynow.credits.retry.{seconds}s"), 0, 0));
    let fixed = [
        queue("paynow.credits", ready, 0),
        queue("paynow.credits.dead", 0, 0),
        queue("paynow.unrouted", 0, 0),
    ];
    Snapshot {
        at,
        taken_at_ms: 1_000_003_725_000 + (at * 1000.0) as i64,
        processes: BTreeMap::from([
            (
                RECEIVER_AT.to_owned(),
                scrape(at, "paynow-receiver", &receiver_page(queued)),
            ),
            (
                WORKER_AT.to_owned(),
                scrape(at, "paynow-worker", &worker_page(credited, 1, 0)),
            ),
        ]),
        broker: Ok(Broker {
            queues: fixed.into_iter().chain(rungs).collect(),
            consumers: Ok(BTreeMap::from([("paynow.credits".to_owned(), 1)])),
            alarms: Ok(Vec::new()),
        }),
        database: Ok(DatabaseState::default()),
    }
}

/// The same snapshot with a change.
pub(in crate::top) fn with(mut snapshot: Snapshot, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    change(&mut snapshot);
    snapshot
}

pub(in crate::top) fn set_page(snapshot: &mut Snapshot, address: &str, program: &str, page: &str) {
    let at = snapshot.at;
    snapshot
        .processes
        .insert(address.to_owned(), scrape(at, program, page));
}

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
    let busy = |snapshot: &mut Snapshot| set_page(snapshot, WORKER_AT, "paynow-worker", &page);
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
        set_page(snapshot, WORKER_AT, "paynow-worker", &worker_page(20, 0, 0));
        let page = receiver_page(20).replace("lane=\"1\"} 1", "lane=\"1\"} 0");
        set_page(snapshot, RECEIVER_AT, "paynow-receiver", &page);
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
