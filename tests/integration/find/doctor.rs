//! `doctor` reads of the large tables what it needs by index: the newest of each type, not all.

use std::time::Instant;

use super::scans::{DATA, ROWS, ctl, difference, reads};
use crate::contract::database::Ledger;

/// The 10,000 newest events tell which secrets are used, and the 1,000 newest orders which products lack points.
const ENTRIES_MAX: i64 = 25_000;

#[test]
fn doctor_reads_no_table_of_events_or_orders() {
    let ledger = Ledger::empty();
    ledger
        .database
        .execute(&DATA.replace("{rows}", &ROWS.to_string()))
        .expect("the rows are valid");
    // One of each type that comes rarely, in the middle of the others.
    let rare = "UPDATE webhook_events SET event_type = 'ON_CHARGEBACK', outcome = 'noted' \
        WHERE event_id = 600000000000000000 + 90007 * 1000";
    ledger.database.execute(rare).expect("it is valid");
    ledger
        .database
        .execute("ANALYZE")
        .expect("statistics are made");
    let letters = "SELECT idx_scan AS value FROM pg_stat_user_indexes \
        WHERE indexrelname = 'dead_letters_by_type_idx'";

    let before = reads(&ledger);
    let started = Instant::now();
    let outcome = ctl(&ledger, "doctor --json");
    println!("doctor: {:?}", started.elapsed());
    let after = reads(&ledger);

    let rows = outcome.json();
    let message = |id: &str| {
        let mut rows = rows.as_array().expect("rows").iter();
        let row = rows.find(|row| row["id"] == id).expect("the row");
        row["message"].as_str().expect("a text").to_owned()
    };
    // Row n was made n seconds after the year began.
    for (id, last) in [
        (
            "webhook_order_completed",
            "the last ON_ORDER_COMPLETED came at",
        ),
        (
            "webhook_refund",
            "the last ON_REFUND came at 2026-01-03 07:31 UTC",
        ),
        (
            "webhook_chargeback",
            "the last ON_CHARGEBACK came at 2026-01-02 01:00 UTC",
        ),
        ("webhook_chargeback_closed", "no ON_CHARGEBACK_CLOSED has"),
    ] {
        assert!(message(id).starts_with(last), "{id}: {}", message(id));
    }
    let (mut scans, entries) = difference(&before, &after);
    // Of open letters there are as many as people leave.
    scans.retain(|table| table != "dead_letters");
    assert!(scans.is_empty(), "{scans:?}");
    assert!(entries < ENTRIES_MAX, "{entries} entries of indexes");
    assert!(
        ledger.database.number(letters) >= 6,
        "the letters' index is not used"
    );
}
