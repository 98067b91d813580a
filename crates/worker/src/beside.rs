//! Tasks that run during all sessions and do not handle messages.

pub mod housekeeping;
pub mod survey;
