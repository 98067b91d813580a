//! Every path of the model ends: no step leads back to an earlier state. So what holds after the last step
//! of every path happens in the end, whatever the participants do first.

use std::collections::HashMap;

use stateright::Model;

use super::model::Protocol;
use super::state::State;
use super::step::Step;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    OnPath,
    Done,
}

/// Visits every state once. Returns the first path that comes back to one of its states.
pub fn walk(model: &Protocol, mut visit: impl FnMut(&State)) -> Option<Vec<Step>> {
    let mut marks: HashMap<State, Mark> = HashMap::new();
    for first in model.init_states() {
        marks.insert(first, Mark::OnPath);
        visit(&first);
        let mut path: Vec<(State, Vec<Step>)> = vec![(first, steps(model, &first))];
        let mut taken: Vec<Step> = Vec::new();
        while let Some((state, todo)) = path.last_mut() {
            let state = *state;
            let Some(step) = todo.pop() else {
                marks.insert(state, Mark::Done);
                path.pop();
                taken.pop();
                continue;
            };
            let Some(next) = model.next_state(&state, step) else {
                continue;
            };
            match marks.get(&next) {
                Some(Mark::Done) => {}
                Some(Mark::OnPath) => {
                    taken.push(step);
                    return Some(taken);
                }
                None => {
                    marks.insert(next, Mark::OnPath);
                    visit(&next);
                    taken.push(step);
                    path.push((next, steps(model, &next)));
                }
            }
        }
    }
    None
}

fn steps(model: &Protocol, state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    model.actions(state, &mut steps);
    steps
}
