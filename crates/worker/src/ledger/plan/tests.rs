//! The disposition of each message of a batch, and the numbers of rows.

use paynow_shared::points::Points;
use paynow_shared::wire::Headers;

use super::*;
use crate::message::{Message, Proof};

fn message(body: &str) -> Message {
    Message {
        headers: Headers::default(),
        redeliveries: 0,
        body: body.as_bytes().to_vec(),
    }
}

fn order(event: u32, line: u32, product: u32) -> Message {
    message(&format!(
        r#"{{"event_type":"ON_ORDER_COMPLETED","event_id":"{event}","body":{{"id":"9",
            "customer":{{"id":"20"}},"lines":[{{"id":"{line}","product_id":"{product}"}}]}}}}"#
    ))
}

/// The disposition of each message in short, and the numbers of events, orders and entries.
fn planned(messages: &[Message], view: &mut LedgerView) -> (Vec<String>, [usize; 3]) {
    view.products
        .insert("40".parse().unwrap(), Points::new(5).into());
    let decoded: Vec<DecodedMessage<'_>> = messages
        .iter()
        .map(|message| DecodedMessage::decode(message, Proof::NotRequired))
        .collect();
    let plan = plan(&decoded, view, &Policy::default());
    let words = plan
        .dispositions
        .iter()
        .map(|disposition| match disposition {
            Disposition::Ack => "ack".to_owned(),
            Disposition::RetryLater(failure) => format!("later: {}", failure.reason),
            Disposition::AskPayNow(_, failure) => format!("ask: {}", failure.reason),
            Disposition::DeadLetter(failure) => failure.reason.to_string(),
        });
    (
        words.collect(),
        [plan.events.len(), plan.orders.len(), plan.entries.len()],
    )
}

#[test]
fn an_event_and_its_repeat_in_one_batch_are_posted_once() {
    let batch = [order(1, 11, 40), order(1, 11, 40)];
    let (words, rows) = planned(&batch, &mut LedgerView::default());
    assert_eq!(words, ["ack", "ack"]);
    assert_eq!(rows, [1, 1, 1]);
}

#[test]
fn an_order_in_two_events_of_one_batch_is_posted_once_and_both_are_recorded() {
    let batch = [order(1, 11, 40), order(2, 11, 40)];
    let (words, rows) = planned(&batch, &mut LedgerView::default());
    assert_eq!(words, ["ack", "ack"]);
    assert_eq!(rows, [2, 1, 1]);
}

#[test]
fn the_same_id_with_another_body_is_a_conflict() {
    let batch = [order(1, 11, 40), order(1, 12, 40)];
    let (words, rows) = planned(&batch, &mut LedgerView::default());
    assert_eq!(words, ["ack", "conflict"]);
    assert_eq!(rows, [1, 1, 1]);
}

#[test]
fn a_bad_message_does_not_affect_the_others() {
    let ignored = message(r#"{"event_type":"ON_TRIAL_ACTIVATED","event_id":"7"}"#);
    let batch = [message("{"), order(1, 11, 40), order(2, 12, 99), ignored];
    let (words, rows) = planned(&batch, &mut LedgerView::default());
    assert_eq!(words, ["malformed", "ack", "conflict", "ack"]);
    assert_eq!(rows, [2, 1, 1]);
}

#[test]
fn a_refused_event_leaves_no_row_so_that_it_may_be_tried_again() {
    let mut view = LedgerView::default();
    let (words, rows) = planned(&[order(1, 11, 99)], &mut view);
    assert_eq!(words, ["unknown_product"]);
    assert_eq!(rows, [0, 0, 0]);
    view.products
        .insert("99".parse().unwrap(), Points::new(1).into());
    let (words, rows) = planned(&[order(1, 11, 99)], &mut view);
    assert_eq!(words, ["ack"]);
    assert_eq!(rows, [1, 1, 1]);
}
