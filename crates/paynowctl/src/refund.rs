//! `refund attribute`: decides what a refund was for whose amounts do not tell, and applies it.

use clap::{ArgGroup, Args, Subcommand};
use paynow_desk::error::in_one_line;
use paynow_desk::refunds::{Attributed, Choice, attribute};
use paynow_shared::ids::{OrderLineId, WalletId};
use paynow_shared::points::Points;

use crate::arguments::{NoteOptions, message_id};
use crate::config::Config;
use crate::dead::{ReplayNow, replay_now};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "\
`dead list --reason partial_refund --each` lists these refunds, and `dead show` the lines of the order of
one. Look the refund up in PayNow's dashboard first: a decision cannot be changed. It is recorded with
your name, and the dead letter is then replayed at once. Exits 1 if the replay does not apply the refund.
If the dead letter is not open any more, the same decision again replays nothing and exits 0.

Name the line, also if it gave 0 points: it then counts as refunded. --points is only for a refund of no
single line.

Examples:
  paynowctl refund attribute 17 --line 600000000000000031 --by anna --why 'ticket 4711'
  paynowctl refund attribute 17 --points 250 --by anna --why 'goodwill, half of the package'
  paynowctl refund attribute 17 --everything --by anna --why 'the whole payment, seen at PayNow'
  paynowctl refund attribute 17 --points 250 --wallet 600000000000100000 --by anna --why 'ticket 4711'";

#[derive(Debug, Subcommand)]
pub(crate) enum RefundCommand {
    /// Decides which line, or how many points, a refund was for that is a dead letter `partial_refund`
    Attribute(AttributeOptions),
}

#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("choice").required(true).args(["line", "points", "everything"])
)]
pub(crate) struct AttributeOptions {
    /// The refund's event id, or the number of its dead letter
    #[arg(value_parser = message_id)]
    event: String,
    /// The line of the order that was refunded: the points that it gave are taken back
    #[arg(long)]
    line: Option<OrderLineId>,
    /// Take back so many points instead; no line counts as refunded then
    #[arg(long)]
    points: Option<Points>,
    /// From this wallet; needed if the order gave points to more than one
    #[arg(long, conflicts_with_all = ["line", "everything"])]
    wallet: Option<WalletId>,
    /// All that was charged and is not back yet: what is left of all points is taken back
    #[arg(long)]
    everything: bool,
    #[command(flatten)]
    note: NoteOptions,
    /// How long to wait until the worker has applied the refund
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    wait: u32,
}

impl AttributeOptions {
    /// One of the three is required.
    fn choice(&self) -> Choice {
        match (self.line, self.points) {
            (Some(line), _) => Choice::Line(line),
            (None, Some(points)) => Choice::Points {
                points,
                wallet: self.wallet,
            },
            (None, None) => Choice::Everything,
        }
    }
}

pub(crate) fn run(command: &RefundCommand, config: &Config) -> Result<(), Failure> {
    let RefundCommand::Attribute(options) = command;
    let note = options.note.note();
    let attributed = attribute(&config.database()?, &options.event, options.choice(), &note)?;
    let decision = &attributed.decision;
    let made = match decision.is_new {
        true => format!("recorded for {}", note.by),
        false => "the same was decided before".to_owned(),
    };
    output::facts(&[
        ("dead letter", number(&attributed)),
        ("refund", decision.refund_id.to_string()),
        ("order", decision.order_id.to_string()),
        ("was for", choice_text(options)),
        ("action", format!("{}: {made}", decision.action_id)),
    ])?;
    output::empty_line()?;
    if !attributed.is_open() {
        let state = &attributed.letter.summary.state;
        return output::line(&format!(
            "the dead letter is {state}: there is nothing to replay"
        ));
    }
    let replay = ReplayNow {
        letter: number(&attributed),
        note,
        wait_seconds: options.wait,
    };
    match replay_now(&replay, config) {
        Err(failure @ Failure::Interrupted { .. }) => Err(failure),
        Err(failure) => Err(Failure::Refused(format!(
            "the decision is recorded, and the refund is not applied yet: {}; to apply it: \
             paynowctl dead replay {}{} --by {} --why {}",
            in_one_line(&failure),
            replay.letter,
            vouching(&attributed),
            quoted(&replay.note.by),
            quoted(&replay.note.why)
        ))),
        Ok(()) => Ok(()),
    }
}

fn number(attributed: &Attributed) -> String {
    attributed.letter.summary.dead_letter_id.to_string()
}

/// A replay refuses a letter without a signature unless a person vouches for it.
fn vouching(attributed: &Attributed) -> &'static str {
    match attributed.letter.has_signature {
        true => "",
        false => " --without-proof",
    }
}

fn choice_text(options: &AttributeOptions) -> String {
    match (options.choice(), options.wallet) {
        (Choice::Everything, _) => "everything that is not back yet".to_owned(),
        (Choice::Line(line), _) => format!("line {line}"),
        (Choice::Points { points, .. }, None) => format!("{points} points"),
        (Choice::Points { points, .. }, Some(wallet)) => {
            format!("{points} points of wallet {wallet}")
        }
    }
}

/// As a shell takes it back.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("it's late; rm -r"), r"'it'\''s late; rm -r'");
    }
}
