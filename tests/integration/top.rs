//! `paynowctl top` on a system under load, on a broken system, and on a terminal.

mod terminal;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use serde_json::Value;

use crate::harness::{Order, Outcome, Program, Servers, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const UNKNOWN: i64 = 600_000_000_000_000_099;

/// The arguments of `top` for the receiver and every worker that the test ever started.
fn arguments(app: &TestApp, more: &[&str]) -> Vec<String> {
    // A host name, which stands for all its addresses.
    let receiver = format!("http://localhost:{}/metrics", app.receiver_admin_port());
    let workers = app.worker_ports.iter();
    let workers = workers.map(|port| format!("http://127.0.0.1:{port}/metrics"));
    let mut arguments: Vec<String> = ["top", "--interval", "1"].map(str::to_owned).into();
    for url in std::iter::once(receiver).chain(workers) {
        arguments.extend(["--metrics".to_owned(), url]);
    }
    arguments.extend(more.iter().map(|more| (*more).to_owned()));
    arguments
}

fn run(app: &TestApp, variables: &[(String, String)], more: &[&str]) -> Outcome {
    let arguments = arguments(app, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::run("paynowctl", variables, &arguments)
}

fn run_once(app: &TestApp) -> Value {
    let outcome = run(app, &app.variables(), &["--once", "--json"]);
    outcome.succeeded().json()
}

/// The row of the process at a port.
fn process(view: &Value, port: u16) -> &Value {
    let rows = view["processes"].as_array().expect("a list");
    let at = |row: &&Value| {
        row["address"]
            .as_str()
            .is_some_and(|at| at.ends_with(&port.to_string()))
    };
    rows.iter()
        .find(at)
        .unwrap_or_else(|| panic!("no process at {port}: {view:#}"))
}

fn problems(view: &Value) -> String {
    view["problems"].to_string()
}

#[test]
fn figures_are_those_of_known_deliveries() {
    let app = TestApp::builder().workers(2).start();
    app.set_product(POINTS, 500);
    let unknown: Vec<Order> = (0..3).map(|_| Order::of(UNKNOWN, flake())).collect();
    unknown
        .iter()
        .for_each(|order| assert!(app.deliver(order).accepted()));
    app.deliver(&unknown[0]);
    let mut fine = 0;
    let mut watcher = Running::start(&app);
    let busy = eventually("top has taken two samples", || {
        app.deliver(&Order::of(POINTS, flake()));
        fine += 1;
        watcher.ended()
    });
    app.drain();

    let rate = |name: &str| busy["rates"][name]["per_second"].as_f64().unwrap();
    assert!(rate("queued") > 0.0 && rate("credited") > 0.0, "{busy:#}");
    for name in ["request", "confirm", "apply", "event_age"] {
        let p99 = &busy["latencies"][name]["interval"]["p99"];
        assert!(p99["seconds"].as_f64().unwrap() > 0.0, "{name}: {busy:#}");
    }
    let settled = run_once(&app);
    let total = |name: &str| settled["rates"][name]["total"].as_f64().unwrap();
    assert_eq!(total("credited"), f64::from(fine), "{settled:#}");
    assert_eq!(total("queued"), f64::from(fine + 4), "{settled:#}");
    assert_eq!(settled["rates"]["queued"]["per_second"], 0.0);
    let letters = &settled["open_dead_letters"];
    assert_eq!(letters["letters"], 3, "{settled:#}");
    assert_eq!(letters["by_reason"][0]["reason"], "unknown_product");
    assert!(
        problems(&settled).contains("3 open dead letters"),
        "{settled:#}"
    );
    let states = settled["processes"].as_array().unwrap().iter();
    let states: Vec<&str> = states.map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["connected", "consuming", "consuming"]);
    assert_eq!(settled["backlog"]["messages"], 0);
    assert_eq!(settled["unknown"], serde_json::json!({}));
}

/// Runs `top` once in a thread.
struct Running(Option<std::thread::JoinHandle<Value>>);

impl Running {
    fn start(app: &TestApp) -> Self {
        let (variables, arguments) = (app.variables(), arguments(app, &["--once", "--json"]));
        Self(Some(std::thread::spawn(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            Program::run("paynowctl", &variables, &arguments)
                .succeeded()
                .json()
        })))
    }

    fn ended(&mut self) -> Option<Value> {
        let ended = self.0.take_if(|thread| thread.is_finished())?;
        Some(ended.join().expect("top runs to its end"))
    }
}

#[test]
fn the_addresses_of_the_processes_may_be_a_setting() {
    let app = TestApp::start();
    let ports = [app.receiver_admin_port(), app.worker_ports[0]];
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}/metrics"));
    let mut variables = app.variables();
    variables.push(("PAYNOW_METRICS_URLS".to_owned(), urls.join(",")));
    let once = ["top", "--once", "--json", "--interval", "1"];
    let view = Program::run("paynowctl", &variables, &once)
        .succeeded()
        .json();
    for port in ports {
        assert_eq!(process(&view, port)["answers"], true, "{view:#}");
    }
}

