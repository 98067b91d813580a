//! Ids are strings in every JSON document of ours: JavaScript cannot hold 64 bits.

use std::fmt::Display;

use serde::{Serialize, Serializer};

pub(crate) fn text<S: Serializer>(id: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

pub(crate) fn optional<S: Serializer>(id: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.to_string()).serialize(to)
}

pub(crate) fn list<'a, C, S>(ids: &'a C, to: S) -> Result<S::Ok, S::Error>
where
    &'a C: IntoIterator<Item = &'a i64>,
    S: Serializer,
{
    to.collect_seq(ids.into_iter().map(ToString::to_string))
}
