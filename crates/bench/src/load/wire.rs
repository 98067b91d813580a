//! One keep-alive connection: one request, one answer at a time.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::parse;

/// More than any answer of the receiver.
const ANSWER_BYTES_MAX: usize = 4096;

pub(super) struct Wire {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // A request is one write, and must not wait for company.
        stream.set_nodelay(true)?;
        Ok(Self {
            address,
            stream,
            buffer: vec![0; ANSWER_BYTES_MAX],
        })
    }

    /// Sends a request and gives the status of its answer. After an error the connection is new.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        if self.was_closed() {
            self.reopen().await?;
        }
        let answered = self.try_exchange(request).await;
        if answered.is_err() {
            self.reopen().await?;
        }
        answered
    }

    async fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.address).await?;
        Ok(())
    }

    /// A server may close what was idle for long; asking costs no system call unless it did.
    fn was_closed(&self) -> bool {
        let asked = self.stream.try_read(&mut [0]);
        asked
            .err()
            .is_none_or(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            let answer = parse(&self.buffer[..filled])
                .map_err(|_unreadable| io::Error::from(io::ErrorKind::InvalidData))?;
            if let Some(answer) = answer.filter(|answer| filled >= answer.length) {
                return Ok(answer.status);
            }
        }
    }
}
