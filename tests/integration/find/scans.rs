//! No look-up reads a large table: neither from its beginning to its end, nor by an index.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::contract::database::Ledger;
use crate::harness::{Outcome, Program, eventually};

pub(super) const ROWS: u32 = 200_000;
pub(super) const DATA: &str = include_str!("big.sql");
/// Of what people write there are few rows, so that reading all of them is no harm.
const LARGE: [&str; 12] = [
    "webhook_events",
    "orders",
    "order_lines",
    "ledger_entries",
    "reversals",
    "wallets",
    "customer_identities",
    "dead_letters",
    "waiting_events",
    "waiting_steps",
    "order_payments",
    "spends",
];
/// A look-up of a page, or of everything about one thing, reads at most so many entries of indexes.
const ENTRIES_MAX: i64 = 2_500;

/// Command lines over the rows of `big.sql`, and their exit codes. The event of row n is 6000…n000, its order
/// 6100…n000, its wallet 6300… plus n modulo the number of wallets. Refund n that waits has the event 6900…, names
/// the order 7000…, and is the refund 7100… of the payment 7200….
const LOOK_UPS: [(&str, i32); 49] = [
    ("find 630000000000000007", 0),
    ("find 600000000000007000", 0),
    ("find 610000000000007000", 0),
    ("find 620000000000000007", 0),
    ("find order-line:620000000000000007", 0),
    ("find 640000000000000101", 0),
    ("find 650000000000000007", 0),
    ("find 670000000000000007", 0),
    ("find 690000000000000007", 0),
    ("find 710000000000000007", 0),
    ("find 720000000000000007", 0),
    ("find 730000000000000101", 0),
    ("find 7", 0),
    ("find 8f14e45f-ceea-167a-5a36-dedd4bea2543", 0),
    ("find Player77", 0),
    ("find player", 0),
    ("find nobody", 3),
    ("orders show 610000000000100000", 0),
    ("orders show 660000000000000007", 0),
    // Whose refund waits.
    ("orders show 700000000000000007", 0),
    ("orders show 7", 3),
    ("events show 600000000000007000", 0),
    ("events show 600000000000101000", 0),
    ("events show 650000000000000007", 0),
    ("events show 690000000000000007", 0),
    ("events list", 0),
    ("events list --after 600000000000500000", 0),
    ("events list --type ON_ORDER_COMPLETED", 0),
    ("events list --type ON_REFUND", 0),
    ("events list --type ON_PAYMENT_FAILED", 0),
    ("events list --type ON_NOTHING", 1),
    ("events list --outcome already_credited", 0),
    ("events list --outcome noted", 0),
    (
        "events list --type ON_TRIAL_ACTIVATED --outcome reversed",
        0,
    ),
    ("events list --since 2030-01-01T00:00:00Z", 0),
    (
        "events list --type ON_REFUND --since 2030-01-01T00:00:00Z",
        0,
    ),
    ("events list --wallet 630000000000000007", 0),
    ("events list --order 610000000000100000", 0),
    ("events list --waiting", 0),
    ("wallet show 630000000000000007", 0),
    ("wallet show 8f14e45f-ceea-167a-5a36-dedd4bea2543", 0),
    ("wallet history 8f14e45f-ceea-167a-5a36-dedd4bea2543", 0),
    ("wallet list", 0),
    ("wallet list --debts", 0),
    ("wallet list --min-balance 1000000000", 0),
    (
        "wallet list --max-balance 50 --after 50:630000000000000050",
        0,
    ),
    ("actions list", 0),
    ("actions list --about 630000000000000007", 0),
    ("actions list --about 7 --by anna", 0),
];

#[test]
fn no_look_up_reads_a_large_table() {
    let ledger = Ledger::empty();
    ledger
        .database
        .execute(&DATA.replace("{rows}", &ROWS.to_string()))
        .expect("the rows are valid");
    ledger
        .database
        .execute("ANALYZE")
        .expect("statistics are made");
    let mut problems = Vec::new();
    for (line, code) in LOOK_UPS {
        let before = reads(&ledger);
        let started = Instant::now();
        let outcome = ctl(&ledger, line);
        let elapsed = started.elapsed();
        let after = reads(&ledger);
        if outcome.code != Some(code) {
            problems.push(format!("{line}: {outcome:?}"));
        }
        let (scans, entries) = difference(&before, &after);
        println!("{line}: {entries} entries of indexes, {elapsed:?}");
        if !scans.is_empty() || entries > ENTRIES_MAX {
            problems.push(format!(
                "{line}: reads all of {scans:?}, {entries} entries of indexes"
            ));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

pub(super) fn ctl(ledger: &Ledger, line: &str) -> Outcome {
    let variables = [("DATABASE_URL".to_owned(), ledger.database.url().to_string())];
    Program::run(
        "paynowctl",
        &variables,
        &line.split(' ').collect::<Vec<_>>(),
    )
}

/// The scans of each large table so far, and the entries read of its indexes.
pub(super) fn reads(ledger: &Ledger) -> BTreeMap<String, (i64, i64)> {
    // A session reports what it read when it ends.
    eventually("the command's session has ended", || {
        let sessions = "SELECT count(*) AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND backend_type = 'client backend' \
                 AND pid <> pg_backend_pid()";
        (ledger.database.number(sessions) == 0).then_some(())
    });
    ledger.database.count_own_reads();
    let rows = ledger.database.texts(
        "SELECT concat_ws(' ', relname, seq_scan, (SELECT coalesce(sum(idx_tup_read), 0) \
             FROM pg_stat_user_indexes AS index WHERE index.relid = it.relid)) AS value \
         FROM pg_stat_user_tables AS it",
    );
    let rows = rows.iter().map(|row| {
        let words: Vec<&str> = row.split(' ').collect();
        let number = |place: usize| words[place].parse().expect("a number");
        (words[0].to_owned(), (number(1), number(2)))
    });
    rows.filter(|(table, _reads)| LARGE.contains(&table.as_str()))
        .collect()
}

/// The tables that were read as a whole, and the entries of indexes that were read.
pub(super) fn difference(
    before: &BTreeMap<String, (i64, i64)>,
    after: &BTreeMap<String, (i64, i64)>,
) -> (Vec<String>, i64) {
    assert_eq!(after.len(), LARGE.len());
    let scanned = after
        .iter()
        .filter(|(table, (scans, _))| *scans > before[*table].0);
    let entries = after
        .iter()
        .map(|(table, (_, entries))| entries - before[table].1);
    (
        scanned.map(|(table, _)| table.clone()).collect(),
        entries.sum(),
    )
}
