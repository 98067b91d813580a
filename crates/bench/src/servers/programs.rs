//! Starts and stops our programs. They get only the settings they need, so that defaults are measured.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::scrape::{Scraper, value_of};
use super::store::Store;
use crate::clock::pause;
use crate::failure::{Doing, Result, ensure};
use crate::orders::PRODUCT;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const RECEIVER: &str = "paynow-receiver";
const WORKER: &str = "paynow-worker";
const CTL: &str = "paynowctl";
const CONSOLE: &str = "paynow-console";
/// The group whose people may do what an operator does.
pub(super) const CONSOLE_GROUP: &str = "bench";
const CREDITED: &str = "paynow_worker_events_total{outcome=\"credited\"}";

/// Starts programs. Deletes the directory of their logs in the end.
pub(crate) struct Launcher {
    /// The directory of our own programs.
    own: PathBuf,
    /// The directory of the programs that are measured now.
    measured: PathBuf,
    logs: PathBuf,
    amqp_url: SecretString,
    management_url: SecretString,
    /// In the format of `PAYNOW_SIGNING_SECRETS`.
    signing_secret: String,
    scraper: Scraper,
}

impl Launcher {
    pub(crate) fn new(
        amqp_url: SecretString,
        management_url: SecretString,
        secret: &str,
    ) -> Result<Self> {
        let own = std::env::current_exe()
            .doing("finding the other programs")?
            .with_file_name("");
        let logs = std::env::temp_dir().join(format!("paynow-bench-{}", std::process::id()));
        std::fs::create_dir_all(&logs).doing("creating a directory for logs")?;
        Ok(Self {
            measured: own.clone(),
            own,
            logs,
            amqp_url,
            management_url,
            signing_secret: format!("bench:{secret}"),
            scraper: Scraper::new(),
        })
    }

    /// Measures the programs in this directory from now on; our own without one.
    pub(crate) fn measure_programs_in(&mut self, directory: Option<&Path>) -> Result<()> {
        let directory = directory.unwrap_or(&self.own);
        for name in [RECEIVER, WORKER, CTL] {
            let program = directory.join(name);
            ensure(program.is_file(), "finding the baseline's programs", || {
                format!("{} does not exist", program.display())
            })?;
        }
        self.measured = directory.to_owned();
        Ok(())
    }

    /// Makes the tables and queues, and gives the product of the orders its points.
    pub(crate) fn set_up(&self, store: &Store) -> Result<()> {
        self.run_ctl(store, &["setup"])?;
        store.require_no_proof()?;
        let product = PRODUCT.to_string();
        self.run_ctl(store, &["products", "set", &product, "500"])
    }

