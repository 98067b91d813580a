//! `dead show`: everything about one dead letter.

use clap::Args;
use paynow_desk::actions::LetterAction;
use paynow_desk::refunds::{CandidateLine, Candidates, Decided};
use paynow_desk::show::{BodyForm, LetterDetails, PersonalData, letter};

use super::list::points_text;
use crate::arguments::message_id;
use crate::config::Config;
use crate::events::resolution_text;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, age_text, number, or_dash, text};

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// Number of the dead letter, or the event id or SHA-256 it is kept under
    #[arg(value_parser = message_id)]
    letter: String,
    /// Show personal data too, and a body that is not JSON
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    format: Format,
}

impl Row for LetterAction {
    const COLUMNS: &'static [Column<Self>] = &[
        text("at", |it| it.acted_at.clone()),
        text("action", |it| it.action.clone()),
        text("by", |it| it.operator.clone()),
        text("login", |it| or_dash(it.login.as_ref())),
        text("why", |it| it.why.clone()),
    ];
}

impl Row for CandidateLine {
    const COLUMNS: &'static [Column<Self>] = &[
        text("line", |it| it.line.line_id.to_string()),
        text("product", |it| or_dash(it.line.product_id)),
        text("wallet", |it| or_dash(it.line.wallet_id)),
        number("points", |it| or_dash(it.line.points)),
        number("total", |it| or_dash(it.line.total_amount_minor)),
        number("tax", |it| or_dash(it.line.tax_amount_minor)),
        text("fits", |it| yes_or_no(it.fits)),
        text("refunded by", |it| or_dash(it.line.refunded_by)),
    ];
}

pub(super) fn run(options: &ShowOptions, config: &Config) -> Result<(), Failure> {
    let personal_data = if options.reveal {
        PersonalData::Revealed
    } else {
        PersonalData::Masked
    };
    let details = letter(&config.database()?, &options.letter, personal_data)?;
    if options.format.json {
        return output::json(&details);
    }
    print_facts(&details)?;
    if let Some(candidates) = &details.candidates {
        print_candidates(candidates)?;
    }
    output::titled_table("operator actions", &details.operator_actions)?;
    output::empty_line()?;
    output::line("body")?;
    print_body(&details)
}

fn print_facts(details: &LetterDetails) -> Result<(), Failure> {
    let (letter, content) = (&details.found.letter, &details.found.content);
    let summary = &letter.summary;
    let wallets: Vec<String> = content.wallet_ids.iter().map(i64::to_string).collect();
    let wallets = Some(wallets.join(", ")).filter(|text| !text.is_empty());
    let resolution = summary.resolution.as_deref().map(resolution_text);
    output::facts(&[
        ("dead letter", summary.dead_letter_id.to_string()),
        ("event", letter.event_id.clone()),
        ("type", or_dash(summary.event_type.as_ref())),
        ("state", summary.state.clone()),
        ("resolved because", or_dash(resolution)),
        ("reason", summary.reason.clone()),
        ("error", summary.error.clone()),
        ("order", or_dash(content.order_id)),
        ("wallets", or_dash(wallets)),
        ("points at stake", points_text(content.points_at_stake)),
        ("signed with", or_dash(summary.secret_id.as_ref())),
        ("signature", signature_text(letter.has_signature)),
        ("signed at", or_dash(summary.signed_at.as_ref())),
        ("received at", or_dash(summary.received_at.as_ref())),
        ("attempts", summary.attempts.to_string()),
        ("deaths", summary.deaths.to_string()),
        ("first dead at", summary.first_dead_at.clone()),
        ("last dead at", summary.last_dead_at.clone()),
        ("settled at", or_dash(letter.settled_at.as_ref())),
        ("age", age_text(letter.age_seconds)),
        ("body sha256", or_dash(details.body_sha256.as_ref())),
        ("body bytes", or_dash(details.body_bytes)),
    ])
}

fn print_candidates(candidates: &Candidates) -> Result<(), Failure> {
    let title = "lines of the order, amounts in minor units: which one was refunded?";
    output::titled_table(title, &candidates.lines)?;
    let decided = candidates.decision.as_ref();
    output::empty_line()?;
    output::facts(&[
        ("everything fits", yes_or_no(candidates.everything_fits)),
        (
            "decided",
            decided.map_or_else(
                || "no: `paynowctl refund attribute` decides it".to_owned(),
                decided_text,
            ),
        ),
    ])
}

fn decided_text(decided: &Decided) -> String {
    let what = match (decided.line_id, decided.points) {
        (Some(line), _) => format!("line {line}"),
        (None, None) => "everything that is not back yet".to_owned(),
        (None, points) => format!(
            "{} points of wallet {}",
            or_dash(points),
            or_dash(decided.wallet_id)
        ),
    };
    format!("{what}, by action {}", decided.action_id)
}

fn yes_or_no(fits: bool) -> String {
    let text = if fits { "yes" } else { "no" };
    text.to_owned()
}

fn signature_text(has_signature: bool) -> String {
    let text = match has_signature {
        true => "kept: the worker verifies it when the letter is replayed",
        false => "none: a replay needs --without-proof",
    };
    text.to_owned()
}

fn print_body(details: &LetterDetails) -> Result<(), Failure> {
    let body = &details.body.body;
    match details.body.form {
        BodyForm::Json => output::json(body),
        BodyForm::Hidden => output::line("not a JSON object: --reveal shows it"),
        BodyForm::Text | BodyForm::Hex => output::line(body.as_str().unwrap_or_default()),
        BodyForm::Forgotten => output::line(&format!(
            "the body was deleted by retention on {}",
            or_dash(details.found.letter.summary.body_forgotten_at.as_ref())
        )),
    }
}
