//! Our programs as processes: killed again and again, short of descriptors, of memory, of a reader.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use paynow_process::clock;

use super::{Fault, QUICK, STEADY};
use crate::harness::{Monitoring, Program, SECRET, TestApp, TlsServer, eventually, send, sign};
use crate::monitoring::world::World;

pub(super) const FAULTS: [Fault; 5] = [RESTARTS, DESCRIPTORS, MEMORY, NO_READER, CERTIFICATE];

const RESTARTS: Fault = Fault {
    what: "the worker is killed and started again and again",
    test: "processes::programs_in_trouble_are_told",
    alerts: &["PayNowProcessRestarting warning"],
};

const DESCRIPTORS: Fault = Fault {
    what: "the receiver's limit of descriptors is lowered to what it has open",
    test: "processes::programs_in_trouble_are_told",
    alerts: &["PayNowDescriptorsHigh warning"],
};

const MEMORY: Fault = Fault {
    what: "bodies of 60 MiB, which the settings allow, come, twelve at once, and do not end",
    test: "processes::programs_in_trouble_are_told",
    alerts: &["PayNowMemoryHigh warning"],
};

const NO_READER: Fault = Fault {
    what: "nobody reads the receiver's log, which is a pipe",
    test: "processes::programs_in_trouble_are_told",
    alerts: &["PayNowLogsDropped warning"],
};

const CERTIFICATE: Fault = Fault {
    what: "the broker shows a certificate that ends in two days",
    test: "processes::programs_in_trouble_are_told",
    alerts: &[
        "PayNowCertificateExpiring critical",
        "PayNowCertificateExpiring warning",
    ],
};

const MIB: usize = 1024 * 1024;
const BODY: usize = 60 * MIB;
const SENDERS: usize = 12;
/// The receiver may wait much longer for the end of such a body.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Without the limits that keep a receiver from such trouble.
const UNLIMITED: [(&str, &str); 4] = [
    ("RECEIVER_BODY_LIMIT_BYTES", "67108864"),
    ("RECEIVER_BODY_MEMORY_BYTES", "1073741824"),
    ("RECEIVER_FAILURES_PER_SOURCE", "1000000"),
    ("RECEIVER_FAILURES_OVERALL", "1000000"),
];

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn programs_in_trouble_are_told() {
    let mut world = World::with(&UNLIMITED, &[]);
    let (watch, steady) = world.watched_twice(QUICK, STEADY);
    for fault in [&DESCRIPTORS, &MEMORY, &NO_READER, &CERTIFICATE] {
        fault.is_not_told_yet(&watch);
    }
    RESTARTS.is_not_told_yet(&steady);

    let receiver = world.app.receiver.as_ref().expect("it runs").pid();
    let open = fs::read_dir(format!("/proc/{receiver}/fd")).expect("it runs");
    limit_descriptors(receiver, open.count() + 2);
    DESCRIPTORS.is_told(&watch, || {});
    limit_descriptors(receiver, 1024);
    DESCRIPTORS.is_over(&watch, || {});

    flood_with_bodies(&mut world, &watch);
    world.app.receiver = Some(world.app.start_receiver());
    MEMORY.is_over(&watch, || {});

    RESTARTS.is_told(&steady, || {
        world.kill_worker();
        world.start_worker();
    });
    RESTARTS.is_over(&steady, || {});

    let pipe = UnreadPipe::new();
    world.app.receiver.take().expect("it runs").kill();
    let receiver = receiver_that_logs_to(&world.app, &pipe.path);
    eventually("the receiver is ready", || {
        world
            .app
            .receiver_ready()
            .filter(|(status, _)| *status == 200)
    });
    NO_READER.is_told(&watch, || log_much(&world.app.webhook_url()));
    pipe.is_read_now();
    NO_READER.is_over(&watch, || {});
    receiver.kill();

    let broker = TlsServer::start("a-certificate-of-two-days", 2);
    let url = format!("amqps://u:p@127.0.0.1:{}/%2f", broker.port);
    let receiver = receiver_with(&world.app, "AMQP_URL", &url);
    CERTIFICATE.is_told(&watch, || {});
    receiver.kill();
    world.app.receiver = Some(world.app.start_receiver());
    CERTIFICATE.is_over(&watch, || {});
}

fn limit_descriptors(pid: u32, count: usize) {
    let arguments = [format!("--pid={pid}"), format!("--nofile={count}:")];
    let status = Command::new("prlimit").args(arguments).status();
    assert!(status.expect("prlimit runs").success());
}

/// Until that is told; the receiver is then killed, as on-call would, and its memory is free.
fn flood_with_bodies(world: &mut World, watch: &Monitoring) {
    let (port, told) = (world.app.receiver_port(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _sender in 0..SENDERS {
            scope.spawn(|| {
                while !told.load(Ordering::Relaxed) {
                    unended(port);
                }
            });
        }
        // An end that comes by a panic too, or the senders would never stop.
        let _at_the_end = Tell(&told);
        MEMORY.is_told(watch, || {});
        world.app.receiver.take().expect("it runs").kill();
    });
}

/// Says so when it is dropped.
struct Tell<'a>(&'a AtomicBool);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a body but for its end, and waits for what the receiver says to that if it lives.
fn unended(port: u16) {
    let Ok(mut receiver) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    let timeout = receiver.set_read_timeout(Some(ANSWER_LIMIT));
    timeout.expect("a limit that is not zero");
    let timestamp = clock::now_ms().to_string();
    let signature = sign(SECRET, &timestamp, b"of another body");
    let head = format!(
        "POST /webhooks/paynow HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\n\
         PayNow-Signature: {signature}\r\nPayNow-Timestamp: {timestamp}\r\n\
         Content-Type: application/json\r\n\r\n",
        BODY + 1
    );
    let piece = vec![b'x'; MIB];
    // It may have had enough before all is sent.
    let _head = receiver.write_all(head.as_bytes());
    let mut pieces = 0..BODY / MIB;
    let _refused = pieces.try_for_each(|_piece| receiver.write_all(&piece));
    let _answer = receiver.read(&mut [0; 1024]);
}

/// A pipe whose end for reading is open, so that it can be written to until it is full.
struct UnreadPipe {
    path: PathBuf,
    end: File,
}

impl UnreadPipe {
    fn new() -> Self {
        let name = format!("log-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        // Opened for writing too, it does not wait for a writer.
        let end = OpenOptions::new().read(true).write(true).open(&path);
        Self {
            end: end.expect("it is there"),
            path,
        }
    }

    fn is_read_now(&self) {
        let mut end = self.end.try_clone().expect("a file handle can be cloned");
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while end.read(&mut piece).is_ok_and(|read| read > 0) {}
        });
    }
}

impl Drop for UnreadPipe {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.path);
    }
}

/// At the addresses of the world's own.
fn receiver_that_logs_to(app: &TestApp, log: &Path) -> Program {
    Program::start("paynow-receiver", log.to_owned(), &app.receiver_variables())
}

fn receiver_with(app: &TestApp, name: &str, value: &str) -> Program {
    let mut variables = app.receiver_variables();
    variables.push((name.to_owned(), value.to_owned()));
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("with-{name}.log"));
    Program::start("paynow-receiver", log, &variables)
}

/// A record for each request that is refused.
fn log_much(url: &str) {
    thread::scope(|scope| {
        for _sender in 0..4 {
            scope.spawn(|| {
                for _request in 0..50 {
                    send(url, b"", &[]).expect("the receiver answers");
                }
            });
        }
    });
}
