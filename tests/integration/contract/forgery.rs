//! Attempts to bypass the ledger that need no right on a table.

use super::database::Ledger;

/// A trigger on one's own table needs the right to execute its function. Everybody has that right
/// on a new function unless it is revoked, and the function runs as its owner.
const LEND: &str = "
    CREATE TEMPORARY TABLE forged (wallet_id bigint, points bigint);
    CREATE TRIGGER forged AFTER INSERT ON forged REFERENCING NEW TABLE AS new_entries
        FOR EACH STATEMENT EXECUTE FUNCTION public.post_entries_to_wallets();
    INSERT INTO forged VALUES (20, 1000000);";

#[test]
fn nobody_can_lend_the_posting_function_to_a_table_of_their_own() {
    for role in ["paynow_worker", "paynow_reader"] {
        let ledger = Ledger::with_rows();
        let mut forger = ledger.log_in_as(role);

        let message = forger.refused(LEND);

        assert_eq!(ledger.balances(), ["20: 500"], "{role}: {message}");
    }
}

#[test]
fn a_table_of_ones_own_with_the_name_of_ours_changes_no_wallet() {
    let ledger = Ledger::with_rows();
    let mut worker = ledger.log_in_as("paynow_worker");

    worker.works("CREATE TEMPORARY TABLE wallets (wallet_id bigint PRIMARY KEY, balance bigint)");
    worker.works(
        "INSERT INTO public.ledger_entries (entry_key, wallet_id, order_id, kind, points) \
         VALUES ('order-line:9', 20, 10, 'order_line', 7)",
    );

    assert_eq!(ledger.balances(), ["20: 507"]);
}
