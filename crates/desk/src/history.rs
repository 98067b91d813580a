//! `PayNow`'s history of deliveries compared with the database. After a restore it finds what was
//! applied since the backup, after the loss of a broker what had not been applied yet, and after a
//! long outage what `PayNow` gave up.

mod compact;
mod compare;
mod page;
mod sending;
mod standings;
mod waiting;

pub use self::compare::Comparison;
pub use self::page::{Delivery, PageError, read as read_page};
pub use self::sending::{Sendable, Sending, SendingResult};
pub use self::standings::{SETTLED, standings};
pub use self::waiting::Waiting;
