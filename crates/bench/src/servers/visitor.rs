//! People at the console, signed in by a proxy, and the streams that their browsers keep open.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ureq::Agent;

use super::programs::{CONSOLE_GROUP, Console};
use crate::failure::{Doing, Result, ensure};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The console shows its first figures at once, and looks at a silent source for some seconds.
const FIRST_EVENT_TIMEOUT: Duration = Duration::from_secs(30);
const NO_COOKIE: &str = "the console set no cookie";

/// Somebody who is signed in.
pub(crate) struct Visitor {
    console: std::net::SocketAddr,
    /// What the proxy and the browser send with each request.
    headers: Vec<(&'static str, String)>,
}

impl Visitor {
    pub(crate) fn sign_in(console: &Console, name: &str) -> Result<Self> {
        let mut headers = vec![
            ("X-Console-Secret", console.proxy_secret.clone()),
            ("X-Forwarded-User", name.to_owned()),
            ("X-Forwarded-Groups", CONSOLE_GROUP.to_owned()),
        ];
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build()
            .new_agent();
        let origin = format!("http://{}", console.address);
        let mut asked = agent
            .post(format!("{origin}/login"))
            .header("Origin", &origin)
            .header("Sec-Fetch-Site", "same-origin");
        for (name, value) in &headers {
            asked = asked.header(*name, value);
        }
        let no_fields: [(&str, &str); 0] = [];
        let answer = asked.send_form(no_fields).doing("signing in")?;
        let cookie = answer.headers().get("set-cookie").map(|it| it.to_str());
        let cookie = cookie.ok_or(NO_COOKIE).doing("signing in")?;
        let cookie = cookie.doing("signing in")?.split(';').next();
        headers.push(("Cookie", cookie.unwrap_or_default().to_owned()));
        Ok(Self {
            console: console.address,
            headers,
        })
    }

    /// A complete request for a page.
    pub(crate) fn get(&self, place: &str) -> Vec<u8> {
        let headers = self.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let host = self.console;
        format!("GET {place} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").into_bytes()
    }
}

/// Open streams of `/live`, each read by a thread.
pub(crate) struct Streams(Vec<(TcpStream, JoinHandle<usize>)>);

impl Streams {
    /// Opens so many streams for each visitor, one after the other, as people come: the console refuses a crowd
    /// that comes at one moment. Each has shown something before the next is opened.
    pub(crate) fn open(visitors: &[Visitor], of_each: usize) -> Result<Self> {
        let what = "opening a stream";
        let mut streams = Vec::new();
        for visitor in visitors {
            for _stream in 0..of_each {
                let mut stream = TcpStream::connect(visitor.console).doing(what)?;
                stream.write_all(&visitor.get("/live/stream")).doing(what)?;
                let reader = stream.try_clone().doing(what)?;
                let (tell, told) = sync_channel(1);
                streams.push((stream, std::thread::spawn(move || read(&reader, &tell))));
                let has_begun = told.recv_timeout(FIRST_EVENT_TIMEOUT).is_ok();
                ensure(has_begun, what, || {
                    format!("number {} has shown nothing", streams.len())
                })?;
            }
        }
        Ok(Self(streams))
    }

    /// Closes them; gives how many events the one with the fewest has shown.
    pub(crate) fn close(self) -> Result<usize> {
        let mut fewest = usize::MAX;
        for (stream, reader) in self.0 {
            // One that the console has closed is found by its events.
            let _closed = stream.shutdown(Shutdown::Both);
            let events = reader.join().map_err(|_panic| "the thread panicked");
            fewest = fewest.min(events.doing("reading a stream")?);
        }
        Ok(fewest)
    }
}

/// Reads a stream to its end, and tells of its first event; gives the number of events.
fn read(stream: &TcpStream, tell: &SyncSender<()>) -> usize {
    let mut events = 0;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else {
            return events;
        };
        if line.starts_with("data: ") {
            if events == 0 {
                // Nobody waits any longer after a failure.
                let _told = tell.send(());
            }
            events += 1;
        }
    }
    events
}
