//! The real HAProxy with the shipped configuration, in front of a test's receiver.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{TestApp, eventually, free_port};

/// Debian's package installs it there, which is not in the PATH of every user.
const HAPROXY: &str = "/usr/sbin/haproxy";
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy");
/// PayNow's published addresses.
const PUBLISHED: [&str; 3] = ["34.203.112.123", "54.208.125.169", "54.86.24.96"];

/// A source that is in the list of PayNow's addresses.
pub(super) const PAYNOW: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
/// A source that is in the list of the operator's own proxies.
pub(super) const OWN_PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

pub(super) struct Proxy {
    pub(super) port: u16,
    child: Child,
    log: PathBuf,
}

impl Proxy {
    /// Starts it with the shipped files, of which only addresses and ports are replaced.
    pub(super) fn in_front_of(app: &TestApp) -> Self {
        let port = free_port();
        let name = format!("haproxy-{}-{port}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the folder can be made");
        let rendered = folder.join("haproxy.cfg");
        let write = |name: &str, text: String| {
            fs::write(folder.join(name), text).expect("the file can be written");
        };
        write("haproxy.cfg", configuration(port, app.receiver_port()));
        write("paynow.lst", paynow());
        write("empty.http", shipped("empty.http"));
        write(
            "proxies.lst",
            format!("{}\n{OWN_PROXY}\n", shipped("proxies.lst")),
        );
        let log = folder.join("haproxy.log");
        let output = File::create(&log).expect("the log file can be made");
        let errors = output.try_clone().expect("a file handle can be cloned");
        let child = Command::new(HAPROXY)
            .args(["-db", "-dW", "-f"])
            .arg(rendered)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .expect("HAProxy runs: apt-get install haproxy");
        let mut proxy = Self { port, child, log };
        eventually("the proxy listens", || {
            let ended = proxy.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "{ended:?}: {}", proxy.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        proxy
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// The highest resident memory so far, in MiB.
    pub(super) fn memory_peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.split_whitespace().next());
        let kib: u64 = kib.expect("Linux has VmHWM").parse().expect("a number");
        kib / 1024
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A file that the compose overlay mounts.
pub(super) fn shipped(name: &str) -> String {
    fs::read_to_string(format!("{SHIPPED}/{name}")).expect("it is shipped")
}

/// Runs HAProxy's own check of the shipped configuration, in which a warning counts as an error.
pub(super) fn check_shipped() {
    let checked = Command::new(HAPROXY)
        .args(["-c", "-dW", "-f"])
        .arg(format!("{SHIPPED}/haproxy.cfg"))
        .output()
        .expect("HAProxy runs: apt-get install haproxy");
    assert!(checked.status.success(), "{checked:?}");
}

/// The shipped configuration with these ports instead of the containers'.
fn configuration(port: u16, receiver: u16) -> String {
    let text = shipped("haproxy.cfg");
    let text = replaced(text, "bind :8080", &format!("bind 127.0.0.1:{port}"));
    let text = replaced(text, " resolvers docker init-addr none", "");
    replaced(
        text,
        "server-template receiver 8 receiver:8080",
        &format!("server receiver 127.0.0.1:{receiver}"),
    )
}

/// The shipped list, in which one of PayNow's addresses is replaced.
fn paynow() -> String {
    let text = shipped("paynow.lst");
    let addresses: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(addresses, PUBLISHED);
    replaced(text, PUBLISHED[0], &PAYNOW.to_string())
}

/// Replaces what is in the text exactly once, so that a test does not run with another configuration
/// than the shipped one.
#[track_caller]
fn replaced(text: String, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replace(from, to)
}
