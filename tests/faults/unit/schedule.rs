//! Schedules are deterministic, complete and free of conflicts.

use std::time::Duration;

use strum::IntoEnumIterator;

use crate::kind::FaultKind;
use crate::schedule::{plan, usual_kinds};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_same_seed_gives_the_same_schedule_and_another_one_another() {
    let kinds = usual_kinds();
    let schedule = plan(7, HOUR, &kinds);
    assert_eq!(schedule, plan(7, HOUR, &kinds));
    assert_ne!(schedule, plan(8, HOUR, &kinds));
}

#[test]
fn every_chosen_kind_strikes_and_no_other_and_all_end_in_time() {
    let kinds = usual_kinds();
    let schedule = plan(3, HOUR, &kinds);
    for kind in FaultKind::iter() {
        let strikes = schedule.iter().any(|one| one.kind == kind);
        assert_eq!(strikes, kinds.contains(&kind), "{kind}");
    }
    assert!(schedule.iter().all(|one| one.at + one.hold <= HOUR));
    assert!(schedule.len() > 240, "{} faults", schedule.len());
    let chosen = plan(3, HOUR, &kinds[..1]);
    assert!(!chosen.is_empty() && chosen.iter().all(|one| one.kind == kinds[0]));
    assert_eq!(plan(3, HOUR, &[]), []);
}

#[test]
fn faults_that_conflict_never_overlap_and_others_do() {
    let schedule = plan(5, HOUR, &usual_kinds());
    let mut overlaps = 0;
    for (index, one) in schedule.iter().enumerate() {
        for other in &schedule[index + 1..] {
            let overlap = other.at < one.at + one.hold && one.at < other.at + other.hold;
            overlaps += usize::from(overlap);
            let conflict = one.kind.conflicts(other.kind) || other.kind.conflicts(one.kind);
            assert!(!(overlap && conflict), "{one}\n{other}");
        }
    }
    assert!(overlaps > 0);
}

#[test]
fn numbers_follow_time() {
    let schedule = plan(5, HOUR, &usual_kinds());
    let numbers: Vec<usize> = schedule.iter().map(|one| one.number).collect();
    assert_eq!(numbers, (1..=schedule.len()).collect::<Vec<_>>());
    assert!(schedule.is_sorted_by_key(|one| one.at));
}
