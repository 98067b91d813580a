//! Clients with addresses of their own: a crowd that only keeps connections open, and senders.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

const HEAD: &str = "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\n";
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
/// A connection that ended sooner was not let in.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// A test fails if an answer takes longer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Connects to a port of this machine from a given address of it.
pub(super) async fn connect(source: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    socket
        .connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await
}

/// Sends bytes and returns all that comes back until the end of the connection.
pub(super) async fn exchange(source: Ipv4Addr, port: u16, bytes: &[u8]) -> io::Result<String> {
    let exchanged = timeout(ANSWER_LIMIT, async {
        let mut stream = connect(source, port).await?;
        stream.write_all(bytes).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    });
    exchanged.await?
}

#[derive(Default)]
struct Tally {
    open: AtomicUsize,
    cut: AtomicUsize,
    refused: AtomicUsize,
    is_over: AtomicBool,
}

/// Clients of which a third is silent, a third never ends its head and a third never ends its body.
/// Each opens another connection when it is cut off or refused.
pub(super) struct Crowd {
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(super) fn start(
        runtime: &Runtime,
        port: u16,
        sources: impl Iterator<Item = Ipv4Addr>,
    ) -> Self {
        let tally = Arc::new(Tally::default());
        let client =
            |(number, source)| runtime.spawn(keep_open(source, port, number, Arc::clone(&tally)));
        let clients = sources.enumerate().map(client).collect();
        Self { tally, clients }
    }

    /// How many connections are open.
    pub(super) fn open(&self) -> usize {
        self.tally.open.load(Ordering::Relaxed)
    }

    /// How many connections were cut off so far.
    pub(super) fn cut(&self) -> usize {
        self.tally.cut.load(Ordering::Relaxed)
    }

    /// How many connections were not let in so far.
    pub(super) fn refused(&self) -> usize {
        self.tally.refused.load(Ordering::Relaxed)
    }

    /// Opens no more connections, and closes none.
    pub(super) fn open_no_more(&self) {
        self.tally.is_over.store(true, Ordering::Relaxed);
    }

    /// Waits until all were cut off.
    pub(super) fn end(self, runtime: &Runtime) {
        self.open_no_more();
        for client in self.clients {
            runtime.block_on(client).expect("no client panics");
        }
    }
}

async fn keep_open(source: Ipv4Addr, port: u16, number: usize, tally: Arc<Tally>) {
    let begin = match number % 3 {
        0 => String::new(),
        1 => format!("{HEAD}slow: "),
        _body => format!("{HEAD}content-length: 1000\r\n\r\n{{"),
    };
    let mut tries = interval(BETWEEN_TRIES);
    tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !tally.is_over.load(Ordering::Relaxed) {
        tries.tick().await;
        let Ok(mut stream) = connect(source, port).await else {
            continue;
        };
        let since = Instant::now();
        tally.open.fetch_add(1, Ordering::Relaxed);
        // The proxy may close at any byte.
        let _sent = stream.write_all(begin.as_bytes()).await;
        let _answer = stream.read_to_end(&mut Vec::new()).await;
        tally.open.fetch_sub(1, Ordering::Relaxed);
        let ended = if since.elapsed() < REFUSED_WITHIN {
            &tally.refused
        } else {
            &tally.cut
        };
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets this process open so many files, if its hard limit allows it.
pub(super) fn allow_files(count: u64) {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux has limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let mut fields = line.expect("it is listed").split_whitespace();
    let is_enough = |limit: &str| limit.parse().map_or(true, |limit: u64| limit >= count);
    if is_enough(fields.next().expect("the soft limit")) {
        return;
    }
    assert!(
        is_enough(fields.next().expect("the hard limit")),
        "this test opens {count} files: raise the limit (ulimit -Hn)"
    );
    let arguments = [
        format!("--pid={}", std::process::id()),
        format!("--nofile={count}:"),
    ];
    let raised = Command::new("prlimit").args(arguments).status();
    assert!(raised.expect("prlimit runs").success());
}
