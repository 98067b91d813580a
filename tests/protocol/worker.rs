//! A worker with one message. Lanes and batches are left out: a batch is one transaction, and its messages
//! are settled one by one.

use super::model::Protocol;
use super::mutation::Mutation;
use super::state::{
    ATTEMPTS, Broker, Copy, EVENTS, Event, Held, Kind, Outcome, Stage, State, View, add,
};
use super::step::{Step, is_distinct};

/// The number of a worker.
pub type Who = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkStep {
    /// The broker delivers a message.
    ///
    /// Code: `crates/worker/src/consume.rs` `next_batch`
    Deliver(Copy),
    /// The worker reads the ledger and decides what the event does. A message that must wait or that can
    /// never be applied is published to the retry queue or the dead-letter queue.
    ///
    /// Code: `crates/worker/src/attempt.rs` `apply`, `crates/worker/src/ledger.rs` `try_apply`,
    /// `crates/worker/src/ledger/read.rs` `read_view`, `crates/worker/src/ledger/read.rs` `read_prices`,
    /// `crates/worker/src/ledger/plan.rs` `add`, `crates/worker/src/decide.rs` `decide`,
    /// `crates/worker/src/handoff.rs` `retry_later`, `crates/worker/src/handoff.rs` `dead_letter`,
    /// `crates/process/src/broker/window.rs` `publish`
    Decide(View),
    /// The worker inserts the rows and commits, or decides again on a full view because one of them exists
    /// already.
    ///
    /// Code: `crates/worker/src/ledger/write.rs` `insert`, `crates/worker/src/ledger.rs` `apply`
    Commit,
    /// The same, but the answer of the database is lost, and the worker applies the message again. A fault.
    ///
    /// Code: `crates/worker/src/attempt.rs` `apply_to`
    CommitUnheard,
    /// The worker meets a lock that somebody holds, and puts the message aside. A fault.
    ///
    /// Code: `crates/worker/src/handle.rs` `one`
    MeetLock,
    /// Only in a mutation: the broker stores what was acknowledged before.
    ///
    /// Code: `crates/process/src/broker/window.rs` `publish`
    Store,
    /// The confirm is lost with its connection, and the worker publishes again. A fault.
    ///
    /// Code: `crates/worker/src/handoff.rs` `publish`, `crates/process/src/broker/lane.rs` `session`
    PublishAgain,
    /// The worker acknowledges its message, after the confirm if it has handed the message off.
    ///
    /// Code: `crates/process/src/broker/window.rs` `answer_callers`,
    /// `crates/worker/src/settle.rs` `settle`, `crates/worker/src/settle.rs` `ack_all`,
    /// `crates/worker/src/settle.rs` `ack`
    Ack,
    /// The consuming connection is lost: the broker delivers the message again, and the worker goes on
    /// with it until its acknowledgement fails. A fault.
    ///
    /// Code: `crates/worker/src/session.rs` `first_end`
    LoseConnection,
    /// The worker crashes, or gives its session up: the broker delivers its message again. A fault.
    ///
    /// Code: `crates/worker/src/session.rs` `run`
    Crash,
}

impl WorkStep {
    pub fn is_fault(self) -> bool {
        match self {
            Self::Deliver(_) | Self::Decide(_) | Self::Commit => false,
            Self::Store | Self::Ack => false,
            Self::CommitUnheard | Self::MeetLock | Self::PublishAgain => true,
            Self::LoseConnection | Self::Crash => true,
        }
    }
}

/// What the workers can do.
pub fn enabled(model: &Protocol, state: &State, steps: &mut Vec<Step>) {
    for who in 0..state.workers.len() {
        if !is_distinct(&state.workers, who) {
            continue;
        }
        let mut add = |step| steps.push(Step::Worker(who, step));
        match &state.workers[who] {
            None => copies(&state.broker).for_each(|copy| add(WorkStep::Deliver(copy))),
            Some(held) => {
                of_stage(model.events[held.copy.event], held.stage, &mut add);
                if held.unacked {
                    add(WorkStep::LoseConnection);
                }
                add(WorkStep::Crash);
            }
        }
    }
}

fn copies(broker: &Broker) -> impl Iterator<Item = Copy> {
    let all = (0..EVENTS).flat_map(|event| (0..ATTEMPTS).map(move |attempt| (event, attempt)));
    let ready = all.filter(|(event, attempt)| broker.queue[*event][*attempt] > 0);
    ready.map(|(event, attempt)| Copy { event, attempt })
}

fn of_stage(kind: Kind, stage: Stage, add: &mut impl FnMut(WorkStep)) {
    match stage {
        Stage::Delivered => {
            add(WorkStep::Decide(View::Full));
            match kind {
                // An order is decided without a view first: its inserts show whether it was new.
                Kind::Order | Kind::Retold | Kind::OtherBody => {
                    add(WorkStep::Decide(View::PricesOnly));
                    add(WorkStep::MeetLock);
                }
                Kind::Refund => add(WorkStep::MeetLock),
                Kind::Refused => {}
            }
        }
        Stage::Decided(_) => {
            add(WorkStep::Commit);
            add(WorkStep::CommitUnheard);
        }
        Stage::Recorded => add(WorkStep::Commit),
        Stage::ToRung | Stage::ToDead => add(WorkStep::Store),
        Stage::OnRung | Stage::InDead => {
            add(WorkStep::Ack);
            add(WorkStep::PublishAgain);
        }
        Stage::Done => add(WorkStep::Ack),
    }
}

