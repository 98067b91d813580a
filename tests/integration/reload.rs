//! Signing secrets that change while webhooks come in, without a restart.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::{Answer, Order, Program, SECRET, TestApp, eventually, flake, try_post_as};

const POINTS: i64 = 600_000_000_000_000_040;
/// No log may contain it, as for the other one.
const NEW_SECRET: &str = "pn-fedcba9876543210fedcba9876543210";

struct System {
    app: TestApp,
    file: PathBuf,
}

impl System {
    fn start() -> Self {
        let file = format!("signing-{}", flake());
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
        std::fs::write(&file, format!("old:{SECRET}\n")).unwrap();
        let app = TestApp::builder()
            .receiver_setting("PAYNOW_SIGNING_SECRETS", "")
            .receiver_setting("PAYNOW_SIGNING_SECRETS_FILE", &file.display().to_string())
            .worker_setting("PAYNOW_RETIRED_SECRETS", &format!("new:{NEW_SECRET}"))
            .start();
        app.set_product(POINTS, 500);
        Self { app, file }
    }

    fn write(&self, list: &str) {
        std::fs::write(&self.file, list).unwrap();
    }

    /// Posts an order signed with a secret. Returns whether it was accepted.
    fn accepts(&self, secret: &str) -> bool {
        let answer = post(&self.app.webhook_url(), secret);
        if answer.accepted() {
            self.app.note_accepted(answer.event_id());
        }
        answer.accepted()
    }

    fn receiver(&self) -> &Program {
        self.app.receiver.as_ref().expect("it runs")
    }
}

fn post(url: &str, secret: &str) -> Answer {
    let body = Order::of(POINTS, flake()).body();
    try_post_as(secret, url, &body).expect("the receiver answers")
}

#[test]
fn a_changed_file_is_taken_while_webhooks_come_in_and_none_of_them_is_refused() {
    let mut system = System::start();
    let url = system.app.webhook_url();
    let is_over = AtomicBool::new(false);
    assert!(!system.accepts(NEW_SECRET));
    let posted = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                answers.push(post(&url, SECRET));
            }
            answers
        });
        // Reloads once because the file changed, and once because of the signal.
        system.write(&format!("new:{NEW_SECRET},old:{SECRET}"));
        eventually("the new secret is accepted", || {
            system.accepts(NEW_SECRET).then_some(())
        });
        system.write(&format!("newer:{NEW_SECRET},old:{SECRET}"));
        system.receiver().signal("-HUP");
        system.receiver().await_log(r#""secret_ids":"newer,old""#);
        is_over.store(true, Ordering::Relaxed);
        sender.join().expect("every post has an answer")
    });
    assert!(posted.len() > 20 && posted.iter().all(Answer::accepted));
    for answer in &posted {
        system.app.note_accepted(answer.event_id());
    }

    system.write(&format!("newer:{NEW_SECRET}"));
    eventually("the old secret is refused", || {
        (!system.accepts(SECRET)).then_some(())
    });
    assert!(system.accepts(NEW_SECRET));
    system.app.drain();
    let mut receiver = system.app.receiver.take().expect("it runs");
    assert!(!receiver.whole_log().contains(NEW_SECRET));
}

#[test]
fn a_wrong_file_changes_nothing_and_is_logged_once() {
    let system = System::start();
    let failures_logged = || {
        system
            .receiver()
            .log()
            .matches(r#""event":"secrets_not_reloaded""#)
            .count()
    };
    system.write("old:");
    eventually("the failure is logged", || {
        (failures_logged() > 0).then_some(())
    });
    assert!(system.accepts(SECRET));
    std::fs::remove_file(&system.file).unwrap();
    system.receiver().signal("-HUP");
    eventually("the missing file is logged", || {
        (failures_logged() == 2).then_some(())
    });
    assert!(system.accepts(SECRET));
    system.write(&format!("back:{SECRET}"));
    // A correct file is read again.
    system.receiver().await_log(r#""secret_ids":"back""#);
    assert_eq!(failures_logged(), 2);
    assert!(system.accepts(SECRET));
    system.app.drain();
}

#[test]
fn without_a_file_a_hangup_changes_nothing() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let receiver = app.receiver.as_ref().expect("it runs");
    receiver.signal("-HUP");
    receiver.await_log("a restart reads it again");
    let answer = app.deliver(&Order::of(POINTS, flake()));
    assert!(answer.accepted());
    app.drain();
}

#[test]
fn a_program_checks_its_own_health() {
    let mut app = TestApp::start();
    let variables = app.variables();
    let with = |name: &str, port: u16| {
        let address = ("METRICS_ADDR".to_owned(), format!("0.0.0.0:{port}"));
        let variables = [&variables[..], &[address]].concat();
        Program::run(name, &variables, &["healthcheck"])
    };
    with("paynow-worker", app.worker_ports[0]).succeeded();
    app.workers.remove(0).stop();
    let gone = with("paynow-worker", app.worker_ports[0]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("does not answer"), "{gone:?}");
    let wrong = Program::run("paynow-worker", &variables, &["health"]);
    assert_eq!(wrong.code, Some(64), "{wrong:?}");
}

#[test]
fn a_program_says_its_version_and_how_it_is_used_without_any_setting() {
    for name in ["paynow-receiver", "paynow-worker", "paynowctl"] {
        for short in ["-V", "--version"] {
            let version = Program::run(name, &[], &[short]).succeeded();
            let expected = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
            assert_eq!(version.stdout, expected);
        }
        for short in ["-h", "--help"] {
            let help = Program::run(name, &[], &[short]).succeeded();
            let usage = help.stdout.to_lowercase();
            assert!(usage.contains(&format!("usage: {name}")), "{help:?}");
        }
    }
    for name in ["paynow-receiver", "paynow-worker"] {
        let both = Program::run(name, &[], &["--version", "surplus"]);
        assert_eq!(both.code, Some(64), "{both:?}");
    }
}
