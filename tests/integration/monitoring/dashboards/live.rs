//! The dashboards and alerts on a running pipeline: every metric they name exists, and every query
//! has a result.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use paynow_process::environment::Environment;
use serde_json::{Value, json};
use url::Url;

use super::board::{Board, files, nothing_of, read};
use super::filled_in;
use super::promql::named_in;
use crate::harness::{Order, Servers, TestApp, eventually, flake, free_port};

const POINTS: i64 = 600_000_000_000_000_040;
const ALERTS: &str = "deploy/prometheus/alerts";
/// The pages of the broker's plugin that Prometheus scrapes.
const BROKER_PAGES: [&str; 2] = [
    "/metrics",
    "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count&family=ra_metrics",
];
/// Metrics of some versions of RabbitMQ only. The alerts that name them do not depend on them.
const OF_SOME_BROKERS: [&str; 2] = [
    "rabbitmq_alarms_file_descriptor_limit",
    "rabbitmq_unreachable_cluster_peers_count",
];
/// The broker reports a new queue after some seconds, and a rate needs some scrapes.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A pipeline that has credited an order and dead-lettered another, and the addresses of its
/// metrics.
struct Running {
    _app: TestApp,
    receiver: Url,
    worker: Url,
    broker: Url,
}

impl Running {
    fn start() -> Self {
        // The worker reads its figures from the database every second here.
        let app = TestApp::builder()
            .worker_setting("SURVEY_INTERVAL_SECONDS", "1")
            .start();
        app.set_product(POINTS, 500);
        app.deliver(&Order::of(POINTS, flake()));
        app.deliver(&Order::of(flake(), flake()));
        app.drain();
        let at = |port| Url::parse(&format!("http://127.0.0.1:{port}")).expect("it is an address");
        Self {
            receiver: at(app.receiver_admin_port()),
            worker: at(*app.worker_ports.last().expect("it has a worker")),
            broker: broker_plugin(),
            _app: app,
        }
    }

    /// The names of all samples that Prometheus would scrape now.
    fn samples(&self) -> BTreeSet<String> {
        let programs = [&self.receiver, &self.worker].map(|url| scrape(url, "/metrics"));
        let broker = BROKER_PAGES.map(|page| scrape(&self.broker, page));
        let pages = programs.into_iter().chain(broker);
        pages.flat_map(|page| sample_names(&page)).collect()
    }
}

/// The address of the broker's plugin. The management API does not show it, so `ops/stack env` sets
/// a variable.
fn broker_plugin() -> Url {
    let environment = Environment::of_this_process();
    let text = environment.text("AMQP_PROMETHEUS_URL").map_or_else(
        || {
            let amqp = Servers::of_this_run().amqp;
            format!("http://{}:15692", amqp.host_str().unwrap_or("127.0.0.1"))
        },
        str::to_owned,
    );
    Url::parse(&text).unwrap_or_else(|error| panic!("AMQP_PROMETHEUS_URL is no URL: {error}"))
}

fn scrape(server: &Url, page: &str) -> String {
    let url = server.join(page).expect("the page is valid");
    let mut response = ureq::get(url.as_str()).call().unwrap_or_else(|error| {
        panic!("{url}: {error}; is AMQP_PROMETHEUS_URL where rabbitmq_prometheus listens?")
    });
    response
        .body_mut()
        .read_to_string()
        .expect("metrics are text")
}

