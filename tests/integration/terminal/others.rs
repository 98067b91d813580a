//! What others answer or write: a broker's management API, a receiver, a page of metrics, and a page of
//! PayNow's history, all with hostile texts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};

use super::plant::HOSTILE;
use crate::harness::flake;

type Answer = fn(&str) -> (u16, String);

/// Answers every request until the tests end. Returns the address.
fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_one(&stream, answer));
        }
    });
    format!("http://{address}")
}

fn answer_one(mut stream: &TcpStream, answer: Answer) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
    let length = head
        .to_lowercase()
        .split_once("content-length: ")
        .and_then(|(_before, rest)| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    let _read = reader.read_exact(&mut body);
    let (status, text) = answer(&head);
    // A client that went away needs no answer.
    let _written = write!(
        stream,
        "HTTP/1.1 {status} Hostile\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

/// Refuses every request for a hostile reason.
pub(super) fn refusing_server() -> String {
    serve(|_head| {
        let reason = format!("{HOSTILE} of a reason");
        let problem = json!({"code": reason, "error": reason, "reason": reason, "message": reason});
        (400, problem.to_string())
    })
}

/// A broker's management API in which every name is hostile.
pub(super) fn hostile_api() -> String {
    serve(|head| {
        let is_of_nodes = head.starts_with("GET /api/nodes");
        let name = format!("{HOSTILE} of a node");
        let kept = if is_of_nodes {
            name.as_str()
        } else {
            "paynow.credits"
        };
        let text = format!("{HOSTILE} of a queue");
        let row = |name: &str| -> Value {
            json!({
                "name": name, "vhost": text, "type": text, "durable": text, "node": text,
                "arguments": {"x-queue-type": text}, "definition": {"x": text}, "pattern": text,
                "queue": {"name": "paynow.credits"}, "running": false, "mem_alarm": true,
                "source": name, "destination": name, "routing_key": name, "state": text,
                "messages": 1, "messages_ready": 1, "messages_unacknowledged": 1,
            })
        };
        (200, json!([row(kept), row(&text)]).to_string())
    })
}

/// A process whose metrics have hostile labels.
pub(super) fn hostile_metrics() -> String {
    let address = serve(|_head| {
        let text = format!("{HOSTILE} of a label").replace('\n', "\\n");
        let page = format!(
            "paynow_build_info{{program=\"{text}\",version=\"{text}\"}} 1\n\
             paynow_log_records_total{{level=\"error\",event=\"{text}\"}} 3\n"
        );
        (200, page)
    });
    format!("{address}/metrics")
}

/// A page of PayNow's history with hostile texts. Returns the file's name.
pub(super) fn hostile_page() -> String {
    let delivery = |state: &str| {
        json!({
            "id": HOSTILE, "webhook_id": HOSTILE, "created_at": "2026-01-01T10:00:00Z",
            "state": state, "event": HOSTILE, "executions": [],
            "payload": {"event_type": HOSTILE, "event_id": flake().to_string(), "body": {}},
        })
    };
    let page = json!({"page": 1, "history": [delivery("success"), delivery(HOSTILE)]});
    write_file("page", &page)
}

/// A file of products with hostile names. Returns the file's name.
pub(super) fn hostile_products() -> String {
    let name = format!("{HOSTILE} of a product");
    let product = json!({"product_id": "43", "points": 7, "name": name});
    write_file("products", &json!([product]))
}

/// PayNow's API with a product whose name and metadata are hostile.
pub(super) fn hostile_shop() -> String {
    serve(|_head| {
        let name = format!("{HOSTILE} of a product");
        let metadata = json!({"points": "7", HOSTILE: HOSTILE});
        (
            200,
            json!([{"id": "43", "name": name, "metadata": metadata}]).to_string(),
        )
    })
}

fn write_file(name: &str, document: &Value) -> String {
    let name = format!("{name}-{}", flake());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, document.to_string()).expect("a file can be written");
    file.display().to_string()
}
