//! What the page says on a usual day, on a bad one, and when a source is silent.

use std::collections::BTreeMap;

use paynow_desk::check::{Row, Status};
use paynow_desk::list::ReasonGroup;
use paynow_desk::top::snapshot::{DatabaseState, OpenDeadLetters, Snapshot};

use super::super::fixtures::{WORKER_AT, set_page, snapshot, with, worker_page};
use super::*;

/// The parts of a page of these snapshots, by their id, as HTML.
fn page_of(snapshots: &[Snapshot], stakes: Option<&Answered>) -> BTreeMap<String, String> {
    checked_page_of(snapshots, stakes, None)
}

fn checked_page_of(
    snapshots: &[Snapshot],
    stakes: Option<&Answered>,
    checked: Option<&Checked>,
) -> BTreeMap<String, String> {
    let (mut course, mut silences) = (Course::default(), Silences::default());
    let view = View::of(snapshots).unwrap();
    snapshots
        .iter()
        .for_each(|snapshot| silences.note(snapshot));
    course.add(&view);
    let sight = Sight {
        view: &view,
        course: &course,
        silences: &silences,
        stakes,
        checked,
    };
    let parts = parts(&sight).into_iter();
    parts.map(|part| (part.id(), part.to_string())).collect()
}

fn usual() -> [Snapshot; 2] {
    [snapshot(0.0, 0, 0, 0), snapshot(2.0, 1_624, 1_580, 120)]
}

fn changed(change: impl FnOnce(&mut Snapshot)) -> [Snapshot; 2] {
    let [first, last] = usual();
    [first, with(last, change)]
}

fn letters(reason: &str) -> DatabaseState {
    DatabaseState {
        dead_letters: vec![OpenDeadLetters {
            reason: reason.to_owned(),
            letters: 3,
            oldest_age_seconds: 61,
        }],
        ..DatabaseState::default()
    }
}

#[track_caller]
fn says(part: &str, text: &str) {
    assert!(part.contains(text), "{text}: {part}");
}

#[test]
fn every_part_has_a_name_and_is_named_by_its_heading() {
    let page = page_of(&usual(), None);
    assert_eq!(page.len(), 10);
    for (id, part) in &page {
        says(
            part,
            &format!("<section id=\"{id}\" class=\"part\" aria-labelledby=\"{id}-title\">"),
        );
        says(part, &format!("<h2 id=\"{id}-title\">"));
    }
}

#[test]
fn figures_are_those_of_the_view() {
    let page = page_of(&usual(), None);
    says(&page["live-rates"], "<td class=\"number\">812.0</td>");
    says(
        &page["live-rates"],
        "aria-label=\"Last half hour: now 812.0, at most 812.0 per second\"",
    );
    says(&page["live-queues"], "paynow.credits");
    says(&page["live-queues"], "<td class=\"number\">120</td>");
    says(
        &page["live-queues"],
        "is empty in 1s at 790.0 events per second",
    );
    says(&page["live-rungs"], "17m 4s");
    says(&page["live-processes"], "consuming");
    says(&page["live-letters"], "No dead letter is open.");
    says(&page["live-state"], "<dt>Debts</dt><dd>none</dd>");
    let debts = changed(|it| {
        let database = it.database.as_mut().unwrap();
        (database.debts.wallets, database.debts.points) = (1, 250);
    });
    let state = &page_of(&debts, None)["live-state"];
    says(
        state,
        "<a href=\"/wallets?show=debts\">1 wallet lacks 250 points</a>",
    );
}

#[test]
fn nothing_wrong_is_said_and_what_is_wrong_comes_with_its_page() {
    let calm = page_of(&[snapshot(0.0, 0, 0, 0), snapshot(2.0, 0, 0, 0)], None);
    says(
        &calm["live-problems"],
        "<p role=\"status\">Nothing is wrong.</p>",
    );
    says(&calm["live-problems"], "UTC: 2 of 2 programs answer.");
    let page = page_of(
        &changed(|it| it.database = Ok(letters("unknown_product"))),
        None,
    );
    let problems = &page["live-problems"];
    says(problems, "<p role=\"status\">2 things need attention.</p>");
    says(
        problems,
        "<strong class=\"warning\">Warning</strong> 3 open dead letters, oldest 1m 1s",
    );
    says(problems, "<a href=\"/dead?state=open\">Dead letters</a>");
    // A number that changes does not make it another row.
    says(problems, "data-key=\" open dead letters, oldest m s\"");
}

