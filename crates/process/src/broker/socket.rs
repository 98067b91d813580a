//! The socket of a connection, so that we can end it. lapin waits for a silent server without a limit:
//! its thread and socket would stay, and the server would keep the messages that it has delivered.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
enum State {
    #[default]
    NotOpen,
    Open(TcpStream),
    Ended,
}

/// A second handle of a socket that lapin owns.
#[derive(Debug, Clone, Default)]
pub(super) struct SocketHandle(Arc<Mutex<State>>);

impl SocketHandle {
    /// Fails when the connection was given up before its socket was open.
    pub(super) fn keep(&self, socket: &impl AsFd) -> io::Result<()> {
        let handle = TcpStream::from(socket.as_fd().try_clone_to_owned()?);
        let mut state = self.state();
        if matches!(*state, State::Ended) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        *state = State::Open(handle);
        Ok(())
    }

    /// Ends the socket, now or as soon as it is open. lapin then ends its thread.
    fn end(&self) {
        if let State::Open(socket) = std::mem::replace(&mut *self.state(), State::Ended) {
            // It fails only when the connection has already ended.
            let _ended = socket.shutdown(Shutdown::Both);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the socket when it is dropped.
pub(super) struct SocketGuard(pub(super) SocketHandle);

impl Drop for SocketGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_dropped_guard_ends_a_socket_that_is_open_and_refuses_one_that_opens_later() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let handle = SocketHandle::default();
        let guard = SocketGuard(handle.clone());
        handle.keep(&client).unwrap();
        drop(guard);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(handle.keep(&client).is_err());
    }
}
