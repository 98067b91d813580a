//! The desk: a person replays or discards letters, and housekeeping resolves them.

use super::model::Protocol;
use super::mutation::Mutation;
use super::state::{EVENTS, Event, Letter, LetterState, Replay, Row, State, add};
use super::step::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskStep {
    /// A person decides to replay all open letters. From now on the selection is fixed.
    ///
    /// Code: `crates/desk/src/replay/plan.rs` `plan`, `crates/desk/src/replay/store.rs` `begin`,
    /// `crates/desk/src/letters.rs` `selected_open`,
    /// `migrations` `begin_replay`
    Begin,
    /// The replay takes a letter before it is sent, or skips it because it is no longer open.
    ///
    /// Code: `crates/desk/src/replay/store.rs` `take`,
    /// `migrations` `take_letters`
    Take(Event),
    /// The replay publishes a letter that it has taken, and the broker stores it.
    ///
    /// Code: `crates/desk/src/replay/drive.rs` `send`, `crates/desk/src/replay/drive.rs` `publish`,
    /// `crates/process/src/broker/blocking.rs` `publish`
    Send(Event),
    /// The confirm arrives, and the replay records it.
    ///
    /// Code: `crates/desk/src/replay/drive.rs` `send`, `crates/desk/src/replay/store.rs` `sent`,
    /// `migrations` `mark_letters_sent`
    MarkSent,
    /// The confirm is lost with its connection, and the replay publishes the letter again. A fault.
    ///
    /// Code: `crates/desk/src/replay/drive.rs` `publish`
    SendAgain,
    /// The process that runs the replay is killed. A fault.
    ///
    /// Code: `crates/desk/src/replay.rs` `run`
    Kill,
    /// The replay is interrupted: it gives back what it has not sent, and its process ends. A fault.
    ///
    /// Code: `crates/desk/src/replay/store.rs` `give_back`,
    /// `migrations` `give_back_letters`
    Interrupt,
    /// A person resumes the replay.
    ///
    /// Code: `crates/desk/src/replay.rs` `resume`, `crates/desk/src/replay/store.rs` `find`
    Resume,
    /// The replay looks what became of a letter.
    ///
    /// Code: `crates/desk/src/replay/store.rs` `observe`,
    /// `migrations` `observe_replay`
    Observe(Event),
    /// The replay ends. Letters that it has not taken stay open.
    ///
    /// Code: `crates/desk/src/replay.rs` `close`, `crates/desk/src/replay/drive.rs` `next_batch`
    End,
    /// A person gives an open letter up.
    ///
    /// Code: `crates/desk/src/discard.rs` `discard`,
    /// `migrations` `discard_letters`
    Discard(Event),
    /// Housekeeping resolves a letter whose event was applied after all.
    ///
    /// Code: `crates/worker/src/beside/housekeeping.rs` `resolve_applied`,
    /// `migrations` `resolve_applied_letters`,
    /// `migrations` `is_applied`
    Resolve(Event),
}

impl DeskStep {
    pub fn is_fault(self) -> bool {
        match self {
            Self::Begin | Self::Take(_) | Self::Send(_) | Self::MarkSent => false,
            Self::Resume | Self::Observe(_) | Self::End => false,
            Self::Discard(_) | Self::Resolve(_) => false,
            Self::SendAgain | Self::Kill | Self::Interrupt => true,
        }
    }
}

/// What can happen at the desk.
pub fn enabled(model: &Protocol, state: &State, steps: &mut Vec<Step>) {
    let mut add = |step| steps.push(Step::Desk(step));
    let open = |event: &Event| state.letters[*event].state == LetterState::Open;
    if state.decisions_left > 0 {
        if state.replay.is_none() && (0..EVENTS).any(|event| open(&event)) {
            add(DeskStep::Begin);
        }
        (0..EVENTS)
            .filter(open)
            .for_each(|event| add(DeskStep::Discard(event)));
    }
    for event in 0..EVENTS {
        if is_resolved(model, state, event) {
            add(DeskStep::Resolve(event));
        }
    }
    let Some(replay) = &state.replay else { return };
    match replay.publishing {
        _ if !replay.running => {
            let is_to_do = replay.rows.iter().any(Row::is_to_do);
            if is_to_do && !model.has(Mutation::NobodyResumes) {
                add(DeskStep::Resume);
            }
        }
        None => {
            for event in 0..EVENTS {
                of_row(model, state, replay.rows[event], event, &mut add);
            }
        }
        Some(_event) => {
            add(DeskStep::MarkSent);
            add(DeskStep::SendAgain);
        }
    }
    if replay.running {
        add(DeskStep::Kill);
        add(DeskStep::Interrupt);
    }
    if replay.publishing.is_none() && !replay.rows.iter().any(Row::is_taken) {
        add(DeskStep::End);
    }
}

fn of_row(model: &Protocol, state: &State, row: Row, event: Event, add: &mut impl FnMut(DeskStep)) {
    let letter = &state.letters[event];
    let sends_first = model.has(Mutation::SendBeforeTake);
    let is_selected = if model.has(Mutation::MovingSelection) {
        letter.state == LetterState::Open
    } else {
        row == Row::Waiting
    };
    if is_selected && !sends_first {
        add(DeskStep::Take(event));
    }
    if matches!(row, Row::Taken { .. }) || (row == Row::Waiting && sends_first) {
        add(DeskStep::Send(event));
    }
    if outcome(state, row, event) != row {
        add(DeskStep::Observe(event));
    }
}

