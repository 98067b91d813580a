//! The page `/live` and its stream show what `paynowctl top` shows, while somebody looks.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::{Browser, Console};
use crate::harness::{Order, TestApp, eventually, flake, free_port};

const UNKNOWN: i64 = 600_000_000_000_000_099;

/// A console that looks at the receiver and the first worker of a test.
fn console(app: &TestApp, more: &[(&str, &str)]) -> Console {
    let programs = [app.receiver_admin_port(), app.worker_ports[0]];
    let urls = programs.map(|port| format!("http://127.0.0.1:{port}/metrics"));
    let urls = urls.join(",");
    let own = [("CONSOLE_AUTH", "accounts"), ("PAYNOW_METRICS_URLS", &urls)];
    Console::start_with(app, &[&own, more].concat())
}

impl Browser {
    /// The stream of the page, with the line of its answer's status.
    fn stream(&self) -> (String, Stream) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the console listens");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a limit can be set");
        let head = format!(
            "GET /live/stream HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\n\r\n",
            self.port, self.cookie
        );
        stream
            .write_all(head.as_bytes())
            .expect("the console reads");
        let mut stream = Stream(BufReader::new(stream));
        (stream.line(), stream)
    }

    fn live(&self) -> Stream {
        let (status, stream) = self.stream();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        stream
    }
}

struct Stream(BufReader<TcpStream>);

impl Stream {
    /// Empty at its end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the stream goes on");
        line
    }

    /// The next state of the page: the text of each part by its name.
    fn next(&mut self) -> Value {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the stream ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data.trim_end()).expect("data is a document");
            }
        }
    }

    /// The first state whose part contains a text.
    fn until(&mut self, part: &str, text: &str) -> Value {
        eventually(&format!("the stream says {text} in {part}"), || {
            let state = self.next();
            state["parts"][part]
                .to_string()
                .contains(text)
                .then_some(state)
        })
    }
}

#[test]
fn a_death_is_on_the_page_and_in_the_stream_with_its_points_at_stake() {
    let app = TestApp::start();
    let console = console(&app, &[]);
    let anna = console.somebody(&app, "anna", "viewer");
    let mut stream = anna.live();
    let first = stream.next();
    assert!(
        first["parts"]["live-letters"]
            .to_string()
            .contains("No dead letter is open."),
        "{first}"
    );
    for _ in 0..3 {
        assert!(app.deliver(&Order::of(UNKNOWN, flake())).accepted());
    }
    app.drain();
    let state = stream.until("live-letters", "unknown_product");
    let letters = state["parts"]["live-letters"].to_string();
    assert!(
        letters.contains("/dead?state=open&reason=unknown_product"),
        "{letters}"
    );
    assert!(
        state["title"].as_str().unwrap().starts_with("Live: "),
        "{state}"
    );
    // The price is known now: each letter would give as many points as the desk says.
    app.set_product(UNKNOWN, 500);
    let groups = app.ctl_json(&["dead", "list"]);
    let stake = groups[0]["points_at_stake"].as_u64().unwrap();
    assert!((1_000..1_000_000).contains(&stake), "{groups}");
    let shown = format!("\"{},{:03}\"", stake / 1_000, stake % 1_000);
    stream.until("live-letters", &shown);

    let page = anna.get("/live");
    for part in state["parts"].as_object().unwrap().keys() {
        let begin = format!("<section id=\"{part}\"");
        assert!(page.text.contains(&begin), "{part}: {page:?}");
    }
    assert!(page.text.contains("3 open dead letters"), "{page:?}");
    let document = anna.with("Accept", "application/json").get("/live").json();
    let top = app.ctl_json(&["top", "--once", "--interval", "1"]);
    let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&document), names(&top));
    assert_eq!(document["open_dead_letters"]["letters"], 3, "{document}");
    assert!(
        document["rates"]["credited"]["per_second"].is_number(),
        "{document}"
    );
}

#[test]
fn a_silent_source_says_since_when_and_streams_are_few_and_end_with_the_console() {
    let mut app = TestApp::start();
    let nobody = format!("http://guest:guest@127.0.0.1:{}", free_port());
    let mut console = console(&app, &[("AMQP_MANAGEMENT_URL", &nobody)]);
    let (status, _refused) = console.stranger().stream();
    assert!(status.starts_with("HTTP/1.1 303"), "{status}");
    let bob = console.somebody(&app, "bob", "viewer");
    let mut stream = bob.live();
    app.workers.remove(0).kill();
    let state = stream.until("live-processes", "has been silent since");
    let parts = &state["parts"];
    let queues = parts["live-queues"].to_string();
    assert!(
        queues.contains("The broker has been silent since"),
        "{queues}"
    );
    assert!(
        parts["live-letters"]
            .to_string()
            .contains("No dead letter is open."),
        "{state}"
    );
    assert!(
        parts["live-processes"].to_string().contains("connected"),
        "{state}"
    );

    let mut streams: Vec<Stream> = (0..3).map(|_| bob.live()).collect();
    let (status, mut refused) = bob.stream();
    assert!(status.starts_with("HTTP/1.1 429"), "{status}");
    eventually("it says when to try again", || {
        (refused.line().to_lowercase() == "retry-after: 10\r\n").then_some(())
    });
    let _of_somebody_else = console.somebody(&app, "carla", "viewer").live();
    streams.pop();
    eventually("a closed stream gives its place back", || {
        bob.stream().0.starts_with("HTTP/1.1 200").then_some(())
    });
    console.program.stop();
    eventually("the stream ends", || stream.line().is_empty().then_some(()));
}

#[test]
fn the_newest_check_is_on_the_page_with_who_asked_for_it() {
    let app = TestApp::start();
    let console = console(&app, &[]);
    let vera = console.somebody(&app, "vera", "viewer");
    let mut stream = vera.live();
    stream.until("live-checks", "Nobody has asked");
    let list = vera.with("Accept", "application/json");
    assert!(list.get("/checks").json().is_null());
    let olga = console.somebody(&app, "olga", "operator");
    assert_eq!(olga.post("/checks", &[]).status, 200);
    stream.until("live-checks", "for olga.");
    let newest = list.get("/checks").json();
    assert_eq!(newest["by"], "olga", "{newest}");
    let fails = newest["rows"].as_array().expect("a list").iter();
    let fails = fails.filter(|row| row["status"] == "failed");
    let fails: Vec<&str> = fails.filter_map(|row| row["id"].as_str()).collect();
    let page = vera.get("/live");
    let part = page.between("<section id=\"live-checks\"", "</section>");
    assert!(part.contains("href=\"/checks\""), "{part}");
    assert!(fails.iter().all(|id| part.contains(id)), "{fails:?} {part}");
    let kept = vera.get("/checks");
    assert!(
        kept.text.contains("olga") && kept.text.contains("balances"),
        "{kept:?}"
    );
}