#[test]
fn the_newest_check_says_what_is_not_fine_and_who_asked() {
    let never = &page_of(&usual(), None)["live-checks"];
    says(never, "Nobody has asked this console to check");
    says(never, "<a href=\"/checks\">All checks</a>");
    let row = |id, status| Row {
        id,
        status,
        message: "x".to_owned(),
    };
    let page = |rows| {
        let checked = Checked {
            at: "2026-11-28T10:00:00.000Z".to_owned(),
            by: "anna".to_owned(),
            rows,
        };
        checked_page_of(&usual(), None, Some(&checked))["live-checks"].clone()
    };
    let fine = page(vec![row("a", Status::Ok), row("b", Status::Notice)]);
    says(
        &fine,
        "<strong class=\"good\">Fine</strong> Nothing is wrong.",
    );
    says(&fine, "Checked at 2026-11-28 10:00:00 UTC for anna.");
    let unknown = page(vec![row("a", Status::Ok), row("b", Status::Unknown)]);
    says(&unknown, "Warning</strong> 1 check could not be made: b.");
    let failed = page(vec![
        row("a", Status::Failed),
        row("b", Status::Unknown),
        row("c", Status::Failed),
    ]);
    says(
        &failed,
        "Alarm</strong> 2 checks fail: a, c. 1 check could not be made: b.",
    );
}

#[test]
fn points_at_stake_are_beside_their_letters() {
    let snapshots = changed(|it| it.database = Ok(letters("unknown_product")));
    let group = |unknown| ReasonGroup {
        letters: 3,
        points_at_stake: 1_500,
        letters_of_unknown_points: unknown,
        ..ReasonGroup::default()
    };
    let told = |answer: Option<&Answered>| page_of(&snapshots, answer)["live-letters"].clone();
    let of = |unknown| {
        Ok(BTreeMap::from([(
            "unknown_product".to_owned(),
            group(unknown),
        )]))
    };
    says(&told(Some(&of(0))), "<td class=\"number\">1,500</td>");
    says(
        &told(Some(&of(2))),
        "1,500 and 2 letters with unknown points",
    );
    says(
        &told(Some(&of(0))),
        "href=\"/dead?state=open&amp;reason=unknown_product\"",
    );
    says(&told(None), "Points at stake are being added up.");
    says(
        &told(Some(&Err("gone".to_owned()))),
        "Points at stake are unknown: gone",
    );
}

#[test]
fn a_silent_source_says_so_in_its_own_box_and_since_when() {
    let page = page_of(
        &changed(|it| {
            it.broker = Err(Unknown::NoAnswer("connection refused".to_owned()));
            it.database = Err(Unknown::NotConfigured("no address".to_owned()));
            it.processes
                .insert(WORKER_AT.to_owned(), Err("no route".to_owned()));
        }),
        None,
    );
    let since = "has been silent since 02:48:47 UTC, for 0s";
    says(
        &page["live-queues"],
        &format!("The broker {since}: connection refused"),
    );
    says(
        &page["live-letters"],
        "The database is not configured: no address",
    );
    says(
        &page["live-processes"],
        &format!("paynow-worker {WORKER_AT} {since}: no route"),
    );
    // The others are shown all the same.
    says(&page["live-rates"], "812.0");
}

#[test]
fn texts_of_others_are_texts() {
    let page = page_of(
        &changed(|it| {
            it.database = Ok(letters("\"><script>"));
            set_page(
                it,
                WORKER_AT,
                &worker_page(1, 1, 0).replace("0.1.0", "<img>"),
            );
        }),
        None,
    );
    for part in page.values() {
        assert!(
            !part.contains("<script") && !part.contains("<img"),
            "{part}"
        );
    }
}

/// The script builds no other elements.
#[test]
fn the_script_knows_every_element_that_is_sent() {
    let script = include_str!("../../../assets/live.js");
    let known = script
        .split("new Set([")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap();
    let snapshots = changed(|it| it.broker = Err(Unknown::NoAnswer("gone".to_owned())));
    let pages = [page_of(&usual(), None), page_of(&snapshots, None)];
    let html = pages
        .iter()
        .flat_map(BTreeMap::values)
        .cloned()
        .collect::<String>();
    let names = html
        .split('<')
        .skip(1)
        .filter(|rest| !rest.starts_with('/'));
    for name in names.map(|rest| rest.split([' ', '>']).next().unwrap()) {
        assert!(known.contains(&format!("\"{name}\"")), "{name}");
    }
}
