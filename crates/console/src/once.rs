//! A form that is sent again, by a double click, a reload or the button back, acts once: whoever sends it again
//! is led to where the first one led. The console is one process, so it keeps this in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header::LOCATION;
use paynow_desk::console::session::SessionKey;

use crate::answer::Answer;
use crate::problem::Problem;

/// So many forms are remembered, which are those of hours.
const FORMS_MAX: usize = 4_096;
/// Longer than what leads to another page takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// One form with one content, on one page of one session. Somebody who goes back and types something else means it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sent {
    session: SessionKey,
    path: String,
    key: String,
}

#[derive(Default)]
struct Known {
    /// `None` while the first one is worked on.
    places: HashMap<Sent, Option<String>>,
    /// Those with a place, the oldest first.
    done: VecDeque<Sent>,
}

#[derive(Default)]
pub(crate) struct Forms {
    known: Mutex<Known>,
    changed: Condvar,
}

impl Forms {
    /// Does `act`, unless the same form led somewhere already. One that failed may be sent again.
    pub(crate) fn once(
        &self,
        session: SessionKey,
        path: &str,
        key: Option<String>,
        act: impl FnOnce() -> Result<Answer, Problem>,
    ) -> Result<Answer, Problem> {
        let Some(key) = key else {
            return act();
        };
        let sent = Sent {
            session,
            path: path.to_owned(),
            key,
        };
        if let Some(place) = self.begin(&sent)? {
            return Ok(Answer::see(place));
        }
        // Also ended by a panic: nobody waits for a form that is gone.
        let mut begun = Begun {
            forms: self,
            sent,
            place: None,
        };
        let answer = act();
        begun.place = answer.as_ref().ok().and_then(place_of);
        answer
    }

    /// Where the same form led, or nothing when it is this one's turn.
    fn begin(&self, sent: &Sent) -> Result<Option<String>, Problem> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_worked_on = |known: &mut Known| matches!(known.places.get(sent), Some(None));
        let waited = self
            .changed
            .wait_timeout_while(known, PATIENCE, is_worked_on);
        let (mut known, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        match known.places.get(sent) {
            Some(Some(place)) => Ok(Some(place.clone())),
            Some(None) => Err(Problem::Refused(
                "this form was sent already, and is worked on".to_owned(),
            )),
            None => {
                known.places.insert(sent.clone(), None);
                Ok(None)
            }
        }
    }
}

/// A form that is worked on.
struct Begun<'a> {
    forms: &'a Forms,
    sent: Sent,
    place: Option<String>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let known = self.forms.known.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        match self.place.take() {
            None => {
                known.places.remove(&self.sent);
            }
            Some(place) => {
                known.places.insert(self.sent.clone(), Some(place));
                known.done.push_back(self.sent.clone());
            }
        }
        if known.done.len() > FORMS_MAX
            && let Some(oldest) = known.done.pop_front()
        {
            known.places.remove(&oldest);
        }
        self.forms.changed.notify_all();
    }
}

/// Of an answer that leads to another page.
fn place_of(answer: &Answer) -> Option<String> {
    let place = answer.headers.iter().find(|(name, _)| *name == LOCATION);
    place.map(|(_, place)| place.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use paynow_desk::console::session::SessionId;

    use super::*;

    fn session() -> SessionKey {
        SessionId::new().unwrap().key()
    }

    #[test]
    fn many_clicks_act_once_and_lead_to_one_place() {
        let (forms, session, acts) = (Forms::default(), session(), AtomicU32::new(0));
        let send = |key: Option<&str>| {
            let answer = forms.once(session, "/products", key.map(str::to_owned), || {
                let act = acts.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                Ok(Answer::see(format!("/products/{act}")))
            });
            place_of(&answer.unwrap()).unwrap()
        };
        std::thread::scope(|scope| {
            let clicks: Vec<_> = (0..8).map(|_| scope.spawn(|| send(Some("one")))).collect();
            for click in clicks {
                assert_eq!(click.join().unwrap(), "/products/0");
            }
        });
        assert_eq!(send(Some("another")), "/products/1");
        assert_eq!([send(None), send(None)], ["/products/2", "/products/3"]);
        let other = self::session();
        let theirs = forms.once(other, "/products", Some("one".into()), || {
            Ok(Answer::see("/mine"))
        });
        assert_eq!(place_of(&theirs.unwrap()).unwrap(), "/mine");
    }

    #[test]
    fn a_form_that_failed_is_sent_again() {
        let (forms, session) = (Forms::default(), session());
        let wrong = || Err(Problem::Invalid("wrong".to_owned()));
        assert!(
            forms
                .once(session, "/x", Some("one".into()), wrong)
                .is_err()
        );
        let panicked = std::thread::scope(|scope| {
            let panics = || forms.once(session, "/x", Some("one".into()), || panic!("a bug"));
            scope.spawn(move || drop(panics())).join()
        });
        assert!(panicked.is_err());
        let right = forms.once(session, "/x", Some("one".into()), || Ok(Answer::see("/y")));
        assert_eq!(place_of(&right.unwrap()).unwrap(), "/y");
    }

    #[test]
    fn the_oldest_forms_are_forgotten() {
        let (forms, session) = (Forms::default(), session());
        for key in 0..=FORMS_MAX {
            let key = key.to_string();
            let sent = forms.once(session, "/x", Some(key), || Ok(Answer::see("/first")));
            assert!(sent.is_ok());
        }
        assert_eq!(forms.known.lock().unwrap().places.len(), FORMS_MAX);
        let again = |key: &str| {
            forms.once(session, "/x", Some(key.to_owned()), || {
                Ok(Answer::see("/second"))
            })
        };
        assert_eq!(place_of(&again("1").unwrap()).unwrap(), "/first");
        assert_eq!(place_of(&again("0").unwrap()).unwrap(), "/second");
    }
}
