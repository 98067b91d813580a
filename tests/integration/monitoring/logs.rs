//! The log under stress: it never delays the work, reports dropped records, is complete at the end,
//! and quotes no data of others.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use paynow_process::clock;
use serde_json::Value;

use crate::harness::{
    Answer, Order, Program, SECRET, TestApp, eventually, flake, free_port, post, send, try_post,
};

/// More webhooks, with a line each, than the log's channel and the pipe can hold together.
const MORE_THAN_CHANNEL_AND_PIPE: usize = 5_000;
/// So many lines fit. The rest of the webhooks is posted while the log is full.
const FITS: usize = 2_000;
/// More lines than the pipe can hold.
const MORE_THAN_A_PIPE: usize = 500;
const CLIENTS: usize = 4;
const DROPPED: &str = "paynow_log_records_dropped_total";

/// An app with a product and without a receiver, because the test starts its own.
fn app_without_receiver() -> (TestApp, i64) {
    let mut app = TestApp::start();
    let product = flake();
    app.set_product(product, 10);
    app.receiver.take().expect("a receiver runs").stop();
    (app, product)
}

/// Starts a receiver that writes its log to this path, and waits until it is ready.
fn receiver_writing_to(app: &TestApp, log: &Path) -> Program {
    let variables = app.receiver_variables();
    let receiver = Program::start("paynow-receiver", log.to_owned(), &variables);
    eventually("the receiver is ready", || {
        app.receiver_ready().filter(|(status, _)| *status == 200)
    });
    receiver
}

/// Starts a receiver that writes its log to a pipe that nobody reads yet. Returns the reading end
/// too.
fn receiver_writing_to_a_pipe(app: &TestApp) -> (Program, File) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}", free_port()));
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo runs").success());
    // Opening one end waits for the other end to be opened, so this handle is both.
    let both = OpenOptions::new().read(true).write(true).open(&path);
    let both = both.expect("the pipe can be opened");
    let receiver = receiver_writing_to(app, &path);
    // This handle only reads, so it sees the end once the receiver has ended.
    let end = File::open(&path).expect("the pipe can be opened");
    drop(both);
    std::fs::remove_file(&path).expect("the pipe exists");
    (receiver, end)
}

/// Posts so many orders from several clients at once. Returns each answer with its duration.
fn post_orders(app: &TestApp, product: i64, count: usize) -> Vec<(Answer, Duration)> {
    let url = app.webhook_url();
    let client = || {
        let orders = (0..count / CLIENTS).map(|_| Order::of(product, flake()).body());
        let timed = orders.map(|body| {
            let began = Instant::now();
            (post(&url, &body), began.elapsed())
        });
        timed.collect::<Vec<_>>()
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let answers = clients
            .into_iter()
            .flat_map(|it| it.join().expect("no panic"));
        answers.collect()
    });
    for (answer, _took) in &answers {
        assert_eq!(answer.status, 202, "{answer:?}");
        app.note_accepted(answer.event_id());
    }
    answers
}

fn median(answers: &[(Answer, Duration)]) -> Duration {
    let mut times: Vec<Duration> = answers.iter().map(|(_answer, took)| *took).collect();
    times.sort();
    times[times.len() / 2]
}

/// The lines of a log, each of which must be a complete record.
fn records(log: &str) -> Vec<Value> {
    assert!(log.ends_with('\n'), "the last line is cut off: {log}");
    let lines = log.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

fn named<'a>(records: &'a [Value], event: &str) -> Vec<&'a Value> {
    let named = records.iter().filter(|record| record["event"] == event);
    named.collect()
}

fn ends_in_order(mut receiver: Program) {
    receiver.ask_to_stop();
    let status = receiver.ended();
    assert!(status.success(), "{status}");
}

