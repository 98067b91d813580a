//! Everything at a glance, kept up to date while somebody can see it. In the order of the way of a figure: the
//! collector looks, a moment is what it saw, parts say it, a stream carries it.

mod chart;
pub(crate) mod collector;
mod course;
#[cfg(test)]
#[path = "../../desk/src/top/fixtures.rs"]
mod fixtures;
pub(crate) mod moment;
pub(crate) mod node;
mod parts;
mod silence;
pub(crate) mod stakes;
pub(crate) mod stream;

use paynow_desk::console::session::SessionKey;
#[cfg(test)]
use paynow_desk::top::snapshot;
use tokio_util::sync::CancellationToken;
use url::Url;

use collector::{Collector, PACE};
use stream::Streams;

/// What all who look share.
pub(crate) struct Live {
    pub(crate) collector: Collector,
    pub(crate) streams: Streams<SessionKey>,
    pub(crate) metrics: Vec<Url>,
    /// Ends every stream.
    pub(crate) stop: CancellationToken,
}

impl Live {
    pub(crate) fn new(metrics: Vec<Url>) -> Self {
        Self {
            collector: Collector::new(PACE),
            streams: Streams::new(),
            metrics,
            stop: CancellationToken::new(),
        }
    }
}
