//! One keep-alive connection, which carries one request at a time.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::parse;
use crate::failure::{Doing, Result};

/// The receiver's answers are shorter. The console's are pages, for which the buffer grows.
const ANSWER_BYTES: usize = 4096;
const ANSWER_BYTES_MAX: usize = 1 << 22;

pub(super) struct Wire {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // A request is one write: Nagle's algorithm would only delay it.
        stream.set_nodelay(true)?;
        Ok(Self {
            address,
            stream,
            buffer: vec![0; ANSWER_BYTES],
        })
    }

    pub(super) async fn open_all(address: SocketAddr, connections: usize) -> Result<Vec<Self>> {
        let mut wires = Vec::new();
        for _connection in 0..connections {
            let wire = Self::open(address).await;
            wires.push(wire.doing("connecting to the server")?);
        }
        Ok(wires)
    }

    /// Sends a request and gives the status of its answer. Reconnects after an error.
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

    /// Whether the server closed the idle connection. Costs no system call unless it did.
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
            if filled == self.buffer.len() {
                if filled >= ANSWER_BYTES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.buffer.resize(filled * 2, 0);
            }
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
