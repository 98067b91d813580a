//! The system under test: its own virtual host and database, a receiver, workers, and the audit
//! that every test ends with.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::broker::TestBroker;
use super::database::TestDatabase;
use super::logs::check_log;
use super::order::Order;
use super::port::free_port;
use super::program::{Outcome, Program};
use super::scrape::get;
use super::servers::Servers;
use super::wait::eventually;
use super::webhook::{Answer, SECRET, post};

/// Short, so that each test has few queues to create.
const LADDER: &str = "1,2";
const QUEUES: [&str; 5] = [
    "paynow.credits",
    "paynow.credits.dead",
    "paynow.unrouted",
    "paynow.credits.retry.1s",
    "paynow.credits.retry.2s",
];

pub(crate) struct TestAppBuilder {
    receiver: Vec<(String, String)>,
    worker: Vec<(String, String)>,
    workers: usize,
    worker_program: &'static str,
    database: Option<(url::Url, &'static str)>,
}

impl TestAppBuilder {
    /// Creates the database on another server than usual, under this name.
    pub(crate) fn database_on(mut self, server: url::Url, name: &'static str) -> Self {
        self.database = Some((server, name));
        self
    }

    /// Starts another build of the worker than the usual one.
    pub(crate) fn worker_program(mut self, name: &'static str) -> Self {
        self.worker_program = name;
        self
    }

