//! Ports for what tests start.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

/// Ports handed out so far. A program may take some time to listen on its port, so none is reused.
static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nobody listens on, below the kernel's ephemeral range: in that range a client that
/// reconnects to a dead server can end up connected to itself.
///
/// It is tried by connecting, not by listening: a program that another thread starts at that moment
/// would hold a copy of the listening socket until its exec, and the port would be in use.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_000);
        let is_new = HANDED_OUT
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(port);
        if is_new && TcpStream::connect(("127.0.0.1", port)).is_err() {
            return port;
        }
    }
}
