//! Pauses, blocked connections, alarms of the broker and debts, one line each.

use paynow_desk::text::counted;
use paynow_desk::top::figures::{NONE, or_none};
use paynow_desk::top::snapshot::Debts;

use super::super::node::{Element, Node, element};
use super::{Sight, part};

pub(super) fn state(sight: &Sight<'_>) -> Element {
    let view = sight.view;
    let pauses = view.pauses.as_ref().map(|by_cause| {
        let causes = by_cause.iter();
        let causes = causes.map(|(cause, times)| format!("{cause} {times:.0} times"));
        or_nothing(causes.collect::<Vec<_>>())
    });
    let answers = view.processes.iter().flat_map(|row| &row.answer);
    let (blocked, lanes) = answers.fold((0_usize, 0_usize), |(blocked, lanes), process| {
        (
            blocked.saturating_add(process.lanes_blocked),
            lanes.saturating_add(process.lanes),
        )
    });
    let alarms = view
        .broker_alarms()
        .map(|alarms| or_nothing(alarms.to_vec()));
    let debts = view.database.as_ref().ok();
    let debts = debts.map_or_else(|| NONE.into(), |database| debts_of(&database.debts));
    let text = |text: Option<String>| -> Node { or_none(text, |text| text).into() };
    let facts: [(&str, Node); 4] = [
        ("Pauses of workers in the last minute", text(pauses)),
        (
            "Connections blocked by the broker",
            format!("{blocked} of {lanes}").into(),
        ),
        ("Alarms of the broker", text(alarms)),
        ("Debts", debts),
    ];
    let list = facts.into_iter().map(|(name, fact)| {
        element("div")
            .child(element("dt").text(name))
            .child(element("dd").child(fact))
    });
    part("live-state", "State").child(element("dl").children(list))
}

fn debts_of(debts: &Debts) -> Node {
    match debts.wallets {
        0 => "none".into(),
        wallets => {
            let wallets = counted(wallets.unsigned_abs(), "wallet lacks", "wallets lack");
            let link = element("a").with("href", "/wallets?show=debts");
            link.text(format!("{wallets} {} points", debts.points))
                .into()
        }
    }
}

fn or_nothing(texts: Vec<String>) -> String {
    match texts.is_empty() {
        true => "none".to_owned(),
        false => texts.join(", "),
    }
}
