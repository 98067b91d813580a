//! All metrics and log events of the worker; `ops/telemetry.md` shows them as tables.

use paynow_process::telemetry::Catalog;

use crate::beside::survey;
use crate::observe::{background, events, paynow, sessions};

pub const CATALOG: Catalog = Catalog {
    metrics: &[
        sessions::METRICS,
        events::METRICS,
        paynow::METRICS,
        background::METRICS,
        survey::METRICS,
    ],
    log_events: &[
        sessions::LOG_EVENTS,
        events::LOG_EVENTS,
        paynow::LOG_EVENTS,
        background::LOG_EVENTS,
        survey::LOG_EVENTS,
    ],
};