    pub(crate) fn receiver_setting(mut self, name: &str, value: &str) -> Self {
        self.receiver.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn worker_setting(mut self, name: &str, value: &str) -> Self {
        self.worker.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    pub(crate) fn start(self) -> TestApp {
        let mut app = TestApp::without_programs(
            self.receiver,
            self.worker,
            self.worker_program,
            self.database,
        );
        app.ctl(&["setup"]).succeeded();
        app.receiver = Some(app.start_receiver());
        for _ in 0..self.workers {
            app.start_worker();
        }
        app
    }
}

pub(crate) struct TestApp {
    name: String,
    pub(crate) broker: TestBroker,
    pub(crate) database: TestDatabase,
    receiver_settings: Vec<(String, String)>,
    worker_settings: Vec<(String, String)>,
    worker_program: &'static str,
    pub(crate) receiver: Option<Program>,
    /// The public port and the admin port.
    pub(super) receiver_ports: (u16, u16),
    pub(crate) workers: Vec<Program>,
    /// The admin port of each worker that was ever started.
    pub(crate) worker_ports: Vec<u16>,
    programs_started: Cell<u32>,
    accepted: RefCell<BTreeSet<String>>,
    audited: Cell<bool>,
}

impl TestApp {
    /// Starts a receiver and one worker.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    pub(crate) fn builder() -> TestAppBuilder {
        TestAppBuilder {
            receiver: Vec::new(),
            worker: Vec::new(),
            workers: 1,
            worker_program: "paynow-worker",
            database: None,
        }
    }

    /// Names and a database, but no program yet.
    fn without_programs(
        receiver_settings: Vec<(String, String)>,
        worker_settings: Vec<(String, String)>,
        worker_program: &'static str,
        database: Option<(url::Url, &'static str)>,
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("paynow_test_{}_{serial}", std::process::id());
        let servers = Servers::of_this_run();
        let (server, database) = database.unwrap_or((servers.database, &name));
        Self {
            broker: TestBroker::new(&servers.amqp, &servers.management, &name),
            database: TestDatabase::create(&server, database),
            name,
            receiver_settings,
            worker_settings,
            worker_program,
            receiver: None,
            receiver_ports: (free_port(), free_port()),
            workers: Vec::new(),
            worker_ports: Vec::new(),
            programs_started: Cell::new(0),
            accepted: RefCell::default(),
            audited: Cell::new(true),
        }
    }

    /// Skips the audit, for a test that breaks on purpose what the audit checks.
    pub(crate) fn leave_unaudited(&self) {
        self.audited.set(false);
    }

    // --- the domain ---

    pub(crate) fn set_product(&self, product_id: i64, points: i64) {
        let [product, points] = [product_id, points].map(|it| it.to_string());
        self.ctl(&["products", "set", &product, &points, "--yes"])
            .succeeded();
    }

    /// Signs and posts an order.
    pub(crate) fn deliver(&self, order: &Order) -> Answer {
        self.deliver_bytes(&order.body())
    }

    /// Signs and posts any bytes.
    pub(crate) fn deliver_bytes(&self, body: &[u8]) -> Answer {
        let answer = post(&self.webhook_url(), body);
        if answer.accepted() {
            self.note_accepted(answer.event_id());
        }
        answer
    }

    /// Records an event id that was answered 202, so that the audit expects it.
    pub(crate) fn note_accepted(&self, event_id: &str) {
        self.accepted.borrow_mut().insert(event_id.to_owned());
    }

    /// How many different events were answered 202.
    pub(crate) fn accepted_count(&self) -> u32 {
        u32::try_from(self.accepted.borrow().len()).expect("tests send thousands")
    }

    /// Waits until every accepted event is in the ledger or among the dead letters.
    #[track_caller]
    pub(crate) fn drain(&self) {
        let accepted: Vec<String> = self.accepted.borrow().iter().cloned().collect();
        let list = accepted
            .iter()
            .map(|id| format!("'{id}'"))
            .collect::<Vec<_>>()
            .join(",");
        let settled = format!(
            "SELECT count(*) AS value FROM (SELECT event_id::text FROM webhook_events \
             UNION SELECT event_id FROM dead_letters) AS settled \
             WHERE event_id = ANY (ARRAY[{list}]::text[])"
        );
        eventually(
            &format!("{} accepted events are settled", accepted.len()),
            || {
                let settled = usize::try_from(self.database.number(&settled)).ok()?;
                (settled == accepted.len()).then_some(())
            },
        );
    }

    pub(crate) fn balance_of(&self, wallet_id: i64) -> i64 {
        self.database.number(&format!(
            "SELECT coalesce((SELECT balance FROM wallets WHERE wallet_id = {wallet_id}), 0) \
             AS value"
        ))
    }

    /// Open dead letters as `event id: reason`, in order.
    pub(crate) fn dead_letters(&self) -> Vec<String> {
        self.database.texts(
            "SELECT event_id || ': ' || reason AS value FROM dead_letters \
             WHERE state = 'open' ORDER BY dead_letter_id",
        )
    }

    /// The outcome that the ledger recorded for an event, if any.
    pub(crate) fn outcome_of(&self, event_id: i64) -> Option<String> {
        let sql = format!(
            "SELECT outcome::text AS value FROM webhook_events WHERE event_id = {event_id}"
        );
        self.database.texts(&sql).into_iter().next()
    }

    // --- the programs ---

    pub(crate) fn webhook_url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/paynow", self.receiver_ports.0)
    }

    pub(crate) fn receiver_port(&self) -> u16 {
        self.receiver_ports.0
    }

    /// The environment of this test's receivers, with their ports and settings.
    pub(crate) fn receiver_variables(&self) -> Vec<(String, String)> {
        let mut variables = self.variables();
        let (public, admin) = self.receiver_ports;
        variables.extend([
            ("RECEIVER_ADDR".to_owned(), format!("127.0.0.1:{public}")),
            ("METRICS_ADDR".to_owned(), format!("127.0.0.1:{admin}")),
        ]);
        variables.extend(self.receiver_settings.iter().cloned());
        variables
    }

    /// Starts a receiver on this test's ports and waits until it is ready.
    pub(crate) fn start_receiver(&self) -> Program {
        let log = self.log_file("receiver");
        let receiver = Program::start("paynow-receiver", log, &self.receiver_variables());
        eventually("the receiver is ready", || {
            self.receiver_ready().filter(|(s, _)| *s == 200)
        });
        receiver
    }

    /// Starts one more worker and waits until it consumes.
    pub(crate) fn start_worker(&mut self) {
        self.start_worker_at(free_port());
    }

    /// Starts one more worker on a given admin port.
    pub(crate) fn start_worker_at(&mut self, port: u16) {
        let ready = self.launch_worker_at(port);
        eventually("the worker is ready", || {
            get(&ready).filter(|(status, _)| *status == 200)
        });
    }

    /// Starts one more worker with this setting, which later workers get too.
    pub(crate) fn start_worker_with(&mut self, name: &str, value: &str) {
        self.set_for_workers(name, value);
        self.start_worker();
    }

    /// Adds a setting for the workers that are started later.
    pub(crate) fn set_for_workers(&mut self, name: &str, value: &str) {
        self.worker_settings
            .push((name.to_owned(), value.to_owned()));
    }

    /// Starts one more worker, which may end before it is ready. Returns the URL of its readiness.
    pub(crate) fn launch_worker(&mut self) -> String {
        self.launch_worker_at(free_port())
    }

    fn launch_worker_at(&mut self, port: u16) -> String {
        self.worker_ports.push(port);
        let mut variables = self.variables();
        variables.push(("METRICS_ADDR".to_owned(), format!("127.0.0.1:{port}")));
        variables.extend(self.worker_settings.iter().cloned());
        let log = self.log_file("worker");
        self.workers
            .push(Program::start(self.worker_program, log, &variables));
        format!("http://127.0.0.1:{port}/readyz")
    }

    pub(crate) fn ctl(&self, arguments: &[&str]) -> Outcome {
        Program::run("paynowctl", &self.variables(), arguments)
    }

    pub(crate) fn ctl_json(&self, arguments: &[&str]) -> Value {
        self.ctl(&[arguments, &["--json"]].concat())
            .succeeded()
            .json()
    }

    /// The environment variables of every program of this test.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let management = Servers::of_this_run().management;
        [
            ("AMQP_URL", self.broker.url().as_str()),
            ("AMQP_MANAGEMENT_URL", management.as_str()),
            ("DATABASE_URL", self.database.url().as_str()),
            ("PAYNOW_SIGNING_SECRETS", &format!("test:{SECRET}")),
            ("RETRY_LADDER", LADDER),
            ("LOG_LEVEL", "debug"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn log_file(&self, program: &str) -> PathBuf {
        let serial = self
            .programs_started
            .replace(self.programs_started.get() + 1);
        self.log_path(program, serial)
    }

    fn log_path(&self, program: &str, serial: u32) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        folder.join(format!("{}-{program}-{serial}.log", self.name))
    }

    /// Checks the logs of every program that this test ever started.
    fn check_logs(&self) {
        let (broker, database) = (self.broker.url(), self.database.url());
        let passwords = [&broker, &database].map(|url| url.password().expect("a password"));
        for serial in 0..self.programs_started.get() {
            for program in ["receiver", "worker"] {
                let log = std::fs::read_to_string(self.log_path(program, serial));
                check_log(&log.unwrap_or_default(), &passwords);
            }
        }
    }

    // --- the audit ---

    /// Stops the programs in order and checks that every event is settled, none is lost, and every
    /// balance is the sum of its ledger entries.
    fn audit(&mut self) {
        self.drain();
        for program in self.receiver.iter_mut().chain(&mut self.workers) {
            program.stop();
        }
        for queue in QUEUES {
            let empty = || (self.broker.depth(queue) == 0).then_some(());
            eventually(&format!("{queue} is empty"), empty);
        }
        // The broker's figures lag behind, and the queues themselves were checked above.
        let check = self.ctl(&["check", "--skip-broker", "--json"]);
        assert_eq!(check.code, Some(0), "{check:?}");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if std::thread::panicking() {
            eprintln!("{}: logs are in {}", self.name, env!("CARGO_TARGET_TMPDIR"));
        } else {
            if self.audited.get() {
                self.audit();
            }
            self.check_logs();
        }
        self.receiver = None;
        self.workers.clear();
        self.broker.drop_it();
        self.database.drop_it();
    }
}
