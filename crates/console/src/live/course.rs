//! What the page draws of the last half hour. It outlives the pauses in which nobody looks, as gaps.

use std::collections::VecDeque;

use paynow_desk::top::view::View;

/// One value is drawn for each half minute.
const SLOT_MS: i64 = 30_000;
/// Half an hour.
const SLOTS: usize = 60;

/// A figure whose course is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Traced {
    Queued,
    Credited,
    Dead,
    /// Messages in the workers' queue.
    Waiting,
    /// Seconds from PayNow's signature to the commit: 95 of 100 events are younger.
    Age,
}

const TRACED: usize = 5;
type Values = [Option<f64>; TRACED];

#[derive(Debug, Default)]
pub(super) struct Course {
    /// By the number of their half minute, the oldest first.
    slots: VecDeque<(i64, Values)>,
}

impl Course {
    pub(super) fn add(&mut self, view: &View) {
        self.put(view.taken_at_ms, values(view));
    }

    /// A half minute keeps its highest values, so that a short peak is seen.
    fn put(&mut self, at_ms: i64, values: Values) {
        let number = at_ms.div_euclid(SLOT_MS);
        match self.slots.back_mut() {
            // A clock that was set back does not go back in the drawing.
            Some((last, highest)) if *last >= number => {
                for (highest, value) in highest.iter_mut().zip(values) {
                    *highest = higher(*highest, value);
                }
            }
            Some(_) | None => self.slots.push_back((number, values)),
        }
        let first = number.saturating_sub(SLOTS as i64);
        while self
            .slots
            .front()
            .is_some_and(|(number, _)| *number <= first)
        {
            self.slots.pop_front();
        }
    }

    /// The half hour up to the newest value, the oldest first.
    pub(super) fn of(&self, traced: Traced) -> Vec<Option<f64>> {
        let mut course = vec![None; SLOTS];
        let Some((newest, _)) = self.slots.back() else {
            return course;
        };
        for (number, values) in &self.slots {
            let back = usize::try_from(newest.saturating_sub(*number)).unwrap_or(SLOTS);
            let index = SLOTS.checked_sub(back.saturating_add(1));
            if let Some(place) = index.and_then(|index| course.get_mut(index)) {
                *place = values.get(traced as usize).copied().flatten();
            }
        }
        course
    }
}

fn higher(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (some, None) | (None, some) => some,
    }
}

fn values(view: &View) -> Values {
    let rate = |name| {
        let rate = view.rates.iter().find(|rate| rate.name == name)?;
        rate.now
    };
    let age = view.latencies.iter().find(|it| it.name == "event age");
    let age = age.and_then(|age| Some(age.now?.p95.seconds));
    let waiting = view.backlog.messages.map(|messages| messages as f64);
    [rate("queued"), rate("credited"), rate("dead"), waiting, age]
}

#[cfg(test)]
mod tests {
    use paynow_desk::top::view::View;

    use super::super::fixtures::snapshot;
    use super::*;

    fn waiting(messages: f64) -> Values {
        [None, None, None, Some(messages), None]
    }

    fn last_two(course: &Course) -> [Option<f64>; 2] {
        let waiting = course.of(Traced::Waiting);
        assert_eq!(waiting.len(), SLOTS);
        [waiting[SLOTS - 2], waiting[SLOTS - 1]]
    }

    #[test]
    fn a_half_minute_keeps_its_highest_value() {
        let mut course = Course::default();
        for (at_ms, messages) in [(0, 3.0), (2_000, 9.0), (29_999, 4.0), (30_000, 1.0)] {
            course.put(at_ms, waiting(messages));
        }
        assert_eq!(last_two(&course), [Some(9.0), Some(1.0)]);
    }

    #[test]
    fn what_nobody_looked_at_is_a_gap_and_what_is_older_is_gone() {
        let mut course = Course::default();
        course.put(0, waiting(3.0));
        course.put(2 * SLOT_MS, waiting(4.0));
        assert_eq!(last_two(&course), [None, Some(4.0)]);
        assert_eq!(course.of(Traced::Waiting)[SLOTS - 3], Some(3.0));
        course.put(SLOTS as i64 * SLOT_MS, waiting(5.0));
        assert_eq!(course.slots.len(), 2);
        course.put(1_000 * SLOT_MS, waiting(6.0));
        assert_eq!(course.slots.len(), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_moves_nothing() {
        let mut course = Course::default();
        course.put(10 * SLOT_MS, waiting(3.0));
        course.put(0, waiting(7.0));
        assert_eq!(last_two(&course), [None, Some(7.0)]);
    }

    #[test]
    fn the_figures_are_those_of_the_view() {
        let view = View::of(&[snapshot(0.0, 0, 0, 0), snapshot(2.0, 100, 80, 20)]).unwrap();
        let mut course = Course::default();
        course.add(&view);
        let newest = |traced| course.of(traced)[SLOTS - 1];
        assert_eq!(newest(Traced::Queued), Some(50.0));
        assert_eq!(newest(Traced::Credited), Some(40.0));
        assert_eq!(newest(Traced::Dead), Some(0.0));
        assert_eq!(newest(Traced::Waiting), Some(20.0));
        assert_eq!(newest(Traced::Age), Some(60.0));
    }
}
