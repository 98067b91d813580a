//! A database whose connections stay open and say nothing: a server that hangs, a pooler or a sidecar.
//! A proxy swallows the bytes, so that the kernels on both sides see a healthy connection.

use std::net::ToSocketAddrs;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::harness::{Flow, Order, Program, Proxy, TestApp, Way, eventually, flake};
use crate::locked::attempts_of;

const POINTS: i64 = 600_000_000_000_000_040;
const PRICE: i64 = 70;
/// How long a statement may be unanswered in these tests.
const SILENCE: &str = "2";
/// For `check` and other commands that read whole tables: thirty times as long.
const PATIENCE: Duration = Duration::from_secs(60);
const LANES: usize = 3;

/// A worker whose database is behind a proxy. Everybody else reaches it without.
fn behind_a_proxy() -> (Proxy, TestApp) {
    let mut app = TestApp::builder()
        .workers(0)
        .worker_setting("DATABASE_SILENCE_SECONDS", SILENCE)
        .worker_setting("WORKER_STALL_SECONDS", "1")
        .worker_setting("WORKER_LANES", &LANES.to_string())
        .start();
    app.set_product(POINTS, PRICE);
    let (proxy, url) = through_a_proxy(&app);
    app.start_worker_with("DATABASE_URL", &url);
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    (proxy, app)
}

pub(crate) fn through_a_proxy(app: &TestApp) -> (Proxy, String) {
    let mut url = app.database.url().clone();
    let server = (url.host_str().unwrap(), url.port().unwrap_or(5432));
    let server = server.to_socket_addrs().unwrap().next().unwrap();
    let proxy = Proxy::to(server);
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port())).unwrap();
    url.query_pairs_mut().append_pair("connect_timeout", "2");
    (proxy, url.to_string())
}

fn deliver_some(app: &TestApp) -> Vec<i64> {
    let buyers: Vec<i64> = (0..6).map(|_| flake()).collect();
    for buyer in &buyers {
        app.deliver(&Order::of(POINTS, *buyer));
    }
    buyers
}

/// Each was credited once, and none of their events spent an attempt.
#[track_caller]
fn assert_credited(app: &TestApp, buyers: &[i64]) {
    app.drain();
    for buyer in buyers {
        assert_eq!(app.balance_of(*buyer), PRICE);
    }
    assert_eq!(attempts_of(app, buyers), 1);
    assert_eq!(app.dead_letters(), Vec::<String>::new());
}

#[track_caller]
fn becomes(app: &TestApp, status: u16) -> String {
    eventually(&format!("/readyz is {status}"), || {
        let (found, text) = app.worker_admin("/readyz")?;
        (found == status).then_some(text)
    })
}

#[test]
fn connections_that_fall_silent_are_replaced() {
    let (proxy, app) = behind_a_proxy();
    for _round in 0..2 {
        proxy.swallow_existing();
        let started = Instant::now();
        let buyers = deliver_some(&app);
        assert_credited(&app, &buyers);
        assert!(started.elapsed() < Duration::from_secs(30), "{started:?}");
    }
    // Each connection lives just long enough to credit something.
    proxy.swallow_after(Duration::from_secs(1));
    let buyers = deliver_some(&app);
    assert_credited(&app, &buyers);
    proxy.heal();
    becomes(&app, 200);
}

#[test]
fn a_database_that_is_silent_for_everybody_costs_no_event_and_no_thread() {
    let (proxy, app) = behind_a_proxy();
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", app.workers[0].pid()));
        tasks.unwrap().count()
    };
    let before = threads();

    proxy.set(Way::Both, Flow::Swallow);
    let buyers = deliver_some(&app);
    becomes(&app, 503);
    // Several sessions begin and end meanwhile, and each would leave threads behind.
    let pauses = r#"paynow_worker_pauses_total{cause="database"}"#;
    let mut most = 0;
    eventually("it has paused several times", || {
        most = most.max(threads());
        (app.worker_metric(pauses)? >= 4.0).then_some(())
    });
    assert!(most <= before + 2 * LANES + 4, "{before} to {most} threads");
    assert_eq!(app.worker_metric("paynow_worker_stalled"), Some(1.0));
    proxy.heal();

    becomes(&app, 200);
    assert_credited(&app, &buyers);
}

