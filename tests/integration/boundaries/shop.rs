//! A shop whose programs die at the boundaries, and what must hold at the end.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::thread;

use super::Struck;
use super::round::{ENTRIES, KNOWN, POINTS, Round};
use crate::harness::{Outcome, Program, TestApp, eventually, try_post};

const FAULT_POINT: &str = "PAYNOW_FAULT_POINT";
const SIGKILL: i32 = 9;
const NOTE: [&str; 4] = ["--by", "anna", "--why", "price list is complete"];
/// One letter a second, so that the second one is a pass of its own.
const SLOWLY: [&str; 5] = ["--yes", "--canary", "1", "--rate", "1"];

pub(super) struct Shop {
    pub(super) app: TestApp,
    rounds: Vec<Round>,
}

impl Shop {
    /// Small batches, so that a round is several transactions, and looks and housekeeping at once.
    pub(super) fn open() -> Self {
        let app = TestApp::builder()
            .workers(0)
            .worker_program(Struck::Worker.faulty())
            .worker_setting("PARTIAL_REFUNDS", "proportional")
            .worker_setting("EVENT_RETENTION_DAYS", "30")
            .worker_setting("WORKER_LANES", "1")
            .worker_setting("WORKER_BATCH_MAX", "2")
            .worker_setting("SURVEY_INTERVAL_SECONDS", "1")
            .worker_setting("LEDGER_CHECK_INTERVAL_SECONDS", "1")
            .start();
        app.set_product(KNOWN, POINTS);
        Self {
            app,
            rounds: Vec::new(),
        }
    }

    /// Posts a round to a receiver that lives.
    pub(super) fn send(&mut self, round: Round) {
        for body in round.bodies() {
            assert!(self.app.deliver_bytes(&body).accepted());
        }
        self.rounds.push(round);
    }

    /// Launches a worker with this fault, or with none.
    pub(super) fn launch_worker(&mut self, fault: &str) {
        self.app.set_for_workers(FAULT_POINT, fault);
        self.app.launch_worker();
    }

    /// A worker dies of this fault while the round comes.
    pub(super) fn worker_dies(&mut self, fault: &str, round: Round) {
        self.launch_worker(fault);
        self.send(round);
        expect_killed(self.app.workers.pop().expect("it was launched"));
    }

