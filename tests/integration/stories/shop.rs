//! The owner of a shop with `ops/first-points.md` alone: the page is followed from top to bottom, and each row of its
//! last table is provoked once. In place of containers the same programs run here; `ops/containers` starts those.

mod machine;

use std::collections::BTreeSet;

use self::machine::{Machine, SECRETS, free_order};
use super::page::{Page, spans};
use super::shell::flat;
use crate::harness::{Order, eventually, flake};

const PAGE: &str = "ops/first-points.md";
const PRODUCT: i64 = 600_000_000_000_000_040;
const SAMPLE: i64 = 600_000_000_000_100_000;

/// Runs every command of the page, as it stands there.
fn follow(page: &Page) -> Machine {
    let commands = page.commands();
    let mut commands = commands.iter();
    let mut machine = Machine::new();
    // The programs start once the secrets are there.
    for command in commands.by_ref() {
        machine.run(&command.text);
        if command.text == "deploy/compose up" {
            break;
        }
    }
    machine.start();
    let mut runs = BTreeSet::new();
    for command in commands {
        let text = command.text.as_str();
        if text.starts_with("systemctl restart caddy") {
            machine.start_front();
        }
        if text.contains("events list") {
            a_player_buys(&machine);
        }
        let printed = machine.run(text);
        for (part, seen) in SEEN {
            if text.contains(part) {
                assert!(
                    printed.contains(seen),
                    "{}: no {seen:?} in\n{printed}",
                    command.place
                );
                runs.insert(part);
            }
        }
        machine.after(text, &printed);
    }
    assert_eq!(
        runs,
        SEEN.map(|(part, _seen)| part).into(),
        "{PAGE} has lost a command"
    );
    machine
}

/// What one sees after a command that has this part, as the page says.
const SEEN: [(&str, &str); 8] = [
    ("curl -i", "missing_header"),
    ("products list", "600000000000000040 500"),
    ("doctor", "webhook_order_completed"),
    ("ctl send", "accepted 1 of 1"),
    ("wallet show", "600000000000100000"),
    ("correct", "500 -> 0"),
    ("events list", "credited"),
    ("find PlayerName", "PlayerName"),
];

/// With a coupon of 100 %, so that it costs nothing.
fn a_player_buys(machine: &Machine) {
    let wallet = flake();
    let order = free_order(&Order::of(PRODUCT, wallet), "PlayerName");
    assert_eq!(machine.paynow_sends(&order, SECRETS[0], 0).0, 202);
    machine.await_balance(wallet, 500);
}

#[test]
fn the_page_leads_to_the_first_points_and_each_of_its_rows_helps() {
    let page = Page::read(PAGE);
    let mut machine = follow(&page);
    assert_eq!(machine.app().balance_of(SAMPLE), 0);

    let rows = page.table("What you see");
    type Trouble = fn(&mut Machine, &[String]);
    let troubles: [(&str, Trouble); 9] = [
        (
            "PayNow's dashboard shows a failed delivery",
            the_proxy_is_down,
        ),
        (
            "PayNow shows status 401, the receiver's log the code `mismatch`",
            a_secret_is_missing,
        ),
        (
            "PayNow shows 401, the log the code `stale`",
            the_clock_is_wrong,
        ),
        ("PayNow shows 503", the_broker_is_down),
        (
            "PayNow shows 202, no points, and `dead list` has the order",
            a_product_is_unknown,
        ),
        (
            "`events list` has the order as `credited`, but `orders show` has 0",
            a_product_gives_nothing,
        ),
        ("a refund takes nothing", a_type_never_comes),
        (
            "the order is `credited` and the player sees nothing",
            it_was_a_gift,
        ),
        ("nothing of all this", the_story_of_one_event),
    ];
    assert_eq!(rows.len(), troubles.len(), "{rows:?}");
    for (row, (beginning, trouble)) in rows.iter().zip(troubles) {
        assert!(row[0].starts_with(beginning), "{row:?} is not {beginning}");
        trouble(&mut machine, row);
    }
    machine.app().drain();
}

/// The commands of paynowctl that a cell names, with these beginnings.
fn named<'a>(cell: &'a str, beginning: &str) -> &'a str {
    let mut found = spans(cell).filter(|span| span.starts_with(beginning));
    found
        .next()
        .unwrap_or_else(|| panic!("no `{beginning}` in {cell}"))
}

fn the_proxy_is_down(machine: &mut Machine, row: &[String]) {
    let before = machine.ctl(named(&row[0], "events list"));
    machine.stop_front();
    let asked = machine.try_run("curl -i -X POST https://points.example.com/webhooks/paynow");
    assert_ne!(asked.code, Some(0), "{asked:?}");
    assert_eq!(machine.ctl("events list"), before);
    machine.start_front();
}

fn a_secret_is_missing(machine: &mut Machine, row: &[String]) {
    let wallet = flake();
    let told = free_order(&Order::of(PRODUCT, wallet), "Steve");
    let copied_in_part = "pn-of-a-subscription-with-a-long-secret";
    assert_eq!(machine.paynow_sends(&told, copied_in_part, 0).0, 401);
    machine.receiver_logs(named(&row[0], "mismatch"));
    let [orders, _refunds, chargebacks, closings] = SECRETS;
    machine.run(&format!(
        "export PAYNOW_SIGNING_SECRETS=orders:{orders},refunds:{copied_in_part},\
         chargebacks:{chargebacks},closings:{closings}"
    ));
    machine.run(named(&row[2], "deploy/make-secrets"));
    eventually("PayNow's repeat is accepted", || {
        (machine.paynow_sends(&told, copied_in_part, 0).0 == 202).then_some(())
    });
    machine.await_balance(wallet, 500);
}

