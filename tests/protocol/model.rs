//! The protocol as a model for stateright: PayNow, the receiver, the broker, two workers, the archive and
//! the desk, with the two events of a scenario.

use stateright::{Model, Path, Property};

use super::mutation::Mutation;
use super::properties::properties;
use super::state::{EVENTS, Event, Kind, State};
use super::step::Step;
use super::worker::WorkStep;
use super::{archive, desk, step, webhook, worker};

/// A scenario and its bounds.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    pub events: [Kind; EVENTS],
    /// Crashes, lost connections and answers, duplicates.
    pub faults: u8,
    /// Replays and discards.
    pub decisions: u8,
    /// Whether the receiver has accepted both events before the model begins.
    pub is_accepted: bool,
    pub mutation: Option<Mutation>,
}

impl Protocol {
    /// Whether this mistake is made.
    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn has_no_event_id(&self) -> bool {
        self.has(Mutation::NoEventId) || self.has(Mutation::NoKeys)
    }

    pub fn has_no_business_key(&self) -> bool {
        self.has(Mutation::NoBusinessKey) || self.has(Mutation::NoKeys)
    }

    /// Whether the ledger has the id of an event, with whichever body.
    pub fn is_id_recorded(&self, state: &State, event: Event) -> bool {
        let id = self.events[event].event_id();
        let same_id = (0..EVENTS).filter(|other| self.events[*other].event_id() == id);
        same_id.into_iter().any(|other| state.is_applied(other))
    }

    /// Whether anything can still happen without a fault.
    pub fn has_step(&self, state: &State) -> bool {
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.iter().any(|step| !step.is_fault())
    }

    /// The steps of a counterexample, one a line, and the state that they lead to.
    pub fn tell(&self, path: Path<State, Step>) -> String {
        let last = *path.last_state();
        let mut text = String::new();
        for (number, (before, step)) in path.into_vec().into_iter().enumerate() {
            if let Some(step) = step {
                text += &format!("{:3}. {}\n", number + 1, self.name(&before, step));
            }
        }
        let [first, second] = self.events;
        format!("{text}which leads to {last:?}\nEvent 0 is {first:?}, event 1 is {second:?}.")
    }

    /// A step, with the names of its participant and its event.
    fn name(&self, before: &State, step: Step) -> String {
        let held = |who: usize| before.workers[who].map(|held| held.copy.event);
        let (who, of, what) = match step {
            Step::Webhook(event, step) => ("receiver", Some(event), format!("{step:?}")),
            Step::Worker(_, WorkStep::Deliver(copy)) => {
                let what = format!("Deliver, attempt {}", copy.attempt + 1);
                ("broker", Some(copy.event), what)
            }
            Step::Worker(who, step) => ("worker", held(who), format!("{step:?}")),
            Step::Broker(step) => ("broker", None, format!("{step:?}")),
            Step::Archive(step) => ("archive", None, format!("{step:?}")),
            Step::Desk(step) => ("desk", None, format!("{step:?}")),
        };
        let of = of.map(|event| format!(" ({:?})", self.events[event]));
        let named = self
            .events
            .iter()
            .enumerate()
            .fold(what, |what, (event, kind)| {
                what.replace(&format!("({event})"), &format!("({kind:?})"))
            });
        format!("{who}: {named}{}", of.unwrap_or_default())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::new(self.faults, self.decisions);
        if self.is_accepted {
            state.accept_all();
        }
        vec![state]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        webhook::enabled(self, state, steps);
        worker::enabled(self, state, steps);
        step::enabled(state, steps);
        archive::enabled(self, state, steps);
        desk::enabled(self, state, steps);
        if state.faults_left == 0 {
            steps.retain(|step| !step.is_fault());
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = *last;
        match step {
            Step::Webhook(event, step) => webhook::apply(&mut state, event, step),
            Step::Worker(who, step) => worker::apply(self, &mut state, who, step),
            Step::Broker(step) => step::apply(&mut state, step),
            Step::Archive(step) => archive::apply(self, &mut state, step),
            Step::Desk(step) => desk::apply(self, &mut state, step),
        }
        state.workers.sort_unstable();
        if state == *last {
            return None;
        }
        if step.is_fault() {
            state.faults_left -= 1;
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }
}
