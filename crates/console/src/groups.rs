//! Dead letters by reason, for pages. Where there are very many, adding them up takes seconds: one request at a
//! time does it then, and everybody sees its answer for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use paynow_desk::list::ReasonGroup;
use paynow_desk::selection::LetterState;

/// What came as soon is never shown again.
const SOON: Duration = Duration::from_millis(50);
/// A question may keep the database busy for one part of the time in so many.
const SHARE: u32 = 20;
/// While it is asked again, an answer whose time is over is shown for so long.
const GRACE: Duration = Duration::from_secs(60);
/// A page waits no longer for the answer to somebody else's question.
const PATIENCE: Duration = Duration::from_millis(500);

/// The groups of one state, and how long ago they were added up.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) groups: Vec<ReasonGroup>,
    pub(crate) age: Duration,
}

pub(crate) struct Groups {
    rest: fn(Duration) -> Option<Duration>,
    patience: Duration,
    /// By the code of the state; `None` is every state.
    of_states: Mutex<BTreeMap<Option<&'static str>, Arc<OfState>>>,
}

#[derive(Default)]
struct OfState {
    known: Mutex<Known>,
    /// The request that asked has its answer.
    is_answered: Condvar,
}

#[derive(Default)]
struct Known {
    is_asked: bool,
    kept: Option<Kept>,
}

struct Kept {
    groups: Vec<ReasonGroup>,
    asked: Instant,
    rest: Duration,
}

/// For how long an answer is shown that took so long; `None` when it is not shown again.
fn rest(took: Duration) -> Option<Duration> {
    (took > SOON).then(|| took.saturating_mul(SHARE))
}

impl Groups {
    pub(crate) fn new() -> Self {
        Self {
            rest,
            patience: PATIENCE,
            of_states: Mutex::default(),
        }
    }

    /// The answer that is kept, or a new one; `None` while somebody else asks for the first one and it takes
    /// long.
    pub(crate) fn get<E>(
        &self,
        state: Option<LetterState>,
        ask: impl FnOnce() -> Result<Vec<ReasonGroup>, E>,
    ) -> Result<Option<Counted>, E> {
        let code = state.map(LetterState::code);
        let of_state = Arc::clone(lock(&self.of_states).entry(code).or_default());
        let mut known = lock(&of_state.known);
        if known.is_asked {
            if let Some(old) = known.shown_for(GRACE) {
                return Ok(Some(old));
            }
            let waited = of_state
                .is_answered
                .wait_timeout_while(known, self.patience, |it| it.is_asked);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(fresh) = known.shown_for(Duration::ZERO) {
            return Ok(Some(fresh));
        }
        if known.is_asked {
            return Ok(None);
        }
        known.is_asked = true;
        drop(known);
        let asking = Asking(&of_state);
        let asked = Instant::now();
        let groups = ask()?;
        let kept = (self.rest)(asked.elapsed()).map(|rest| Kept {
            groups: groups.clone(),
            asked,
            rest,
        });
        lock(&of_state.known).kept = kept;
        drop(asking);
        Ok(Some(Counted {
            groups,
            age: Duration::ZERO,
        }))
    }
}

/// However the question ends, the next request may ask.
struct Asking<'a>(&'a OfState);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.0.known).is_asked = false;
        self.0.is_answered.notify_all();
    }
}

impl Known {
    /// What is kept, if its time is not over for longer than this.
    fn shown_for(&self, longer: Duration) -> Option<Counted> {
        let kept = self.kept.as_ref()?;
        let age = kept.asked.elapsed();
        (age < kept.rest.saturating_add(longer)).then(|| Counted {
            groups: kept.groups.clone(),
            age,
        })
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn keeping(rest: fn(Duration) -> Option<Duration>) -> Groups {
        Groups {
            rest,
            patience: Duration::ZERO,
            ..Groups::new()
        }
    }

    fn answer(letters: u64) -> Result<Vec<ReasonGroup>, Infallible> {
        Ok(vec![ReasonGroup {
            letters,
            ..ReasonGroup::default()
        }])
    }

    /// How many letters a page shows that would be told of so many.
    fn shown(groups: &Groups, letters: u64) -> Option<u64> {
        let counted = groups.get(None, || answer(letters)).unwrap();
        counted.map(|counted| counted.groups[0].letters)
    }

    #[test]
    fn only_what_takes_long_is_shown_again_and_for_long() {
        assert_eq!(rest(SOON), None);
        assert_eq!(rest(Duration::from_secs(2)), Some(Duration::from_secs(40)));
        let never = keeping(|_took| None);
        assert_eq!([shown(&never, 1), shown(&never, 2)], [Some(1), Some(2)]);
        let always = keeping(|_took| Some(HOUR));
        assert_eq!([shown(&always, 1), shown(&always, 2)], [Some(1), Some(1)]);
        let open = always.get(Some(LetterState::Open), || answer(3)).unwrap();
        assert_eq!(open.unwrap().groups[0].letters, 3);
    }

    #[test]
    fn an_answer_that_failed_is_asked_again() {
        let groups = keeping(|_took| Some(HOUR));
        assert!(groups.get(None, || Err("no answer")).is_err());
        assert_eq!(shown(&groups, 1), Some(1));
    }

    #[test]
    fn one_request_asks_and_others_see_what_was_there() {
        let groups = keeping(|_took| Some(Duration::ZERO));
        for (before, after) in [(None, Some(1)), (Some(1), Some(2))] {
            thread::scope(|scope| {
                let ((begun, has_begun), (end, has_ended)) = (sync_channel(1), sync_channel(1));
                let groups = &groups;
                let asking = scope.spawn(move || {
                    groups.get(None, || {
                        begun.send(()).unwrap();
                        has_ended.recv().unwrap();
                        answer(after.unwrap())
                    })
                });
                has_begun.recv().unwrap();
                assert_eq!(shown(groups, 9), before);
                end.send(()).unwrap();
                let counted = asking.join().unwrap().unwrap().unwrap();
                assert_eq!(Some(counted.groups[0].letters), after);
            });
        }
        assert_eq!(shown(&groups, 3), Some(3));
    }
}
