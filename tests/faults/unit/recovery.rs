//! Which recoveries are measured.

use std::time::Duration;

use crate::kind::FaultKind;
use crate::recovery::{Credited, Struck, recoveries};

const A: FaultKind = FaultKind::KillWorker;
const B: FaultKind = FaultKind::StopBroker;

fn fault(kind: FaultKind, began: u64, ended: u64) -> Struck {
    let [began, ended] = [began, ended].map(Duration::from_secs);
    Struck { kind, began, ended }
}

fn measured(struck: &[Struck], probes: &[(u64, u64)]) -> Vec<(FaultKind, Vec<u64>)> {
    let probe = |(sent, credited): &(u64, u64)| Credited {
        sent_at: Duration::from_secs(*sent),
        credited_at: Duration::from_secs(*credited),
    };
    let probes: Vec<Credited> = probes.iter().map(probe).collect();
    let recoveries = recoveries(struck, &probes).into_iter();
    let seconds = |times: Vec<Duration>| times.iter().map(Duration::as_secs).collect();
    recoveries
        .map(|(kind, times)| (kind, seconds(times)))
        .collect()
}

#[test]
fn the_first_credit_of_a_probe_sent_after_the_fault_counts() {
    let probes = [(9, 40), (10, 14), (11, 13), (12, 15)];
    assert_eq!(measured(&[fault(A, 5, 10)], &probes), [(A, vec![3])]);
}

#[test]
fn a_fault_that_another_one_outlasts_is_not_measured() {
    let struck = [fault(A, 5, 10), fault(B, 8, 20)];
    assert_eq!(measured(&struck, &[(10, 11), (20, 22)]), [(B, vec![2])]);
}

#[test]
fn a_fault_after_which_another_one_strikes_too_soon_is_not_measured() {
    let struck = [fault(A, 5, 10), fault(A, 14, 15)];
    assert_eq!(measured(&struck, &[(10, 16), (15, 21)]), [(A, vec![6])]);
}

#[test]
fn without_a_credit_there_is_no_measure() {
    assert_eq!(measured(&[fault(A, 5, 10)], &[(3, 4), (9, 12)]), []);
}
