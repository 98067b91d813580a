//! What the worker tells about its work: one function per observable writes the metric and, where
//! a person may want it, the log line. Never bodies or personal data.

use std::time::Instant;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use paynow_shared::wire::Failure;

use crate::disposition::Disposition;
use crate::handle::Unavailable;

const BATCH_SIZE: &str = "paynow_worker_batch_size";
const APPLY: &str = "paynow_worker_apply_duration_seconds";
const EVENTS: &str = "paynow_worker_events_total";
const REDONE: &str = "paynow_worker_batches_redone_total";
const DEAD: &str = "paynow_worker_dead_letters_total";
const RETRIES: &str = "paynow_worker_retries_total";
const ARCHIVED: &str = "paynow_worker_dead_letters_archived_total";
const DEBT_WALLETS: &str = "paynow_worker_debt_wallets";
const DEBT_POINTS: &str = "paynow_worker_debt_points";
const FORGOTTEN: &str = "paynow_worker_payloads_forgotten_total";
const CONSUMING: &str = "paynow_worker_consuming";

pub fn describe() {
    describe_histogram!(BATCH_SIZE, "Events in one transaction.");
    describe_histogram!(APPLY, "From a batch's arrival to its commit.");
    describe_counter!(
        EVENTS,
        "Events by disposition: ack, retry_later or dead_letter."
    );
    describe_counter!(
        REDONE,
        "Batches redone event by event for one event's sake."
    );
    describe_counter!(DEAD, "Events dead-lettered, by reason code.");
    describe_counter!(RETRIES, "Events put on the retry ladder, by reason code.");
    describe_counter!(ARCHIVED, "Dead letters written to the desk.");
    describe_gauge!(
        CONSUMING,
        "1 while the worker takes messages, 0 while it waits for a server."
    );
}

/// A batch between its arrival and its commit.
pub struct Applying(Instant);

pub fn batch_taken(events: usize) -> Applying {
    // No batch has more events than a float holds exactly.
    histogram!(BATCH_SIZE).record(u32::try_from(events).unwrap_or(u32::MAX));
    Applying(Instant::now())
}

impl Applying {
    pub fn committed(self, dispositions: &[Disposition]) {
        histogram!(APPLY).record(self.0.elapsed().as_secs_f64());
        for disposition in dispositions {
            let word = match disposition {
                Disposition::Ack => "ack",
                Disposition::RetryLater(_) => "retry_later",
                Disposition::DeadLetter(_) => "dead_letter",
            };
            counter!(EVENTS, "disposition" => word).increment(1);
        }
    }
}

pub fn batch_redone(events: usize) {
    counter!(REDONE).increment(1);
    slog_scope::warn!("batch redone event by event"; "events" => events);
}

pub fn deferred(message_id: &str, failure: &Failure, delay_seconds: u32) {
    counter!(RETRIES, "reason" => failure.reason.code()).increment(1);
    slog_scope::info!("deferred"; "event_id" => message_id, "reason" => failure.reason.code(),
        "retry_in_seconds" => delay_seconds, "error" => &failure.error);
}

pub fn dead_lettered(message_id: &str, failure: &Failure) {
    counter!(DEAD, "reason" => failure.reason.code()).increment(1);
    slog_scope::error!("dead-lettered"; "event_id" => message_id,
        "reason" => failure.reason.code(), "error" => &failure.error);
}

pub fn archived(letters: usize) {
    counter!(ARCHIVED).increment(u64::try_from(letters).unwrap_or(u64::MAX));
}

pub fn not_archived(letters: usize, error: &Unavailable) {
    slog_scope::error!("dead letters not archived yet"; "letters" => letters,
        "error" => error.to_string());
}

pub fn debts(wallets: i64, points: i64) {
    let float = |number: i64| number.to_string().parse::<f64>().unwrap_or(f64::MAX);
    gauge!(DEBT_WALLETS).set(float(wallets));
    gauge!(DEBT_POINTS).set(float(points));
}

pub fn payloads_forgotten(events: i64) {
    counter!(FORGOTTEN).increment(u64::try_from(events).unwrap_or(0));
    slog_scope::info!("payloads forgotten"; "events" => events);
}

pub fn consuming(yes: bool) {
    gauge!(CONSUMING).set(if yes { 1.0 } else { 0.0 });
}