#[test]
fn a_log_that_nobody_reads_costs_no_webhook_and_its_gap_is_reported() {
    let (app, product) = app_without_receiver();
    let (receiver, pipe) = receiver_writing_to_a_pipe(&app);

    let before = median(&post_orders(&app, product, FITS));
    assert_eq!(app.receiver_metric(DROPPED), Some(0.0));
    post_orders(&app, product, MORE_THAN_CHANNEL_AND_PIPE - FITS);
    let full = median(&post_orders(&app, product, FITS / 2));

    let dropped = app.receiver_metric(DROPPED).expect("the metric exists");
    assert!(dropped > 1_000.0, "{dropped}");
    // Generous, because other tests run at the same time. A blocking log would stop everything.
    assert!(
        full < before * 5,
        "{before:?} before, {full:?} with a full log"
    );

    let drained_at = clock::now_rfc3339();
    let reading = thread::spawn(move || std::io::read_to_string(pipe).expect("UTF-8"));
    // The report is sent with the next record, and only when the channel is not full.
    let reported = eventually("the gap is reported", || {
        post_orders(&app, product, CLIENTS);
        let reports = "paynow_log_records_total{level=\"warning\",event=\"log_records_dropped\"}";
        app.receiver_metric(reports)
            .filter(|reports| *reports > 0.0)
    });
    let dropped = app.receiver_metric(DROPPED).expect("the metric exists");
    ends_in_order(receiver);

    let records = records(&reading.join().expect("no panic"));
    let reports = named(&records, "log_records_dropped");
    assert_eq!(f64::from(u32::try_from(reports.len()).unwrap()), reported);
    let gap: u64 = reports.iter().filter_map(|it| it["records"].as_u64()).sum();
    assert_eq!(f64::from(u32::try_from(gap).unwrap()), dropped);
    let queued = named(&records, "webhook_queued");
    let missing = app.accepted_count() - u32::try_from(queued.len()).unwrap();
    assert!(u64::from(missing) <= gap, "{missing} of a gap of {gap}");
    let (stalled, _since) = queued.split_at(FITS);
    for record in stalled {
        let time = record["time"].as_str().expect("a record has its time");
        assert!(
            time < drained_at.as_str(),
            "{record} was logged after {drained_at}"
        );
    }
}

#[test]
fn a_receiver_whose_log_nobody_reads_stops_when_it_is_asked_to() {
    let (app, product) = app_without_receiver();
    let (receiver, _pipe) = receiver_writing_to_a_pipe(&app);

    post_orders(&app, product, MORE_THAN_A_PIPE);

    ends_in_order(receiver);
}

#[test]
fn a_log_that_cannot_be_written_costs_no_webhook_and_is_counted() {
    let (app, product) = app_without_receiver();
    let receiver = receiver_writing_to(&app, Path::new("/dev/full"));

    post_orders(&app, product, 200);

    eventually("the unwritten records are counted", || {
        app.receiver_metric(DROPPED)
            .filter(|dropped| *dropped >= 200.0)
    });
    let panics = "paynow_log_records_total{level=\"critical\",event=\"panicked\"}";
    assert_eq!(app.receiver_metric(panics), Some(0.0));
    ends_in_order(receiver);
}

#[test]
fn after_sigterm_under_load_the_log_is_whole_and_every_202_has_its_line() {
    let mut app = TestApp::start();
    let product = flake();
    app.set_product(product, 10);
    let url = app.webhook_url();
    let mut receiver = app.receiver.take().expect("a receiver runs");
    let until_refused = || {
        let posts = std::iter::repeat_with(|| try_post(&url, &Order::of(product, flake()).body()));
        let accepted = posts.map_while(Result::ok).filter(Answer::accepted);
        accepted.collect::<Vec<_>>()
    };

    let accepted: Vec<Answer> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(until_refused)).collect();
        let queued = "paynow_receiver_requests_total{outcome=\"queued\"}";
        eventually("the receiver is under load", || {
            app.receiver_metric(queued).filter(|queued| *queued > 200.0)
        });
        receiver.stop();
        let accepted = clients
            .into_iter()
            .flat_map(|it| it.join().expect("no panic"));
        accepted.collect()
    });

    for answer in &accepted {
        app.note_accepted(answer.event_id());
    }
    let records = records(&receiver.log());
    let ours = |record: &&Value| record["module"].as_str().unwrap().starts_with("paynow_");
    let last = records.iter().rfind(ours).expect("there are records");
    assert_eq!(last["event"], "stopped", "{last}");
    assert!(named(&records, "log_records_dropped").is_empty());
    assert_eq!(named(&records, "webhook_queued").len(), accepted.len());
}

/// The number of records by level and event.
type Tally = BTreeMap<(String, String), u64>;

fn written(log: &str) -> Tally {
    let mut tally = Tally::new();
    for record in records(log) {
        let text = |field: &str| record[field].as_str().expect("a text").to_owned();
        *tally.entry((text("level"), text("event"))).or_default() += 1;
    }
    tally
}

