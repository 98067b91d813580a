//! The window of a channel: the messages that were sent and not yet confirmed. Sending does not wait
//! for confirms, and each message gets its own answer.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};

use super::job::{Confirmed, Job, Outgoing, PublishError, Waiter};
use super::message::properties;

/// A larger window is not measurably faster, and every poll of it costs more.
pub(super) const WINDOW_MAX: usize = 256;

type Publishing = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// A message that the broker has not answered.
struct Pending {
    publishing: Publishing,
    waiter: Waiter,
    message_id: String,
    sent_at: Instant,
}

/// A message that the broker has answered, but whose caller has no answer yet.
struct Resolved {
    acked: bool,
    waiter: Waiter,
    message_id: String,
}

/// lapin attaches a returned message to whichever confirm resolves next, so an attached return may belong
/// to another message. Two rules make the answers correct nevertheless. While no return is known, a
/// confirm without one is clean: a return arrives before the confirm of its own message, and is attached
/// to the first confirm that resolves after it. Once a return is known, no caller is answered until every
/// confirm of the window has arrived: then no return is missing, and its `message_id` names its message.
#[derive(Default)]
pub(super) struct Window {
    pending: Vec<Pending>,
    resolved: Vec<Resolved>,
    /// The ids of the returned messages.
    returned: HashSet<String>,
}

impl Window {
    /// Whether no caller waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.resolved.is_empty()
    }

    /// Whether no message may be sent now: the limit is reached, or a return is not yet attributed.
    pub(super) fn is_full(&self) -> bool {
        !self.returned.is_empty() || self.pending.len() >= WINDOW_MAX
    }

    /// While the window is full: since when the oldest message has waited.
    pub(super) fn first_if_full(&self) -> Option<Instant> {
        let first = self.pending.first().filter(|_first| self.is_full());
        first.map(|first| first.waiter.since)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Adds a message; [`Window::drive`] sends it.
    pub(super) fn publish(&mut self, channel: &Channel, job: Job) {
        let Job { message, waiter } = job;
        let message_id = message.message_id.clone();
        self.pending.push(Pending {
            publishing: Box::pin(publish(channel.clone(), message)),
            waiter,
            message_id,
            sent_at: Instant::now(),
        });
    }

    /// Whether a message has waited for its confirm as long as `limit`.
    pub(super) fn is_overdue(&self, limit: Duration) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.sent_at.elapsed() >= limit)
    }

    /// Sends new messages, waits until the broker answers any message, and answers its caller. An error
    /// ends the channel and leaves the messages of the window unknown. Safe to drop and call again.
    pub(super) async fn drive(&mut self) -> lapin::Result<()> {
        poll_fn(|context| self.poll_all(context)).await?;
        self.answer_callers();
        Ok(())
    }

    /// Polls the whole window until a pass finds no further confirm. A message that was polled before its
    /// confirm resolved is then polled again, so no return that is attached to its confirm is missed.
    fn poll_all(&mut self, context: &mut Context<'_>) -> Poll<lapin::Result<()>> {
        let mut found = false;
        while self.poll_once(context)? {
            found = true;
        }
        if found {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_once(&mut self, context: &mut Context<'_>) -> lapin::Result<bool> {
        let before = self.resolved.len();
        let mut index = 0;
        // In the order of publishing, because the first poll sends a message.
        while let Some(pending) = self.pending.get_mut(index) {
            match pending.publishing.as_mut().poll(context) {
                Poll::Pending => index = index.saturating_add(1),
                Poll::Ready(confirmation) => {
                    crate::fault_point!("after_publish");
                    let (acked, message) = match confirmation? {
                        Confirmation::Ack(message) => (true, message),
                        Confirmation::Nack(message) => (false, message),
                        // Only without `confirm_select`; never a success.
                        Confirmation::NotRequested => (false, None),
                    };
                    self.returned.extend(
                        message.and_then(|returned| message_id(&returned.delivery.properties)),
                    );
                    let Pending {
                        waiter, message_id, ..
                    } = self.pending.remove(index);
                    self.resolved.push(Resolved {
                        acked,
                        waiter,
                        message_id,
                    });
                }
            }
        }
        Ok(self.resolved.len() > before)
    }

    fn answer_callers(&mut self) {
        if !self.returned.is_empty() && !self.pending.is_empty() {
            return;
        }
        for resolved in self.resolved.drain(..) {
            let was_returned = self.returned.contains(&resolved.message_id);
            let answer = match (resolved.acked, was_returned) {
                (true, false) => Ok(Confirmed(())),
                (false, false) => Err(PublishError::Nacked),
                (true | false, true) => Err(PublishError::Returned),
            };
            resolved.waiter.answer(answer);
        }
        self.returned.clear();
    }

    /// Answers every caller with this error.
    pub(super) fn fail(&mut self, error: PublishError) {
        let pending = self.pending.drain(..).map(|pending| pending.waiter);
        let resolved = self.resolved.drain(..).map(|resolved| resolved.waiter);
        pending
            .chain(resolved)
            .for_each(|waiter| waiter.answer(Err(error)));
        self.returned.clear();
    }
}

async fn publish(channel: Channel, message: Outgoing) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let sent = channel.basic_publish(
        message.exchange.into(),
        message.routing_key.as_str().into(),
        options,
        &message.body,
        properties(
            &message.message_id,
            message.event_type.as_ref(),
            &message.headers,
        ),
    );
    sent.await?.await
}

fn message_id(properties: &BasicProperties) -> Option<String> {
    properties
        .message_id()
        .as_ref()
        .map(|id| id.as_str().to_owned())
}