fn the_clock_is_wrong(machine: &mut Machine, row: &[String]) {
    let told = free_order(&Order::of(PRODUCT, flake()), "Steve");
    let an_hour = 60 * 60 * 1000;
    assert_eq!(machine.paynow_sends(&told, SECRETS[0], an_hour).0, 401);
    machine.receiver_logs(named(&row[0], "stale"));
}

fn the_broker_is_down(machine: &mut Machine, row: &[String]) {
    let wallet = flake();
    let told = free_order(&Order::of(PRODUCT, wallet), "Steve");
    machine.cut_broker(true);
    eventually("PayNow gets 503", || {
        (machine.paynow_sends(&told, SECRETS[0], 0).0 == 503).then_some(())
    });
    assert_eq!(named(&row[2], "doctor"), "doctor");
    let doctor = machine.try_run("deploy/compose run --rm ctl doctor");
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(flat(&doctor).contains("fail broker "), "{doctor:?}");
    machine.cut_broker(false);
    eventually("PayNow's repeat is accepted", || {
        (machine.paynow_sends(&told, SECRETS[0], 0).0 == 202).then_some(())
    });
    machine.await_balance(wallet, 500);
}

fn a_product_is_unknown(machine: &mut Machine, row: &[String]) {
    let wallet = flake();
    let told = free_order(&Order::of(PRODUCT + 1, wallet), "Steve");
    assert_eq!(machine.paynow_sends(&told, SECRETS[0], 0).0, 202);
    let list = named(&row[0], "dead list");
    eventually("it is a dead letter", || {
        machine
            .ctl(list)
            .contains("unknown_product 1")
            .then_some(())
    });
    let shown = machine.ctl(named(&row[2], "dead show"));
    assert!(shown.contains("has no points in products"), "{shown}");
    machine.ctl(&format!(
        "products set {} 70 --by anna --why 'the middle bag'",
        PRODUCT + 1
    ));
    let replayed = machine.ctl(named(&row[2], "dead replay"));
    assert!(replayed.contains("1 applied, 0 dead again"), "{replayed}");
    assert_eq!(machine.app().balance_of(wallet), 70);
}

fn a_product_gives_nothing(machine: &mut Machine, row: &[String]) {
    let (wallet, rank) = (flake(), PRODUCT + 2);
    machine.ctl(&format!("products set {rank} 0 --by anna --why 'a rank'"));
    let order = Order::of(rank, wallet);
    let told = free_order(&order, "Steve");
    assert_eq!(machine.paynow_sends(&told, SECRETS[0], 0).0, 202);
    machine.app().drain();
    let listed = machine.ctl(&format!(
        "{} --order {}",
        named(&row[0], "events list"),
        order.order_id
    ));
    assert!(listed.contains("credited"), "{listed}");
    let shown = machine.ctl(&format!(
        "{} {}",
        named(&row[0], "orders show"),
        order.order_id
    ));
    assert!(
        shown.contains(&format!("{rank} 1 0 0 - {wallet} 0")),
        "{shown}"
    );
    assert_eq!(named(&row[2], "correct"), "correct");
    machine.ctl(&format!(
        "correct --wallet {wallet} --points 9 --key t-9 --by anna --why 'was 0' --yes"
    ));
    assert_eq!(machine.app().balance_of(wallet), 9);
}

fn a_type_never_comes(machine: &mut Machine, row: &[String]) {
    let listed = machine.ctl(named(&row[0], "events list"));
    assert!(listed.contains("no settled event matches"), "{listed}");
    assert_eq!(named(&row[2], "doctor"), "doctor");
    let doctor = machine.ctl("doctor");
    for row in [
        "webhook_refund",
        "webhook_chargeback",
        "webhook_chargeback_closed",
    ] {
        assert!(doctor.contains(row), "{doctor}");
    }
}

fn it_was_a_gift(machine: &mut Machine, row: &[String]) {
    let (buyer, friend) = (flake(), flake());
    let mut order = Order::of(PRODUCT, buyer);
    order.lines[0].gift_to = Some(friend);
    assert_eq!(
        machine
            .paynow_sends(&free_order(&order, "Steve"), SECRETS[0], 0)
            .0,
        202
    );
    machine.await_balance(friend, 500);
    let find = named(&row[2], "find");
    let found = machine.ctl(&format!("{find} {}", order.order_id));
    assert!(found.contains("paynowctl orders show"), "{found}");
    let shown = machine.ctl(&format!("orders show {}", order.order_id));
    assert!(shown.contains(&format!("{friend} 500")), "{shown}");
}

fn the_story_of_one_event(machine: &mut Machine, row: &[String]) {
    let order = Order::of(PRODUCT, flake());
    assert_eq!(
        machine
            .paynow_sends(&free_order(&order, "Steve"), SECRETS[0], 0)
            .0,
        202
    );
    machine.app().drain();
    let story = machine.ctl(&format!(
        "{} {}",
        named(&row[2], "events show"),
        order.event_id
    ));
    assert!(story.contains("applied: credited"), "{story}");
}
