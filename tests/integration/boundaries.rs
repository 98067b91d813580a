//! A fault at every boundary: a program is killed in exactly the moment between two steps, again and
//! again, and nothing is lost or credited twice. The programs are built with the feature `fault-points`,
//! as `paynow-worker-faulty` and so on; `ops/test` builds them.

mod builds;
mod round;
mod shop;

use crate::harness::eventually;
use round::Round;
use shop::Shop;

/// The program that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Struck {
    Receiver,
    Worker,
    Paynowctl,
}

impl Struck {
    fn program(self) -> &'static str {
        match self {
            Self::Receiver => "paynow-receiver",
            Self::Worker => "paynow-worker",
            Self::Paynowctl => "paynowctl",
        }
    }

    /// The build of it that has the fault points.
    fn faulty(self) -> &'static str {
        match self {
            Self::Receiver => "paynow-receiver-faulty",
            Self::Worker => "paynow-worker-faulty",
            Self::Paynowctl => "paynowctl-faulty",
        }
    }
}

/// Makes a test of each row: the program dies once in each of these passes of the point.
macro_rules! boundaries {
    ($(fn $test:ident() = $struck:ident, $point:literal, $passes:expr;)*) => {
        /// Every boundary of every program.
        pub(crate) const BOUNDARIES: &[(Struck, &str)] = &[$((Struck::$struck, $point)),*];

        $(#[test]
        fn $test() {
            strike(Struck::$struck, $point, &$passes);
        })*
    };
}

boundaries! {
    fn a_receiver_dies_after_it_verified() = Receiver, "after_verify", [1, 8];
    fn a_receiver_dies_before_it_knows_of_the_confirm() = Receiver, "after_publish", [1, 5];
    fn a_receiver_dies_between_the_confirm_and_the_answer() = Receiver, "after_confirm", [1, 8];
    fn a_worker_dies_after_the_delivery() = Worker, "after_delivery", [1, 2, 3];
    fn a_worker_dies_between_two_statements() = Worker, "mid_transaction", [1, 2, 3];
    fn a_worker_dies_before_the_commit() = Worker, "before_commit", [1, 2, 3];
    fn a_worker_dies_between_the_commit_and_the_ack() = Worker, "after_commit", [1, 2, 3];
    fn a_worker_dies_before_it_knows_of_the_confirm() = Worker, "after_publish", [1, 3];
    fn a_worker_dies_between_the_rung_and_the_ack() = Worker, "after_handoff", [1, 3];
    fn a_worker_dies_after_the_ack() = Worker, "after_ack", [1, 3];
    fn a_worker_dies_while_it_archives_letters() = Worker, "mid_archive", [1, 3];
    fn a_worker_dies_between_the_archive_and_the_ack() = Worker, "after_archive", [1, 3];
    fn a_worker_dies_in_the_housekeeping() = Worker, "mid_housekeeping", [1, 2];
    fn a_worker_dies_before_it_commits_a_look_at_the_ledger() = Worker, "mid_check", [1, 2];
    fn a_replay_dies_after_it_took_a_letter() = Paynowctl, "after_take", [1, 2];
    fn a_replay_dies_before_it_knows_of_the_confirm() = Paynowctl, "after_publish", [1, 2];
    fn a_replay_dies_between_the_confirm_and_its_record() = Paynowctl, "after_replay_publish", [1, 2];
    fn a_replay_dies_after_its_record() = Paynowctl, "after_replay_mark", [1, 2];
    fn a_move_dies_between_the_confirm_and_the_ack() = Paynowctl, "after_move_confirm", [1];
}

fn strike(struck: Struck, point: &str, passes: &[u32]) {
    let mut shop = Shop::open();
    for pass in passes {
        let fault = format!("{point}:{pass}:kill");
        let round = Round::new();
        match struck {
            Struck::Receiver => shop.receiver_dies(&fault, round),
            Struck::Worker => shop.worker_dies(&fault, round),
            Struck::Paynowctl if point == "after_move_confirm" => shop.move_dies(&fault, round),
            Struck::Paynowctl => shop.replay_dies(&fault, round),
        }
    }
    shop.expect_each_event_once();
}

#[test]
fn a_worker_that_stands_still_in_a_transaction_holds_up_no_other_and_goes_on() {
    let mut shop = Shop::open();
    shop.launch_worker("mid_transaction:1:stop");
    shop.send(Round::new());
    let status = format!("/proc/{}/stat", shop.app.workers[0].pid());
    eventually("the worker stands still", || {
        let status = std::fs::read_to_string(&status).ok()?;
        status.contains(") T ").then_some(())
    });

    shop.launch_worker("");
    shop.send(Round::new());
    eventually("the other worker credits", || {
        let entries = "SELECT count(*) AS value FROM ledger_entries";
        (shop.app.database.number(entries) > 0).then_some(())
    });

    shop.app.workers[0].signal("-CONT");
    shop.expect_each_event_once();
}
