//! The points that the rest of a replay would move.

use paynow_worker::decide::Policy;

use super::effect::foresee;
use crate::database::Database;
use crate::error::DeskError;
use crate::letters::unfinished_of;

/// The points that wallets would get or lose, all added, if the letters without an outcome were applied now.
/// `policy` must be the worker's.
pub fn points_left(database: &Database, action_id: i64, policy: &Policy) -> Result<u64, DeskError> {
    let mut connection = database.open_as_operator()?;
    let letters = unfinished_of(&mut connection, action_id)?;
    let (_letters, wallets) = foresee(&mut connection, letters, policy)?;
    let changes = wallets.iter().map(|it| it.change.unsigned_abs());
    Ok(changes.fold(0, u64::saturating_add))
}
