//! PayNow and the receiver: a webhook is posted until it has a 202.

use super::model::Protocol;
use super::mutation::Mutation;
use super::state::{EVENTS, Event, Request, State, Webhook};
use super::step::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStep {
    /// PayNow posts an event for which it has no 202; the receiver verifies and publishes it, and the broker
    /// stores it. A post that is lost before that is one that was not made yet.
    ///
    /// Code: `crates/receiver/src/http.rs` `receive`, `crates/receiver/src/http.rs` `enqueue`,
    /// `crates/receiver/src/verify.rs` `verify`, `crates/receiver/src/publish.rs` `publish`,
    /// `crates/process/src/broker/window.rs` `publish`
    Post,
    /// Only in a mutation: what was answered with 202 is stored after that.
    ///
    /// Code: `crates/process/src/broker/window.rs` `publish`
    Store,
    /// The confirm arrives, the receiver answers 202, and PayNow gets the answer.
    ///
    /// Code: `crates/process/src/broker/window.rs` `answer_callers`,
    /// `crates/receiver/src/http.rs` `accept`
    Accept,
    /// The same, but the answer is lost, and PayNow posts again. A fault.
    ///
    /// Code: `crates/receiver/src/http.rs` `accept`
    AcceptUnheard,
    /// No confirm arrives, because the connection is lost, the wait is over, or the receiver crashes: PayNow
    /// gets no 202. A fault.
    ///
    /// Code: `crates/process/src/broker/window.rs` `fail`, `crates/receiver/src/http.rs` `refuse`
    Refuse,
}

impl WebhookStep {
    pub fn is_fault(self) -> bool {
        match self {
            Self::Post | Self::Store | Self::Accept => false,
            Self::AcceptUnheard | Self::Refuse => true,
        }
    }
}

/// What can happen to the webhooks.
pub fn enabled(model: &Protocol, state: &State, steps: &mut Vec<Step>) {
    for event in 0..EVENTS {
        let webhook = &state.webhooks[event];
        let mut add = |step| steps.push(Step::Webhook(event, step));
        match webhook.request {
            Request::None if webhook.answered => {}
            Request::None if model.has(Mutation::AcceptWithoutConfirm) => add(WebhookStep::Accept),
            Request::None => add(WebhookStep::Post),
            Request::Sent => {
                add(WebhookStep::Store);
                add(WebhookStep::Refuse);
            }
            Request::Stored => {
                add(WebhookStep::Accept);
                add(WebhookStep::AcceptUnheard);
                add(WebhookStep::Refuse);
            }
        }
    }
}

pub fn apply(state: &mut State, event: Event, step: WebhookStep) {
    let webhook = &mut state.webhooks[event];
    match step {
        WebhookStep::Post => {
            webhook.request = Request::Stored;
            state.broker.queue[event][0] += 1;
        }
        WebhookStep::Store => {
            webhook.request = Request::None;
            state.broker.queue[event][0] += 1;
        }
        WebhookStep::Accept => {
            webhook.accept();
            webhook.answered = true;
        }
        WebhookStep::AcceptUnheard => webhook.accept(),
        WebhookStep::Refuse => webhook.refuse(),
    }
}

impl Webhook {
    /// Ends its request without a 202. What the broker did not store yet is lost.
    pub fn refuse(&mut self) {
        self.request = Request::None;
    }

    /// Answers 202.
    fn accept(&mut self) {
        self.accepted = true;
        self.confirmed |= self.request == Request::Stored;
        self.request = match self.request {
            Request::Stored => Request::None,
            Request::None | Request::Sent => Request::Sent,
        };
    }
}
