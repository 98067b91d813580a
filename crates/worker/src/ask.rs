//! Asks `PayNow`'s API what a refund was for whose amounts do not tell. The questions of a batch are asked at
//! once, on blocking threads, while no transaction is open. If the API does not answer, the refunds wait:
//! its outage decides nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use paynow_process::observe::Observable;
use paynow_process::paynow::{ApiError, PayNowApi, PayNowSettings};
use paynow_shared::ids::{OrderId, OrderLineId, RefundId, StoreId};
use serde::Deserialize;

use crate::decide::Question;
use crate::decide::record::{Attribution, Source};
use crate::decide::view::{Answer, Told};
use crate::observe::paynow::{ApiBack, ApiFailing, Asked, QuestionResult};

/// One question with its second attempt. With [`START_LIMIT`], a batch waits 3 seconds at most.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// No question of a batch is begun later than this; the others of its refunds wait on a retry queue.
const START_LIMIT: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 16;
/// After a failure the worker asks nothing for this long, in all lanes: each question that is not answered
/// would hold up the credits behind it.
const PAUSE: Duration = Duration::from_secs(5);

/// `PayNow`'s API, as all lanes ask it.
pub struct Asker {
    api: PayNowApi,
    /// `PAYNOW_STORE_ID`, for an event that names no store.
    store_id: Option<StoreId>,
    /// When the API last failed, if it has not answered since.
    failed_at: Mutex<Option<Instant>>,
}

impl Asker {
    pub fn new(settings: PayNowSettings, store_id: Option<StoreId>) -> Self {
        Self {
            api: PayNowApi::new(settings.with_time_limit(ANSWER_LIMIT)),
            store_id,
            failed_at: Mutex::new(None),
        }
    }

    /// Returns one answer per question, in order, or why there is none yet.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        questions: Vec<Question>,
    ) -> Vec<Result<Told, String>> {
        let no_later_than = Instant::now() + START_LIMIT;
        let asked = questions.into_iter().map(|question| {
            let asker = Arc::clone(self);
            async move {
                if Instant::now() >= no_later_than {
                    return Err("many refunds are asked about".to_owned());
                }
                let asked = tokio::task::spawn_blocking(move || asker.ask_one(&question));
                let panicked = |_panicked| Err("the question failed, see the log".to_owned());
                let answer = asked.await.unwrap_or_else(panicked)?;
                let by = Source::PayNow;
                Ok(Told { by, answer })
            }
        });
        stream::iter(asked).buffered(AT_ONCE).collect().await
    }

    fn ask_one(&self, question: &Question) -> Result<Answer, String> {
        let Some(store_id) = question.store_id.or(self.store_id) else {
            let unknown = "the event names no store, and PAYNOW_STORE_ID is not set";
            return Ok(Answer::Unknown(unknown.to_owned()));
        };
        if self.is_paused() {
            return Err("PayNow's API failed a moment ago".to_owned());
        }
        let [store, payment] = [store_id.to_string(), question.payment_id.to_string()];
        let path = ["v1", "stores", &store, "payments", &payment];
        let found = self.api.get::<Payment>(&path, &[]);
        let (result, answer) = match found {
            Ok(payment) => match payment.answer(question) {
                Answer::Unknown(why) => (QuestionResult::Unknown, Ok(Answer::Unknown(why))),
                known @ Answer::For(_) => (QuestionResult::Answered, Ok(known)),
            },
            Err(ApiError::NotFound) => {
                let unknown = format!("PayNow's API knows no payment {payment} of store {store}");
                (QuestionResult::Unknown, Ok(Answer::Unknown(unknown)))
            }
            Err(error @ ApiError::Unreadable(_)) => {
                let unknown = Answer::Unknown(error.to_string());
                (QuestionResult::Unreadable, Ok(unknown))
            }
            Err(error @ ApiError::Unavailable(_)) => {
                (QuestionResult::Unavailable, Err(error.to_string()))
            }
            Err(error @ ApiError::Denied(_)) => (QuestionResult::Denied, Err(error.to_string())),
        };
        Asked(result).emit();
        self.note(&answer);
        answer
    }

    fn is_paused(&self) -> bool {
        let failed_at = *self
            .failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| at.elapsed() < PAUSE)
    }

    /// Remembers whether the API answered.
    fn note(&self, answer: &Result<Answer, String>) {
        let mut failed_at = self
            .failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(_) if failed_at.take().is_some() => ApiBack.emit(),
            Ok(_) => {}
            Err(error) => {
                let is_new = failed_at.replace(Instant::now()).is_none();
                ApiFailing { error, is_new }.emit();
            }
        }
    }
}

