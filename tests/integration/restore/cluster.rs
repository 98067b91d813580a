//! A PostgreSQL server for one test, which may delete its data.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use url::Url;

use crate::harness::{flake, free_port};

/// Its only user before `setup`, and the name of its first database.
const ADMIN: &str = "admin";
const PASSWORD: &str = "0123456789abcdef";

/// The server's programs and its user, from the scripts that run the stack.
const PRELUDE: &str = r#"
set -euo pipefail
source "$OPS/lib.sh"
find_postgres
pids() { pids_in_directory postgres "$FOLDER/data"; }
launch() {
  run_as_postgres rm -f "$FOLDER/data/postmaster.pid"
  detached "$FOLDER/log" run_as_postgres "$PG_BIN/pg_ctl" -D "$FOLDER/data" -w -t 90 start
}
"#;

const CREATE: &str = r#"
create_cluster "$FOLDER/data" "$ADMIN" "$PASSWORD" "$FOLDER/log" <<CONF
listen_addresses = '127.0.0.1'
port = $PORT
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
CONF
launch
"#;

const LOSE: &str = r#"
{ read -r main <"$FOLDER/data/postmaster.pid"; } 2>/dev/null || main=
kill_hard "$main" pids
rm -rf "$FOLDER/data"
"#;

pub(super) struct Cluster {
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    pub(super) fn start() -> Self {
        // Below the directory for temporary files, which the server's user can reach.
        let folder = std::env::temp_dir().join(format!("paynow-restore-{}", flake()));
        let port = free_port();
        let cluster = Self { folder, port };
        cluster.run("mkdir -p \"$FOLDER\"; ((EUID != 0)) || chown postgres: \"$FOLDER\"");
        cluster.create();
        cluster
    }

    /// Creates an empty server in place of the lost one.
    pub(super) fn create(&self) {
        self.run(CREATE);
    }

    /// Starts the server on its present data directory.
    pub(super) fn launch(&self) {
        self.run("launch");
    }

    /// Kills the server and deletes its data.
    pub(super) fn lose(&self) {
        self.run(LOSE);
    }

    /// A folder outside the data directory, so it is not lost with it. The server's user may write
    /// to it.
    pub(super) fn folder(&self, name: &str) -> String {
        let folder = self.folder.join(name).display().to_string();
        self.run(&format!("run_as_postgres mkdir -p '{folder}'"));
        folder
    }

    pub(super) fn url(&self, database: &str) -> Url {
        let text = format!(
            "postgres://{ADMIN}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        );
        Url::parse(&text).expect("the parts of a URL make one")
    }

    pub(super) fn admin_url(&self) -> Url {
        self.url(ADMIN)
    }

    /// Runs commands as the server's user, who may not be able to read our programs.
    pub(super) fn run_as_server(&self, commands: &str, variables: &[(&str, &str)]) {
        let status = self.as_server(commands, variables).status();
        assert!(status.expect("bash runs").success(), "{commands}");
    }

    /// Starts commands as the server's user and does not wait for their end.
    pub(super) fn start_as_server(&self, commands: &str, variables: &[(&str, &str)]) -> Child {
        let mut command = self.as_server(commands, variables);
        command.stdin(Stdio::null()).spawn().expect("bash runs")
    }

    fn as_server(&self, commands: &str, variables: &[(&str, &str)]) -> Command {
        let given = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let script =
            r#"exec setpriv --reuid=postgres --regid=postgres --clear-groups bash -uc "$0""#;
        let plain = r#"exec bash -uc "$0""#;
        let is_root = self.run_and_read("echo $EUID").trim() == "0";
        let mut command = Command::new("env");
        command
            .current_dir("/")
            .arg("-i")
            .args(given)
            .arg(format!("PGDATA={}", self.folder.join("data").display()))
            .arg(format!("PATH={}", self.path()))
            .args(["bash", "-c", if is_root { script } else { plain }, commands]);
        command
    }

    /// The `PATH` with the server's programs first.
    pub(super) fn path(&self) -> String {
        let programs = self.run_and_read("echo \"$PG_BIN\"");
        format!("{}:/usr/local/bin:/usr/bin:/bin", programs.trim())
    }

    fn run(&self, commands: &str) {
        let status = self.script(commands).status().expect("bash runs");
        assert!(status.success(), "{commands}");
    }

    fn run_and_read(&self, commands: &str) -> String {
        let output = self.script(commands).output().expect("bash runs");
        String::from_utf8(output.stdout).expect("output is text")
    }

    fn script(&self, commands: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(format!("{PRELUDE}\n{commands}"))
            .env("OPS", concat!(env!("CARGO_MANIFEST_DIR"), "/../ops"))
            .env("FOLDER", &self.folder)
            .env("PORT", self.port.to_string())
            .env("ADMIN", ADMIN)
            .env("PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _status = self.script(&format!("{LOSE}\nrm -rf \"$FOLDER\"")).status();
    }
}