    pub(crate) fn receiver(&self) -> Result<Receiver> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut command = self.command(&self.measured, RECEIVER);
        command
            .env("PAYNOW_SIGNING_SECRETS", &self.signing_secret)
            .env("RECEIVER_ADDR", address.to_string())
            .env("METRICS_ADDR", admin.to_string());
        let program = self.start(RECEIVER, command, admin)?;
        Ok(Receiver {
            program,
            address,
            metrics: format!("http://{admin}/metrics"),
        })
    }

    pub(crate) fn worker(&self, store: &Store) -> Result<Worker> {
        let admin = free_address()?;
        let mut command = self.command(&self.measured, WORKER);
        command
            .env("DATABASE_URL", store.url())
            .env("PAYNOW_SIGNING_SECRETS", &self.signing_secret)
            .env("METRICS_ADDR", admin.to_string());
        let program = self.start(WORKER, command, admin)?;
        Ok(Worker {
            program,
            metrics: format!("http://{admin}/metrics"),
            scraper: self.scraper.clone(),
        })
    }

    /// A console that believes a proxy, and looks at these programs.
    pub(crate) fn console(
        &self,
        store: &Store,
        receiver: &Receiver,
        worker: &Worker,
    ) -> Result<Console> {
        let (address, admin) = (free_address()?, free_address()?);
        let [password, proxy_secret] = [(); 2].map(|()| random_text());
        let database = store.let_console_in(&password)?;
        let metrics = [receiver.metrics.as_str(), worker.metrics.as_str()].join(",");
        let mut command = self.command(&self.measured, CONSOLE);
        command
            .env("DATABASE_URL", database.expose_secret())
            .env("AMQP_MANAGEMENT_URL", self.management_url.expose_secret())
            .env("CONSOLE_ADDR", address.to_string())
            .env("CONSOLE_PUBLIC_URL", format!("http://{address}"))
            .env("CONSOLE_AUTH", "proxy")
            .env("CONSOLE_PROXY_PEERS", "127.0.0.1")
            .env("CONSOLE_PROXY_SECRET", &proxy_secret)
            .env("CONSOLE_ROLES", format!("{CONSOLE_GROUP}=operator"))
            .env("PAYNOW_METRICS_URLS", metrics)
            .env("METRICS_ADDR", admin.to_string());
        let program = self.start(CONSOLE, command, admin)?;
        Ok(Console {
            program,
            address,
            proxy_secret,
        })
    }

    /// The command of the measured `paynowctl`, not started.
    pub(crate) fn measured_ctl(&self, store: &Store, arguments: &[&str]) -> Command {
        self.ctl(&self.measured, store, arguments)
    }

    /// Runs our own `paynowctl`, which must succeed.
    pub(crate) fn run_ctl(&self, store: &Store, arguments: &[&str]) -> Result<()> {
        let what = format!("running paynowctl {}", arguments.join(" "));
        let output = self
            .ctl(&self.own, store, arguments)
            .output()
            .doing(&what)?;
        ensure(output.status.success(), &what, || {
            let printed = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&printed).into_owned()
        })
    }

    fn ctl(&self, directory: &Path, store: &Store, arguments: &[&str]) -> Command {
        let mut command = self.command(directory, CTL);
        command
            .env("DATABASE_URL", store.url())
            .env("AMQP_MANAGEMENT_URL", self.management_url.expose_secret())
            .args(arguments);
        command
    }

    fn command(&self, directory: &Path, name: &str) -> Command {
        // The kernel ends the program when the benchmark ends, even if no destructor runs.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(directory.join(name))
            .env_clear()
            .env("AMQP_URL", self.amqp_url.expose_secret())
            .stdin(Stdio::null());
        command
    }

    fn start(
        &self,
        name: &'static str,
        mut command: Command,
        admin: SocketAddr,
    ) -> Result<Program> {
        let what = format!("starting {name}");
        let log = self.logs.join(format!("{name}.log"));
        let file = File::create(&log).doing("creating a log file")?;
        let errors = file.try_clone().doing("creating a log file")?;
        let child = command.stdout(file).stderr(errors).spawn().doing(&what)?;
        let mut program = Program { name, child, log };
        let ready = format!("http://{admin}/readyz");
        let began = Instant::now();
        while !self.scraper.is_ok(&ready) {
            let may_start = began.elapsed() < START_TIMEOUT && program.is_running();
            ensure(may_start, &what, || program.log())?;
            pause(POLL_INTERVAL);
        }
        Ok(program)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // A failure leaves only a few log files.
        let _removed = std::fs::remove_dir_all(&self.logs);
    }
}

/// A port below the range that the kernel gives to clients.
fn free_address() -> Result<SocketAddr> {
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..32_000))))
        .take(1000)
        .find(is_free)
        .ok_or("a thousand ports are in use")
        .doing("finding a free port")
}

/// Nobody guesses it.
fn random_text() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(40)
        .collect()
}

pub(crate) struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of its log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Ends it with SIGTERM, as an orchestrator does; it must exit with 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        let what = format!("stopping {}", self.name);
        let pid = self.child.id().to_string();
        let asked = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .doing(&what)?;
        ensure(asked.success(), &what, || self.log())?;
        let began = Instant::now();
        while self.is_running() {
            ensure(began.elapsed() < STOP_TIMEOUT, &what, || self.log())?;
            pause(POLL_INTERVAL);
        }
        let status = self.child.wait().doing(&what)?;
        ensure(status.success(), &what, || {
            format!("{status}: {}", self.log())
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running() {
            let _ended = (self.child.kill(), self.child.wait());
        }
    }
}

pub(crate) struct Receiver {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    metrics: String,
}

pub(crate) struct Console {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(super) proxy_secret: String,
}

pub(crate) struct Worker {
    pub(crate) program: Program,
    metrics: String,
    scraper: Scraper,
}

impl Worker {
    /// How many events it has credited since its start.
    pub(crate) fn credited(&self) -> Result<usize> {
        let exposition = self.scraper.get(&self.metrics)?;
        let credited = value_of(&exposition, CREDITED)
            .ok_or("the metric is missing")
            .doing("reading the worker's metrics")?;
        Ok(credited as usize)
    }
}
