//! A history of orders, spends, refunds and chargebacks, written by SQL as the programs write it. Nothing in
//! it breaks an invariant.

use super::database::Ledger;

/// One event with all that it causes, in one transaction, as a worker records it.
pub(super) struct Recorded {
    event: i64,
    order: i64,
    statements: Vec<String>,
}

impl Recorded {
    pub(super) fn new(event: i64, outcome: &str, order: i64) -> Self {
        let row = format!(
            "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
                 signature, attempts) \
             VALUES ({event}, 'a test', '{outcome}', {order}, sha256('{event}'), sha256('{event}'), 1)"
        );
        Self {
            event,
            order,
            statements: vec![row],
        }
    }

    /// Amounts are SQL, because they may be unknown.
    pub(super) fn order(mut self, total: &str, giftcard: &str) -> Self {
        self.statements.push(format!(
            "INSERT INTO orders (order_id, event_id, total_amount_minor, giftcard_amount_minor) \
             VALUES ({}, {}, {total}, {giftcard})",
            self.order, self.event
        ));
        self
    }

    pub(super) fn line(mut self, line: i64, total: &str) -> Self {
        self.statements.push(format!(
            "INSERT INTO order_lines (order_id, line_id, product_id, quantity, total_amount_minor) \
             VALUES ({}, {line}, 40, 1, {total})",
            self.order
        ));
        self
    }

    pub(super) fn entry(mut self, key: &str, wallet: i64, kind: &str, points: i64) -> Self {
        self.statements.push(format!(
            "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
             VALUES ('{key}', {wallet}, {}, {}, '{kind}', {points})",
            self.order, self.event
        ));
        self
    }

    /// A line and its entry.
    pub(super) fn credited_line(self, line: i64, wallet: i64, points: i64) -> Self {
        self.paid_line(line, "NULL", wallet, points)
    }

    /// The same with what the line cost.
    pub(super) fn paid_line(self, line: i64, total: &str, wallet: i64, points: i64) -> Self {
        let key = format!("order-line:{line}");
        self.line(line, total)
            .entry(&key, wallet, "order_line", points)
    }

    /// A row of `reversals`; `details` are further columns with their values.
    pub(super) fn reversal(
        mut self,
        sequence: i32,
        kind: &str,
        reference: i64,
        details: &[(&str, &str)],
    ) -> Self {
        let columns: String = details
            .iter()
            .map(|(name, _)| format!(", {name}"))
            .collect();
        let values: String = details
            .iter()
            .map(|(_, value)| format!(", {value}"))
            .collect();
        self.statements.push(format!(
            "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id{columns}) \
             VALUES ({}, {sequence}, '{kind}', {reference}, {}{values})",
            self.order, self.event
        ));
        self
    }

    pub(super) fn sql(&self) -> String {
        self.statements.join("; ")
    }
}

pub(super) const FIRST: &str = "'2026-01-01'";
pub(super) const SECOND: &str = "'2026-01-02'";
pub(super) const THIRD: &str = "'2026-01-03'";

/// Order 10 has three lines for two wallets, and the refund of one line.
fn by_line() -> [Recorded; 2] {
    let line = [
        ("amount_minor", "600"),
        ("attribution", "'line'"),
        ("attribution_source", "'amounts'"),
        ("line_id", "101"),
    ];
    [
        Recorded::new(1, "credited", 10)
            .order("1000", "0")
            .credited_line(101, 20, 500)
            .credited_line(102, 20, 0)
            .credited_line(103, 21, 200),
        Recorded::new(2, "reversed", 10)
            .reversal(0, "refund", 50, &line)
            .entry("refund:50", 20, "refund", -500),
    ]
}

/// A third of what was charged for order 11 came back.
fn proportional() -> [Recorded; 2] {
    let share = [
        ("amount_minor", "200"),
        ("attribution", "'proportional'"),
        ("attribution_source", "'amounts'"),
    ];
    [
        Recorded::new(3, "credited", 11)
            .order("1000", "400")
            .credited_line(111, 20, 101),
        Recorded::new(4, "reversed", 11)
            .reversal(0, "refund", 51, &share)
            .entry("refund:51", 20, "refund", -34),
    ]
}

