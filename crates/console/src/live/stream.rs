//! A page that stays open: its events in the form of `text/event-stream`, as long as its session goes on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::collector::Moments;

/// A browser opens six connections to a host at most, and needs some for pages.
const STREAMS_OF_A_SESSION: usize = 4;
/// The browser waits for so long before it connects again.
const RETRY: &str = "retry: 3000\n\n";
const COMMENT: &str = ": still here\n\n";
const ENDED: &str = "event: ended\ndata: {}\n\n";
/// So many checks in a row may stay without an answer, so that the page shows an outage of the database.
const UNANSWERED_MAX: u32 = 4;

/// How often it says that it is still there, and how often it checks the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    pub(crate) comment: Duration,
    pub(crate) check: Duration,
}

pub(crate) const PULSE: Pulse = Pulse {
    comment: Duration::from_secs(15),
    check: Duration::from_secs(30),
};

/// The open streams by session.
pub(crate) struct Streams<K>(Arc<Mutex<HashMap<K, usize>>>);

/// The place of one stream, free again when it is dropped.
pub(crate) struct Place<K: Hash + Eq> {
    open: Arc<Mutex<HashMap<K, usize>>>,
    session: K,
}

impl<K: Hash + Eq + Clone> Streams<K> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// `None` when the session has as many as it may have.
    pub(crate) fn enter(&self, session: K) -> Option<Place<K>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_session = open.entry(session.clone()).or_default();
        if *of_session >= STREAMS_OF_A_SESSION {
            return None;
        }
        *of_session = of_session.saturating_add(1);
        Some(Place {
            open: Arc::clone(&self.0),
            session,
        })
    }
}

impl<K: Hash + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_session) = open.get_mut(&self.session) {
            *of_session = of_session.saturating_sub(1);
            if *of_session == 0 {
                open.remove(&self.session);
            }
        }
    }
}

/// What became of the session meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    GoesOn,
    /// Signed out, expired, or without the right.
    Over,
    /// The database did not answer.
    Unknown,
}

pub(crate) type Check = Box<dyn Fn() -> BoxFuture<'static, Standing> + Send + Sync>;

/// What a stream lasts as long as.
pub(crate) struct Lasting<K: Hash + Eq> {
    /// Given back when the stream ends.
    pub(crate) _place: Place<K>,
    pub(crate) check: Check,
    pub(crate) stop: CancellationToken,
    pub(crate) pulse: Pulse,
}

/// The newest moment at once, and then each one.
pub(crate) fn moments(mut moments: Moments) -> impl Stream<Item = Bytes> + Send + 'static {
    moments.mark_changed();
    unfold(moments, |mut moments| async move {
        loop {
            // Its sender is gone when the console ends.
            moments.changed().await.ok()?;
            let event = moments
                .borrow_and_update()
                .as_ref()
                .map(|moment| moment.event.clone());
            if let Some(event) = event {
                return Some((event, moments));
            }
        }
    })
}

struct Open<K: Hash + Eq> {
    events: BoxStream<'static, Bytes>,
    lasting: Lasting<K>,
    comments: Interval,
    checks: Interval,
    has_begun: bool,
    is_over: bool,
    unanswered: u32,
}

/// Events with everything around them that keeps a connection and ends it in time.
pub(crate) fn body<K: Hash + Eq + Send + 'static>(
    events: impl Stream<Item = Bytes> + Send + 'static,
    lasting: Lasting<K>,
) -> Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>> {
    let from_now = |period| interval_at(Instant::now() + period, period);
    let open = Open {
        events: events.boxed(),
        comments: from_now(lasting.pulse.comment),
        checks: from_now(lasting.pulse.check),
        lasting,
        has_begun: false,
        is_over: false,
        unanswered: 0,
    };
    Box::pin(unfold(open, |mut open| async move {
        let sent = open.next().await?;
        Some((Ok(sent), open))
    }))
}

impl<K: Hash + Eq> Open<K> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(Bytes::from_static(RETRY.as_bytes()));
        }
        loop {
            tokio::select! {
                // A busy stream must not keep the session from being checked.
                biased;
                () = self.lasting.stop.cancelled() => return None,
                _ = self.checks.tick() => {
                    let standing = (self.lasting.check)().await;
                    if self.is_ended_by(standing) {
                        self.is_over = true;
                        return Some(Bytes::from_static(ENDED.as_bytes()));
                    }
                }
                _ = self.comments.tick() => return Some(Bytes::from_static(COMMENT.as_bytes())),
                event = self.events.next() => return event,
            }
        }
    }

    fn is_ended_by(&mut self, standing: Standing) -> bool {
        match standing {
            Standing::GoesOn => {
                self.unanswered = 0;
                false
            }
            Standing::Unknown => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.unanswered >= UNANSWERED_MAX
            }
            Standing::Over => true,
        }
    }
}

#[cfg(test)]
mod tests;
