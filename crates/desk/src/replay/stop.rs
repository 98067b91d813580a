//! How a run looks whether somebody wants it to stop or to wait.

use std::time::{Duration, Instant};

use super::asked::Asked;
use super::drive::{Drive, Observer, Step};
use super::end::ReplayEnd;
use crate::error::DeskError;

/// A person who asks waits about so long.
const ASKED_INTERVAL: Duration = Duration::from_millis(200);

impl Drive<'_> {
    /// What ends the run now: a signal, or a person.
    pub(super) fn stopped(&mut self) -> Result<Option<ReplayEnd>, DeskError> {
        if let Some(signal) = self.interrupt.asked() {
            return Ok(Some(ReplayEnd::Interrupted { signal }));
        }
        Ok(match self.rows.asked()? {
            Some((Asked::Stop, operator)) => Some(ReplayEnd::StoppedBy { operator }),
            Some((Asked::Pause | Asked::Go, _)) | None => None,
        })
    }

    /// Waits until something ends the run, or for so long.
    pub(super) fn rest(&mut self, at_most: Duration) -> Result<Option<ReplayEnd>, DeskError> {
        let began = Instant::now();
        loop {
            let end = self.stopped()?;
            let left = at_most.saturating_sub(began.elapsed());
            if end.is_some() || left.is_zero() {
                return Ok(end);
            }
            self.interrupt.wait(left.min(ASKED_INTERVAL));
        }
    }

    /// Waits while the replay is paused, or until something ends the run.
    pub(super) fn wait_while_paused(
        &mut self,
        report: &mut Observer<'_>,
    ) -> Result<Option<ReplayEnd>, DeskError> {
        let mut is_reported = false;
        while let Some((Asked::Pause, by)) = self.rows.asked()? {
            if !is_reported {
                report(Step::Paused { by }).map_err(DeskError::Progress)?;
                is_reported = true;
            }
            // The letters that were sent have their outcomes meanwhile, and no other run takes the replay.
            self.rows.observe()?;
            if let Some(end) = self.rest(ASKED_INTERVAL)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }
}
