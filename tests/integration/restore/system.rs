//! The pipeline on a database server that a test may lose, under load, and the guide's commands against it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use diesel::pg::PgConnection;
use diesel::{Connection, ConnectionError};

use super::cluster::Cluster;
use super::guide::commands_under;
use super::paynow::{History, SINCE, event_id, missing};
use crate::harness::{Order, TestApp, eventually, flake, post};
use crate::reversals::{chargeback, refund};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN_PRODUCT: i64 = 600_000_000_000_000_666;
const PRICE: i64 = 500;
const WALLETS: i64 = 5;
/// The logins whose passwords are in the secrets.
const LOGINS: [&str; 3] = ["worker", "reader", "operator"];
/// The wallet that a game backend spends from. Nothing else changes it.
pub(super) const SPENDER: i64 = 700_000_000_000_000_000;

/// The pipeline on a database server of its own, with PayNow's history.
pub(super) struct System {
    pub(super) app: TestApp,
    pub(super) history: History,
    /// The number of webhooks that were answered 202.
    accepted: AtomicUsize,
    pub(super) folder: PathBuf,
    api: String,
    /// The last field, because the others need the server until they are dropped.
    pub(super) cluster: Cluster,
}

impl System {
    pub(super) fn start() -> Self {
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
        let system = Self {
            app,
            history,
            accepted,
            folder,
            api,
            cluster,
        };
        system.change_passwords("first");
        system
    }

    /// Changes the passwords of the logins, at the server and in the files of the secrets.
    pub(super) fn change_passwords(&self, to: &str) {
        for login in LOGINS {
            let password = format!("{to}-{login}");
            std::fs::write(self.folder.join(format!("{login}_password")), &password).unwrap();
            let alter = format!("ALTER ROLE paynow_{login} PASSWORD '{password}'");
            self.app.database.execute(&alter).unwrap();
        }
    }

    pub(super) fn log_in(
        &self,
        login: &str,
        password: &str,
    ) -> Result<PgConnection, ConnectionError> {
        let mut url = self.cluster.url("paynow");
        url.set_username(login).expect("it has a host");
        url.set_password(Some(password)).expect("it has a host");
        PgConnection::establish(url.as_str())
    }

    /// Every login has the password of today, and no other.
    #[track_caller]
    pub(super) fn assert_passwords(&self, today: &str, before: &str) {
        for login in LOGINS {
            let log_in = |age| self.log_in(&format!("paynow_{login}"), &format!("{age}-{login}"));
            assert!(log_in(today).is_ok(), "{login}");
            assert!(log_in(before).is_err(), "{login}");
        }
    }

    /// Runs the guide's commands below these headings in a shell, which continues after a failed
    /// command. Returns their output.
    #[track_caller]
    pub(super) fn follow(&self, headings: &[&str]) -> String {
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
            .env("SECRETS", &folder)
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

    pub(super) fn await_arrived(&self, more: i64) {
        let before = self.arrived();
        eventually(&format!("{more} more events arrive"), || {
            (self.arrived() >= before + more).then_some(())
        });
    }

    pub(super) fn await_accepted(&self, more: usize) {
        let before = self.accepted.load(Ordering::Relaxed);
        eventually(&format!("{more} more webhooks are accepted"), || {
            (self.accepted.load(Ordering::Relaxed) >= before + more).then_some(())
        });
    }

    /// Tables, constraints, triggers, functions and rights, as SQL.
    pub(super) fn schema(&self) -> String {
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

    pub(super) fn spend(&self, points: i64, key: &str) {
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
    pub(super) fn under_load(&self, scenario: impl FnOnce()) -> BTreeMap<i64, i64> {
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
    pub(super) fn assert_restored(&self, mut model: BTreeMap<i64, i64>, spent: i64) {
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