    /// A receiver dies of this fault while the round comes, and another takes its place. What was not
    /// answered is posted again, as PayNow does.
    pub(super) fn receiver_dies(&mut self, fault: &str, round: Round) {
        if let Some(mut receiver) = self.app.receiver.take() {
            receiver.stop();
        }
        let mut variables = self.app.receiver_variables();
        variables.push((FAULT_POINT.to_owned(), fault.to_owned()));
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("faulty-receiver-{}.log", self.app.receiver_port()));
        let faulty = Program::start(Struck::Receiver.faulty(), log, &variables);
        let (url, bodies) = (self.app.webhook_url(), round.bodies());
        let accepted = thread::scope(|scope| {
            let sending = scope.spawn(|| send_until_accepted(&url, &bodies));
            expect_killed(faulty);
            self.app.receiver = Some(self.app.start_receiver());
            sending.join().expect("everything is sent")
        });
        for event_id in accepted {
            self.app.note_accepted(&event_id);
        }
        self.rounds.push(round);
    }

    /// A replay of the round's letters dies of this fault, and the next run finishes it.
    pub(super) fn replay_dies(&mut self, fault: &str, round: Round) {
        if self.app.workers.is_empty() {
            self.launch_worker("");
        }
        let product = round.unknown_product;
        self.send(round);
        self.app.drain();
        self.app.set_product(product, POINTS);
        let mut variables = self.app.variables();
        variables.push((FAULT_POINT.to_owned(), fault.to_owned()));
        let arguments = ["dead", "replay", "--reason", "unknown_product"];
        let arguments = [&arguments[..], &SLOWLY, &NOTE].concat();
        let died = Program::run(Struck::Paynowctl.faulty(), &variables, &arguments);
        // A program that a signal ended has no exit code.
        assert_eq!(died.code, None, "{died:?}");
        let last = "SELECT max(action_id) AS value FROM replays";
        let number = self.app.database.number(last).to_string();
        // The database server must notice first that the session of the dead one has ended.
        eventually("the next run finishes the replay", || {
            let run = self.replay(&["--resume", &number]);
            assert_ne!(run.code, Some(2), "{run:?}");
            (run.code == Some(0)).then_some(())
        });
    }

    /// A move of the round, which no binding routed, dies of this fault, and the next run finishes it.
    pub(super) fn move_dies(&mut self, fault: &str, round: Round) {
        let vhost = self.app.broker.vhost();
        let binding = "e/paynow.events/q/paynow.credits/paynow.%23";
        self.app
            .broker
            .delete(&format!("bindings/{vhost}/{binding}"));
        self.send(round);
        self.app.ctl(&["setup", "--skip-database"]).succeeded();
        let arguments = [&["unrouted", "move", "--yes"], &NOTE[..]].concat();
        let mut variables = self.app.variables();
        variables.push((FAULT_POINT.to_owned(), fault.to_owned()));
        let died = Program::run(Struck::Paynowctl.faulty(), &variables, &arguments);
        assert_eq!(died.code, None, "{died:?}");
        // The broker must notice first that the connection of the dead one has ended.
        eventually("the next run moves them again", || {
            self.app.ctl(&arguments).succeeded();
            let copies = self.app.broker.depth("paynow.credits");
            (copies >= 2 * self.app.accepted_count()).then_some(())
        });
    }

    fn replay(&self, arguments: &[&str]) -> Outcome {
        let replay = ["dead", "replay"];
        self.app.ctl(&[&replay[..], arguments, &NOTE].concat())
    }

    /// With programs that live, everything that was accepted ends, and ends once.
    pub(super) fn expect_each_event_once(&mut self) {
        if self.app.workers.is_empty() {
            self.launch_worker("");
        }
        self.app.drain();
        for round in &self.rounds {
            self.app.set_product(round.unknown_product, POINTS);
        }
        // A refund that was put off too often while no worker lived waits for a person like the others.
        for reason in ["order_unknown", "unknown_product"] {
            let is_of = |letter: &String| letter.ends_with(&format!(": {reason}"));
            if self.app.dead_letters().iter().any(is_of) {
                self.replay(&["--reason", reason, "--yes"]).succeeded();
            }
        }
        for round in &self.rounds {
            round.expect_balances(&self.app);
        }
        let entries = "SELECT count(*) AS value FROM ledger_entries";
        let entries = usize::try_from(self.app.database.number(entries)).unwrap();
        assert_eq!(entries, ENTRIES * self.rounds.len());
        let open = self.app.dead_letters();
        assert_eq!(open.len(), self.rounds.len(), "{open:?}");
        assert!(open.iter().all(|letter| letter.ends_with(": malformed")));
        let accepted = self.app.accepted_count().to_string();
        // The broker's figures lag behind.
        eventually("check is clean", || {
            let check = self.app.ctl(&["check", "--accepted", &accepted]);
            (check.code == Some(0)).then_some(())
        });
    }
}

#[track_caller]
fn expect_killed(mut program: Program) {
    let status = program.ended();
    assert_eq!(
        status.signal(),
        Some(SIGKILL),
        "{status}: {}",
        program.log()
    );
}

/// Posts in order, each body until it is accepted. Returns the ids.
fn send_until_accepted(url: &str, bodies: &[Vec<u8>]) -> Vec<String> {
    let accepted = |body: &Vec<u8>| {
        eventually("a receiver accepts an event", || {
            let answer = try_post(url, body).ok()?;
            answer.accepted().then(|| answer.event_id().to_owned())
        })
    };
    bodies.iter().map(accepted).collect()
}
