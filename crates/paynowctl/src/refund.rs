//! `refund attribute`: decides what a refund was for whose amounts do not tell, and applies it.

use clap::{ArgGroup, Args, Subcommand};
use paynow_desk::actions::Note;
use paynow_desk::error::in_one_line;
use paynow_desk::expect::PreviewHash;
use paynow_desk::refunds::{Attributed, Attributing, Choice, attribute};
use paynow_desk::replay::{PlannedLetter, WalletChange};
use paynow_shared::ids::{OrderLineId, WalletId};
use paynow_shared::points::Points;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::{NoteOptions, message_id, mode};
use crate::config::Config;
use crate::dead::{ReplayNow, letters_and_wallets, replay_now};
use crate::failure::Failure;
use crate::frozen::exactly_this;
use crate::output::{self, Format};
use crate::shell::quoted;

const EXAMPLES: &str = "\
`dead list --reason partial_refund --each` lists these refunds, and `dead show` the lines of the order of
one. Look the refund up in PayNow's dashboard first: a decision cannot be changed. With --dry-run the effect
on balances is only shown, with the command that does exactly that. Without it the decision is recorded with
your name, and the dead letter is then replayed at once. Exits 1 if the replay does not apply the refund.
If the dead letter is not open any more, the same decision again replays nothing and exits 0.

Name the line, also if it gave 0 points: it then counts as refunded. --points is only for a refund of no
single line.

Examples:
  paynowctl refund attribute 17 --line 600000000000000031 --by anna --why 'ticket 4711' --dry-run
  paynowctl refund attribute 17 --line 600000000000000031 --by anna --why 'ticket 4711' --yes \\
      --expect 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
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
    /// Only show what the decision would do to balances; nothing is decided
    #[arg(long)]
    dry_run: bool,
    /// Decide it, as without --yes: unlike other commands, this one shows nothing first unless --dry-run asks for it
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only if the effect is still that of the dry run that printed this hash
    #[arg(long, value_name = "HASH", conflicts_with = "dry_run")]
    expect: Option<PreviewHash>,
    /// How long to wait until the worker has applied the refund
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    wait: u32,
    #[command(flatten)]
    format: Format,
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
    let asked = Attributing {
        name: &options.event,
        choice: options.choice(),
        note: &note,
        mode: mode(options.dry_run),
        expected: options.expect.as_ref(),
    };
    let attributed = attribute(&config.database()?, &asked, &config.policy()?)?;
    if options.dry_run {
        return dry_run(&attributed, options);
    }
    decided(&attributed, note, (options, config))
}

/// Replays the letter of a decision, unless there is nothing to replay.
fn decided(
    attributed: &Attributed,
    note: Note,
    (options, config): (&AttributeOptions, &Config),
) -> Result<(), Failure> {
    if !options.format.json {
        print_decision(attributed, options)?;
    }
    if !attributed.is_open() {
        if options.format.json {
            return output::json(&document(attributed, &Value::Null));
        }
        return output::line(&nothing_to_replay(attributed));
    }
    let replay = ReplayNow {
        letter: number(attributed),
        note,
        expected: options
            .expect
            .as_ref()
            .map(|_of_all| attributed.expect_of_replay.clone()),
        wait_seconds: options.wait,
        format: options.format,
    };
    let (replayed, outcome) = match replay_now(&replay, config) {
        Ok((replayed, outcome)) => (replayed, outcome),
        Err(failure) => (Value::Null, Err(failure)),
    };
    if options.format.json {
        output::json(&document(attributed, &replayed))?;
    }
    match outcome {
        Err(failure @ Failure::Interrupted { .. }) => Err(failure),
        Err(failure) => Err(Failure::Refused(format!(
            "the decision is recorded, and the refund is not applied yet: {}; to apply it: \
             paynowctl dead replay {}{} --by {} --why {}",
            in_one_line(&failure),
            replay.letter,
            vouching(attributed),
            quoted(&replay.note.by),
            quoted(&replay.note.why)
        ))),
        Ok(()) => Ok(()),
    }
}

#[derive(Serialize)]
struct DryRun<'a> {
    dry_run: bool,
    dead_letter_id: String,
    refund_id: String,
    order_id: String,
    /// Whether nobody has decided the same before.
    is_new: bool,
    letters: &'a [PlannedLetter],
    wallets: &'a [WalletChange],
    expect: &'a PreviewHash,
}

fn dry_run(attributed: &Attributed, options: &AttributeOptions) -> Result<(), Failure> {
    let decision = &attributed.decision;
    if options.format.json {
        return output::json(&DryRun {
            dry_run: true,
            dead_letter_id: number(attributed),
            refund_id: decision.refund_id.to_string(),
            order_id: decision.order_id.to_string(),
            is_new: decision.is_new,
            letters: &attributed.letters,
            wallets: &attributed.wallets,
            expect: &attributed.expect,
        });
    }
    let made = match decision.is_new {
        true => "nothing was decided".to_owned(),
        false => format!("action {} decided the same before", decision.action_id),
    };
    print_facts(attributed, options, ("dry run", made))?;
    if !attributed.is_open() {
        return output::line(&nothing_to_replay(attributed));
    }
    letters_and_wallets(&attributed.letters, &attributed.wallets)?;
    output::empty_line()?;
    if attributed.wallets.is_empty() {
        output::line("no balance would change")?;
    }
    if !attributed.letter.has_signature {
        output::line(
            "no signature proves that PayNow sent this refund: after the decision its replay needs \
             --without-proof",
        )?;
    }
    output::line(&exactly_this(&attributed.expect, "--yes"))
}

fn print_decision(attributed: &Attributed, options: &AttributeOptions) -> Result<(), Failure> {
    let decision = &attributed.decision;
    let made = match decision.is_new {
        true => format!("recorded for {}", options.note.note().by),
        false => "the same was decided before".to_owned(),
    };
    let made = format!("{}: {made}", decision.action_id);
    print_facts(attributed, options, ("action", made))
}

fn print_facts(
    attributed: &Attributed,
    options: &AttributeOptions,
    last: (&str, String),
) -> Result<(), Failure> {
    let decision = &attributed.decision;
    output::facts(&[
        ("dead letter", number(attributed)),
        ("refund", decision.refund_id.to_string()),
        ("order", decision.order_id.to_string()),
        ("was for", choice_text(options)),
        last,
    ])?;
    output::empty_line()
}

fn nothing_to_replay(attributed: &Attributed) -> String {
    let state = &attributed.letter.summary.state;
    format!("the dead letter is {state}: there is nothing to replay")
}

/// The decision, and what became of the replay; `replay` is null when there was none.
fn document(attributed: &Attributed, replay: &Value) -> Value {
    let decision = &attributed.decision;
    json!({
        "dead_letter_id": number(attributed),
        "refund_id": decision.refund_id.to_string(),
        "order_id": decision.order_id.to_string(),
        "action_id": decision.action_id.to_string(),
        "is_new": decision.is_new,
        "replay": replay,
        "expect": attributed.expect,
    })
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
