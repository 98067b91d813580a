//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::sizes::Sizes;

/// Measures the pipeline, and beside it what the broker and the database can do. `ops/bench` builds
/// everything and starts the servers for it.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// `ops/stack`, whose servers these are
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) stack: PathBuf,
    /// Small numbers: shows that everything works, and measures nothing
    #[arg(long)]
    quick: bool,
    /// Only these scenarios
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<Scenario>,
    /// How often each figure is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    runs: Option<u8>,
    /// Write every figure of every run into this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
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
}

impl Cli {
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let is_asked = |one: &Scenario| self.only.is_empty() || self.only.contains(one);
        let all = Scenario::value_variants().iter();
        all.copied().filter(is_asked).collect()
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

    /// The command line that gives the same again.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["ops/bench".to_owned()];
        words.extend(self.quick.then(|| "--quick".to_owned()));
        if !self.only.is_empty() {
            let names = self.only.iter().filter_map(Scenario::to_possible_value);
            let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
            words.push(format!("--only {}", names.join(",")));
        }
        words.extend(self.runs.map(|runs| format!("--runs {runs}")));
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
        assert_eq!(all.scenarios().len(), 11);
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
}
