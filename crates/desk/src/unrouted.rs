//! Messages in `paynow.unrouted`: PayNow was answered with 202, no binding routed them to a queue, and no
//! worker reads them there. They are moved to the workers' queue as they are.

use diesel::pg::PgConnection;
use paynow_process::broker::BrokerAddress;
use paynow_process::broker::blocking::AT_ONCE_MAX;
use paynow_process::broker::mover::{MoveError, Mover, Taken};
use paynow_process::clock::rfc3339;
use paynow_process::interrupt::Interrupt;
use paynow_shared::digest::BodyDigest;
use paynow_shared::ids::EventId;
use paynow_shared::topology::{CREDITS_QUEUE, UNROUTED};
use serde::Serialize;
use serde_json::json;

use crate::actions::{Note, record};
use crate::database::{Database, DatabaseError};
use crate::error::DeskError;
use crate::expect::{PreviewHash, lines, others, refuse_other};

/// The names of the connections at the broker.
const CONNECTION: &str = "paynowctl-unrouted";
/// What is beyond these limits is left for the next run: all messages that one takes are in memory, so that it moves
/// exactly those that a preview showed, or none.
const TAKEN_MAX: usize = 100_000;
const HELD_BYTES_MAX: usize = 256 << 20;

/// A message, without its body: that is PayNow's own words, with personal data.
#[derive(Debug, Serialize)]
pub struct Unrouted {
    /// The event's id, or the SHA-256 of a body without one; `None` if another program published it.
    pub message_id: Option<String>,
    pub event_type: Option<String>,
    pub received_at: Option<String>,
    /// What no binding matched.
    pub routing_key: String,
    pub body_bytes: usize,
}

#[derive(Debug, Serialize)]
pub struct UnroutedList {
    /// All that are in the queue.
    pub waiting: u64,
    /// The first of them.
    pub messages: Vec<Unrouted>,
}

/// Shows the first messages, which stay where they are. Each look counts as a delivery that failed; the
/// queue has no limit for those.
pub fn list(address: &BrokerAddress, limit: u32) -> Result<UnroutedList, DeskError> {
    let mover = open(address)?;
    let listed = first(&mover, limit);
    mover.close();
    listed.map_err(refused)
}

fn first(mover: &Mover, limit: u32) -> Result<UnroutedList, MoveError> {
    let mut waiting = 0;
    let mut messages = Vec::new();
    for place in 1..=u64::from(limit) {
        let Some((message, behind)) = mover.take()? else {
            break;
        };
        waiting = place.saturating_add(behind.into());
        messages.push(Unrouted {
            received_at: message.headers.received_at_ms.and_then(rfc3339),
            message_id: message.message_id,
            event_type: message.event_type,
            routing_key: message.routing_key,
            body_bytes: message.body.len(),
        });
    }
    Ok(UnroutedList { waiting, messages })
}

/// The messages to move. All that were taken and are not moved return to their queue when the connection is
/// closed.
struct Chosen {
    messages: Vec<Taken>,
    /// In the queue besides them.
    others: u64,
    expect: PreviewHash,
}

/// Chooses the oldest messages, in the same way for the preview and the move. All are taken for that: in what order
/// a queue gives messages that were looked at before depends on who looked.
fn choose(mover: &Mover, limit: u32, interrupt: Option<&Interrupt>) -> Result<Chosen, MoveError> {
    let is_asked = || interrupt.is_some_and(|interrupt| interrupt.asked().is_some());
    let (mut messages, mut others, mut bytes) = (Vec::new(), 0, 0_usize);
    while messages.len() < TAKEN_MAX && bytes < HELD_BYTES_MAX && !is_asked() {
        let Some((message, behind)) = mover.take()? else {
            others = 0;
            break;
        };
        others = u64::from(behind);
        bytes = bytes.saturating_add(message.body.len());
        messages.push(message);
    }
    messages.sort_by_cached_key(|it| (it.headers.received_at_ms, it.message_id.clone()));
    let left_out = messages.split_off(
        messages
            .len()
            .min(usize::try_from(limit).unwrap_or(usize::MAX)),
    );
    let content = messages.iter().map(|it: &Taken| {
        let (kind, key) = (&it.event_type, &it.routing_key);
        let digest = BodyDigest::of(&it.body);
        format!("{kind:?} {key:?} {:?} {digest}", it.headers.received_at_ms)
    });
    let names = messages.iter().map(|it| format!("{:?}", it.message_id));
    let expect = PreviewHash::of([lines(names), lines(content)]);
    Ok(Chosen {
        messages,
        others: others.saturating_add(count(&left_out)),
        expect,
    })
}

fn count(messages: &[Taken]) -> u64 {
    u64::try_from(messages.len()).unwrap_or(u64::MAX)
}

impl Chosen {
    fn waiting(&self) -> u64 {
        count(&self.messages).saturating_add(self.others)
    }

    fn refuse_unexpected(&self, expected: Option<&PreviewHash>) -> Result<(), DeskError> {
        let unnamed = "one without an id";
        let ids = self.messages.iter().map(|it| it.message_id.as_deref());
        let ids: Vec<&str> = ids.map(|id| id.unwrap_or(unnamed)).collect();
        let told = [
            others("messages wait", &ids),
            "a message has another content".to_owned(),
        ];
        refuse_other(&self.expect, expected, told)
    }
}

/// What a move would do.
#[derive(Debug, Serialize)]
pub struct Previewed {
    /// All that are in the queue.
    pub waiting: u64,
    pub would_move: u64,
    pub expect: PreviewHash,
}

