//! What the worker reports. One struct per observable writes the log record and the metrics together.
//! Callers pass codes, numbers and errors; a record never contains a body or personal data.

pub(crate) mod background;
pub(crate) mod events;
pub(crate) mod paynow;
pub(crate) mod sessions;
