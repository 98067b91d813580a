//! What the broker tells about its queues.

use serde_json::Value;

use crate::management::{self, ManagementApi, ManagementError};

/// The messages of these queues together; `None` when one of them reports no depth.
pub(super) fn depth(
    queues: &[Value],
    names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Option<u64> {
    let depths = names.into_iter();
    depths
        .map(|it| management::depth(queues, it.as_ref()))
        .sum()
}

/// `None` from a broker that collects no metrics: it answers 400, and the other rows are still valid.
pub(super) fn list_consumers(api: &ManagementApi) -> Result<Option<Vec<Value>>, ManagementError> {
    match api.list(&["consumers", api.vhost()]) {
        Ok(consumers) => Ok(Some(consumers)),
        Err(ManagementError::Refused { status: 400, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
