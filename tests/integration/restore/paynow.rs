//! PayNow's side: it records its deliveries and lists them in pages of formatted JSON.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use paynow_shared::wire::label;
use serde_json::{Value, json, value::RawValue};

use crate::harness::{Outcome, Reply, TestApp, eventually, flake, metric_at, serve_api};

/// Short enough that each test has several pages.
const PAGE_LENGTH: usize = 50;
/// A time before anything that a test creates.
pub(super) const SINCE: &str = "2026-01-01T00:00:00Z";

/// One delivery in the history.
#[derive(Clone)]
struct Delivered {
    state: &'static str,
    payload: String,
}

#[derive(Default, Clone)]
pub(super) struct History(Arc<Mutex<Vec<Delivered>>>);

impl History {
    pub(super) fn add(&self, body: &[u8], state: &'static str) {
        let payload = String::from_utf8(body.to_vec()).expect("PayNow sends text");
        self.0.lock().unwrap().push(Delivered { state, payload });
    }

    /// Posts an event and records it as delivered.
    pub(super) fn deliver(&self, app: &TestApp, body: &[u8]) {
        assert!(app.deliver_bytes(body).accepted());
        self.add(body, "success");
    }

    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        let delivered = self.0.lock().unwrap();
        let bodies = delivered.iter().map(|it| it.payload.clone().into_bytes());
        bodies.collect()
    }

    /// The page with this number, from 1. Pages after the last are empty.
    fn page(&self, number: usize) -> String {
        let delivered = self.0.lock().unwrap();
        let pages: Vec<&[Delivered]> = delivered.chunks(PAGE_LENGTH).collect();
        let on_page = number.checked_sub(1).and_then(|index| pages.get(index));
        let items: Vec<String> = on_page.into_iter().copied().flatten().map(item).collect();
        format!(
            "{{ \"page\": {number}, \"history\": [ {} ] }}\n",
            items.join(" ,\n")
        )
    }

    /// Writes all pages to files and returns their paths.
    pub(super) fn download(&self) -> Vec<String> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let pages = self.0.lock().unwrap().len().div_ceil(PAGE_LENGTH);
        let file = |number| {
            let file = folder.join(format!("history-{}-{number}.json", flake()));
            std::fs::write(&file, self.page(number)).unwrap();
            file.display().to_string()
        };
        (1..=pages).map(file).collect()
    }

    /// Serves the pages as PayNow's API does, until the tests end. Returns the address.
    pub(super) fn serve(&self) -> String {
        let history = self.clone();
        serve_api(move |request| history.answer(request))
    }

    fn answer(&self, request: &str) -> Reply {
        let is_let_in = request.contains("Authorization: APIKey k-1\n");
        let number = request
            .split_once("/v1/stores/2/webhooks/7/history?state=all&page=")
            .and_then(|(_before, rest)| rest.split(' ').next()?.parse().ok());
        match number.filter(|_| is_let_in) {
            Some(number) => Reply::Document(self.page(number)),
            None => Reply::Status(401),
        }
    }
}

/// A delivery as a page shows it: formatted, with the fields of the payload in their order.
fn item(delivered: &Delivered) -> String {
    let payload: &RawValue = serde_json::from_str(&delivered.payload).expect("PayNow sends JSON");
    let payload = payload.get().replacen("\":", "\" : ", 3);
    let delivery_id = flake();
    let state = delivered.state;
    let envelope = json!({
        "id": delivery_id.to_string(), "webhook_id": "7", "created_at": "2026-01-01T10:00:00Z",
        "state": state, "event": "OnSomething", "executions": [],
    })
    .to_string();
    let fields = envelope.trim_end_matches('}');
    format!("{fields},\n \"payload\" : {payload} }}")
}

pub(super) fn event_id(body: &[u8]) -> String {
    label(body).message_id
}

/// Runs `history missing` over all pages.
pub(super) fn missing(app: &TestApp, history: &History, options: &[&str]) -> Outcome {
    ctl(app, history, "missing", options)
}

/// Runs `history send` over all pages.
pub(super) fn send(app: &TestApp, history: &History, options: &[&str]) -> Outcome {
    let url = app.webhook_url();
    let given = ["--url", &url, "--by", "anna", "--why", "restore"];
    ctl(app, history, "send", &[&given, options].concat())
}

fn ctl(app: &TestApp, history: &History, command: &str, options: &[&str]) -> Outcome {
    let files = history.download();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let arguments = [
        &["history", command, "--since", SINCE][..],
        options,
        &["--file"],
        &files,
    ];
    app.ctl(&arguments.concat())
}

/// Waits until the broker is empty: every queue, and its delayed depth in the management API, which
/// `paynowctl` reads. All are read twice, because a message may move from one queue to another
/// meanwhile.
pub(super) fn await_drained(app: &TestApp) {
    let queues = ["", ".retry.1s", ".retry.2s", ".dead"].map(|end| format!("paynow.credits{end}"));
    let is_empty = |queue: &String| {
        app.broker.depth(queue) == 0 && app.broker.management_depth(queue) == Some(0)
    };
    let mut empty_rounds = 0;
    eventually("the broker is empty", || {
        empty_rounds = if queues.iter().all(is_empty) {
            empty_rounds + 1
        } else {
            0
        };
        (empty_rounds == 2).then_some(())
    });
}

/// Sends again all that PayNow ever sent. Each event is a duplicate or dies once more.
pub(super) fn resend_everything(app: &TestApp, history: &History) {
    let before = repeated(app);
    let bodies = history.bodies();
    for body in &bodies {
        assert!(app.deliver_bytes(body).accepted());
    }
    let events = f64::from(u32::try_from(bodies.len()).expect("tests send thousands"));
    eventually("every repeat is counted as a duplicate", || {
        (repeated(app) - before >= events).then_some(())
    });
}

fn repeated(app: &TestApp) -> f64 {
    let of_worker = |port: &u16| {
        let total = |outcome| {
            let series = format!("paynow_worker_events_total{{outcome=\"{outcome}\"}}");
            metric_at(*port, &series).unwrap_or_default()
        };
        total("duplicate") + total("dead")
    };
    app.worker_ports.iter().map(of_worker).sum()
}

/// The event ids of a list in the report.
pub(super) fn ids(report: &Value, list: &str) -> Vec<String> {
    let rows = report[list].as_array().expect("it is a list");
    let id = |row: &Value| {
        row.get("event_id")
            .unwrap_or(row)
            .as_str()
            .unwrap_or("-")
            .to_owned()
    };
    rows.iter().map(id).collect()
}
