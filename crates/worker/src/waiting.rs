//! Which events wait on the retry ladder, for people who ask about one: the table `waiting_events`; and which
//! rungs they took: `waiting_steps`. Best effort, beside the handling of messages: it costs no credit a moment,
//! and a note that cannot be written is logged and lost. A note of a deferral follows the broker's confirm, so
//! a worker that dies in between leaves an event on the ladder without a row, until it is tried again. A note
//! of the end follows the acknowledgement; the row that is left without it says a time that is over.

mod write;

use std::time::Duration;

use paynow_process::observe::Observable;
use paynow_shared::wire::{Failure, Label, label};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::write::{Deferral, Named, Note, write};
use crate::database::locks::limit_waits;
use crate::database::{DatabaseAddress, blocking, count};
use crate::message::{Message, header_text};
use crate::observe::background::WaitingNotRecorded;

/// What is not written yet. More than the events of all lanes, whose prefetch limits how many are deferred
/// while the database is slow.
const NOTES_MAX: usize = 20_000;
const NOTES_AT_ONCE: usize = 1_000;
const LOCK_WAIT: Duration = Duration::from_secs(1);
const FINISH_LIMIT: Duration = Duration::from_secs(3);

/// Takes notes without ever waiting.
#[derive(Clone)]
pub(crate) struct WaitingNotes(mpsc::Sender<Note>);

impl WaitingNotes {
    fn new() -> (Self, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(NOTES_MAX);
        (Self(sender), receiver)
    }

    /// The broker has confirmed the message on a rung.
    pub(crate) fn deferred(
        &self,
        label: &Label,
        message: &Message,
        failure: &Failure,
        rung_seconds: u32,
    ) {
        self.add(Note {
            message_id: label.message_id.clone(),
            deferral: Some(Deferral {
                event_type: label.event_type.as_ref().map(ToString::to_string),
                failure: Failure::new(failure.reason, header_text(&failure.error)),
                attempt: count(message.headers.attempt.max(1)),
                rung_seconds: count(rung_seconds),
                named: Named::in_body(&message.body),
            }),
        });
    }

    /// The event is settled or dead. A message without a failure has never waited.
    pub(crate) fn over(&self, message: &Message) {
        if message.headers.failure.is_some() {
            self.add(Note {
                message_id: label(&message.body).message_id,
                deferral: None,
            });
        }
    }

    fn add(&self, note: Note) {
        if let Err(error) = self.0.try_send(note) {
            WaitingNotRecorded {
                events: 1,
                error: &error,
            }
            .emit();
        }
    }
}

/// The task that writes notes.
pub(crate) struct NoteWriter {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl NoteWriter {
    /// Must be called inside a tokio runtime.
    pub(crate) fn start(database: DatabaseAddress) -> (WaitingNotes, Self) {
        let (taker, notes) = WaitingNotes::new();
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(database, notes, stop.clone()));
        (taker, Self { task, stop })
    }

    /// Writes what is left, unless the database takes too long.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        let _written = tokio::time::timeout(FINISH_LIMIT, self.task).await;
    }
}

async fn run(database: DatabaseAddress, mut notes: mpsc::Receiver<Note>, stop: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            received = notes.recv_many(&mut batch, NOTES_AT_ONCE) => if received == 0 {
                return;
            },
            () = stop.cancelled(), if !notes.is_closed() => notes.close(),
        }
        let (events, database) = (batch.len(), database.clone());
        let notes = std::mem::take(&mut batch);
        if events == 0 {
            continue;
        }
        let written = blocking(move || {
            // Deferrals are rare: a new connection each time costs less than one that is always idle.
            let mut connection = database.connect()?;
            limit_waits(&mut connection, LOCK_WAIT)?;
            write(&mut connection, &notes)
        });
        if let Err(error) = written.await {
            WaitingNotRecorded {
                events,
                error: &error,
            }
            .emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use paynow_shared::reason::Reason;

    use super::*;

    #[tokio::test]
    async fn only_the_last_note_of_an_event_is_how_it_waits_and_every_step_is_counted() {
        let (notes, mut receiver) = WaitingNotes::new();
        let failure = Failure::new(Reason::OrderUnknown, "no order yet");
        let waited = Message {
            headers: paynow_shared::wire::Headers {
                failure: Some(failure.clone()),
                ..Default::default()
            },
            redeliveries: 0,
            body: br#"{"event_type":"ON_REFUND","event_id":"7","body":{}}"#.to_vec(),
        };
        let never_waited = Message {
            headers: Default::default(),
            ..waited.clone()
        };
        let label = |id: &str| Label {
            message_id: id.to_owned(),
            event_type: None,
        };
        notes.deferred(&label("7"), &waited, &failure, 4);
        notes.deferred(&label("8"), &waited, &failure, 4);
        notes.deferred(&label("8"), &waited, &failure, 4);
        notes.deferred(&label("8"), &waited, &failure, 16);
        notes.over(&waited);
        notes.over(&never_waited);

        let mut taken = Vec::new();
        assert_eq!(receiver.recv_many(&mut taken, 10).await, 5);
        let steps = write::steps(&taken);
        let newest = write::newest(&taken);

        assert_eq!(newest["7"], None);
        assert_eq!(newest["8"].map(|it| it.rung_seconds), Some(16));
        let times: Vec<(&str, i32, i32)> = steps
            .iter()
            .map(|(step, told)| (step.event_id, step.rung_seconds, told.times))
            .collect();
        assert_eq!(times, [("7", 4, 1), ("8", 4, 2), ("8", 16, 1)]);
    }
}
