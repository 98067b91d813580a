//! The points at stake in the open dead letters. Adding them up takes a while when there are many, so they are
//! asked for on a thread of their own and seldom.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use paynow_desk::list::ReasonGroup;
use paynow_desk::top::snapshot::Answer;

/// The shortest time between two questions.
const REST: Duration = Duration::from_secs(5);
/// A question may keep the database busy for one part of the time in so many.
const SHARE: u32 = 20;

pub(crate) type AskStakes = Arc<dyn Fn() -> Answer<Vec<ReasonGroup>> + Send + Sync>;
/// By reason.
pub(super) type Answered = Answer<BTreeMap<String, ReasonGroup>>;

pub(crate) struct Stakes {
    ask: AskStakes,
    asked: Option<(Instant, Receiver<Answered>)>,
    rest_until: Option<Instant>,
    /// `None` before the first answer.
    last: Option<Answered>,
}

impl Stakes {
    pub(crate) fn new(ask: AskStakes) -> Self {
        Self {
            ask,
            asked: None,
            rest_until: None,
            last: None,
        }
    }

    /// Takes an answer that has come, and asks again when it is time. Never waits.
    pub(super) fn refresh(&mut self) {
        match self.asked.take() {
            Some((since, answers)) => self.take_answer(since, answers),
            None if self.rest_until.is_none_or(|until| until <= Instant::now()) => self.start(),
            None => {}
        }
    }

    fn take_answer(&mut self, since: Instant, answers: Receiver<Answered>) {
        let answer = match answers.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Disconnected) => Err("the thread that asks it panicked".to_owned()),
            Err(TryRecvError::Empty) => {
                self.asked = Some((since, answers));
                return;
            }
        };
        let rest = since.elapsed().saturating_mul(SHARE).max(REST);
        self.rest_until = Instant::now().checked_add(rest);
        self.last = Some(answer);
    }

    fn start(&mut self) {
        let (answer, answers) = sync_channel(1);
        let ask = Arc::clone(&self.ask);
        // Never joined: a database that is silent must not keep the page from its other figures.
        let _detached = thread::spawn(move || {
            let by_reason = |groups: Vec<ReasonGroup>| {
                let groups = groups.into_iter();
                groups.map(|group| (group.reason.clone(), group)).collect()
            };
            // Nobody looks any more when it cannot be sent.
            let _sent = answer.send(ask().map(by_reason));
        });
        self.asked = Some((Instant::now(), answers));
    }

    pub(super) fn last(&self) -> Option<&Answered> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Refreshes until an answer is there.
    fn answered(stakes: &mut Stakes) -> Answered {
        let until = Instant::now() + Duration::from_secs(20);
        while stakes.last().is_none() {
            assert!(Instant::now() < until, "no answer");
            thread::yield_now();
            stakes.refresh();
        }
        stakes.last.take().unwrap()
    }

    #[test]
    fn an_answer_is_kept_and_the_next_question_waits() {
        let asked = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&asked);
        let mut stakes = Stakes::new(Arc::new(move || {
            *counted.lock().unwrap() += 1;
            Ok(vec![ReasonGroup {
                reason: "unknown_product".to_owned(),
                points_at_stake: 500,
                ..ReasonGroup::default()
            }])
        }));
        let by_reason = answered(&mut stakes).unwrap();
        assert_eq!(by_reason["unknown_product"].points_at_stake, 500);
        stakes.refresh();
        stakes.refresh();
        assert_eq!(*asked.lock().unwrap(), 1);
    }

    #[test]
    fn a_question_that_fails_says_why() {
        let mut stakes = Stakes::new(Arc::new(|| Err("gone".to_owned())));
        assert_eq!(answered(&mut stakes).unwrap_err(), "gone");
        let mut stakes = Stakes::new(Arc::new(|| panic!("a bug")));
        assert!(answered(&mut stakes).unwrap_err().contains("panicked"));
    }
}
