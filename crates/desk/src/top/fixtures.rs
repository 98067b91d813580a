//! Snapshots for tests: pages of two programs, a broker and a database. The crates that show a view test
//! with them too, so the types come from the module that declares this one.

use std::collections::BTreeMap;

use super::snapshot::{Broker, DatabaseState, Queue, Scrape, Snapshot};

pub(super) const RECEIVER_AT: &str = "10.0.0.1:9464";
pub(super) const WORKER_AT: &str = "10.0.0.2:9465";

/// A receiver that has queued so many webhooks, and refused one of each.
pub(super) fn receiver_page(queued: u32) -> String {
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
pub(super) fn worker_page(credited: u32, is_consuming: u8, dead: u32) -> String {
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

pub(super) fn queue(name: &str, ready: u64, unacked: u64) -> Queue {
    Queue {
        name: name.to_owned(),
        ready: Some(ready),
        unacked: Some(unacked),
        expired: Some(0),
    }
}

/// Everything answers and nothing is wrong.
pub(super) fn snapshot(at: f64, queued: u32, credited: u32, ready: u64) -> Snapshot {
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
                Scrape::of_page(&receiver_page(queued), at),
            ),
            (
                WORKER_AT.to_owned(),
                Scrape::of_page(&worker_page(credited, 1, 0), at),
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
pub(super) fn with(mut snapshot: Snapshot, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    change(&mut snapshot);
    snapshot
}

pub(super) fn set_page(snapshot: &mut Snapshot, address: &str, page: &str) {
    let at = snapshot.at;
    snapshot
        .processes
        .insert(address.to_owned(), Scrape::of_page(page, at));
}
