//! The system that a trial strikes: the programs, the proxies between them and the servers, and the
//! servers themselves, which the trial has for itself.

mod ask;
mod journal;
mod slot;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use url::Url;

use crate::harness::{
    Outcome, Program, Proxy, SECRET, Servers, TestBroker, TestDatabase, free_port,
};

pub(crate) use journal::Journal;
pub(crate) use slot::{Ended, Slot};

/// Short, so that what is put off for the last time is soon a dead letter.
pub(crate) const LADDER: [u64; 4] = [1, 2, 4, 8];
const RECEIVERS: usize = 2;
/// The slots for workers. A part of them is in use.
pub(crate) const WORKERS_MAX: usize = 4;
const WORKERS: usize = 3;
/// How long a pause goes on after the trial was given up.
const STEP: Duration = Duration::from_millis(50);

/// One for each path from our programs to a server. All programs of a kind share one.
pub(crate) struct Proxies {
    pub(crate) receiver_broker: Proxy,
    pub(crate) worker_broker: Proxy,
    pub(crate) worker_database: Proxy,
    pub(crate) desk_database: Proxy,
    pub(crate) desk_management: Proxy,
}

impl Proxies {
    fn new(servers: &Servers) -> Self {
        let to = |url: &Url| Proxy::to(address_of(url));
        Self {
            receiver_broker: to(&servers.amqp),
            worker_broker: to(&servers.amqp),
            worker_database: to(&servers.database),
            desk_database: to(&servers.database),
            desk_management: to(&servers.management),
        }
    }

    pub(crate) fn all(&self) -> [&Proxy; 5] {
        [
            &self.receiver_broker,
            &self.worker_broker,
            &self.worker_database,
            &self.desk_database,
            &self.desk_management,
        ]
    }
}

pub(crate) struct World {
    /// Straight to the broker, past the proxies.
    pub(crate) broker: TestBroker,
    /// Straight to the database, past the proxies.
    pub(crate) database: TestDatabase,
    pub(crate) proxies: Proxies,
    pub(crate) receivers: Vec<Mutex<Slot>>,
    workers: Mutex<Vec<Slot>>,
    /// Where the programs log.
    pub(crate) folder: PathBuf,
    pub(crate) journal: Journal,
    /// The URL of each receiver's webhook.
    pub(crate) webhooks: Vec<String>,
    management: Url,
    /// Points that operators gave or took, by wallet.
    corrections: Mutex<BTreeMap<i64, i64>>,
    is_given_up: AtomicBool,
}

impl World {
    /// Creates the database and the queues. `worker` is the name or the file of the worker's program.
    /// The programs are started by the supervisor.
    pub(crate) fn create(name: &str, folder: PathBuf, worker: &str) -> Result<Self, String> {
        let servers = Servers::of_this_run();
        std::fs::create_dir_all(&folder).map_err(|error| format!("{folder:?}: {error}"))?;
        let proxies = Proxies::new(&servers);
        let broker = TestBroker::new(&servers.amqp, &servers.management, name);
        let database = TestDatabase::create(&servers.database, name);
        let mut world = Self {
            receivers: Vec::new(),
            workers: Mutex::default(),
            journal: Journal::new(&folder),
            folder,
            webhooks: Vec::new(),
            management: servers.management,
            corrections: Mutex::default(),
            is_given_up: AtomicBool::new(false),
            broker,
            database,
            proxies,
        };
        let outcome = world.ctl(&["setup"]);
        if outcome.code != Some(0) {
            return Err(format!("paynowctl setup: {outcome:?}"));
        }
        for number in 1..=RECEIVERS {
            let port = free_port();
            world
                .receivers
                .push(Mutex::new(world.receiver(number, port)));
            let url = format!("http://127.0.0.1:{port}/webhooks/paynow");
            world.webhooks.push(url);
        }
        let workers = (1..=WORKERS_MAX).map(|number| world.worker(number, worker));
        let workers = workers.collect();
        world.workers = Mutex::new(workers);
        world.scale(WORKERS);
        Ok(world)
    }

    fn receiver(&self, number: usize, port: u16) -> Slot {
        let mut variables = self.variables(&self.proxies.receiver_broker, None);
        variables.extend([
            ("RECEIVER_ADDR".to_owned(), format!("127.0.0.1:{port}")),
            (
                "METRICS_ADDR".to_owned(),
                format!("127.0.0.1:{}", free_port()),
            ),
        ]);
        let name = format!("receiver-{number}");
        let mut slot = Slot::new(&name, "paynow-receiver", &self.folder, variables);
        slot.set_wanted(true);
        slot
    }

    fn worker(&self, number: usize, program: &str) -> Slot {
        let proxies = &self.proxies;
        let mut variables = self.variables(&proxies.worker_broker, Some(&proxies.worker_database));
        variables.extend([
            (
                "METRICS_ADDR".to_owned(),
                format!("127.0.0.1:{}", free_port()),
            ),
            // The ids of the model's events are of one day, which must not be over.
            ("EVENT_RETENTION_DAYS".to_owned(), "3650".to_owned()),
        ]);
        Slot::new(
            &format!("worker-{number}"),
            program,
            &self.folder,
            variables,
        )
    }