fn counted(scrape: &str) -> Tally {
    let samples = scrape.lines().filter_map(|line| {
        let (labels, value) = line
            .strip_prefix("paynow_log_records_total{")?
            .split_once("} ")?;
        let label = |name: &str| {
            let (_before, rest) = labels.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        Some(((label("level")?, label("event")?), value.parse().ok()?))
    });
    samples.filter(|(_record, count)| *count > 0).collect()
}

#[test]
fn the_metric_counts_the_records_of_the_log() {
    let app = TestApp::start();
    let product = flake();
    app.set_product(product, 10);

    post_orders(&app, product, CLIENTS);
    assert_eq!(app.deliver_bytes(b"{\"event_id\":\"78\"}").status, 202);
    assert_eq!(send(&app.webhook_url(), b"{}", &[]).unwrap().status, 400);
    app.drain();

    let receiver = app.receiver.as_ref().expect("a receiver runs");
    let programs = [
        (
            receiver,
            app.receiver_admin_port(),
            ("warning", "webhook_refused"),
        ),
        (
            &app.workers[0],
            app.worker_ports[0],
            ("error", "event_dead_lettered"),
        ),
    ];
    for (program, port, (level, event)) in programs {
        let tally = eventually("log and metric agree", || {
            let log = Some(program.log()).filter(|log| log.ends_with('\n'))?;
            let scrape = if port == app.receiver_admin_port() {
                app.receiver_admin("/metrics")
            } else {
                app.worker_admin("/metrics")
            };
            let (written, counted) = (written(&log), counted(&scrape?.1));
            (written == counted).then_some(written)
        });
        assert_eq!(tally.get(&(level.to_owned(), event.to_owned())), Some(&1));
    }
}

#[test]
fn a_log_for_people_has_a_line_for_each_record() {
    let (app, product) = app_without_receiver();
    let mut variables = app.receiver_variables();
    variables.push(("LOG_FORMAT".to_owned(), "text".to_owned()));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}", free_port()));
    let receiver = Program::start("paynow-receiver", path.clone(), &variables);
    eventually("the receiver is ready", || {
        app.receiver_ready().filter(|(status, _)| *status == 200)
    });

    post_orders(&app, product, CLIENTS);
    ends_in_order(receiver);

    let log = std::fs::read_to_string(&path).expect("the log is there");
    let accepted = log
        .lines()
        .filter(|line| line.contains(" webhook_queued: "));
    assert_eq!(accepted.count(), CLIENTS, "{log}");
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let time = words.next().unwrap_or_default();
        assert!(time.ends_with('Z') && time.len() == 24, "{line}");
        let level = words.next().unwrap_or_default();
        assert!(["info", "debug", "warning"].contains(&level), "{line}");
        assert!(
            words.next().is_some_and(|event| event.ends_with(':')),
            "{line}"
        );
    }
    assert!(!log.contains(SECRET), "{log}");
}

/// Bytes in the form in which a library shows them when they are not text.
fn as_numbers(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn libraries_log_under_their_names_and_quote_nothing() {
    let app = TestApp::builder()
        .receiver_setting("LOG_LEVEL", "trace")
        .worker_setting("LOG_LEVEL", "trace")
        .start();
    let product = flake();
    app.set_product(product, 10);
    post_orders(&app, product, CLIENTS);
    app.drain();
    app.leave_unaudited();
    for queue in ["paynow.credits", "paynow.unrouted"] {
        app.broker
            .delete(&format!("queues/{}/{queue}", app.broker.vhost()));
    }
    let answer = app.deliver(&Order::of(product, flake()));
    assert_eq!((answer.status, answer.code()), (503, "returned"));

    let log = app.await_log("\"returned\"");

    let password = app.broker.url().password().expect("a password").to_owned();
    for private in [password.as_bytes(), b"{\"event_"] {
        assert!(
            !log.contains(&as_numbers(private)),
            "{}",
            as_numbers(private)
        );
    }
    let records = records(&log);
    for library in ["lapin", "actix_server"] {
        let records = named(&records, library);
        assert!(!records.is_empty(), "{library} logs nothing");
        for record in records {
            let module = record["module"].as_str().unwrap_or_default();
            assert!(module.starts_with(&format!("{library}::")), "{record}");
        }
    }
    assert!(named(&records, "tracing").is_empty());
    assert!(!log.contains("<unknown>"));
}
