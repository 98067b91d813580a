//! The stream of a connection, with the limits that actix has not: of every head its time and size,
//! of a body its pace, and of an answer that nobody reads its end.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use paynow_process::observe::Observable;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until};

use crate::connection::{Connection, End, Phase};
use crate::http::last_words;
use crate::observe::WebhookRefused;
use crate::refusal::{HeadError, Refusal};
use crate::room::Room;

/// What is thrown away at once, before others have their turn.
const DISCARD_BYTES: usize = 4096;

pub(crate) struct Guarded {
    stream: TcpStream,
    connection: Rc<Connection>,
    /// Set anew when it is over and not when its time changes: that is always later.
    timer: Pin<Box<Sleep>>,
    /// An answer waits for the client to read.
    is_writing: bool,
    /// A head that is as large as may be is looked at once more before it is refused.
    is_full: bool,
    is_saying_goodbye: bool,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, room: &Rc<Room>) -> Self {
        let connection = room.enter();
        Self {
            timer: Box::pin(sleep_until(connection.until().into())),
            stream,
            connection,
            is_writing: false,
            is_full: false,
            is_saying_goodbye: false,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Whether our patience is over; has the task woken when it may be.
    fn is_too_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let until = match self.connection.phase() {
                Phase::Answer => now + self.connection.patience(),
                Phase::Head | Phase::Body | Phase::Closing => self.connection.until(),
            };
            if until <= now {
                return true;
            }
            self.timer.as_mut().reset(until.into());
        }
        false
    }

    /// Why nothing more is to be read, if it is so.
    fn end(&mut self, cx: &mut Context<'_>) -> Option<End> {
        if self.is_too_late(cx) {
            self.connection.end(End::TooSlow);
        }
        let is_full = self.connection.may_read() == 0 && self.connection.phase() == Phase::Head;
        if is_full && std::mem::replace(&mut self.is_full, true) {
            self.connection.end(End::HeadTooLarge);
        }
        self.is_full &= is_full;
        self.connection.ending()
    }

    /// Answers a head that never became a request; of one that has, the handler does.
    fn say_why(&mut self, end: End, cx: &mut Context<'_>) {
        let error = match end {
            End::TooSlow if self.connection.has_part_of_head() => HeadError::TooSlow,
            End::HeadTooLarge => HeadError::TooLarge,
            End::TooSlow | End::CrowdedOut => return,
        };
        let refusal = Refusal::Head(error);
        WebhookRefused::before_it_began(&refusal).emit();
        if !self.is_writing {
            // It fits into the buffer of any client that is worth an answer.
            let _written = self.stream.try_write(last_words(&refusal).as_bytes());
        }
        let _shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.connection.answered(true);
        self.is_saying_goodbye = true;
    }

    /// Throws away what still comes: if we closed at once, the answer might be lost with it.
    fn goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_too_late(cx) || !self.connection.is_inside() {
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
        this.connection.wake_with(cx.waker());
        if !this.is_saying_goodbye
            && let Some(end) = this.end(cx)
        {
            this.say_why(end, cx);
            if !this.is_saying_goodbye {
                return Poll::Ready(Ok(()));
            }
        }
        if this.is_saying_goodbye {
            return this.goodbye(cx).map(Ok);
        }
        if this.connection.may_read() == 0 {
            if this.connection.phase() == Phase::Head {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        this.connection
            .was_read(buffer.filled().len().saturating_sub(before));
        read
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
        if this.is_writing && (this.is_too_late(cx) || this.connection.ending().is_some()) {
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
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::room::RoomLimits;

    #[tokio::test]
    async fn an_answer_that_nobody_reads_has_an_end() {
        let room = Room::new(RoomLimits {
            patience: Duration::from_millis(50),
            ..RoomLimits::NONE
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _deaf = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _peer) = listener.accept().await.unwrap();
        let mut guarded = Guarded::new(stream, &room);
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
