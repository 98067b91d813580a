//! The conditions of a selection, as people write them.

use super::{Desk, NOTE};

#[test]
fn times_and_ages_are_written_as_people_say_them() {
    let desk = Desk::start();
    let count = |filter: &[&str]| desk.found(filter).len();
    for since in ["1h", "30m", "today", "yesterday", "2026-01-01", "1d12h"] {
        assert_eq!(count(&["--since", since]), 4, "{since}");
    }
    assert_eq!(count(&["--since", "2999-01-01"]), 0);
    desk.app
        .database
        .execute("UPDATE dead_letters SET last_dead_at = now() - interval '25 hours'")
        .unwrap();
    assert_eq!(count(&["--since", "1d"]), 0);
    assert_eq!(count(&["--since", "2d"]), 4);
    for (older, letters) in [("1d", 4), ("86400", 4), ("2d", 0), ("25h", 4)] {
        assert_eq!(count(&["--older-than", older]), letters, "{older}");
    }
}

#[test]
fn a_wrong_word_is_answered_with_the_right_ones() {
    let desk = Desk::start();
    assert_eq!(desk.found(&["--type", "on_order_completed"]).len(), 3);
    for (option, wrong, right) in [
        (
            "--type",
            "ON_ORDER_COMPLETE",
            "ON_ORDER_COMPLETED, ON_REFUND, ON_CHARGEBACK",
        ),
        (
            "--reason",
            "unknown_products",
            "unknown_product, wrong_store",
        ),
        ("--since", "noon", "yesterday, or 30m, 2h, 3d ago"),
        ("--older-than", "1y", "90s, 30m, 2h or 1d"),
        (
            "--state",
            "closed",
            "open, replayed, discarded, resolved, all",
        ),
    ] {
        let refused = desk.app.ctl(&["dead", "list", option, wrong]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(right), "{right}: {refused:?}");
    }
    let selection = ["dead", "discard", "--reason", "unknown"];
    let refused = desk.app.ctl(&[&selection[..], &NOTE].concat());
    assert!(refused.stderr.contains("unknown_product"), "{refused:?}");
}
