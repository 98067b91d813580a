//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::sizes::Sizes;

/// Measures the pipeline and, for comparison, what the broker and the database can do. `ops/bench`
/// builds the programs and starts the servers.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// The `ops/stack` that runs the servers
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) stack: PathBuf,
    /// Small numbers: shows that everything works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Only these scenarios; a prefix selects every scenario that begins with it
    #[arg(long, value_parser = prefix, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// How often each figure is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    runs: Option<u8>,
    /// Also write every figure of every run into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Measure the programs in this directory too, in turn with ours, and print the ratios
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    Receiver64,
    Receiver8,
    Drain,
    WholeWay,
    Latency,
    BigLedger,
    HotWallet,
    Backlog,
    Overload,
    Flood,
    Replay,
    Console,
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn begins_with(self, prefix: &str) -> bool {
        self.name().starts_with(prefix)
    }
}

/// Accepts a text that at least one scenario begins with.
fn prefix(text: &str) -> Result<String, String> {
    let all = Scenario::value_variants();
    if !text.is_empty() && all.iter().any(|one| one.begins_with(text)) {
        return Ok(text.to_owned());
    }
    let names: Vec<String> = all.iter().map(|one| one.name()).collect();
    Err(format!("the scenarios are {}", names.join(", ")))
}

impl Cli {
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let is_selected = |one: &Scenario| {
            self.only.is_empty() || self.only.iter().any(|prefix| one.begins_with(prefix))
        };
        let all = Scenario::value_variants().iter();
        all.copied().filter(is_selected).collect()
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let sizes = if self.quick {
            Sizes::QUICK
        } else {
            Sizes::FULL
        };
        Sizes {
            runs: self.runs.map_or(sizes.runs, usize::from),
            ..sizes
        }
    }

    /// The command line that repeats the measurement, without paths.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["ops/bench".to_owned()];
        words.extend(self.quick.then(|| "--quick".to_owned()));
        if !self.only.is_empty() {
            words.push(format!("--only {}", self.only.join(",")));
        }
        words.extend(self.runs.map(|runs| format!("--runs {runs}")));
        let has_baseline = self.baseline.is_some();
        words.extend(has_baseline.then(|| "--baseline DIR".to_owned()));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn everything_is_measured_unless_asked_otherwise() {
        let all = cli("bench --stack ops/stack");
        assert_eq!(all.scenarios().len(), 12);
        assert_eq!(all.sizes().runs, Sizes::FULL.runs);
        assert_eq!(all.command(), "ops/bench");
        let some = cli("bench --stack s --quick --only overload,drain --runs 2 --json f");
        assert_eq!(some.scenarios(), [Scenario::Drain, Scenario::Overload]);
        assert_eq!(some.sizes().runs, 2);
        assert_eq!(
            some.command(),
            "ops/bench --quick --only overload,drain --runs 2"
        );
    }

    #[test]
    fn a_prefix_selects_every_scenario_that_begins_with_it() {
        let receivers = cli("bench --stack s --only receiver --baseline d");
        let expected = [Scenario::Receiver64, Scenario::Receiver8];
        assert_eq!(receivers.scenarios(), expected);
        let command = "ops/bench --only receiver --baseline DIR";
        assert_eq!(receivers.command(), command);
        for unknown in ["receiver9", ""] {
            let line = ["bench", "--stack", "s", "--only", unknown];
            assert!(Cli::try_parse_from(line).is_err(), "{unknown}");
        }
    }
}