fn sample_names(page: &str) -> BTreeSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let names = samples.filter_map(|line| line.split(['{', ' ']).next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The metrics of an alert file, without those that it records itself.
fn metrics_in_rules(text: &str) -> BTreeSet<String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let inside = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
    let words = lines.flat_map(|line| line.split(move |c| !inside(c)));
    let prefixes = ["paynow_", "rabbitmq_", "process_"];
    words
        .filter(|word| !word.contains(':') && prefixes.iter().any(|it| word.starts_with(it)))
        // The beginning of a pattern of names is no metric.
        .filter(|word| !word.ends_with('_') && !OF_SOME_BROKERS.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Calls `left` until it returns nothing. Fails with what is left after the time limit.
#[track_caller]
fn nothing_left_of(what: &str, mut left: impl FnMut() -> Vec<String>) {
    let started = Instant::now();
    let left = eventually(what, || {
        let left = left();
        (left.is_empty() || started.elapsed() > TIME_LIMIT).then_some(left)
    });
    nothing_of(&left);
}

#[test]
fn every_metric_that_dashboards_and_alerts_name_is_reported() {
    let running = Running::start();
    let boards = Board::all();
    let named = boards.iter().flat_map(Board::queries).flat_map(|query| {
        let metrics = named_in(query.expression).metrics.into_iter();
        metrics.map(move |metric| (metric, query.place.clone()))
    });
    let alerts = files(ALERTS, ".yml").into_iter().flat_map(|file| {
        let metrics = metrics_in_rules(&read(&file)).into_iter();
        metrics.map(move |metric| (metric, file.clone()))
    });
    let named: Vec<(String, String)> = named.chain(alerts).collect();

    nothing_left_of("every metric is reported", || {
        let samples = running.samples();
        let missing = named
            .iter()
            .filter(|(metric, _place)| !samples.contains(metric));
        missing
            .map(|(metric, place)| format!("{metric} of {place}"))
            .collect()
    });
}

#[test]
fn every_panel_shows_something_when_the_pipeline_runs() {
    let running = Running::start();
    let prometheus = Prometheus::watching(&running);
    let boards = Board::all();
    let instance = |variable: &str| match variable {
        "receiver" => host_and_port(&running.receiver),
        "worker" => host_and_port(&running.worker),
        _node => host_and_port(&running.broker),
    };

    nothing_left_of("every query has an answer", || {
        let queries = boards.iter().flat_map(Board::queries);
        let empty = queries.filter_map(|query| {
            let expression = filled_in(query.expression, instance);
            // While Prometheus does not answer, every query is left.
            let has_answer = prometheus.has_answer_to(&expression).unwrap_or(false);
            (!has_answer).then(|| format!("{}: {expression}", query.place))
        });
        empty.collect()
    });
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().expect("it is an address of the network");
    format!(
        "{host}:{}",
        url.port_or_known_default().expect("HTTP has a port")
    )
}

/// Debian's Prometheus, which scrapes one pipeline until this is dropped.
struct Prometheus {
    process: RefCell<Child>,
    api: Url,
    folder: PathBuf,
}

impl Prometheus {
    fn watching(running: &Running) -> Self {
        let port = free_port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("dashboards-{port}"));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let job = |name: &str, url: &Url| {
            let targets = json!([{"targets": [host_and_port(url)]}]);
            json!({"job_name": name, "static_configs": targets})
        };
        let mut queues = job("rabbitmq-queues", &running.broker);
        let page = running
            .broker
            .join(BROKER_PAGES[1])
            .expect("the page is valid");
        let families: Vec<_> = page.query_pairs().map(|(_name, family)| family).collect();
        queues["metrics_path"] = json!(page.path());
        queues["params"] = json!({"family": families});
        let jobs = [
            job("paynow-receiver", &running.receiver),
            job("paynow-worker", &running.worker),
            job("rabbitmq", &running.broker),
            queues,
        ];
        // JSON is valid YAML. A rate needs two scrapes, so the interval is short.
        let config = json!({"global": {"scrape_interval": "500ms"}, "scrape_configs": jobs});
        let log = File::create(folder.join("log")).expect("the log can be made");
        std::fs::write(folder.join("prometheus.yml"), config.to_string()).expect("so can this");
        let process = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .expect("prometheus is installed: ops/test does it");
        let api = format!("http://127.0.0.1:{port}/api/v1/query");
        Self {
            process: RefCell::new(process),
            api: Url::parse(&api).expect("it is an address"),
            folder,
        }
    }

    /// Whether a query returns any series, or `None` while Prometheus does not answer.
    fn has_answer_to(&self, expression: &str) -> Option<bool> {
        let ended = self
            .process
            .borrow_mut()
            .try_wait()
            .expect("it is a child of ours");
        assert!(
            ended.is_none(),
            "Prometheus ended, see {}",
            self.folder.display()
        );
        let mut url = self.api.clone();
        url.query_pairs_mut().append_pair("query", expression);
        let mut response = ureq::get(url.as_str()).call().ok()?;
        let answer: Value = response.body_mut().read_json().ok()?;
        Some(!answer["data"]["result"].as_array()?.is_empty())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let process = self.process.get_mut();
        let _gone = process.kill();
        let _status = process.wait();
        if !std::thread::panicking() {
            let _left = std::fs::remove_dir_all(&self.folder);
        }
    }
}
