//! Our programs as processes, with nothing but the settings they need: the figures are of defaults.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::scrape::{Scraper, value_of};
use super::store::Store;
use crate::clock::pause;
use crate::failure::{Doing, Result, ensure};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const CREDITED: &str = "paynow_worker_events_total{outcome=\"credited\"}";

/// Starts programs; their logs are in a directory that goes with it.
pub(crate) struct Launcher {
    binaries: PathBuf,
    logs: PathBuf,
    amqp_url: SecretString,
    management_url: SecretString,
    /// As `PAYNOW_SIGNING_SECRETS` has it.
    signing_secret: String,
    scraper: Scraper,
}

impl Launcher {
    pub(crate) fn new(
        amqp_url: SecretString,
        management_url: SecretString,
        secret: &str,
    ) -> Result<Self> {
        let here = std::env::current_exe().doing("looking for the other programs")?;
        let logs = std::env::temp_dir().join(format!("paynow-bench-{}", std::process::id()));
        std::fs::create_dir_all(&logs).doing("making a directory for logs")?;
        Ok(Self {
            binaries: here.with_file_name(""),
            logs,
            amqp_url,
            management_url,
            signing_secret: format!("bench:{secret}"),
            scraper: Scraper::new(),
        })
    }

    pub(crate) fn receiver(&self) -> Result<Receiver> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut command = self.command("paynow-receiver");
        command
            .env("PAYNOW_SIGNING_SECRETS", &self.signing_secret)
            .env("RECEIVER_ADDR", address.to_string())
            .env("METRICS_ADDR", admin.to_string());
        let program = self.start("paynow-receiver", command, admin)?;
        Ok(Receiver { program, address })
    }

    pub(crate) fn worker(&self, store: &Store) -> Result<Worker> {
        let admin = free_address()?;
        let mut command = self.command("paynow-worker");
        command
            .env("DATABASE_URL", store.url())
            .env("METRICS_ADDR", admin.to_string());
        let program = self.start("paynow-worker", command, admin)?;
        Ok(Worker {
            program,
            metrics: format!("http://{admin}/metrics"),
            scraper: self.scraper.clone(),
        })
    }

    /// A `paynowctl` that is yet to be started.
    pub(crate) fn ctl(&self, store: &Store, arguments: &[&str]) -> Command {
        let mut command = self.command("paynowctl");
        command
            .env("DATABASE_URL", store.url())
            .env("AMQP_MANAGEMENT_URL", self.management_url.expose_secret())
            .args(arguments);
        command
    }

    /// Runs `paynowctl`, which must succeed; gives what it printed.
    pub(crate) fn run_ctl(&self, store: &Store, arguments: &[&str]) -> Result<String> {
        let what = format!("running paynowctl {}", arguments.join(" "));
        let output = self.ctl(store, arguments).output().doing(&what)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure(output.status.success(), &what, || {
            format!("{printed}{}", String::from_utf8_lossy(&output.stderr))
        })?;
        Ok(printed)
    }

    fn command(&self, name: &str) -> Command {
        // Whatever ends us ends what we started, also where no destructor runs.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(self.binaries.join(name))
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
        let file = File::create(&log).doing("making a log file")?;
        let errors = file.try_clone().doing("making a log file")?;
        let child = command.stdout(file).stderr(errors).spawn().doing(&what)?;
        let mut program = Program { name, child, log };
        let ready = format!("http://{admin}/readyz");
        let began = Instant::now();
        while !self.scraper.is_ok(&ready) {
            let waits = began.elapsed() < START_LIMIT && program.is_running();
            ensure(waits, &what, || program.log())?;
            pause(LOOK_AGAIN);
        }
        Ok(program)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // What is left behind is only a few log files.
        let _removed = std::fs::remove_dir_all(&self.logs);
    }
}

/// Below the range from which the kernel takes client ports.
fn free_address() -> Result<SocketAddr> {
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..32_000))))
        .take(1000)
        .find(is_free)
        .ok_or("a thousand were taken")
        .doing("looking for a free port")
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

    /// The end of its log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Asks it to end, as an orchestrator does.
    fn stop(mut self) -> Result<()> {
        let what = format!("stopping {}", self.name);
        let pid = self.child.id().to_string();
        let asked = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .doing(&what)?;
        ensure(asked.success(), &what, || self.log())?;
        let began = Instant::now();
        while self.is_running() {
            ensure(began.elapsed() < STOP_LIMIT, &what, || self.log())?;
            pause(LOOK_AGAIN);
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
            let _gone = (self.child.kill(), self.child.wait());
        }
    }
}

pub(crate) struct Receiver {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl Receiver {
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.program.stop()
    }
}

pub(crate) struct Worker {
    program: Program,
    metrics: String,
    scraper: Scraper,
}

impl Worker {
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Events credited since it started.
    pub(crate) fn credited(&self) -> Result<usize> {
        let exposition = self.scraper.get(&self.metrics)?;
        let credited = value_of(&exposition, CREDITED)
            .ok_or("the metric is not there")
            .doing("asking the worker what it credited")?;
        Ok(credited as usize)
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.program.stop()
    }
}
