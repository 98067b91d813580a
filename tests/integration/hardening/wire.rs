//! HTTP written by hand, to send what no well-behaved client sends.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use paynow_process::clock;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use crate::harness::{SECRET, TestApp, sign};

/// A test fails if an answer takes longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Wire {
    stream: TcpStream,
    /// Bytes that were read after the last returned answer.
    rest: Vec<u8>,
}

/// An HTTP answer, as text.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(super) fn assert_is(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{self:?}"
        );
    }
}

impl Wire {
    pub(super) fn open(app: &TestApp) -> Self {
        Self::open_at(app.receiver_port()).expect("the receiver takes connections")
    }

    pub(super) fn open_at(port: u16) -> io::Result<Self> {
        Self::on(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// Connects from this address, which must be one of this machine.
    pub(super) fn open_from(address: [u8; 4], app: &TestApp) -> Self {
        let to = ([127, 0, 0, 1], app.receiver_port()).into();
        let connected = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((address, 0).into())?;
            socket.connect(to).await?.into_std()
        };
        let runtime = Builder::new_current_thread().enable_io().build();
        let stream = runtime.expect("it starts").block_on(connected);
        let stream = stream.expect("the receiver takes connections");
        stream.set_nonblocking(false).expect("it can wait");
        Self::on(stream).expect("it is open")
    }

    fn on(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            rest: Vec::new(),
        })
    }

    /// Sends bytes and ignores errors, because the server may close at any byte. The answer shows
    /// why.
    pub(super) fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        let _may_be_closed = self.stream.write_all(text.as_ref());
        self
    }

    pub(super) fn try_send(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(text.as_ref())
    }

    /// Closes the sending side.
    pub(super) fn finish(&mut self) {
        let shut = self.stream.shutdown(std::net::Shutdown::Write);
        shut.expect("it is open");
    }

    /// Whether the receiver is known to have closed it, without waiting.
    pub(super) fn was_closed(&self) -> bool {
        self.stream
            .set_nonblocking(true)
            .expect("a socket can do it");
        let peeked = self.stream.peek(&mut [0]);
        self.stream
            .set_nonblocking(false)
            .expect("a socket can do it");
        peeked.map_or_else(
            |error| error.kind() != io::ErrorKind::WouldBlock,
            |_read| true,
        )
    }

    /// The next answer, or `None` if the connection is closed without one.
    pub(super) fn reply(&mut self) -> Option<Reply> {
        loop {
            if let Some((reply, length)) = parse(&self.rest) {
                self.rest.drain(..length);
                return Some(reply);
            }
            if self.read_more() == 0 {
                return None;
            }
        }
    }

    #[track_caller]
    pub(super) fn expect(&mut self) -> Reply {
        self.reply().expect("the receiver answers")
    }

    /// Waits for the end, and returns whether the receiver closed it without another answer.
    pub(super) fn is_closed(&mut self) -> bool {
        self.read_more() == 0 && self.rest.is_empty()
    }

    /// Reads more bytes. Returns 0 at the end or after a reset.
    fn read_more(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let read = match self.stream.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("no answer and no end within {ANSWER_LIMIT:?}")
            }
            Err(_reset) => 0,
        };
        self.rest.extend_from_slice(&buffer[..read]);
        read
    }
}

fn parse(bytes: &[u8]) -> Option<(Reply, usize)> {
    let head_length = bytes.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_length]).to_lowercase();
    let (_version, status) = head.split_once(' ')?;
    let status = status.get(..3)?.parse().ok()?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let length: usize = lines
        .filter(|(name, _value)| *name == "content-length")
        .find_map(|(_name, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let end = head_length + length;
    let body = String::from_utf8_lossy(bytes.get(head_length..end)?).into_owned();
    Some((Reply { status, head, body }, end))
}

/// A complete signed request, with these additional headers.
pub(super) fn signed(body: &[u8], more: &str) -> Vec<u8> {
    request(SECRET, body, more)
}

/// A complete request, signed with an unknown secret.
pub(super) fn forged(body: &[u8], more: &str) -> Vec<u8> {
    request("pn-another", body, more)
}

fn request(secret: &str, body: &[u8], more: &str) -> Vec<u8> {
    let length = format!("content-length: {}\r\n{more}", body.len());
    let head = head(secret, body, &length);
    [head.as_bytes(), body].concat()
}

/// A complete request that PayNow signed an hour ago.
pub(super) fn stale(body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}\r\n", body.len());
    let head = head_at(clock::now_ms() - 3_600_000, SECRET, body, &length);
    [head.as_bytes(), body].concat()
}

/// The head of a signed request, without its body.
pub(super) fn head(secret: &str, body: &[u8], more: &str) -> String {
    head_at(clock::now_ms(), secret, body, more)
}

fn head_at(signed_at_ms: i64, secret: &str, body: &[u8], more: &str) -> String {
    let timestamp = signed_at_ms.to_string();
    let signature = sign(secret, &timestamp, body);
    format!(
        "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\nPayNow-Signature: {signature}\r\n\
         PayNow-Timestamp: {timestamp}\r\n{more}\r\n"
    )
}
