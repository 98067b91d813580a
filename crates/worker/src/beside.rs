//! Background tasks that run during and between all sessions, beside the handling of messages.

pub mod housekeeping;
pub mod probe;
pub mod look;
pub mod survey;
