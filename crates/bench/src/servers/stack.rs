//! `ops/stack`: the process ids of the servers, and a restart of the database.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::{Doing, Result, ensure};

/// The main process of each server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) broker: u32,
    pub(crate) database: u32,
}

pub(crate) struct Stack {
    pub(crate) script: PathBuf,
}

impl Stack {
    pub(crate) fn pids(&self) -> Result<Pids> {
        let status = self.run(&["status"])?;
        pids(&status)
            .ok_or_else(|| format!("its status is {status:?}"))
            .doing("reading the process ids of ops/stack")
    }

    pub(crate) fn restart_database(&self) -> Result<()> {
        self.run(&["stop", "db"])?;
        self.run(&["start", "db"]).map(drop)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let what = || format!("running ops/stack {}", arguments.join(" "));
        let output = Command::new(&self.script)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .doing(what())?;
        ensure(output.status.success(), &what(), || {
            String::from_utf8_lossy(&output.stderr).into_owned()
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn pids(status: &str) -> Option<Pids> {
    let pid_of = |service: &str| {
        let mut lines = status.lines();
        let rest = lines.find_map(|line| line.strip_prefix(service))?;
        rest.strip_prefix(": running, pid ")?.parse().ok()
    };
    Some(Pids {
        broker: pid_of("broker")?,
        database: pid_of("db")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_has_the_process_ids_of_both_servers() {
        let status = "stack 'bench' in somewhere\nbroker: running, pid 12\ndb: running, pid 34\n";
        let expected = Pids {
            broker: 12,
            database: 34,
        };
        assert_eq!(pids(status), Some(expected));
        assert_eq!(pids("broker: running, pid 12\ndb: not running\n"), None);
    }
}
