//! The questions to `PayNow` that a batch leaves open, once the rest of it is committed.

use std::collections::HashMap;
use std::sync::Arc;

use paynow_shared::wire::Failure;

use super::{EVENT_LOCK_WAIT, Handler};
use crate::database::DatabaseError;
use crate::decide::Question;
use crate::disposition::Disposition;
use crate::message::Message;

impl Handler {
    /// Asks `PayNow` about the refunds of a batch whose dispositions say so, all at once, and applies each
    /// again with its answer. A refund without an answer waits.
    pub(crate) async fn ask(
        &mut self,
        messages: &Arc<Vec<Message>>,
        dispositions: &mut [Disposition],
    ) -> Result<(), DatabaseError> {
        let Some(asker) = self.attempts.rules.asker.clone() else {
            return Ok(());
        };
        let open: Vec<(usize, Question, Failure)> = dispositions
            .iter()
            .enumerate()
            .filter_map(|(index, disposition)| match disposition {
                Disposition::AskPayNow(question, failure) => {
                    Some((index, *question, failure.clone()))
                }
                Disposition::Ack | Disposition::RetryLater(_) | Disposition::DeadLetter(_) => None,
            })
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let questions = open.iter().map(|(_index, question, _failure)| *question);
        let answers = asker.ask(questions.collect()).await;
        // The time of the questions is not the database's.
        self.progress.committed();
        for ((index, question, failure), answer) in open.into_iter().zip(answers) {
            let ended = match answer {
                Ok(told) => {
                    self.attempts.told = HashMap::from([(question.refund_id, told)]);
                    let mut wait = EVENT_LOCK_WAIT;
                    let applied = self.one(messages, index, &mut wait).await;
                    self.attempts.told = HashMap::new();
                    applied?.pop()
                }
                Err(why) => {
                    let error = format!("{}; {why}", failure.error);
                    let failure = Failure::new(failure.reason, error);
                    Some(Disposition::AskPayNow(question, failure))
                }
            };
            if let (Some(open), Some(ended)) = (dispositions.get_mut(index), ended) {
                *open = ended;
            }
        }
        Ok(())
    }
}