/// A payment, as `PayNow`'s API describes it: only what the question needs.
#[derive(Deserialize)]
struct Payment {
    order_id: Option<OrderId>,
    refunds: Option<Vec<Refund>>,
}

#[derive(Deserialize)]
struct Refund {
    id: RefundId,
    /// None for a refund of the whole payment.
    order_line_id: Option<OrderLineId>,
}

impl Payment {
    fn answer(&self, question: &Question) -> Answer {
        let refund_id = question.refund_id;
        if let Some(other) = self.order_id.filter(|named| *named != question.order_id) {
            return Answer::Unknown(format!(
                "PayNow's API says that the payment is of order {other}"
            ));
        }
        let mut refunds = self.refunds.iter().flatten();
        match refunds.find(|refund| refund.id == refund_id) {
            None => Answer::Unknown(format!(
                "PayNow's API lists no refund {refund_id} of the payment"
            )),
            Some(refund) => {
                let line = refund.order_line_id.map(Attribution::Line);
                Answer::For(line.unwrap_or(Attribution::Everything))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use paynow_process::environment::Environment;

    use super::*;

    fn question() -> Question {
        Question {
            refund_id: "7".parse().unwrap(),
            order_id: "10".parse().unwrap(),
            payment_id: "5".parse().unwrap(),
            store_id: Some("2".parse().unwrap()),
        }
    }

    fn answer(payment: &str) -> Answer {
        let payment: Payment = serde_json::from_str(payment).unwrap();
        payment.answer(&question())
    }

    #[test]
    fn the_refund_of_the_question_names_its_line_or_the_whole_payment() {
        let line: OrderLineId = "31".parse().unwrap();
        let others = r#"{"id": "6", "order_line_id": "30"}, {"id": "7""#;
        assert_eq!(
            answer(&format!(
                r#"{{"order_id": "10", "refunds": [{others}, "order_line_id": "31"}}]}}"#
            )),
            Answer::For(Attribution::Line(line))
        );
        assert_eq!(
            answer(&format!(
                r#"{{"refunds": [{others}, "order_line_id": null}}]}}"#
            )),
            Answer::For(Attribution::Everything)
        );
        assert_eq!(
            answer(&format!(r#"{{"refunds": [{others}}}]}}"#)),
            Answer::For(Attribution::Everything)
        );
    }

    #[test]
    fn a_payment_without_the_refund_or_of_another_order_tells_nothing() {
        for payment in [
            r#"{"order_id": "10", "refunds": [{"id": "6"}]}"#,
            r#"{"order_id": "10", "refunds": null}"#,
            r#"{"order_id": "10"}"#,
            r#"{"order_id": "11", "refunds": [{"id": "7", "order_line_id": "31"}]}"#,
        ] {
            assert!(matches!(answer(payment), Answer::Unknown(_)), "{payment}");
        }
    }

    #[test]
    fn after_a_failure_nothing_is_asked_for_some_seconds() {
        // Nothing listens at port 1.
        let environment = Environment::of([
            ("PAYNOW_API_KEY", "pnapi-0123"),
            ("PAYNOW_API_URL", "http://127.0.0.1:1"),
        ]);
        let settings = PayNowSettings::from_environment(&environment).unwrap();
        let asker = Asker::new(settings.unwrap(), None);
        let asked = asker.ask_one(&question()).unwrap_err();
        assert!(asked.contains("not available"), "{asked}");
        let not_asked = asker.ask_one(&question()).unwrap_err();
        assert_eq!(not_asked, "PayNow's API failed a moment ago");
        let nameless = Question {
            store_id: None,
            ..question()
        };
        assert!(matches!(asker.ask_one(&nameless), Ok(Answer::Unknown(_))));
    }
}
