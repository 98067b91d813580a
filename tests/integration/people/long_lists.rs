//! Pages of long lists read about as many rows as they show.

use paynow_desk::console::letters::{groups, page};
use paynow_desk::console::permit::right;
use paynow_desk::console::previews::refuse_too_many;
use paynow_desk::console::replays::list as replays;
use paynow_desk::console::wallets::entries;
use paynow_desk::database::Database;
use paynow_desk::selection::{Filter, LetterState, Selection};

use super::lists::letters;
use super::{World, console_at, permit};
use crate::harness::eventually;

#[test]
fn a_page_of_a_wallet_with_a_long_history_reads_about_as_many_entries_as_it_shows() {
    let world = World::new();
    world.execute(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, kind, points) \
         SELECT 'order-line:' || number, 77, number, 'order_line', number % 3 \
         FROM generate_series(1001, 21000) AS number; \
         ANALYZE ledger_entries",
    );
    let wallet = "77".parse().unwrap();
    let sums = "SELECT balance_after::text AS value FROM ( \
            SELECT entry_id, sum(points) OVER (ORDER BY entry_id) AS balance_after FROM ledger_entries \
            WHERE wallet_id = 77) AS entry ORDER BY entry_id DESC LIMIT 100";
    let expected = world.ledger.database.texts(sums);
    let read = rows_read(&world, "ledger_entries", |look| {
        let first = entries(look, wallet, None, None, 50).unwrap();
        let after = first.rows.last().map(|row| row.entry_id);
        let second = entries(look, wallet, None, after, 50).unwrap();
        assert!(second.has_more);
        let rows = first.rows.into_iter().chain(second.rows);
        let balances: Vec<String> = rows.map(|row| row.entry.balance_after).collect();
        assert_eq!(balances, expected);
    });
    assert!(read <= 400, "{read} entries were read");
    // Of a wallet with very many orders, each is looked up.
    let filter = Filter {
        wallet: Some(wallet),
        ..Filter::default()
    };
    world.execute(
        "INSERT INTO dead_letters (event_id, event_type, reason, error, body_sha256, attempts, state, \
             body_forgotten_at, order_id, wallet_ids, content_read) \
         SELECT number, 'ON_REFUND', 'unsigned', 'x', sha256(number::text::bytea), 1, 'discarded', now(), \
             number - 79010, ARRAY[5], true FROM generate_series(100001, 120000) AS number; \
         ANALYZE dead_letters",
    );
    let read = letters_read(&world, |look| {
        let found = page(look, &filter, Some(LetterState::Discarded), None, 50).unwrap();
        assert_eq!(found.rows.len(), 10);
    });
    assert!(read <= 400, "{read} letters were read");
}

#[test]
fn letters_within_a_time_are_found_without_reading_the_newer_numbers() {
    let world = World::new();
    // The higher the number, the longer ago.
    world.execute(
        "INSERT INTO dead_letters (event_id, event_type, reason, error, body_sha256, attempts, state, \
             body_forgotten_at, content_read, last_dead_at) \
         SELECT number, 'ON_REFUND', 'unsigned', 'x', sha256(number::text::bytea), 1, 'discarded', now(), true, \
             now() - (number - 100000) / 2 * interval '1 minute' FROM generate_series(100001, 120000) AS number; \
         ANALYZE dead_letters",
    );
    let since = "SELECT to_char((now() - interval '2 days') AT TIME ZONE 'UTC', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS value";
    let filter = Filter {
        since: world.ledger.database.texts(since).pop(),
        event_type: "ON_REFUND".parse().ok(),
        ..Filter::default()
    };
    let discarded = Some(LetterState::Discarded);
    let read = letters_read(&world, |look| {
        let (mut after, mut deaths) = (None, Vec::new());
        for _page in 0..3 {
            let found = page(look, &filter, discarded, after, 50).unwrap();
            after = found.rows.last().map(|row| row.summary.dead_letter_id);
            let rows = found.rows.into_iter().map(|row| row.summary);
            deaths.extend(rows.map(|it| (it.last_dead_at, it.dead_letter_id)));
        }
        assert!(
            deaths.is_sorted_by(|one, next| one > next) && deaths.len() == 150,
            "{deaths:?}"
        );
    });
    assert!(read <= 1_000, "{read} letters were read");
}

fn letters_read(world: &World, work: impl FnOnce(&Database)) -> i64 {
    rows_read(world, "dead_letters", work)
}

