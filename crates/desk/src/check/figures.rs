//! What the broker tells about its queues.

use serde_json::Value;

use crate::management;

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
