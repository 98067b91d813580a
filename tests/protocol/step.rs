//! The steps of the model, by participant. Each names the code that it stands for; `code.rs` checks that
//! it exists.

use super::archive::{self, ArchiveStep};
use super::desk::DeskStep;
use super::state::{Event, Held, State};
use super::webhook::WebhookStep;
use super::worker::{Who, WorkStep};

/// One step of one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Webhook(Event, WebhookStep),
    Worker(Who, WorkStep),
    Broker(BrokerStep),
    Archive(ArchiveStep),
    Desk(DeskStep),
}

/// What the broker does by itself. Storing and delivering are steps of those who publish and consume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerStep {
    /// The time of a message on the rung is over.
    ///
    /// Code: `crates/shared/src/topology.rs` `retry_queue`
    Release(Event),
    /// The same, but the broker is interrupted between the two queues, and both have it. A fault.
    ///
    /// Code: `crates/shared/src/topology.rs` `retry_queue`
    ReleaseTwice(Event),
    /// The broker restarts: every connection is lost with its confirms, and every session ends. A fault.
    ///
    /// Code: `crates/process/src/broker/lane.rs` `run`, `crates/worker/src/session.rs` `run`
    Restart,
}

impl Step {
    /// Whether it uses up a fault.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Webhook(_, step) => step.is_fault(),
            Self::Worker(_, step) => step.is_fault(),
            Self::Broker(step) => match step {
                BrokerStep::Release(_) => false,
                BrokerStep::ReleaseTwice(_) | BrokerStep::Restart => true,
            },
            Self::Archive(step) => step.is_fault(),
            Self::Desk(step) => step.is_fault(),
        }
    }
}

/// What the broker can do.
pub fn enabled(state: &State, steps: &mut Vec<Step>) {
    for (event, waiting) in state.broker.rung.iter().enumerate() {
        if *waiting > 0 {
            steps.push(Step::Broker(BrokerStep::Release(event)));
            steps.push(Step::Broker(BrokerStep::ReleaseTwice(event)));
        }
    }
    steps.push(Step::Broker(BrokerStep::Restart));
}

pub fn apply(state: &mut State, step: BrokerStep) {
    match step {
        BrokerStep::Release(event) => {
            state.broker.rung[event] -= 1;
            state.broker.queue[event][1] += 1;
        }
        BrokerStep::ReleaseTwice(event) => state.broker.queue[event][1] += 1,
        BrokerStep::Restart => restart(state),
    }
}

fn restart(state: &mut State) {
    for webhook in &mut state.webhooks {
        webhook.refuse();
    }
    for worker in &mut state.workers {
        if let Some(mut held) = worker.take() {
            held.lose_connection(&mut state.broker);
        }
    }
    archive::crash(state);
    if let Some(replay) = &mut state.replay {
        replay.publishing = None;
    }
}

/// Whether a worker differs from the one before it, so that its steps are others.
pub fn is_distinct(workers: &[Option<Held>], who: Who) -> bool {
    who == 0 || workers[who] != workers[who - 1]
}