#[test]
fn an_idle_worker_whose_database_is_silent_is_not_ready_and_stays_at_work() {
    let (proxy, app) = behind_a_proxy();
    proxy.set(Way::Both, Flow::Swallow);
    becomes(&app, 503);
    eventually("its metrics tell since when", || {
        let seconds = app.worker_metric("paynow_worker_database_unanswered_seconds")?;
        (seconds >= 2.0 && app.worker_metric("paynow_worker_stalled")? > 0.0).then_some(())
    });
    assert_eq!(app.worker_metric("paynow_worker_consuming"), Some(1.0));
    app.await_log("database_unanswered");
    proxy.heal();

    becomes(&app, 200);
    let buyers = deliver_some(&app);
    assert_credited(&app, &buyers);
    assert!(
        !app.logs().contains(r#""event":"paused""#),
        "{}",
        app.logs()
    );
}

#[test]
fn a_commit_whose_answer_never_comes_is_credited_once() {
    let (proxy, app) = behind_a_proxy();
    // Checks this at the commit, so that the test can cut the answer off.
    app.database
        .execute(
            "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END'; \
             CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON webhook_events \
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()",
        )
        .unwrap();
    let buyer = flake();
    app.deliver(&Order::of(POINTS, buyer));
    let committing = "SELECT count(*) AS value FROM pg_stat_activity \
         WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'PgSleep'";
    eventually("a transaction is about to be committed", || {
        (app.database.number(committing) == 1).then_some(())
    });
    proxy.set(Way::Down, Flow::Swallow);
    eventually("it is committed", || {
        (app.balance_of(buyer) == PRICE).then_some(())
    });
    app.database
        .execute("DROP TRIGGER waits ON webhook_events; DROP FUNCTION wait_at_commit()")
        .unwrap();
    becomes(&app, 503);
    proxy.heal();
    becomes(&app, 200);
    eventually("the broker keeps it no more", || {
        (app.broker.depth("paynow.credits") == 0).then_some(())
    });
    assert_credited(&app, &[buyer]);
}

/// Commands that use the database, and whether each reads or changes whole tables.
const COMMANDS: [(&str, bool); 17] = [
    ("wallet show 1", false),
    ("wallet history 1", false),
    ("events show 1", false),
    ("dead list", true),
    ("dead list --each", true),
    ("dead show 1", false),
    ("dead discard 1 --by me --why test", true),
    ("dead replay 1 --by me --why test --wait 1", true),
    ("refund attribute 1 --line 1 --by me --why test", false),
    ("correct --wallet 1 --points 1 --by me --why test", false),
    ("products set 1 1 --yes", false),
    ("products remove 1 --by me --why test", false),
    ("products list", false),
    ("products list --history", false),
    ("products export", false),
    ("check --skip-broker", true),
    ("setup --skip-broker", false),
];

#[test]
fn every_command_gives_a_silent_database_up() {
    let app = TestApp::builder().workers(0).start();
    // Who waits for a lock is answered nothing, like on a server that hangs.
    let mut holder = app.database.connect();
    holder
        .batch_execute(
            "BEGIN; LOCK TABLE __diesel_schema_migrations, wallets, webhook_events, dead_letters, products, \
             orders, product_prices, operator_actions, proof_rule, ledger_entries \
             IN ACCESS EXCLUSIVE MODE",
        )
        .unwrap();
    let mut variables = app.variables();
    variables.push(("DATABASE_SILENCE_SECONDS".to_owned(), SILENCE.to_owned()));
    thread::scope(|scope| {
        let runs = COMMANDS.map(|(command, is_patient)| {
            let variables = &variables;
            scope.spawn(move || {
                let started = Instant::now();
                let arguments: Vec<&str> = command.split(' ').collect();
                let ended = Program::run("paynowctl", variables, &arguments);
                let seconds = if is_patient { "60" } else { SILENCE };
                let sentence = format!("has said nothing for {seconds} s");
                let text = format!("{}{}", ended.stdout, ended.stderr).replace('\n', " ");
                let words: Vec<&str> = text.split_whitespace().collect();
                assert!(words.join(" ").contains(&sentence), "{command}: {ended:?}");
                assert_eq!(ended.code, Some(1), "{command}: {ended:?}");
                assert!(
                    started.elapsed() < PATIENCE + Duration::from_secs(25),
                    "{command}"
                );
            })
        });
        for run in runs {
            run.join().unwrap();
        }
    });
    holder.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn a_command_gives_a_server_up_that_answers_no_attempt_to_connect() {
    let app = TestApp::builder().workers(0).start();
    let (proxy, url) = through_a_proxy(&app);
    proxy.blackhole(true);
    let mut variables = app.variables();
    variables.push(("DATABASE_URL".to_owned(), url));
    let started = Instant::now();
    let ended = Program::run("paynowctl", &variables, &["wallet", "show", "1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("timeout expired"), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{started:?}");
}
