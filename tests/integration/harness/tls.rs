//! A server that shows a certificate.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::app::free_port;
use super::wait::eventually;

/// A TLS server with a certificate of its own, by openssl.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    child: Child,
}

impl TlsServer {
    /// Its certificate is its own, and ends after so many days.
    pub(crate) fn start(name: &str, days: i64) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let [key, certificate] = ["key", "pem"].map(|end| folder.join(format!("{name}.{end}")));
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-nodes",
                "-subj",
                "/CN=localhost",
            ])
            .args([
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-days",
                &days.to_string(),
            ])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl runs: apt-get install openssl");
        assert!(made.status.success(), "{made:?}");
        let port = free_port();
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-accept",
                &format!("127.0.0.1:{port}"),
            ])
            .arg("-key")
            .arg(&key)
            .arg("-cert")
            .arg(&certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        eventually("the TLS server listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { port, child }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