pub fn apply(model: &Protocol, state: &mut State, who: Who, step: WorkStep) {
    if let WorkStep::Deliver(copy) = step {
        state.broker.queue[copy.event][copy.attempt] -= 1;
        state.workers[who] = Some(Held {
            copy,
            stage: Stage::Delivered,
            unacked: !model.has(Mutation::AckBeforeCommit),
        });
        return;
    }
    let mut worker = state.workers[who].take();
    if let Some(held) = &mut worker {
        go_on(model, state, held, step);
    }
    let is_over = match step {
        WorkStep::Ack | WorkStep::Crash => true,
        WorkStep::Deliver(_) | WorkStep::Decide(_) | WorkStep::Commit => false,
        WorkStep::CommitUnheard | WorkStep::MeetLock | WorkStep::Store => false,
        WorkStep::PublishAgain | WorkStep::LoseConnection => false,
    };
    state.workers[who] = worker.filter(|_held| !is_over);
}

fn go_on(model: &Protocol, state: &mut State, held: &mut Held, step: WorkStep) {
    let Copy { event, attempt } = held.copy;
    match step {
        WorkStep::Deliver(_) | WorkStep::Ack => {}
        WorkStep::Decide(view) => {
            held.stage = decide(model, state, held.copy, view);
            held.hand_off(model, state);
        }
        WorkStep::Commit => {
            let committed = commit(model, state, event, held.stage);
            held.stage = committed.unwrap_or_else(|| decide(model, state, held.copy, View::Full));
            held.hand_off(model, state);
        }
        WorkStep::CommitUnheard => {
            commit(model, state, event, held.stage);
            held.stage = Stage::Delivered;
        }
        WorkStep::MeetLock => {
            held.stage = retry_later(attempt);
            held.hand_off(model, state);
        }
        WorkStep::Store => {
            held.publish(&mut state.broker);
            held.stage = Stage::Done;
        }
        WorkStep::PublishAgain => held.publish(&mut state.broker),
        WorkStep::LoseConnection | WorkStep::Crash => held.lose_connection(&mut state.broker),
    }
}

fn decide(model: &Protocol, state: &State, copy: Copy, view: View) -> Stage {
    let Copy { event, attempt } = copy;
    if view == View::PricesOnly {
        return Stage::Decided(Outcome::Posted);
    }
    let ledger = &state.ledger;
    if !model.has_no_event_id() {
        if state.is_applied(event) {
            return Stage::Done;
        }
        // The same event id with another body.
        if model.is_id_recorded(state, event) {
            return Stage::InDead;
        }
    }
    let kind = model.events[event];
    let is_posted = |key: usize| ledger.entries[key] > 0 && !model.has_no_business_key();
    match (kind, kind.key()) {
        (Kind::Refused, _) => Stage::InDead,
        (Kind::Refund, _) if ledger.entries[0] == 0 => retry_later(attempt),
        (_, Some(key)) if is_posted(key) => Stage::Decided(Outcome::Noted),
        (Kind::Order | Kind::Refund | Kind::Retold | Kind::OtherBody, _) => {
            Stage::Decided(Outcome::Posted)
        }
    }
}

fn retry_later(attempt: usize) -> Stage {
    if attempt + 1 < ATTEMPTS {
        Stage::OnRung
    } else {
        Stage::InDead
    }
}

/// Inserts the rows and commits, or inserts nothing because one of them exists already.
fn commit(model: &Protocol, state: &mut State, event: Event, stage: Stage) -> Option<Stage> {
    let (outcome, is_recorded) = match stage {
        Stage::Decided(outcome) => (outcome, false),
        Stage::Recorded => (Outcome::Posted, true),
        Stage::Delivered | Stage::ToRung | Stage::ToDead => return Some(stage),
        Stage::OnRung | Stage::InDead | Stage::Done => return Some(stage),
    };
    let key = model.events[event]
        .key()
        .filter(|_key| outcome == Outcome::Posted);
    let is_known = !is_recorded && !model.has_no_event_id() && model.is_id_recorded(state, event);
    let is_posted = key.is_some_and(|key| state.ledger.entries[key] > 0);
    if is_known || (is_posted && !model.has_no_business_key()) {
        return None;
    }
    state.ledger.events[event] = Some(outcome);
    if let Some(key) = key {
        if model.has(Mutation::TwoTransactions) && !is_recorded {
            return Some(Stage::Recorded);
        }
        add(&mut state.ledger.entries[key]);
        state.ledger.balance += model.events[event].points();
    }
    Some(Stage::Done)
}

impl Held {
    /// The broker delivers the message again, unless it was acknowledged.
    pub fn lose_connection(&mut self, broker: &mut Broker) {
        if std::mem::take(&mut self.unacked) {
            broker.queue[self.copy.event][self.copy.attempt] += 1;
        }
    }

    /// Publishes the message if it must go to another queue. Only in a mutation it is acknowledged first.
    fn hand_off(&mut self, model: &Protocol, state: &mut State) {
        if !model.has(Mutation::HandOffWithoutConfirm) {
            self.publish(&mut state.broker);
            return;
        }
        let early = match self.stage {
            Stage::OnRung => Stage::ToRung,
            Stage::InDead => Stage::ToDead,
            Stage::Delivered | Stage::Decided(_) | Stage::Recorded => return,
            Stage::ToRung | Stage::ToDead | Stage::Done => return,
        };
        (self.stage, self.unacked) = (early, false);
    }

    /// The broker stores the message where it goes next.
    fn publish(&self, broker: &mut Broker) {
        let event = self.copy.event;
        match self.stage {
            Stage::OnRung | Stage::ToRung => broker.rung[event] += 1,
            Stage::InDead | Stage::ToDead => broker.dead[event] += 1,
            Stage::Delivered | Stage::Decided(_) | Stage::Recorded | Stage::Done => {}
        }
    }
}