/// What a replay sees of a letter that it has taken.
fn outcome(state: &State, row: Row, event: Event) -> Row {
    let deaths = match row {
        Row::NotSelected | Row::Waiting | Row::Applied | Row::Skipped => return row,
        Row::Taken { deaths_before, .. } | Row::Sent { deaths_before } => Some(deaths_before),
        Row::DeadAgain => None,
    };
    if state.is_applied(event) {
        Row::Applied
    } else if deaths.is_some_and(|before| state.letters[event].deaths > before) {
        Row::DeadAgain
    } else {
        row
    }
}

/// Whether housekeeping resolves the letter.
fn is_resolved(model: &Protocol, state: &State, event: Event) -> bool {
    match state.letters[event].state {
        LetterState::Open => state.is_applied(event),
        LetterState::Discarded => state.is_applied(event) && !model.has(Mutation::DiscardedStays),
        LetterState::Replayed => state.is_applied(event) || model.has(Mutation::ResolveWithoutLook),
        LetterState::Absent | LetterState::Resolved => false,
    }
}

pub fn apply(model: &Protocol, state: &mut State, step: DeskStep) {
    match step {
        DeskStep::Begin => begin(state),
        DeskStep::Discard(event) => {
            state.decisions_left -= 1;
            let letter = &mut state.letters[event];
            letter.state = LetterState::Discarded;
            letter.discarded_death = letter.deaths;
        }
        DeskStep::Resolve(event) => state.letters[event].state = LetterState::Resolved,
        DeskStep::End => {
            state.replay = None;
            for letter in &mut state.letters {
                (letter.selected, letter.taken) = (0, 0);
            }
        }
        DeskStep::Take(_) | DeskStep::Send(_) | DeskStep::MarkSent => {
            run(model, state, step);
        }
        DeskStep::SendAgain | DeskStep::Kill | DeskStep::Interrupt => run(model, state, step),
        DeskStep::Resume | DeskStep::Observe(_) => run(model, state, step),
    }
}

fn begin(state: &mut State) {
    state.decisions_left -= 1;
    let mut rows = [Row::NotSelected; EVENTS];
    for (row, letter) in rows.iter_mut().zip(&mut state.letters) {
        if letter.state == LetterState::Open {
            *row = Row::Waiting;
            letter.selected = 1;
        }
    }
    state.replay = Some(Replay {
        rows,
        running: true,
        publishing: None,
    });
}

/// A step of the process that runs the replay.
fn run(model: &Protocol, state: &mut State, step: DeskStep) {
    let Some(mut replay) = state.replay else {
        return;
    };
    match step {
        DeskStep::Take(event) => replay.rows[event] = state.letters[event].take(),
        DeskStep::Send(event) => {
            replay.publishing = Some(event);
            state.broker.queue[event][0] += 1;
        }
        DeskStep::MarkSent => {
            if let Some(event) = replay.publishing.take() {
                if model.has(Mutation::SendBeforeTake) {
                    replay.rows[event] = state.letters[event].take();
                }
                replay.rows[event].mark_sent();
            }
        }
        DeskStep::SendAgain => replay.publishing = None,
        DeskStep::Kill => replay.stop(),
        DeskStep::Interrupt => {
            give_back(state, &mut replay);
            replay.stop();
        }
        DeskStep::Resume => replay.running = true,
        DeskStep::Observe(event) => {
            let row = outcome(state, replay.rows[event], event);
            replay.rows[event] = row;
            state.letters[event].observed(row);
        }
        DeskStep::Begin | DeskStep::End | DeskStep::Discard(_) | DeskStep::Resolve(_) => {}
    }
    state.replay = Some(replay);
}

/// The letters that this run has taken and not published are open again.
fn give_back(state: &mut State, replay: &mut Replay) {
    for (event, row) in replay.rows.iter_mut().enumerate() {
        let letter = &mut state.letters[event];
        if matches!(row, Row::Taken { is_new: true, .. }) && replay.publishing != Some(event) {
            *row = Row::Waiting;
            letter.taken -= 1;
            if letter.state == LetterState::Replayed {
                letter.state = LetterState::Open;
            }
        }
    }
}

impl Letter {
    /// Takes the letter for a replay, or skips it.
    fn take(&mut self) -> Row {
        if self.state != LetterState::Open {
            return Row::Skipped;
        }
        self.state = LetterState::Replayed;
        add(&mut self.taken);
        Row::Taken {
            deaths_before: self.deaths,
            is_new: true,
        }
    }

    /// A letter that was applied is resolved.
    fn observed(&mut self, row: Row) {
        let is_unsettled = matches!(self.state, LetterState::Open | LetterState::Replayed);
        if row == Row::Applied && is_unsettled {
            self.state = LetterState::Resolved;
        }
    }
}

impl Row {
    fn is_taken(&self) -> bool {
        matches!(self, Self::Taken { .. })
    }

    fn is_to_do(&self) -> bool {
        matches!(self, Self::Waiting | Self::Taken { .. })
    }

    fn mark_sent(&mut self) {
        if let Self::Taken { deaths_before, .. } = *self {
            *self = Self::Sent { deaths_before };
        }
    }
}

impl Replay {
    /// Ends the process. The next run cannot know what this one has sent.
    fn stop(&mut self) {
        self.running = false;
        self.publishing = None;
        for row in &mut self.rows {
            if let Row::Taken { is_new, .. } = row {
                *is_new = false;
            }
        }
    }
}
