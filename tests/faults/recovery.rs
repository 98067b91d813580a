//! How long the system takes to credit new events again after a fault.
//!
//! It is measured where it can be told: for the last fault of those that overlapped, from its end to the
//! moment at which a probe that was sent after it is credited. Where another fault strikes before
//! that, nothing is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kind::FaultKind;

/// A fault that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Struck {
    pub(crate) kind: FaultKind,
    /// Since the trial began.
    pub(crate) began: Duration,
    /// When it was healed.
    pub(crate) ended: Duration,
}

/// A probe that was credited; both times are since the trial began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credited {
    pub(crate) sent_at: Duration,
    pub(crate) credited_at: Duration,
}

/// The recovery times by kind, rising.
pub(crate) fn recoveries(
    struck: &[Struck],
    probes: &[Credited],
) -> BTreeMap<FaultKind, Vec<Duration>> {
    let mut recoveries = BTreeMap::<FaultKind, Vec<Duration>>::new();
    for fault in struck {
        let after = probes.iter().filter(|probe| probe.sent_at >= fault.ended);
        let Some(credited_at) = after.map(|probe| probe.credited_at).min() else {
            continue;
        };
        let others = struck.iter().filter(|other| *other != fault);
        let is_disturbed = |other: &Struck| other.ended > fault.ended && other.began < credited_at;
        if !others.clone().any(is_disturbed) {
            let recovery = credited_at - fault.ended;
            recoveries.entry(fault.kind).or_default().push(recovery);
        }
    }
    recoveries.values_mut().for_each(|times| times.sort());
    recoveries
}
