//! The database loses its disk under load, and the commands of the guide restore everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::cluster::Cluster;
use super::guide::commands_under;
use super::paynow::{History, SINCE, await_drained, event_id, missing, resend_everything};
use crate::harness::{Order, TestApp, eventually, flake, post};
use crate::reversals::{chargeback, refund};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN_PRODUCT: i64 = 600_000_000_000_000_666;
const PRICE: i64 = 500;
const WALLETS: i64 = 5;
/// The wallet that a game backend spends from. Nothing else changes it.
const SPENDER: i64 = 700_000_000_000_000_000;

/// The pipeline on a database server of its own, with PayNow's history.
struct System {
    app: TestApp,
    history: History,
    /// The number of webhooks that were answered 202.
    accepted: AtomicUsize,
    folder: PathBuf,
    api: String,
    /// The last field, because the others need the server until they are dropped.
    cluster: Cluster,
}

impl System {
    fn start() -> Self {
        let cluster = Cluster::start();
        let app = TestApp::builder()
            .database_on(cluster.admin_url(), "paynow")
            .workers(2)
            .worker_setting("PARTIAL_REFUNDS", "proportional")
            .start();
        app.set_product(POINTS, PRICE);
        let history = History::default();
        let order = Order::of(POINTS, SPENDER).quantity(10);
        history.deliver(&app, &order.body());
        app.drain();
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("restore-{}", flake()));
        std::fs::create_dir(&folder).unwrap();
        let key = folder.join("key");
        std::fs::write(key, "Authorization: APIKey k-1\n").unwrap();
        let api = history.serve();
        let accepted = AtomicUsize::new(0);
        Self {
            app,
            history,
            accepted,
            folder,
            api,
            cluster,
        }
    }

    /// Runs the guide's commands below these headings in a shell, which continues after a failed
    /// command. Returns their output.
    #[track_caller]
    fn follow(&self, headings: &[&str]) -> String {
        let commands: Vec<String> = headings.iter().map(|it| commands_under(it)).collect();
        let folder = self.folder.display().to_string();
        let ours = std::env::current_exe().expect("a process knows its file");
        let ours = ours
            .parent()
            .and_then(|deps| deps.parent())
            .expect("deps is in the profile");
        let url = |database: &str| self.cluster.url(database).to_string();
        let output = Command::new("bash")
            .args(["-uxc", &format!("exec 2>&1\n{}", commands.join("\n"))])
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.app.variables())
            .env(
                "PATH",
                format!("{}:{}", ours.display(), self.cluster.path()),
            )
            .env("SERVER_URL", url("postgres"))
            .env("RESTORED_URL", url("paynow_restored"))
            .env("BACKUPS", &folder)
            .env("PAYNOW_API", &self.api)
            .env("PAYNOW_STORE", "2")
            .env("PAYNOW_WEBHOOKS", "7")
            .env("PAYNOW_KEY_FILE", self.folder.join("key"))
            .env("SINCE", SINCE)
            .env("RECEIVER_URL", self.app.webhook_url())
            .output()
            .expect("bash runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{printed}");
        printed
    }

    /// How many events are in the ledger or among the dead letters.
    fn arrived(&self) -> i64 {
        self.app.database.number(
            "SELECT count(*) AS value FROM (SELECT event_id::text FROM webhook_events \
             UNION SELECT event_id FROM dead_letters) AS arrived",
        )
    }

    fn await_arrived(&self, more: i64) {
        let before = self.arrived();
        eventually(&format!("{more} more events arrive"), || {
            (self.arrived() >= before + more).then_some(())
        });
    }

    fn await_accepted(&self, more: usize) {
        let before = self.accepted.load(Ordering::Relaxed);
        eventually(&format!("{more} more webhooks are accepted"), || {
            (self.accepted.load(Ordering::Relaxed) >= before + more).then_some(())
        });
    }

    /// Tables, constraints, triggers, functions and rights, as SQL.
    fn schema(&self) -> String {
        let output = Command::new("pg_dump")
            .args([
                "--schema-only",
                "--dbname",
                self.cluster.url("paynow").as_str(),
            ])
            .env("PATH", self.cluster.path())
            .output()
            .expect("pg_dump runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("a schema is text");
        // Newer versions of pg_dump put a random word into the script.
        let lines = text.lines().filter(|line| !line.starts_with('\\'));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn spend(&self, points: i64, key: &str) {
        let sql = format!("SELECT spend({SPENDER}, {points}, '{key}')");
        self.app.database.execute(&sql).unwrap();
    }

    /// Sends orders, refunds and chargebacks in every order of arrival until `is_over`, none of
    /// which may be refused. Returns the expected balance of each wallet.
    fn trade(
        url: &str,
        history: &History,
        accepted: &AtomicUsize,
        is_over: &AtomicBool,
    ) -> BTreeMap<i64, i64> {
        let mut model = BTreeMap::new();
        let deliver = |body: &[u8]| {
            assert!(post(url, body).accepted());
            history.add(body, "success");
            accepted.fetch_add(1, Ordering::Relaxed);
        };
        let mut serial = 0_i64;
        while !is_over.load(Ordering::Relaxed) {
            serial += 1;
            let wallet = SPENDER + 1 + serial % WALLETS;
            let order = Order::of(POINTS, wallet);
            let (reversal, left) = match serial % 11 {
                1 | 5 => (Some(refund(&order, flake(), 1000)), 0),
                2 => (Some(refund(&order, flake(), 500)), PRICE / 2),
                3 | 7 => (Some(chargeback(&order, flake(), None)), 0),
                4 => {
                    deliver(&Order::of(UNKNOWN_PRODUCT, wallet).body());
                    (None, PRICE)
                }
                _other => (None, PRICE),
            };
            let mut bodies = vec![order.body()];
            bodies.extend(reversal);
            // One refund and one chargeback of eleven come before their orders and wait on the
            // retry ladder.
            if matches!(serial % 11, 5 | 7) {
                bodies.reverse();
            }
            bodies.iter().for_each(|body| deliver(body));
            *model.entry(wallet).or_default() += left;
        }
        model
    }

    /// Trades while `scenario` runs. Returns the expected balances.
    fn under_load(&self, scenario: impl FnOnce()) -> BTreeMap<i64, i64> {
        let is_over = AtomicBool::new(false);
        let url = self.app.webhook_url();
        let (history, accepted) = (&self.history, &self.accepted);
        let model = thread::scope(|scope| {
            let trading = scope.spawn(|| Self::trade(&url, history, accepted, &is_over));
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(scenario));
            is_over.store(true, Ordering::Relaxed);
            let model = trading.join().expect("nothing was refused");
            ended.map(|()| model)
        });
        for body in self.history.bodies() {
            self.app.note_accepted(&event_id(&body));
        }
        model.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Checks that every accepted event is in exactly one place, and that every balance is that of
    /// PayNow's events less what was spent.
    #[track_caller]
    fn assert_restored(&self, mut model: BTreeMap<i64, i64>, spent: i64) {
        model.insert(SPENDER, 10 * PRICE - spent);
        for (wallet, points) in model {
            assert_eq!(self.app.balance_of(wallet), points, "wallet {wallet}");
        }
        let places = "SELECT (SELECT count(*) FROM webhook_events) \
                      + (SELECT count(*) FROM dead_letters WHERE state = 'open') AS value";
        assert_eq!(
            self.app.database.number(places),
            i64::from(self.app.accepted_count())
        );
        assert_eq!(self.arrived(), i64::from(self.app.accepted_count()));
        let found = missing(&self.app, &self.history, &["--json"])
            .succeeded()
            .json();
        assert_eq!(found["nameless"].as_array().map(Vec::len), Some(0));
        let reasons = self.app.dead_letters();
        assert!(
            reasons.iter().all(|it| it.ends_with(": unknown_product")),
            "{reasons:?}"
        );
        let unknown = self
            .history
            .bodies()
            .iter()
            .filter(|it| names_unknown(it))
            .count();
        assert_eq!(reasons.len(), unknown);
        self.app.ctl(&["check"]).succeeded();
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn names_unknown(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains(&UNKNOWN_PRODUCT.to_string())
}

#[test]
#[ignore = "runs a database server and destroys it: ops/test runs it alone"]
fn a_dump_and_paynows_history_restore_a_lost_database() {
    let system = System::start();
    let model = system.under_load(|| {
        system.await_arrived(150);
        system.spend(300, "before-the-dump");
        let taken = "UPDATE dead_letters SET state = 'replayed' WHERE dead_letter_id = \
                     (SELECT min(dead_letter_id) FROM dead_letters WHERE state = 'open')";
        system.app.database.execute(taken).unwrap();
        system.follow(&["Every day: a dump"]);
        system.await_arrived(150);
        system.spend(200, "after-the-dump");
        let schema = system.schema();
        assert!(schema.contains("CREATE TRIGGER") && schema.contains("TO paynow_worker"));
        system.cluster.lose();
        system.await_accepted(100);
        system.cluster.create();
        system.follow(&["Restore a dump"]);
        assert_eq!(system.schema(), schema);
        system.await_arrived(100);
    });
    await_drained(&system.app);
    let found = missing(&system.app, &system.history, &["--json"]);
    let lost = found.json()["missing"].as_array().map_or(0, Vec::len);
    println!(
        "{} events, {lost} missing after the restore",
        system.app.accepted_count()
    );
    assert!(lost >= 50, "the dump cannot have had them: {lost}");

    let printed = system.follow(&["Reopen replayed dead letters", "Recover missing events"]);

    assert!(
        printed.contains("UPDATE 1"),
        "the replayed letter is open again"
    );
    await_drained(&system.app);
    // PayNow's history does not contain what was spent after the dump, so the player has it again.
    system.assert_restored(model.clone(), 300);
    resend_everything(&system.app, &system.history);
    system.assert_restored(model, 300);
}

#[test]
#[ignore = "runs a database server and destroys it: ops/test runs it alone"]
fn a_streamed_log_brings_a_lost_database_back_to_its_last_commit() {
    let system = System::start();
    let (backups, archive) = (
        system.cluster.folder("backups"),
        system.cluster.folder("archive"),
    );
    let server = system.cluster.url("postgres").to_string();
    let variables = [
        ("BACKUPS", &*backups),
        ("ARCHIVE", &*archive),
        ("SERVER_URL", &*server),
    ];
    let mut streaming = system
        .cluster
        .start_as_server(&commands_under("Lose nothing: stream the log"), &variables);
    eventually("the log is streamed", || {
        let sql = "SELECT count(*) AS value FROM pg_stat_replication WHERE state = 'streaming'";
        (system.app.database.number(sql) > 0).then_some(())
    });
    let model = system.under_load(|| {
        system.await_arrived(50);
        let turn_on = commands_under("Turn on synchronous commits, and take a base backup");
        system.cluster.run_as_server(&turn_on, &variables);
        let in_sync = "SELECT count(*) AS value FROM pg_stat_replication WHERE sync_state = 'sync'";
        assert_eq!(system.app.database.number(in_sync), 1);
        system.await_arrived(150);
        system.spend(300, "to-the-end");
        let wallet = SPENDER.to_string();
        let correction = ["correct", "--wallet", &wallet, "--points", "-100", "--yes"];
        let note = ["--by", "anna", "--why", "a test"];
        system
            .app
            .ctl(&[&correction[..], &note].concat())
            .succeeded();
        system.cluster.lose();
        system.await_accepted(100);
        streaming.kill().expect("it waits for the server");
        streaming.wait().expect("a child can be waited for");
        let restore = commands_under("Restore to the last commit");
        system.cluster.run_as_server(&restore, &variables);
        system.cluster.launch();
        system.await_arrived(100);
    });
    await_drained(&system.app);
    let replay = [
        "dead",
        "replay",
        "--reason",
        "order_unknown",
        "--yes",
        "--by",
        "a",
        "--why",
        "b",
    ];
    system.app.ctl(&replay);
    system.assert_restored(model, 400);
}
