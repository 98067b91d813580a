//! What takes long to add up where there are very many dead letters. One request at a time asks the database for it
//! then, and everybody sees its answer for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What came as soon is never shown again.
const SOON: Duration = Duration::from_millis(50);
/// A question may keep the database busy for one part of the time in so many.
const SHARE: u32 = 20;
/// While it is asked again, an answer whose time is over is shown for so long.
const GRACE: Duration = Duration::from_secs(60);
/// A page waits no longer for the answer to somebody else's question.
const PATIENCE: Duration = Duration::from_millis(500);

/// An answer, and how long ago it was added up.
#[derive(Debug, Clone)]
pub(crate) struct Counted<A> {
    pub(crate) answer: A,
    pub(crate) age: Duration,
}

/// Answers by what they are about.
pub(crate) struct Sums<K, A> {
    rest: fn(Duration) -> Option<Duration>,
    patience: Duration,
    by_key: Mutex<BTreeMap<K, Arc<OfKey<A>>>>,
}

struct OfKey<A> {
    known: Mutex<Known<A>>,
    /// The request that asked has its answer.
    is_answered: Condvar,
}

struct Known<A> {
    is_asked: bool,
    kept: Option<Kept<A>>,
}

struct Kept<A> {
    answer: A,
    asked: Instant,
    rest: Duration,
}

/// For how long an answer is shown that took so long; `None` when it is not shown again.
fn rest(took: Duration) -> Option<Duration> {
    (took > SOON).then(|| took.saturating_mul(SHARE))
}

impl<K: Ord, A: Clone> Sums<K, A> {
    pub(crate) fn new() -> Self {
        Self {
            rest,
            patience: PATIENCE,
            by_key: Mutex::default(),
        }
    }

    /// The answer that is kept, or a new one; `None` while somebody else asks for the first one and it takes
    /// long.
    pub(crate) fn get<E>(
        &self,
        key: K,
        ask: impl FnOnce() -> Result<A, E>,
    ) -> Result<Option<Counted<A>>, E> {
        let of_key = Arc::clone(lock(&self.by_key).entry(key).or_default());
        let mut known = lock(&of_key.known);
        if known.is_asked {
            if let Some(old) = known.shown_for(GRACE) {
                return Ok(Some(old));
            }
            let waited = of_key
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
        let asking = Asking(&of_key);
        let asked = Instant::now();
        let answer = ask()?;
        let kept = (self.rest)(asked.elapsed()).map(|rest| Kept {
            answer: answer.clone(),
            asked,
            rest,
        });
        lock(&of_key.known).kept = kept;
        drop(asking);
        Ok(Some(Counted {
            answer,
            age: Duration::ZERO,
        }))
    }
}

impl<A> Default for OfKey<A> {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                is_asked: false,
                kept: None,
            }),
            is_answered: Condvar::new(),
        }
    }
}

/// However the question ends, the next request may ask.
struct Asking<'a, A>(&'a OfKey<A>);

impl<A> Drop for Asking<'_, A> {
    fn drop(&mut self) {
        lock(&self.0.known).is_asked = false;
        self.0.is_answered.notify_all();
    }
}

impl<A: Clone> Known<A> {
    /// What is kept, if its time is not over for longer than this.
    fn shown_for(&self, longer: Duration) -> Option<Counted<A>> {
        let kept = self.kept.as_ref()?;
        let age = kept.asked.elapsed();
        (age < kept.rest.saturating_add(longer)).then(|| Counted {
            answer: kept.answer.clone(),
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

    fn keeping(rest: fn(Duration) -> Option<Duration>) -> Sums<&'static str, u64> {
        Sums {
            rest,
            patience: Duration::ZERO,
            ..Sums::new()
        }
    }

    /// How many letters a page shows that would be told of so many.
    fn shown(sums: &Sums<&'static str, u64>, letters: u64) -> Option<u64> {
        let counted = sums.get("all", || Ok::<_, Infallible>(letters)).unwrap();
        counted.map(|counted| counted.answer)
    }

    #[test]
    fn only_what_takes_long_is_shown_again_and_for_long() {
        assert_eq!(rest(SOON), None);
        assert_eq!(rest(Duration::from_secs(2)), Some(Duration::from_secs(40)));
        let never = keeping(|_took| None);
        assert_eq!([shown(&never, 1), shown(&never, 2)], [Some(1), Some(2)]);
        let always = keeping(|_took| Some(HOUR));
        assert_eq!([shown(&always, 1), shown(&always, 2)], [Some(1), Some(1)]);
        let open = always.get("open", || Ok::<_, Infallible>(3)).unwrap();
        assert_eq!(open.unwrap().answer, 3);
    }

    #[test]
    fn an_answer_that_failed_is_asked_again() {
        let sums = keeping(|_took| Some(HOUR));
        assert!(sums.get("all", || Err("no answer")).is_err());
        assert_eq!(shown(&sums, 1), Some(1));
    }

    #[test]
    fn one_request_asks_and_others_see_what_was_there() {
        let sums = keeping(|_took| Some(Duration::ZERO));
        for (before, after) in [(None, Some(1)), (Some(1), Some(2))] {
            thread::scope(|scope| {
                let ((begun, has_begun), (end, has_ended)) = (sync_channel(1), sync_channel(1));
                let sums = &sums;
                let asking = scope.spawn(move || {
                    sums.get("all", || {
                        begun.send(()).unwrap();
                        has_ended.recv().unwrap();
                        Ok::<_, Infallible>(after.unwrap())
                    })
                });
                has_begun.recv().unwrap();
                assert_eq!(shown(sums, 9), before);
                end.send(()).unwrap();
                let counted = asking.join().unwrap().unwrap().unwrap();
                assert_eq!(Some(counted.answer), after);
            });
        }
        assert_eq!(shown(&sums, 3), Some(3));
    }
}
