//! Debian's `prometheus` and `prometheus-alertmanager` as processes of one test.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::wait::eventually;

/// A server that is killed when its test ends, because nobody needs its data.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts a server and waits until it reports that it is ready.
    pub(super) fn start(program: &str, folder: &Path, port: u16, arguments: &[&str]) -> Self {
        let log = folder.join(format!("{program}.log"));
        let output = File::create(&log).expect("the log file can be made");
        let errors = output.try_clone().expect("a file handle can be cloned");
        let child = Command::new(program)
            .args(arguments)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} did not start (see ops/test): {error}"));
        let mut server = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        eventually(&format!("{program} is ready"), || {
            let ended = server.child.try_wait().expect("a child can be waited for");
            let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "{program} ended: {}", log_text());
            server.get("/-/ready").map(drop)
        });
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The text at a path, or `None` while the server cannot answer.
    pub(super) fn get(&self, path: &str) -> Option<String> {
        let mut response = ureq::get(format!("{}{path}", self.url)).call().ok()?;
        response.body_mut().read_to_string().ok()
    }

    /// Posts without a body and ignores the answer, which may be a refusal.
    pub(super) fn post(&self, path: &str) {
        let _answer = ureq::post(format!("{}{path}", self.url)).send_empty();
    }

    pub(super) fn kill(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
