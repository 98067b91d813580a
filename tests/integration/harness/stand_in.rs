//! A stand-in for PayNow's API, which cannot run here.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::port::free_port;

/// How the stand-in answers a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// 200 with this document.
    Document(String),
    /// Another status, without a document.
    Status(u16),
    /// The connection stays open, and nothing comes.
    Silence,
}

/// Answers each request by its head, whose lines end with `\n`, until the tests end. Returns the address.
pub(crate) fn serve_api(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let address = format!("127.0.0.1:{}", free_port());
    let listener = TcpListener::bind(&address).expect("the port was free");
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head = lines.take_while(|line| !line.is_empty());
            let head: String = head.map(|line| line + "\n").collect();
            let (status, document) = match answer(&head) {
                Reply::Document(document) => (200, document),
                Reply::Status(status) => (status, String::new()),
                Reply::Silence => {
                    silent.push(stream);
                    continue;
                }
            };
            let length = document.len();
            let answer = format!(
                "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{document}"
            );
            // A client that has left needs no answer.
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}
