//! What every program reports, whatever its job.

use crate::broker;
use crate::observe;
use crate::secrets;
use crate::telemetry::{self, Catalog};

pub const CATALOG: Catalog = Catalog {
    metrics: &[
        telemetry::METRICS[0],
        telemetry::METRICS[1],
        broker::observe::METRICS,
        observe::METRICS,
    ],
    log_events: &[
        telemetry::LOG_EVENTS,
        broker::observe::LOG_EVENTS,
        observe::LOG_EVENTS,
        secrets::observe::LOG_EVENTS,
    ],
};