#[test]
fn a_killed_worker_has_no_figures_and_its_work_piles_up() {
    let mut app = TestApp::start();
    app.set_product(POINTS, 500);
    let port = app.worker_ports[0];
    app.workers.remove(0).kill();
    for _ in 0..5 {
        app.deliver(&Order::of(POINTS, flake()));
    }
    // The broker updates the figures of a queue every few seconds.
    let view = eventually("five events wait", || {
        let view = run_once(&app);
        (view["backlog"]["messages"] == 5).then_some(view)
    });

    let worker = process(&view, port);
    assert_eq!(worker["answers"], false, "{view:#}");
    assert!(
        worker["reason"].as_str().unwrap().contains("refused"),
        "{view:#}"
    );
    assert_eq!(worker["memory_bytes"], Value::Null);
    assert_eq!(view["rates"]["credited"]["per_second"], Value::Null);
    assert_eq!(view["rates"]["credited"]["total"], Value::Null);
    assert_eq!(view["rates"]["queued"]["total"], 5.0);
    assert_eq!(view["backlog"]["seconds_to_empty"], Value::Null);
    assert_eq!(view["queues"][0]["ready"], 5);
    let receiver = process(&view, app.receiver_admin_port());
    assert_eq!(receiver["state"], "connected");
    assert!(problems(&view).contains(&port.to_string()), "{view:#}");
    let paper = run(&app, &app.variables(), &["--once"]).succeeded().stdout;
    assert!(paper.contains("1 of 2 processes"), "{paper}");
    app.start_worker();
}

#[test]
fn a_database_that_refuses_logins_is_reported_and_the_rest_works() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let mut server = PgConnection::establish(Servers::of_this_run().database.as_str()).unwrap();
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    let mut let_in = |yes: bool| {
        let sql = format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        server.batch_execute(&sql).unwrap();
    };
    let_in(false);
    // The worker has had nothing to do since, so it does not know itself.
    let idle = run_once(&app);
    let state = &process(&idle, app.worker_ports[0])["state"];
    let honest = ["unknown", "no database", "paused"];
    assert!(honest.iter().any(|it| state == it), "{idle:#}");
    eventually("the worker knows it by itself", || {
        let view = run_once(&app);
        let state = &process(&view, app.worker_ports[0])["state"];
        (state == "no database").then_some(())
    });
    app.deliver(&Order::of(POINTS, flake()));
    let view = eventually("the worker waits for the database", || {
        let view = run_once(&app);
        (process(&view, app.worker_ports[0])["state"] == "paused").then_some(view)
    });
    let_in(true);

    assert_eq!(view["open_dead_letters"], Value::Null, "{view:#}");
    assert_eq!(view["debts"], Value::Null);
    let reason = view["unknown"]["database"].as_str().unwrap();
    assert!(
        reason.contains("not currently accepting connections"),
        "{reason}"
    );
    assert_eq!(view["rates"]["queued"]["total"], 1.0);
    assert_eq!(view["queues"][0]["exists"], true);
    assert!(problems(&view).contains("is paused"), "{view:#}");
    // The cause comes first, and nobody empties the queue meanwhile.
    let first = view["problems"][0]["what"].as_str().expect("a text");
    assert!(first.starts_with("database: "), "{view:#}");
    assert_eq!(view["backlog"]["is_consumed"], false, "{view:#}");
}

#[test]
fn a_part_without_its_setting_or_its_server_does_not_affect_the_others() {
    let app = TestApp::start();
    let with = |name: &str, value: Option<&str>| -> Vec<(String, String)> {
        let others = app
            .variables()
            .into_iter()
            .filter(|(other, _)| other != name);
        let set = value.map(|value| (name.to_owned(), value.to_owned()));
        others.chain(set).collect()
    };
    for (name, value, part, fine) in [
        (
            "AMQP_MANAGEMENT_URL",
            Some("http://127.0.0.1:1"),
            "broker",
            "debts",
        ),
        ("AMQP_URL", None, "broker", "debts"),
        ("DATABASE_URL", None, "database", "queues"),
    ] {
        let outcome = run(&app, &with(name, value), &["--once", "--json"]);
        let view = outcome.succeeded().json();
        assert!(view["unknown"][part].is_string(), "{name}: {view:#}");
        assert!(!view[fine].is_null(), "{name}: {view:#}");
        assert_eq!(
            view["processes"][1]["state"], "consuming",
            "{name}: {view:#}"
        );
    }
}

#[test]
fn on_paper_there_are_no_escape_codes_and_no_wide_lines() {
    let app = TestApp::start();
    let paper = run(&app, &app.variables(), &["--once"]).succeeded().stdout;
    assert!(!paper.contains('\u{1b}'), "{paper:?}");
    assert!(paper.starts_with("paynowctl top  "), "{paper}");
    let widest = paper.lines().map(str::len).max();
    assert!(widest <= Some(80), "{paper}");
    assert!(
        paper.contains("2 of 2 processes  broker  database"),
        "{paper}"
    );
}

#[test]
fn it_prints_one_sample_after_another_until_the_reader_closes_the_pipe() {
    let app = TestApp::start();
    let here = std::env::current_exe().unwrap();
    let binary = here.parent().unwrap().parent().unwrap().join("paynowctl");
    let mut child = Command::new(binary)
        .args(arguments(&app, &[]))
        .env_clear()
        .envs(app.variables())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let titles = lines
        .map(Result::unwrap)
        .filter(|line| line.starts_with("paynowctl top  "));
    assert_eq!(titles.take(2).count(), 2);
    let status = eventually("it ends", || child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
