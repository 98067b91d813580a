//! A TLS server with a certificate of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::port::free_port;
use super::wait::eventually;

/// Starts one openssl for each client, because openssl serves one at a time, and our programs read
/// the certificate over a second connection while the first is open.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
}

impl TlsServer {
    /// Starts the server with a certificate that is valid for `days` days.
    pub(crate) fn start(name: &str, days: i64) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let [key, certificate] = ["key", "pem"].map(|end| folder.join(format!("{name}.{end}")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes"])
            .args(["-subj", "/CN=localhost", "-days", &days.to_string()])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl runs: apt-get install openssl");
        assert!(made.status.success(), "{made:?}");
        let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (key, certificate) = (key.clone(), certificate.clone());
                thread::spawn(move || serve(client, &key, &certificate));
            }
        });
        Self { port }
    }
}

fn serve(client: TcpStream, key: &Path, certificate: &Path) {
    let port = free_port();
    let openssl = Command::new("openssl")
        .args(["s_server", "-quiet", "-naccept", "1"])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .arg("-key")
        .arg(key)
        .arg("-cert")
        .arg(certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs");
    let _openssl = KilledOnDrop(openssl);
    let server = eventually("openssl listens", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let _ended = pass_on(client, server);
}

/// A process that is killed when its client has gone.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Copies in both directions until the client closes its side.
pub(crate) fn pass_on(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<u64> {
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
    std::io::copy(&mut client, &mut server)
}
