//! The stream of a connection, with limits that actix lacks: the time and size of every head, the
//! time of an answer that nobody reads, and how much is read ahead of a handler.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::HeadError;
use super::connection::{Connection, Phase};
use super::head_lines::{HeadLines, Scanned};

/// Bytes of a closing connection that are discarded before other tasks run.
const DISCARD_BYTES: usize = 4096;

/// Reports a head that never became a request, and gives the answer to it as bytes.
pub(crate) type RefuseHead = fn(HeadError) -> String;

/// Why nothing more is read of a connection between two requests.
enum Stop {
    Refuse(HeadError),
    Close,
}

pub(crate) struct Guarded {
    stream: TcpStream,
    connection: Rc<Connection>,
    refuse_head: RefuseHead,
    /// Re-armed only when it fires: deadlines only move later.
    timer: Pin<Box<Sleep>>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// An answer waits for the client to read.
    is_writing: bool,
    /// As many bytes as the largest head have come. Actix parses them before the next read: a head that
    /// is incomplete even then is too large.
    is_full: bool,
    lines: HeadLines,
    is_malformed: bool,
    /// Bytes that came with a request and belong to the one after it.
    next: BytesMut,
    /// The head was refused, and what still comes is discarded.
    is_discarding: bool,
}

impl Guarded {
    pub(crate) fn new(
        stream: TcpStream,
        connection: Rc<Connection>,
        refuse_head: RefuseHead,
    ) -> Self {
        Self {
            timer: Box::pin(sleep_until(connection.deadline().into())),
            ended: Box::pin(connection.ended()),
            stream,
            connection,
            refuse_head,
            is_writing: false,
            is_full: false,
            lines: HeadLines::default(),
            is_malformed: false,
            next: BytesMut::new(),
            is_discarding: false,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Whether the deadline has passed. Wakes the task when it passes later.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let deadline = match self.connection.phase() {
                Phase::Body | Phase::Answer => now + self.connection.client_timeout(),
                Phase::Head | Phase::Closing => self.connection.deadline(),
            };
            if deadline <= now {
                return true;
            }
            self.timer.as_mut().reset(deadline.into());
        }
        false
    }

    /// Whether nothing more may be read. If more may be read now, wakes the task when that ends.
    fn is_ended(&mut self, cx: &mut Context<'_>) -> bool {
        self.ended.as_mut().poll(cx).is_ready()
    }

    fn stop(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        let (is_late, is_ended) = (self.is_late(cx), self.is_ended(cx));
        let phase = self.connection.phase();
        let is_full = self.connection.is_reading_head() && self.connection.read_credit() == 0;
        let was_full = std::mem::replace(&mut self.is_full, is_full);
        match phase {
            // The handler has the request: it limits the request's time and answers it.
            Phase::Body | Phase::Answer => None,
            Phase::Head | Phase::Closing if is_ended => Some(Stop::Close),
            Phase::Head if self.is_malformed => Some(Stop::Refuse(HeadError::Malformed)),
            Phase::Head if is_late && self.connection.has_part_of_head() => {
                Some(Stop::Refuse(HeadError::TooSlow))
            }
            Phase::Head if is_full && was_full => Some(Stop::Refuse(HeadError::TooLarge)),
            Phase::Head | Phase::Closing => is_late.then_some(Stop::Close),
        }
    }

    /// How many of these bytes the parser may have now. It gets a request's bytes and then no more until
    /// the answer, so that every head is scanned before it is parsed.
    fn part_of_request(&mut self, bytes: &[u8]) -> usize {
        if !self.connection.is_reading_head() {
            return self.connection.take_body(bytes.len());
        }
        match self.lines.scan(bytes) {
            Scanned::Partial => bytes.len(),
            Scanned::Malformed => {
                self.is_malformed = true;
                0
            }
            Scanned::Whole { end, body_bytes } => {
                self.connection.head_is_whole(body_bytes);
                end + self.connection.take_body(bytes.len() - end)
            }
        }
    }

    /// Reads bytes that were held back.
    fn read_next(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut next = std::mem::take(&mut self.next);
        let kept = self.part_of_request(&next[..buffer.remaining().min(next.len())]);
        buffer.put_slice(&next.split_to(kept));
        self.next = next;
        self.after_read(kept, false, cx)
    }

    fn after_read(&self, kept: usize, is_end: bool, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.connection.spend_credit(kept);
        self.connection.hold_next(!self.next.is_empty());
        if self.is_malformed {
            // It is refused at the next read, after the answer before it was written.
            cx.waker().wake_by_ref();
        }
        if kept > 0 || is_end {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Answers a head that never became a request.
    fn refuse(&mut self, error: HeadError, cx: &mut Context<'_>) {
        let answer = (self.refuse_head)(error);
        if !self.is_writing {
            // The socket's buffer has space for it unless the client reads nothing.
            let _written = self.stream.try_write(answer.as_bytes());
        }
        let _shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        // `discard` reads without credit.
        let _was_stopped = self.connection.end_request(true);
        self.is_discarding = true;
    }

    /// Discards what still comes: an immediate close could make the client lose the answer.
    fn discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_late(cx) || !self.connection.is_counted() {
            return Poll::Ready(());
        }
        let mut scratch = [0; DISCARD_BYTES];
        let mut scratch = ReadBuf::new(&mut scratch);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scratch));
        if read.is_err() || scratch.filled().is_empty() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.connection.leave();
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_discarding {
            match this.stop(cx) {
                Some(Stop::Refuse(error)) => this.refuse(error, cx),
                Some(Stop::Close) => return Poll::Ready(Ok(())),
                None => {}
            }
        }
        if this.is_discarding {
            return this.discard(cx).map(Ok);
        }
        if this.connection.read_credit() == 0 {
            if this.connection.is_reading_head() {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        if !this.next.is_empty() {
            return this.read_next(cx, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        let kept = this.part_of_request(read);
        let is_end = read.is_empty();
        this.next.extend_from_slice(&read[kept..]);
        buffer.set_filled(before + kept);
        this.after_read(kept, is_end, cx)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.is_writing = written.is_pending();
        if this.is_writing && (this.is_late(cx) || this.is_ended(cx)) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::super::budget::{BudgetLimits, ConnectionBudget};
    use super::*;

    #[tokio::test]
    async fn an_answer_that_nobody_reads_has_an_end() {
        let budget = ConnectionBudget::new(BudgetLimits {
            client_timeout: Duration::from_millis(50),
            ..BudgetLimits::NONE
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _deaf = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _peer) = listener.accept().await.unwrap();
        let connection = Connection::open(&budget, Ipv4Addr::LOCALHOST.into());
        let mut guarded = Guarded::new(stream, connection, |_error| String::new());
        let answer = [0; 64 * 1024];
        let ended = async {
            loop {
                let written = poll_fn(|cx| Pin::new(&mut guarded).poll_write(cx, &answer)).await;
                if let Err(error) = written {
                    break error;
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        let ended = ended.expect("it ends");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }
}
