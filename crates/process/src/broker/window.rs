//! What a channel has published and not yet answered: publish without waiting for what is on its
//! way, and give each publish its own answer.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};

use super::job::{Confirmed, Job, Outgoing, PublishError, Waiter};
use super::message::properties;

/// More on one channel gains nothing measurable, and each look at the window costs a little more.
pub(super) const WINDOW_MAX: usize = 256;

type Publishing = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// A publish on its way.
struct Pending {
    publishing: Publishing,
    waiter: Waiter,
    message_id: String,
    began: Instant,
}

/// A publish that the broker has answered.
struct Resolved {
    acked: bool,
    waiter: Waiter,
    message_id: String,
}

/// lapin glues a returned message to whichever confirm resolves next, so a return says nothing
/// about that confirm. Two facts make the answers right all the same. A return comes before the
/// confirm of its own message, and is glued to the first confirm that resolves after it came: so a
/// confirm without a return, when no other return is around, is clean. And once every confirm of
/// the window is in, no return is missing, and `message_id` tells whose it is: so with a return
/// around, nobody is answered before that.
#[derive(Default)]
pub(super) struct Window {
    pending: Vec<Pending>,
    /// Confirmed or refused, and not answered yet.
    resolved: Vec<Resolved>,
    returned: HashSet<String>,
}

impl Window {
    /// Nobody waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.resolved.is_empty()
    }

    /// How many more may be published now.
    pub(super) fn room(&self) -> usize {
        if self.returned.is_empty() {
            WINDOW_MAX.saturating_sub(self.pending.len())
        } else {
            0
        }
    }

    /// Since when the first has waited, when no more may be published now.
    pub(super) fn first_if_full(&self) -> Option<Instant> {
        let first = self.pending.first().filter(|_first| self.room() == 0);
        first.map(|first| first.waiter.since)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Puts a message on its way; [`Window::resolved`] sends it off.
    pub(super) fn publish(&mut self, channel: &Channel, job: Job) {
        let Job { message, waiter } = job;
        let message_id = message.message_id.clone();
        self.pending.push(Pending {
            publishing: Box::pin(publish(channel.clone(), message)),
            waiter,
            message_id,
            began: Instant::now(),
        });
    }

    /// Whether the broker has left a message without an answer for longer than this.
    pub(super) fn is_overdue(&self, limit: Duration) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.began.elapsed() >= limit)
    }

    /// Sends off what is new and waits until something is answered by the broker. An error ends the
    /// channel, and what is in the window is then unknown. May be dropped and called again.
    pub(super) async fn resolved(&mut self) -> lapin::Result<()> {
        poll_fn(|context| self.poll_resolved(context)).await?;
        self.answer();
        Ok(())
    }

    /// Looks at all of the window until nothing new is found: what resolved before something that
    /// was found here has then been found too, and with it every return that matters.
    fn poll_resolved(&mut self, context: &mut Context<'_>) -> Poll<lapin::Result<()>> {
        let mut found = false;
        while self.look(context)? {
            found = true;
        }
        if found {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn look(&mut self, context: &mut Context<'_>) -> lapin::Result<bool> {
        let before = self.resolved.len();
        let mut index = 0;
        // In the order of publishing: the first look is what puts a message on the wire.
        while let Some(pending) = self.pending.get_mut(index) {
            match pending.publishing.as_mut().poll(context) {
                Poll::Pending => index = index.saturating_add(1),
                Poll::Ready(confirmation) => {
                    let (acked, message) = match confirmation? {
                        Confirmation::Ack(message) => (true, message),
                        Confirmation::Nack(message) => (false, message),
                        // Without `confirm_select` nothing is known; never a success.
                        Confirmation::NotRequested => (false, None),
                    };
                    self.returned
                        .extend(message.and_then(|it| message_id(&it.delivery.properties)));
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

    fn answer(&mut self) {
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
            resolved.waiter.give(answer);
        }
        self.returned.clear();
    }

    /// Answers everybody the same.
    pub(super) fn fail(&mut self, error: PublishError) {
        let pending = self.pending.drain(..).map(|pending| pending.waiter);
        let resolved = self.resolved.drain(..).map(|resolved| resolved.waiter);
        pending
            .chain(resolved)
            .for_each(|waiter| waiter.give(Err(error)));
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