/// Orders 12 and 13 are of the version before: without lines, attributions and times.
fn of_the_version_before() -> [Recorded; 6] {
    [
        Recorded::new(5, "credited", 12)
            .order("1000", "NULL")
            .entry("order-line:121", 20, "order_line", 100),
        Recorded::new(6, "reversed", 12)
            .reversal(0, "refund", 52, &[("amount_minor", "335")])
            .entry("refund:52", 20, "refund", -34),
        Recorded::new(7, "credited", 13)
            .order("NULL", "NULL")
            .entry("order-line:131", 20, "order_line", 100),
        Recorded::new(8, "reversed", 13)
            .reversal(0, "chargeback_opened", 60, &[])
            .entry("chargeback:60", 20, "chargeback", -100),
        Recorded::new(9, "restored", 13)
            .reversal(1, "chargeback_won", 60, &[])
            .entry("chargeback-won:60", 20, "chargeback_won", 100),
        // Another payment, whose end came first.
        Recorded::new(10, "noted", 13).reversal(2, "chargeback_won", 61, &[]),
    ]
}

/// The chargeback of order 14 was won and opened again; the steps arrived in another order.
fn opened_again() -> [Recorded; 5] {
    let at = |time| [("chargeback_at", time)];
    [
        Recorded::new(11, "credited", 14)
            .order("1000", "NULL")
            .credited_line(141, 20, 300),
        Recorded::new(12, "reversed", 14)
            .reversal(0, "chargeback_opened", 62, &at(FIRST))
            .entry("chargeback:62", 20, "chargeback", -300),
        Recorded::new(13, "restored", 14)
            .reversal(1, "chargeback_won", 62, &at(SECOND))
            .entry("chargeback-won:62", 20, "chargeback_won", 300),
        Recorded::new(14, "reversed", 14)
            .reversal(2, "chargeback_opened", 62, &at(THIRD))
            .entry("chargeback:62@3", 20, "chargeback", -300),
        Recorded::new(15, "noted", 14).reversal(3, "chargeback_opened", 62, &at(SECOND)),
    ]
}

/// Order 15 was ignored, order 16 refunded whole.
fn ignored_and_whole() -> [Recorded; 4] {
    let whole = [
        ("amount_minor", "0"),
        ("attribution", "'everything'"),
        ("attribution_source", "'paynow'"),
    ];
    [
        Recorded::new(16, "ignored", 15)
            .order("1000", "0")
            .line(151, "1000"),
        Recorded::new(17, "noted", 15).reversal(0, "refund", 54, &whole),
        Recorded::new(18, "credited", 16)
            .order("1000", "0")
            .credited_line(161, 20, 70),
        Recorded::new(19, "reversed", 16)
            .reversal(0, "refund", 55, &whole)
            .entry("refund:55", 20, "refund", -70),
    ]
}

/// A ledger with the whole history, a spend and a correction.
pub(super) fn ledger() -> Ledger {
    let ledger = Ledger::empty();
    let mut worker = ledger.log_in_as("paynow_worker");
    let mut record = |events: Vec<Recorded>| {
        for event in events {
            worker.works(&format!("BEGIN; {}; COMMIT", event.sql()));
        }
    };
    record(of_the_version_before().into());
    // No worker of the version before runs after this.
    let over = "UPDATE upgrade_rule SET older_workers_until = clock_timestamp()";
    ledger.database.execute(over).expect("the row is there");
    let recorded = by_line().into_iter().chain(proportional());
    record(
        recorded
            .chain(opened_again())
            .chain(ignored_and_whole())
            .collect(),
    );
    let mut backend = ledger.log_in_as("paynow_spender");
    backend.works("SELECT spend(21, 60, 'sword')");
    let mut operator = ledger.log_in_as("paynow_operator");
    operator.works("SELECT correct_wallet('correction:gift', 21, 5, 'anna', 'a test')");
    ledger
}
