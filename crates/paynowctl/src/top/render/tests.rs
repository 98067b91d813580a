//! A screen of 80 by 24 holds everything, in whole words, however bad it is.

use strum::IntoEnumIterator;

use super::*;
use crate::top::fixtures::{WORKER_AT, set_page, snapshot, with, worker_page};
use paynow_desk::top::snapshot::{DatabaseState, Debts, OpenDeadLetters, Snapshot, Unknown};

const LETTERS_OF_A_REASON: i64 = 123_456;
const SMALL: Size = Size {
    columns: 80,
    rows: Some(24),
};

fn lines_of(snapshots: &[Snapshot], size: Size) -> Vec<String> {
    let view = View::of(snapshots).unwrap();
    screen(&view, size).iter().map(Line::text).collect()
}

fn as_usual() -> [Snapshot; 2] {
    [snapshot(0.0, 0, 0, 0), snapshot(2.0, 1624, 1580, 120)]
}

/// Only a paused worker answers, and there are dead letters with every reason.
fn a_bad_day() -> [Snapshot; 2] {
    let [first, mut last] = as_usual();
    let reason = "error sending request: operation timed out after 2 seconds: no route to host";
    for number in 0..9 {
        last.processes
            .insert(format!("10.0.123.{number}:29464"), Err(reason.to_owned()));
    }
    set_page(&mut last, WORKER_AT, &worker_page(1580, 0, 99));
    let dead_letters = paynow_shared::reason::Reason::iter().map(|reason| OpenDeadLetters {
        reason: reason.code().to_owned(),
        letters: LETTERS_OF_A_REASON,
        oldest_age_seconds: 9_000_000,
    });
    last.database = Ok(DatabaseState {
        dead_letters: dead_letters.collect(),
        debts: Debts {
            wallets: 1234,
            points: 9_223_372_036,
        },
    });
    last.broker = Err(Unknown::NoAnswer(format!(
        "the broker's management API: {reason}"
    )));
    [first, last]
}

#[track_caller]
fn fits(lines: &[String], size: Size) {
    assert!(lines.len() <= size.rows.unwrap(), "{} lines", lines.len());
    for line in lines {
        assert!(line.len() <= size.columns, "{}: {line}", line.len());
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn a_usual_day_on_a_small_screen() {
    let lines = lines_of(&as_usual(), SMALL);
    fits(&lines, SMALL);
    let expected = "\
paynowctl top  02:48:47 UTC  2 of 2 processes  broker  database
! p95 of event age is over 1m 0s
per second   last 2s  last 2s  latency               last 2s           last 2s
queued         812.0    812.0                p50   p95   p99   p50   p95   p99
refused            0        0  request       5ms  10ms  10ms   5ms  10ms  10ms
unavailable        0        0  confirm         -     -     -     -     -     -
credited       790.0    790.0  apply           -     -     -     -     -     -
reversed           0        0  event age    >60s  >60s  >60s  >60s  >60s  >60s
ignored            0        0  queue                ready unacked consumers  +/s
duplicates         0        0  paynow.credits         120       0         1  +60
other              0        0  paynow.credits.dead      0       0         0    0
deferred           0        0  paynow.unrouted          0       0         0    0
dead               0        0  time to empty: under 1s at 790.0/s
retry after         1s     4s     9s    16s    64s   256s  1024s  3600s
waiting              0      0      -      0      0      0      0      0
in last 2s           0      0      0      0      0      0      0      0
pauses none  blocked 0 of 2  alarms none  debts none
open dead letters none
process         address            up  cpu   memory lanes state        version
paynow-receiver 10.0.0.1:9464   1h 2m  81%   23 MiB   2/2 connected    0.1.0
paynow-worker   10.0.0.2:9465   1h 2m   0%   11 MiB   0/0 consuming    0.1.0
log in last 2s (total) warning paused 0 (7)";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn a_bad_day_on_a_small_screen_still_shows_a_line_of_everything() {
    let lines = lines_of(&a_bad_day(), SMALL);
    fits(&lines, SMALL);
    assert_eq!(lines.len(), 24, "{lines:#?}");
    let reasons = paynow_shared::reason::Reason::iter();
    let open: i64 = reasons.map(|_reason| LETTERS_OF_A_REASON).sum();
    for beginning in [
        "! ",
        "per second",
        "dead ",
        "retry after",
        "pauses database 1",
        &format!("open dead letters {open}:"),
        "process ",
        "and ",
        "log in last 2s",
    ] {
        let found = lines.iter().any(|line| line.starts_with(beginning));
        assert!(found, "{beginning:?} in {lines:#?}");
    }
}

#[test]
fn no_word_is_cut_at_any_width() {
    for snapshots in [as_usual(), a_bad_day()] {
        let scrolling = Size {
            columns: 400,
            rows: None,
        };
        let whole = lines_of(&snapshots, scrolling).join(" ");
        let words: Vec<&str> = whole.split([' ', ',']).collect();
        for columns in [80, 97, 120, 200] {
            let size = Size {
                columns,
                rows: Some(60),
            };
            let lines = lines_of(&snapshots, size);
            fits(&lines, size);
            for word in lines.iter().flat_map(|line| line.split([' ', ','])) {
                let is_mark = word.is_empty() || word == ".." || word.parse::<u32>().is_ok();
                let is_whole = words.contains(&word)
                    || ["and", "more", "them", "with", "problems", "of"].contains(&word);
                assert!(is_mark || is_whole, "{word:?} at {columns}: {lines:#?}");
            }
        }
    }
}

#[test]
fn a_larger_screen_shows_more() {
    let rows = |rows| {
        lines_of(
            &a_bad_day(),
            Size {
                columns: 80,
                rows: Some(rows),
            },
        )
    };
    let addresses = |lines: &[String]| lines.iter().filter(|line| line.contains(":29464")).count();
    assert!(addresses(&rows(24)) < addresses(&rows(50)));
    let scrolling = lines_of(
        &a_bad_day(),
        Size {
            columns: 80,
            rows: None,
        },
    );
    assert!(scrolling.iter().any(|line| line.contains("crash_loop")));
    assert!(
        !scrolling.iter().any(|line| line.contains("and ")),
        "{scrolling:#?}"
    );
}

#[test]
fn a_tiny_screen_is_no_reason_to_fail() {
    for (columns, rows) in [(1, 1), (20, 5), (79, 23)] {
        let size = Size {
            columns,
            rows: Some(rows),
        };
        fits(&lines_of(&a_bad_day(), size), size);
    }
}

#[test]
fn what_is_bad_is_red_and_what_is_fine_is_not() {
    let alarms = |snapshots: &[Snapshot]| -> Vec<String> {
        let view = View::of(snapshots).unwrap();
        let lines = screen(&view, SMALL);
        let parts = lines.iter().flat_map(|line| line.parts());
        let red = parts.filter(|(tone, text)| *tone == Tone::Alarm && !text.is_empty());
        red.map(|(_tone, text)| text.clone()).collect()
    };
    let [first, last] = as_usual();
    let fine = alarms(&[first.clone(), with(last.clone(), |_| {})]);
    assert!(!fine.iter().any(|text| text.contains("queued")), "{fine:?}");
    let silent = |it: &mut Snapshot| it.database = Err(Unknown::NoAnswer("gone away".to_owned()));
    let bad = alarms(&[first, with(last, silent)]);
    assert!(bad.contains(&"unknown: gone away".to_owned()), "{bad:?}");
    assert!(bad.contains(&"no database".to_owned()), "{bad:?}");
}
