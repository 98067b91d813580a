//! What is to be sent, and when.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::mix::Item;
use crate::world::lock;

const FIRST_WAIT: Duration = Duration::from_millis(250);
/// `PayNow` waits longer, but a trial is short.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// A webhook on its way.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) item: Item,
    pub(super) due: Instant,
    pub(super) tries: u32,
}

impl Post {
    pub(super) fn new(item: Item) -> Self {
        Self {
            item,
            due: Instant::now(),
            tries: 0,
        }
    }
}

impl PartialEq for Post {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Post {}

impl PartialOrd for Post {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest is due first.
impl Ord for Post {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

#[derive(Default)]
struct State {
    posts: BinaryHeap<Post>,
    /// Also those that are being sent.
    unsettled: usize,
    is_closed: bool,
}

#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Outbox {
    pub(super) fn add(&self, item: Item) {
        let mut state = lock(&self.state);
        state.unsettled += 1;
        state.posts.push(Post::new(item));
        self.changed.notify_one();
    }

    /// Sends it again later, as `PayNow` does.
    pub(super) fn again(&self, mut post: Post) {
        let wait = FIRST_WAIT * 2u32.saturating_pow(post.tries.min(8));
        post.tries += 1;
        post.due = Instant::now() + wait.min(LONGEST_WAIT);
        lock(&self.state).posts.push(post);
        self.changed.notify_one();
    }

    /// One of the posts that were taken needs no more tries.
    pub(super) fn settle(&self) {
        lock(&self.state).unsettled -= 1;
    }

    pub(super) fn unsettled(&self) -> usize {
        lock(&self.state).unsettled
    }

    pub(super) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until a post is due. None when the outbox is closed.
    pub(super) fn take(&self) -> Option<Post> {
        let mut state = lock(&self.state);
        loop {
            if state.is_closed {
                return None;
            }
            let now = Instant::now();
            let wait = match state.posts.peek() {
                Some(first) if first.due <= now => return state.posts.pop(),
                Some(first) => first.due - now,
                None => LONGEST_WAIT,
            };
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
