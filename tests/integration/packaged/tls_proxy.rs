//! A real proxy with TLS and its shipped configuration, in front of a test's receiver, and clients of it.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{run, run_quietly, shipped};
use crate::harness::{TestApp, eventually, free_port};

/// The name in the configurations in front of a receiver.
const NAME: &str = "shop.example.org";
const RECEIVER: &str = "127.0.0.1:8080";
const CONSOLE: &str = "127.0.0.1:8090";

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    NginxOfConsole,
    CaddyOfConsole,
}

impl Kind {
    /// The name in the shipped configuration.
    fn name(self) -> &'static str {
        match self {
            Self::Nginx | Self::Caddy => NAME,
            Self::NginxOfConsole | Self::CaddyOfConsole => "console.example.org",
        }
    }
}

pub(super) struct TlsProxy {
    kind: Kind,
    port: u16,
    child: Child,
    folder: PathBuf,
}

impl TlsProxy {
    pub(super) fn in_front_of(app: &TestApp, kind: Kind) -> Self {
        Self::start(kind, app.receiver_port())
    }

    /// Starts it in front of this port with the shipped file, of which only ports and the certificate are
    /// replaced.
    pub(super) fn start(kind: Kind, before: u16) -> Self {
        let port = free_port();
        let name = format!("{kind:?}-{}-{port}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the folder can be made");
        make_certificate(&folder, kind.name());
        let before = format!("127.0.0.1:{before}");
        let mut command = match kind {
            Kind::Nginx => {
                let text = read("deploy/nginx/paynow.conf");
                nginx(&folder, port, &replaced(&text, RECEIVER, &before))
            }
            Kind::NginxOfConsole => {
                let text = read("deploy/nginx/console.conf");
                nginx(&folder, port, &replaced(&text, CONSOLE, &before))
            }
            Kind::Caddy => {
                let text = read("deploy/caddy/Caddyfile");
                let text = replaced(&text, RECEIVER, &before);
                caddy(&folder, port, kind.name(), &text)
            }
            Kind::CaddyOfConsole => {
                let text = read("deploy/caddy/console.Caddyfile");
                let text = replaced(&text, CONSOLE, &before);
                caddy(&folder, port, kind.name(), &text)
            }
        };
        let log = File::create(folder.join("log")).expect("the log file can be made");
        let errors = log.try_clone().expect("a file handle can be cloned");
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{kind:?} does not run: {error}"));
        let mut proxy = Self {
            kind,
            port,
            child,
            folder,
        };
        eventually("the proxy listens", || {
            let ended = proxy.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "{ended:?}: {}", proxy.log());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        proxy
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The file of the one certificate that its clients have to trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("fullchain.pem")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).expect("the log can be read")
    }

    /// What a client at this address of the machine gets from a path: the status, and the body.
    pub(super) fn ask(&self, source: &str, path: &str, options: &[&str]) -> (u16, String) {
        let name = self.kind.name();
        let output = run(Command::new("curl")
            .args(["-q", "--silent", "--show-error", "--noproxy", "*"])
            .args(["--max-time", "20", "--interface", source])
            .args(["--resolve", &format!("{name}:{}:127.0.0.1", self.port)])
            .arg("--cacert")
            .arg(self.folder.join("fullchain.pem"))
            .args(["--write-out", "\n%{http_code}"])
            .args(options)
            .arg(format!("https://{name}:{}{path}", self.port)));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text
            .rsplit_once('\n')
            .unwrap_or_else(|| panic!("{output:?}"));
        (status.parse().expect("a status"), body.to_owned())
    }

    /// A file for curl to send.
    pub(super) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.join(name);
        fs::write(&path, content).expect("it can be written");
        format!("@{}", path.display())
    }
}

impl Drop for TlsProxy {
    /// nginx ends its workers on SIGTERM.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _asked = Command::new("kill").args(["-TERM", &pid]).status();
        let _status = self.child.wait();
    }
}

fn make_certificate(folder: &Path, name: &str) {
    let made = run(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-subj", &format!("/CN={name}")])
        // By this machine's own name a program finds it without DNS.
        .args([
            "-addext",
            &format!("subjectAltName=DNS:{name},DNS:localhost"),
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join("privkey.pem"))
        .arg("-out")
        .arg(folder.join("fullchain.pem")));
    assert!(made.status.success(), "{made:?}");
}

/// Replaces what is in the text exactly once, so that a test runs with the shipped configuration.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replace(from, to)
}

fn read(path: &str) -> String {
    fs::read_to_string(shipped(path)).expect("it is shipped")
}

fn nginx(folder: &Path, port: u16, text: &str) -> Command {
    let place = folder.display();
    let text = replaced(
        text,
        "listen 443 ssl;",
        &format!("listen 127.0.0.1:{port} ssl;"),
    );
    let text = replaced(&text, "listen [::]:443 ssl;", "");
    let text = text.replace("/etc/ssl/paynow", &place.to_string());
    // What Debian's nginx.conf has around it, with paths that any user can write.
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {place}/{name};\n"))
        .concat();
    let whole = format!(
        "pid {place}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n\
         http {{\naccess_log off;\n{paths}{text}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, whole).expect("it can be written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-e").arg("stderr");
    command.arg("-c").arg(file);
    command
}

fn caddy(folder: &Path, port: u16, name: &str, text: &str) -> Command {
    let place = folder.display();
    let site = format!(
        "https://{name}:{port} {{\n\tbind 127.0.0.1\n\ttls {place}/fullchain.pem {place}/privkey.pem\n"
    );
    let text = replaced(text, &format!("\n{name} {{\n"), &format!("\n{site}"));
    // It would listen on port 80 to redirect clients.
    let text = replaced(
        &text,
        "\tadmin off\n",
        "\tadmin off\n\tauto_https disable_redirects\n",
    );
    let file = folder.join("Caddyfile");
    fs::write(&file, text).expect("it can be written");
    let mut command = Command::new("caddy");
    command.env("HOME", folder).env("XDG_DATA_HOME", folder);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    command
}

/// Lets Caddy check a shipped file as it is.
pub(super) fn adapt_caddyfile(name: &str) -> String {
    let file = shipped("deploy/caddy").join(name);
    run_quietly(
        Command::new("caddy")
            .args(["adapt", "--adapter", "caddyfile", "--config"])
            .arg(file),
    )
}
