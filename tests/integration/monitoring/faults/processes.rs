//! Our programs as processes: killed again and again, short of descriptors or memory, with an
//! unread log.

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
use crate::monitoring::system::System;

pub(super) const FAULTS: [Fault; 5] = [RESTARTS, DESCRIPTORS, MEMORY, NO_READER, CERTIFICATE];

const RESTARTS: Fault = Fault {
    what: "the worker is killed and started again and again",
    test: "processes::processes_in_trouble_raise_their_alerts",
    alerts: &["PayNowProcessRestarting warning"],
};

const DESCRIPTORS: Fault = Fault {
    what: "the receiver's limit of descriptors is lowered to what it has open",
    test: "processes::processes_in_trouble_raise_their_alerts",
    alerts: &["PayNowDescriptorsHigh warning"],
};

const MEMORY: Fault = Fault {
    what: "twelve unfinished bodies of 60 MiB arrive at once, which the settings allow",
    test: "processes::processes_in_trouble_raise_their_alerts",
    alerts: &["PayNowMemoryHigh warning"],
};

const NO_READER: Fault = Fault {
    what: "nobody reads the receiver's log, which is a pipe",
    test: "processes::processes_in_trouble_raise_their_alerts",
    alerts: &["PayNowLogsDropped warning"],
};

const CERTIFICATE: Fault = Fault {
    what: "the broker has a certificate that expires in two days",
    test: "processes::processes_in_trouble_raise_their_alerts",
    alerts: &[
        "PayNowCertificateExpiring critical",
        "PayNowCertificateExpiring warning",
    ],
};

const MIB: usize = 1024 * 1024;
const BODY: usize = 60 * MIB;
const SENDERS: usize = 12;
/// The receiver itself may wait much longer for the end of such a body.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Raises the limits that protect a receiver from such load.
const UNLIMITED: [(&str, &str); 4] = [
    ("RECEIVER_BODY_LIMIT_BYTES", "67108864"),
    ("RECEIVER_BODY_MEMORY_BYTES", "1073741824"),
    ("RECEIVER_FAILURES_PER_SOURCE", "1000000"),
    ("RECEIVER_FAILURES_OVERALL", "1000000"),
];

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn processes_in_trouble_raise_their_alerts() {
    let mut system = System::with(&UNLIMITED, &[]);
    let (watch, steady) = system.watched_twice(QUICK, STEADY);
    for fault in [&DESCRIPTORS, &MEMORY, &NO_READER, &CERTIFICATE] {
        fault.is_silent(&watch);
    }
    RESTARTS.is_silent(&steady);

    let receiver = system.app.receiver.as_ref().expect("it runs").pid();
    let open = fs::read_dir(format!("/proc/{receiver}/fd")).expect("it runs");
    limit_descriptors(receiver, open.count() + 2);
    DESCRIPTORS.fires(&watch, || {});
    limit_descriptors(receiver, 1024);
    DESCRIPTORS.is_over(&watch, || {});

    flood_with_bodies(&mut system, &watch);
    system.app.receiver = Some(system.app.start_receiver());
    MEMORY.is_over(&watch, || {});

    RESTARTS.fires(&steady, || {
        system.kill_worker();
        system.start_worker();
    });
    RESTARTS.is_over(&steady, || {});

    let pipe = UnreadPipe::new();
    system.app.receiver.take().expect("it runs").kill();
    let receiver = receiver_that_logs_to(&system.app, &pipe.path);
    eventually("the receiver is ready", || {
        system
            .app
            .receiver_ready()
            .filter(|(status, _)| *status == 200)
    });
    NO_READER.fires(&watch, || log_much(&system.app.webhook_url()));
    pipe.read_from_now();
    NO_READER.is_over(&watch, || {});
    receiver.kill();

    let broker = TlsServer::start("a-certificate-of-two-days", 2);
    let url = format!("amqps://u:p@127.0.0.1:{}/%2f", broker.port);
    let receiver = receiver_with(&system.app, "AMQP_URL", &url);
    CERTIFICATE.fires(&watch, || {});
    receiver.kill();
    system.app.receiver = Some(system.app.start_receiver());
    CERTIFICATE.is_over(&watch, || {});
}

fn limit_descriptors(pid: u32, count: usize) {
    let arguments = [format!("--pid={pid}"), format!("--nofile={count}:")];
    let status = Command::new("prlimit").args(arguments).status();
    assert!(status.expect("prlimit runs").success());
}

/// Sends bodies until the alert fires. Then kills the receiver, as on-call would, to free its
/// memory.
fn flood_with_bodies(system: &mut System, watch: &Monitoring) {
    let (port, is_over) = (system.app.receiver_port(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _sender in 0..SENDERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    send_unfinished(port);
                }
            });
        }
        // Dropped on a panic too, without which the senders would never stop.
        let _at_the_end = SetOnDrop(&is_over);
        MEMORY.fires(watch, || {});
        system.app.receiver.take().expect("it runs").kill();
    });
}

/// Sets the flag when it is dropped.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a body without its end, and waits for an answer of the receiver, which may be killed.
fn send_unfinished(port: u16) {
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
    // The receiver may close the connection before all is sent.
    let _head = receiver.write_all(head.as_bytes());
    let mut pieces = 0..BODY / MIB;
    let _refused = pieces.try_for_each(|_piece| receiver.write_all(&piece));
    let _answer = receiver.read(&mut [0; 1024]);
}

/// A pipe that is open for reading but not read, so writing works until it is full.
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
        // Opening it for writing too does not wait for a writer.
        let end = OpenOptions::new().read(true).write(true).open(&path);
        Self {
            end: end.expect("it is there"),
            path,
        }
    }

    fn read_from_now(&self) {
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

/// A receiver on the usual addresses that logs to this file.
fn receiver_that_logs_to(app: &TestApp, log: &Path) -> Program {
    Program::start("paynow-receiver", log.to_owned(), &app.receiver_variables())
}

fn receiver_with(app: &TestApp, name: &str, value: &str) -> Program {
    let mut variables = app.receiver_variables();
    variables.push((name.to_owned(), value.to_owned()));
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("with-{name}.log"));
    Program::start("paynow-receiver", log, &variables)
}

/// Makes the receiver log a refusal 200 times.
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
