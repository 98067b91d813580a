//! A system under monitoring: a receiver and a worker on ports that Prometheus scrapes, and the
//! broker.

use std::thread;
use std::time::{Duration, Instant};

use paynow_process::clock;

use crate::harness::{
    Answer, BrokerProcess, Compression, Monitoring, Order, SECRET, Targets, TestApp, eventually,
    flake, free_port, send, sign, try_post,
};

pub(super) const POINTS: i64 = 600_000_000_000_000_040;
pub(super) const UNKNOWN: i64 = 600_000_000_000_000_099;
/// High enough that the debt of one order raises the alert about a surge of debts.
pub(super) const PRICE: i64 = 60_000;

pub(super) struct System {
    pub(super) app: TestApp,
    pub(super) worker_port: u16,
    pub(super) broker: BrokerProcess,
}

impl System {
    pub(super) fn start() -> Self {
        Self::with(&[], &[])
    }

    /// Starts with these settings of the receiver and of the worker. The worker reads its figures
    /// from the database every second, because time is compressed.
    pub(super) fn with(receiver: &[(&str, &str)], worker: &[(&str, &str)]) -> Self {
        let often = [
            ("SURVEY_INTERVAL_SECONDS", "1"),
            ("LEDGER_CHECK_INTERVAL_SECONDS", "1"),
        ];
        let mut builder = TestApp::builder().workers(0);
        for (name, value) in receiver {
            builder = builder.receiver_setting(name, value);
        }
        for (name, value) in often.iter().chain(worker) {
            builder = builder.worker_setting(name, value);
        }
        let mut app = builder.start();
        app.set_product(POINTS, PRICE);
        let worker_port = free_port();
        app.start_worker_at(worker_port);
        Self {
            app,
            worker_port,
            broker: BrokerProcess::of_stack(),
        }
    }

    pub(super) fn watched(&self, factor: u64) -> Monitoring {
        Monitoring::of(self.targets(), Compression(factor))
    }

    /// Starts two monitorings at once, which compress time differently.
    pub(super) fn watched_twice(&self, factor: u64, other: u64) -> (Monitoring, Monitoring) {
        let targets = self.targets();
        thread::scope(|scope| {
            let second = scope.spawn(|| Monitoring::of(targets, Compression(other)));
            let first = self.watched(factor);
            (first, second.join().expect("it starts"))
        })
    }

    fn targets(&self) -> Targets {
        Targets {
            receiver: self.app.receiver_admin_port(),
            worker: self.worker_port,
            broker: self.broker.metrics_port,
        }
    }

    pub(super) fn kill_worker(&mut self) {
        self.app.workers.remove(0).kill();
    }

    pub(super) fn start_worker(&mut self) {
        self.app.start_worker_at(self.worker_port);
    }

    /// Posts an order. The receiver may refuse it or not be running.
    pub(super) fn post_order(&self) {
        let order = Order::of(POINTS, flake());
        let answer = try_post(&self.app.webhook_url(), &order.body());
        self.record(answer);
    }

    /// Posts an order that was signed some seconds ago with this secret.
    pub(super) fn post_signed(&self, seconds_ago: i64, secret: &str) {
        let body = Order::of(POINTS, flake()).body();
        let timestamp = (clock::now_ms() - seconds_ago * 1000).to_string();
        let signature = sign(secret, &timestamp, &body);
        let headers = [
            ("PayNow-Signature", signature.as_str()),
            ("PayNow-Timestamp", timestamp.as_str()),
        ];
        self.record(send(&self.app.webhook_url(), &body, &headers));
    }

    pub(super) fn post_with_wrong_secret(&self) {
        self.post_signed(0, &SECRET.replace('0', "1"));
    }

    fn record<E>(&self, answer: Result<Answer, E>) {
        if let Ok(answer) = answer
            && answer.accepted()
        {
            self.app.note_accepted(answer.event_id());
        }
    }
}

/// Waits, because a fault must last for some time to have its effect.
pub(super) fn wait_ms(ms: u64) {
    let began = Instant::now();
    let over = || (began.elapsed() >= Duration::from_millis(ms)).then_some(());
    eventually("time passes", over);
}
