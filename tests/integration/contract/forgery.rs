//! Attempts to bypass the ledger by way of a table of one's own.

use super::database::Ledger;

/// A trigger on one's own table makes the depth of triggers 2, like the ledger's.
const WRITE_BELOW_A_TRIGGER: &str = "
    CREATE TEMPORARY TABLE mine (number integer);
    CREATE FUNCTION pg_temp.write_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE public.wallets SET balance = 1000000;
        RETURN NULL;
    END $$;
    CREATE TRIGGER mine AFTER INSERT ON mine
        FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.write_balances();";

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
        ledger.allow_temporary_tables();
        let mut forger = ledger.log_in_as(role);

        let message = forger.refused(LEND);

        assert!(
            message.contains("permission denied for function"),
            "{message}"
        );
        assert_eq!(ledger.balances(), ["20: 500"], "{role}: {message}");
    }
}

#[test]
fn a_table_of_ones_own_with_the_name_of_ours_changes_no_wallet() {
    let ledger = Ledger::with_rows();
    ledger.allow_temporary_tables();
    let mut worker = ledger.log_in_as("paynow_worker");

    worker.works("CREATE TEMPORARY TABLE wallets (wallet_id bigint PRIMARY KEY, balance bigint)");
    worker.works(
        "INSERT INTO public.ledger_entries (entry_key, wallet_id, order_id, kind, points) \
         VALUES ('order-line:9', 20, 10, 'order_line', 7)",
    );

    assert_eq!(ledger.balances(), ["20: 507"]);
}

#[test]
fn not_even_the_owner_lends_the_posting_function() {
    let ledger = Ledger::with_rows();
    ledger.allow_temporary_tables();

    let message = ledger.as_owner().refused(LEND);

    assert!(
        message.contains("permission denied for function"),
        "{message}"
    );
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn a_trigger_on_a_table_of_ones_own_writes_no_balance() {
    let ledger = Ledger::with_rows();
    ledger.allow_temporary_tables();
    // By mistake: the rule must not hang on the missing right alone.
    ledger
        .database
        .execute("GRANT UPDATE ON wallets TO paynow_reader")
        .unwrap();
    for mut writer in [ledger.as_owner(), ledger.log_in_as("paynow_reader")] {
        writer.works(WRITE_BELOW_A_TRIGGER);
        let refused_by = writer.refused_by("INSERT INTO mine VALUES (1)");
        assert_eq!(refused_by, "wallets_follow_the_ledger");
    }
    assert_eq!(ledger.balances(), ["20: 500"]);
}

#[test]
fn only_who_may_act_as_the_owner_gets_the_role_that_writes_balances() {
    let ledger = Ledger::with_rows();
    for role in [
        "paynow_worker",
        "paynow_reader",
        "paynow_spender",
        "paynow_operator",
    ] {
        let message = ledger.log_in_as(role).refused("SET ROLE paynow_ledger");
        assert!(
            message.contains("permission denied to set role"),
            "{message}"
        );
    }
    let members = ledger.database.texts(
        "SELECT member::regrole::text AS value FROM pg_auth_members \
         WHERE roleid = 'paynow_ledger'::regrole AND member IN (SELECT oid FROM pg_roles \
             WHERE NOT rolsuper AND NOT rolcreaterole)",
    );
    assert_eq!(members, ["paynow_owner"]);
}
