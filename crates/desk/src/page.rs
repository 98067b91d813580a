//! One page of a long list.

/// Some rows, and whether more follow after the last of them.
#[derive(Debug)]
pub struct Page<R> {
    pub rows: Vec<R>,
    pub has_more: bool,
}

impl<R> Page<R> {
    /// Of rows that were asked for with [`one_more`] than the page holds.
    pub(crate) fn of(mut rows: Vec<R>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

pub(crate) fn one_more(limit: u32) -> i64 {
    i64::from(limit) + 1
}
