//! Giving dead letters to the worker once more. The letters are fixed at the start; a canary goes
//! first; every step is in the database before it is taken, so that a killed replay can be resumed.

mod asked;
mod drive;
mod effect;
mod end;
mod expected;
mod left;
mod plan;
mod stop;
mod store;

use paynow_process::broker::{BlockingPublisher, BrokerAddress};
use paynow_process::interrupt::Interrupt;
use serde_json::Value;

pub use self::asked::Asked;
use self::drive::Drive;
pub use self::drive::{Observer, Pace, Step};
pub use self::effect::{Outlook, PlannedLetter, WalletChange};
pub(crate) use self::effect::{balances_of, effect_of, foresee_within};
pub use self::end::{FullQueue, ReplayEnd};
pub use self::expected::refuse_unexpected;
pub use self::left::points_left;
pub use self::plan::{Plan, plan};
pub(crate) use self::store::PreviewedReplay;
pub use self::store::Progress;
use self::store::Rows;
use crate::actions::Note;
use crate::database::Database;
use crate::error::{DeskError, in_one_line};
use crate::management::ManagementApi;

/// What an administrator of the broker sees.
const CONNECTION_NAME: &str = "paynowctl-replay";

/// A replay that is recorded, and that no other process runs.
pub struct Replay {
    rows: Rows,
    note: Note,
}

/// The broker to send to, and the API that reports the depths of its queues.
pub struct Broker {
    pub address: BrokerAddress,
    pub api: ManagementApi,
}

/// The result of one run.
#[derive(Debug)]
pub struct Report {
    /// The number of the operator action.
    pub action_id: i64,
    pub ended: ReplayEnd,
    pub progress: Progress,
    /// As `operator_actions.outcome` keeps it.
    pub document: Value,
}

impl Replay {
    /// Records that the letters of the plan will be replayed.
    pub fn start(database: &Database, plan: &Plan, note: Note) -> Result<Self, DeskError> {
        let rows = Rows::begin(database, &note, plan)?;
        Ok(Self { rows, note })
    }

    /// The same for a stored preview; the number of the replay that was begun with the preview before, if one was.
    pub(crate) fn start_previewed(
        database: &Database,
        begin: &PreviewedReplay,
        plan: &Plan,
        note: Note,
    ) -> Result<Result<Self, i64>, DeskError> {
        let rows = Rows::begin_previewed(database, begin, plan)?;
        Ok(rows.map(|rows| Self { rows, note }))
    }

    /// Continues with the letters of an earlier run that are still to do.
    pub fn resume(database: &Database, action_id: i64, note: Note) -> Result<Self, DeskError> {
        let rows = Rows::find(database, action_id)?;
        Ok(Self { rows, note })
    }

    /// The number of the operator action.
    pub fn action_id(&self) -> i64 {
        self.rows.action_id
    }

    /// Sends the letters until all are sent, a limit of `pace` is exceeded or the interrupt is raised,
    /// and records the result. Every step is reported before the next; a report that fails ends the run.
    pub fn run(
        mut self,
        broker: Broker,
        pace: Pace,
        interrupt: &Interrupt,
        report: &mut Observer<'_>,
    ) -> Result<Report, DeskError> {
        match BlockingPublisher::open(&broker.address, CONNECTION_NAME, interrupt) {
            Ok(publisher) => {
                let mut drive = Drive {
                    rows: &mut self.rows,
                    publisher: &publisher,
                    interrupt,
                    api: broker.api,
                    pace,
                };
                let ended = drive.run(report);
                let result = self.close(ended);
                publisher.close();
                result
            }
            Err(error) => {
                let asked = interrupt.asked();
                let ended = asked.map(|signal| ReplayEnd::Interrupted { signal });
                let what = unfinished(self.action_id());
                self.close(ended.ok_or_else(|| DeskError::failed(what, error)))
            }
        }
    }

    /// Records the result of the run.
    fn close(&mut self, ended: Result<ReplayEnd, DeskError>) -> Result<Report, DeskError> {
        let action_id = self.action_id();
        let Ok(progress) = self.rows.progress() else {
            // Nothing can be recorded now. The table `replays` has every step nevertheless.
            let unfinished = unfinished(action_id);
            let what = format!("the database connection was lost: {unfinished}");
            return Err(ended.err().unwrap_or(DeskError::Refused(what)));
        };
        let text = match &ended {
            Ok(end) => end.to_string(),
            Err(error) => in_one_line(error),
        };
        let document = self.rows.close(&self.note, &text)?;
        Ok(Report {
            action_id,
            ended: ended?,
            progress,
            document,
        })
    }
}

/// How to continue.
pub fn unfinished(action_id: i64) -> String {
    format!(
        "replay {action_id} is not finished, `paynowctl dead replay --resume {action_id} --by <name> \
         --why <text>` continues it"
    )
}