/// Shows what a move would do; every message stays where it is. A look counts as for `list`.
pub fn preview(address: &BrokerAddress, limit: u32) -> Result<Previewed, DeskError> {
    let mover = open(address)?;
    let chosen = choose(&mover, limit, None);
    mover.close();
    let chosen = chosen.map_err(refused)?;
    Ok(Previewed {
        waiting: chosen.waiting(),
        would_move: count(&chosen.messages),
        expect: chosen.expect,
    })
}

/// What a move did.
#[derive(Debug, Serialize)]
pub struct Moved {
    pub moved: u64,
    /// In the queue at the last look.
    pub left: u64,
    /// Whether there is an operator action: not while the database cannot be reached.
    pub recorded: bool,
    /// Of the messages that were chosen.
    pub expect: PreviewHash,
}

/// A move that is about to begin.
pub struct Move<'a> {
    pub address: &'a BrokerAddress,
    pub database: &'a Database,
    pub note: &'a Note,
    /// At most so many messages, because more may arrive meanwhile.
    pub limit: u32,
    /// Only the messages of the preview with this hash.
    pub expected: Option<&'a PreviewHash>,
    pub interrupt: &'a Interrupt,
}

impl Move<'_> {
    /// Moves the messages to `paynow.credits`. The record is begun before the first of them, so that a move
    /// that is killed has one too.
    pub fn run(&self) -> Result<Moved, DeskError> {
        let mover = open(self.address)?;
        let moved = self.move_chosen(&mover);
        mover.close();
        moved
    }

    fn move_chosen(&self, mover: &Mover) -> Result<Moved, DeskError> {
        let chosen = choose(mover, self.limit, Some(self.interrupt)).map_err(refused)?;
        if self.interrupt.asked().is_none() {
            chosen.refuse_unexpected(self.expected)?;
        }
        let mut record = Record::begin(self.database, self.note, self.limit, &chosen)?;
        let mut course = Course {
            left: chosen.waiting(),
            ..Course::default()
        };
        let outcome = self.batches(mover, &chosen, &mut course);
        record = record.map(|record| record.finish(&course)).transpose()?;
        outcome.map_err(refused)?;
        Ok(Moved {
            moved: course.moved,
            left: course.left,
            recorded: record.is_some(),
            expect: chosen.expect,
        })
    }

    fn batches(
        &self,
        mover: &Mover,
        chosen: &Chosen,
        course: &mut Course,
    ) -> Result<(), MoveError> {
        for batch in chosen.messages.chunks(AT_ONCE_MAX) {
            if self.interrupt.asked().is_some() {
                break;
            }
            mover.give(batch, CREDITS_QUEUE)?;
            course.add(batch);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Course {
    moved: u64,
    left: u64,
    /// So that the story of an event tells of its move.
    event_ids: Vec<String>,
}

impl Course {
    fn add(&mut self, batch: &[Taken]) {
        let moved = count(batch);
        self.moved = self.moved.saturating_add(moved);
        self.left = self.left.saturating_sub(moved);
        let ids = batch.iter().filter_map(|taken| taken.message_id.as_ref());
        // Another program may have given any text.
        let ids = ids.filter(|id| id.parse::<EventId>().is_ok());
        self.event_ids.extend(ids.cloned());
    }
}

/// A move that is recorded.
struct Record<'a> {
    connection: PgConnection,
    action_id: i64,
    note: &'a Note,
}

impl<'a> Record<'a> {
    /// `None` while the database cannot be reached: players wait for these messages, and their credits wait
    /// for the database anyway.
    fn begin(
        database: &Database,
        note: &'a Note,
        limit: u32,
        chosen: &Chosen,
    ) -> Result<Option<Self>, DeskError> {
        let mut connection = match database.open_as_operator() {
            Ok(connection) => connection,
            Err(DatabaseError::Unreachable(_) | DatabaseError::Silent(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let selection = json!({
            "from": UNROUTED,
            "to": CREDITS_QUEUE,
            "limit": limit,
            "messages": count(&chosen.messages),
            "expect": chosen.expect,
        });
        let action_id = record(
            "record_unrouted_move",
            &mut connection,
            note,
            &selection,
            &json!({"begun": true}),
        )?;
        Ok(Some(Self {
            connection,
            action_id,
            note,
        }))
    }

    fn finish(mut self, course: &Course) -> Result<Self, DeskError> {
        let selection = json!({"unrouted_move": self.action_id.to_string()});
        let outcome = json!({
            "unrouted_move": self.action_id.to_string(),
            "moved": course.moved,
            "left": course.left,
            "event_ids": course.event_ids,
        });
        record(
            "record_unrouted_move",
            &mut self.connection,
            self.note,
            &selection,
            &outcome,
        )?;
        Ok(self)
    }
}

fn open(address: &BrokerAddress) -> Result<Mover, DeskError> {
    Mover::open(address, CONNECTION, UNROUTED).map_err(refused)
}

/// A user of the broker from before this command has no right to read.
fn refused(error: MoveError) -> DeskError {
    match error {
        MoveError::Denied { user, queue } => DeskError::Refused(format!(
            "the broker's user {user} may not read {queue}; as an administrator of the broker, run: \
             rabbitmqctl set_permissions -p / {user} '^$' '^amq\\.default$' '^paynow\\.unrouted$'"
        )),
        other @ (MoveError::NoRuntime(_) | MoveError::Broker(_) | MoveError::NotStored(_)) => {
            DeskError::failed("the messages in paynow.unrouted were not all moved", other)
        }
    }
}