/// How many rows of a table the queries of a page read, by what the server counts.
fn rows_read(world: &World, table: &str, work: impl FnOnce(&Database)) -> i64 {
    let anna = world.sign_in("anna", "viewer");
    let read = &format!(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS value FROM pg_stat_user_tables \
         WHERE relname = '{table}'"
    );
    let gone = || {
        let here = "SELECT count(*) AS value FROM pg_stat_activity WHERE datname = current_database() \
                    AND usename LIKE 'paynow_contract%' AND state <> 'active'";
        eventually("what the sessions read is counted", || {
            (world.ledger.database.number(here) == 1).then_some(())
        });
    };
    gone();
    world.ledger.database.count_own_reads();
    let before = world.ledger.database.number(read);
    let console = console_at(&world.ledger.url_of(0));
    work(&console.seat(&permit::<right::Look>(&anna)));
    drop(console);
    gone();
    world.ledger.database.number(read) - before
}

#[test]
fn a_page_of_many_letters_reads_about_as_many_as_it_shows() {
    let world = World::new();
    world.execute(
        "INSERT INTO dead_letters (event_id, event_type, reason, error, body_sha256, attempts, state, \
             body_forgotten_at, order_id, wallet_ids, content_read) \
         SELECT number, 'ON_REFUND', CASE WHEN number % 1000 = 0 THEN 'conflict' ELSE 'unsigned' END, 'x', \
             sha256(number::text::bytea), 1, 'discarded', now(), 1000 + number, ARRAY[1000 + number % 5000], \
             true FROM generate_series(1000, 21000) AS number; \
         ANALYZE dead_letters",
    );
    letters(&world);
    let filter = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let open = Some(LetterState::Open);
    let cases = [
        (filter(|_| {}), open),
        (filter(|_| {}), None),
        (
            filter(|it| it.reason = "conflict".parse().ok()),
            Some(LetterState::Discarded),
        ),
        (filter(|it| it.wallet = "1007".parse().ok()), None),
        (filter(|it| it.order = "1007".parse().ok()), None),
        (
            filter(|it| it.event_type = "ON_NEW".parse().ok()),
            Some(LetterState::Discarded),
        ),
        (
            filter(|it| it.since = Some("2999-01-01T00:00:00Z".to_owned())),
            None,
        ),
        (
            filter(|it| it.older_than_seconds = Some(90_000_000)),
            Some(LetterState::Discarded),
        ),
    ];
    for (filter, state) in cases {
        let read = letters_read(&world, |look| {
            page(look, &filter, state, None, 100).unwrap();
        });
        assert!(
            read <= 400,
            "{read} letters were read for {filter:?}, {state:?}"
        );
    }
    let read = letters_read(&world, |look| {
        groups(look, &Filter::default(), open).unwrap();
    });
    assert!(read <= 100, "{read} letters were read for the groups");
}

#[test]
fn the_list_of_replays_reads_no_other_action() {
    let world = World::new();
    world.execute(
        "INSERT INTO operator_actions (action, operator, login, why, selection) \
         SELECT CASE WHEN number % 4 = 0 THEN 'replay' ELSE 'discard' END, 'anna', 'x', 'x', '{}' \
         FROM generate_series(1, 20000) AS number; \
         INSERT INTO operator_actions (action, operator, login, why, selection, outcome) \
         SELECT 'replay', 'anna', 'x', 'x', jsonb_build_object('replay', action_id::text), '{\"ended\": \"whole\"}' \
         FROM operator_actions WHERE action = 'replay'; \
         ANALYZE operator_actions",
    );
    let read = rows_read(&world, "operator_actions", |look| {
        let page = replays(look, Some(20_000), 50).unwrap();
        assert_eq!(page.rows[0].ended.as_deref(), Some("whole"));
    });
    assert!(read <= 1000, "{read} actions were read");
}

#[test]
fn what_is_too_much_for_one_page_is_refused_before_its_bodies_are_read() {
    let world = World::new();
    letters(&world);
    let anna = world.sign_in("anna", "viewer");
    let look = world.console.seat(&permit::<right::Look>(&anna));
    let all = Selection::Matching(Filter::default());
    let open = world
        .ledger
        .database
        .number("SELECT count(*) AS value FROM dead_letters WHERE state = 'open'");
    let open = u32::try_from(open).unwrap();
    // A viewer may see no body, so none was read.
    refuse_too_many(&look, &all, open).unwrap();
    let refused = refuse_too_many(&look, &all, open - 1).unwrap_err();
    assert!(refused.to_string().contains("choose fewer"), "{refused}");
    let named = Selection::Named(vec!["1".to_owned(), "2".to_owned()]);
    refuse_too_many(&look, &named, 1).unwrap();
}
