//! The order in which connections make room for others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

/// The place of a connection in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EvictionRank {
    pub(crate) has_signed: bool,
    /// Who sends on it: its peer, or the client that a trusted proxy names.
    pub(crate) source: IpAddr,
    /// A number of the sequence that the budget gives out.
    pub(crate) since: u64,
}

/// Connections whose last request was not signed go first: of the source that has the most of them, the
/// oldest. A source can thus fill all places without taking the one of another.
pub(super) struct EvictionOrder<C> {
    unsigned: HashMap<IpAddr, BTreeMap<u64, Rc<C>>>,
    /// One item for each source in `unsigned`; the last goes first.
    sources: BTreeSet<SourceRank>,
    signed: BTreeMap<u64, Rc<C>>,
}

/// The number of a source's connections; then the oldest of them, so that equal sources take turns.
type SourceRank = (usize, Reverse<u64>, IpAddr);

impl<C> Default for EvictionOrder<C> {
    fn default() -> Self {
        Self {
            unsigned: HashMap::new(),
            sources: BTreeSet::new(),
            signed: BTreeMap::new(),
        }
    }
}

impl<C> EvictionOrder<C> {
    pub(super) fn insert(&mut self, rank: EvictionRank, connection: Rc<C>) {
        if rank.has_signed {
            self.signed.insert(rank.since, connection);
        } else {
            self.change(rank.source, |connections| {
                connections.insert(rank.since, connection)
            });
        }
    }

    pub(super) fn remove(&mut self, rank: EvictionRank) -> Option<Rc<C>> {
        if rank.has_signed {
            self.signed.remove(&rank.since)
        } else {
            self.change(rank.source, |connections| connections.remove(&rank.since))
        }
    }

    /// Removes the connection that must go first.
    pub(super) fn pop_first(&mut self) -> Option<Rc<C>> {
        match self.sources.last().copied() {
            Some((_connections, Reverse(since), source)) => self.remove(EvictionRank {
                has_signed: false,
                source,
                since,
            }),
            None => self
                .signed
                .pop_first()
                .map(|(_since, connection)| connection),
        }
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Rc<C>> {
        let unsigned = self.unsigned.values().flat_map(BTreeMap::values);
        unsigned.chain(self.signed.values())
    }

    /// Changes the connections of one source, and its place among the sources.
    fn change<R>(
        &mut self,
        source: IpAddr,
        change: impl FnOnce(&mut BTreeMap<u64, Rc<C>>) -> R,
    ) -> R {
        let connections = self.unsigned.entry(source).or_default();
        if let Some(rank) = source_rank(source, connections) {
            self.sources.remove(&rank);
        }
        let changed = change(connections);
        match source_rank(source, connections) {
            Some(rank) => {
                self.sources.insert(rank);
            }
            None => {
                self.unsigned.remove(&source);
            }
        }
        changed
    }
}

fn source_rank<C>(source: IpAddr, connections: &BTreeMap<u64, Rc<C>>) -> Option<SourceRank> {
    let (since, _oldest) = connections.first_key_value()?;
    Some((connections.len(), Reverse(*since), source))
}
