//! Caddy with the file that the page makes, in front of a receiver.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{eventually, free_port};

pub(super) const HOST: &str = "points.example.com";

pub(super) struct Front {
    port: u16,
    child: Child,
    folder: PathBuf,
}

impl Front {
    /// Starts it with the Caddyfile of the folder, of which only ports and the certificate are replaced.
    pub(super) fn start(folder: &Path, receiver: u16) -> Self {
        let port = free_port();
        make_certificate(folder);
        let file = folder.join("etc/caddy/Caddyfile");
        let text = fs::read_to_string(&file).expect("the page made it");
        let place = folder.display();
        let site = format!(
            "https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {place}/fullchain.pem {place}/privkey.pem\n"
        );
        let text = replaced(&text, &format!("\n{HOST} {{\n"), &format!("\n{site}"));
        // It would listen on port 80 to redirect clients.
        let quiet = "\tadmin off\n\tauto_https disable_redirects\n";
        let text = replaced(&text, "\tadmin off\n", quiet);
        let text = replaced(&text, "127.0.0.1:8080", &format!("127.0.0.1:{receiver}"));
        let own = folder.join("Caddyfile");
        fs::write(&own, text).expect("it can be written");
        let log = File::create(folder.join("caddy.log")).expect("the log can be made");
        let child = Command::new("caddy")
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(own)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("caddy runs");
        let front = Self {
            port,
            child,
            folder: folder.to_owned(),
        };
        eventually("the proxy listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        front
    }

    /// A `curl` that finds the host here and trusts its certificate.
    pub(super) fn curl(&self) -> String {
        let (port, place) = (self.port, self.folder.display());
        format!(
            "curl() {{ command curl -q --silent --show-error --noproxy '*' --max-time 20 \
             --connect-to {HOST}:443:127.0.0.1:{port} --cacert {place}/fullchain.pem \"$@\"; }}"
        )
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-subj", &format!("/CN={HOST}")])
        .args(["-addext", &format!("subjectAltName=DNS:{HOST}")])
        .arg("-keyout")
        .arg(folder.join("privkey.pem"))
        .arg("-out")
        .arg(folder.join("fullchain.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replace(from, to)
}