    /// The environment of a program that reaches its servers through these proxies.
    fn variables(&self, broker: &Proxy, database: Option<&Proxy>) -> Vec<(String, String)> {
        let secret = format!("test:{SECRET}");
        let ladder = LADDER.map(|seconds| seconds.to_string()).join(",");
        let amqp = through(broker, self.broker.url());
        let mut variables = vec![
            ("AMQP_URL".to_owned(), amqp),
            ("PAYNOW_SIGNING_SECRETS".to_owned(), secret),
            ("RETRY_LADDER".to_owned(), ladder),
            ("LOG_LEVEL".to_owned(), "debug".to_owned()),
        ];
        variables.extend(database.map(|proxy| {
            let url = through(proxy, self.database.url());
            ("DATABASE_URL".to_owned(), url)
        }));
        variables
    }

    /// The environment of `paynowctl`.
    pub(crate) fn desk_variables(&self) -> Vec<(String, String)> {
        let proxies = &self.proxies;
        let mut variables = self.variables(&proxies.receiver_broker, Some(&proxies.desk_database));
        let set = |name: &str, value: String| (name.to_owned(), value);
        variables.retain(|(name, _)| name != "AMQP_URL");
        variables.push(set("AMQP_URL", self.broker.url().to_string()));
        let management = through(&proxies.desk_management, &self.management);
        variables.push(set("AMQP_MANAGEMENT_URL", management));
        variables
    }

    // --- what faults do ---

    /// Runs `paynowctl` to its end.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Outcome {
        Program::run("paynowctl", &self.desk_variables(), arguments)
    }

    /// Runs `ops/stack`, for example with `["kill", "broker"]`.
    pub(crate) fn stack(&self, arguments: &[&str]) -> Result<(), String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/stack");
        let output = Command::new(script)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("ops/stack does not run: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("ops/stack {}: {said}", arguments.join(" ")))
    }

    /// The texts that a query returns as `value`; none if the database does not answer.
    pub(crate) fn ask(&self, sql: &str) -> Option<Vec<String>> {
        ask::ask(self.database.url(), sql)
    }

    /// Writes a line into the journal, which is printed when the trial fails.
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.journal.note(what);
    }

    /// All slots for workers, also those that are not in use. The supervisor waits for the guard, so
    /// it must not be kept for long.
    pub(crate) fn workers(&self) -> MutexGuard<'_, Vec<Slot>> {
        lock(&self.workers)
    }

    pub(crate) fn receiver_slot(&self, index: usize) -> MutexGuard<'_, Slot> {
        lock(&self.receivers[index])
    }

    /// Does something with one of the workers that run, if any does. Returns which one.
    pub(crate) fn with_worker(
        &self,
        random: &mut Rng,
        work: impl FnOnce(&mut Slot),
    ) -> Option<usize> {
        let mut workers = self.workers();
        let running: Vec<usize> = (0..workers.len())
            .filter(|index| workers[*index].pid().is_some())
            .collect();
        let index = *running.get(random.usize(..running.len().max(1)))?;
        work(&mut workers[index]);
        Some(index)
    }

    /// The names of the programs that run.
    pub(crate) fn running(&self) -> Vec<String> {
        let mut names = Vec::new();
        for index in 0..self.receivers.len() {
            names.extend(name_if_running(&self.receiver_slot(index)));
        }
        names.extend(self.workers().iter().filter_map(name_if_running));
        names
    }

    /// Lets the first workers run, at most `WORKERS_MAX`, and asks the others to stop.
    pub(crate) fn scale(&self, count: usize) {
        for (index, worker) in self.workers().iter_mut().enumerate() {
            worker.set_wanted(index < count);
        }
    }

    /// As many workers as at the beginning.
    pub(crate) fn scale_back(&self) {
        self.scale(WORKERS);
    }

    /// Records that an operator gave points to a wallet, so that the judge expects them.
    pub(crate) fn corrected(&self, wallet: i64, points: i64) {
        *lock(&self.corrections).entry(wallet).or_default() += points;
    }

    pub(crate) fn corrections(&self) -> BTreeMap<i64, i64> {
        lock(&self.corrections).clone()
    }

    // --- time ---

    /// Waits, but not longer than until the trial is given up.
    pub(crate) fn pause(&self, duration: Duration) {
        let end = Instant::now() + duration;
        while !self.is_given_up() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(STEP));
        }
    }

    /// Waits until something is so. Returns whether it was within the time.
    pub(crate) fn wait(&self, limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
        let end = Instant::now() + limit;
        while !is_so() {
            if Instant::now() >= end || self.is_given_up() {
                return false;
            }
            self.pause(STEP);
        }
        true
    }

    /// Ends the trial early, because it can't go on.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_if_running(slot: &Slot) -> Option<String> {
    slot.pid().map(|_| slot.name().to_owned())
}

fn address_of(url: &Url) -> SocketAddr {
    let default = || match url.scheme() {
        "amqp" => Some(5672),
        "postgres" | "postgresql" => Some(5432),
        _http => Some(15672),
    };
    let addresses = url.socket_addrs(default).expect("a server has an address");
    addresses[0]
}

/// The URL of a server behind a proxy.
fn through(proxy: &Proxy, url: &Url) -> String {
    let mut url = url.clone();
    url.set_host(Some("127.0.0.1")).expect("a URL has a host");
    url.set_port(Some(proxy.port())).expect("a URL has a port");
    url.into()
}

#[expect(clippy::disallowed_methods, reason = "the only place that waits")]
fn sleep(duration: Duration) {
    thread::sleep(duration);
}
