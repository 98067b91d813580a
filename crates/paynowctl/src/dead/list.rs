//! `dead list`: dead letters by reason, or one by one.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use paynow_desk::letters::FoundLetter;
use paynow_desk::list::{Listed, ReasonGroup, by_reason, one_by_one};
use paynow_desk::selection::LetterState;
use paynow_desk::text::counted;
use serde::Serialize;

use super::options::FilterOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Column, Format, Row, age_text, number, or_dash, text};

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    filter: FilterOptions,
    /// Which states; points are at stake in letters that are open or replayed
    #[arg(long, default_value = "open", value_parser = state_choice())]
    state: StateChoice,
    /// List single letters instead of reasons, lowest number first
    #[arg(long)]
    each: bool,
    /// How many single letters
    #[arg(long, requires = "each", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

/// One state, or every state.
#[derive(Debug, Clone, Copy)]
struct StateChoice(Option<LetterState>);

fn state_choice() -> impl TypedValueParser<Value = StateChoice> {
    let choices = LetterState::CODES.iter().chain(&["all"]);
    PossibleValuesParser::new(choices).map(|choice| StateChoice(choice.parse().ok()))
}

impl Row for ReasonGroup {
    const COLUMNS: &'static [Column<Self>] = &[
        text("reason", |it| it.reason.clone()),
        number("letters", |it| it.letters.to_string()),
        number("oldest", |it| age_text(it.oldest_age_seconds)),
        text("newest at", |it| it.newest_at.clone()),
        number("points at stake", stake_text),
    ];
}

/// A group among groups of several states.
#[derive(Serialize)]
#[serde(transparent)]
struct StateGroup(ReasonGroup);

impl Row for StateGroup {
    const COLUMNS: &'static [Column<Self>] = &[
        text("reason", |it| it.0.reason.clone()),
        text("state", |it| it.0.state.clone()),
        number("letters", |it| it.0.letters.to_string()),
        number("oldest", |it| age_text(it.0.oldest_age_seconds)),
        text("newest at", |it| it.0.newest_at.clone()),
        number("points at stake", |it| stake_text(&it.0)),
    ];
}

impl Row for FoundLetter {
    const COLUMNS: &'static [Column<Self>] = &[
        number("id", |it| it.letter.summary.dead_letter_id.to_string()),
        text("event", |it| it.letter.event_id.clone()),
        text("type", |it| or_dash(it.letter.summary.event_type.as_ref())),
        text("state", |it| it.letter.summary.state.clone()),
        text("reason", |it| it.letter.summary.reason.clone()),
        number("age", |it| age_text(it.letter.age_seconds)),
        number("points at stake", |it| {
            points_text(it.content.points_at_stake)
        }),
        text("error", |it| it.letter.summary.error.clone()),
    ];
}

pub(super) fn run(options: &ListOptions, config: &Config) -> Result<(), Failure> {
    let (database, filter) = (config.database()?, options.filter.filter());
    let StateChoice(state) = options.state;
    if options.each {
        let limit = options.limit.try_into().unwrap_or(usize::MAX);
        print(
            one_by_one(&database, &filter, state, limit)?,
            options.format,
        )
    } else {
        let listed = by_reason(&database, &filter, state)?;
        if state.is_some() {
            return print(listed, options.format);
        }
        let Listed {
            rows,
            left_out,
            undecided,
        } = listed;
        let rows = rows.into_iter().map(StateGroup).collect();
        let listed = Listed {
            rows,
            left_out,
            undecided,
        };
        print(listed, options.format)
    }
}

fn print<R: Row>(listed: Listed<R>, format: Format) -> Result<(), Failure> {
    if format.json {
        return output::json(&listed.rows);
    }
    if listed.rows.is_empty() {
        output::line("no dead letter matches")?;
    } else {
        output::table(&listed.rows)?;
    }
    if listed.left_out > 0 {
        output::line(&format!("and {} more: --limit shows them", listed.left_out))?;
    }
    if listed.undecided == 0 {
        return Ok(());
    }
    // A letter that may match must not look like one that does not exist.
    output::line(&counted(
        listed.undecided,
        "more letter may match: retention deleted its body",
        "more letters may match: retention deleted their bodies",
    ))
}

fn stake_text(group: &ReasonGroup) -> String {
    group.stake(|number| number.to_string())
}

pub(super) fn points_text(points: Option<i64>) -> String {
    points.map_or_else(|| "unknown".to_owned(), |points| points.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stake_names_the_letters_of_unknown_points() {
        let group = |letters, letters_of_unknown_points| ReasonGroup {
            letters,
            letters_of_unknown_points,
            points_at_stake: 500,
            ..ReasonGroup::default()
        };
        assert_eq!(stake_text(&group(2, 0)), "500");
        assert_eq!(
            stake_text(&group(2, 1)),
            "500 and 1 letter with unknown points"
        );
        assert_eq!(stake_text(&group(2, 2)), "unknown");
    }
}
