//! `dead control`: pauses, stops or continues a replay that runs in another process.

use clap::Args;
use clap::builder::PossibleValuesParser;
use paynow_desk::console::control::ask;
use paynow_desk::replay::Asked;
use serde_json::json;

use crate::arguments::NoteOptions;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct ControlOptions {
    /// The number of the replay
    replay: i64,
    /// What it should do
    #[arg(value_parser = PossibleValuesParser::new(Asked::CODES))]
    what: String,
    #[command(flatten)]
    note: NoteOptions,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(options: &ControlOptions, config: &Config) -> Result<(), Failure> {
    let (replay, what) = (options.replay, &options.what);
    let asked: Asked = what
        .parse()
        .map_err(|_unknown| Failure::Refused(format!("nobody can ask for {what}")))?;
    ask(&config.database()?, replay, asked, &options.note.note())?;
    if options.format.json {
        return output::json(&json!({"replay": replay.to_string(), "asked": what}));
    }
    output::line(&format!(
        "asked replay {replay} to {what}; it looks several times a second while it runs"
    ))
}
