//! What can be typed to watch the pipeline.

use clap::Args;
use url::Url;

use crate::arguments::http_url;

const TOP_EXAMPLES: &str = "\
Shows rates, latencies, queues, dead letters, debts and every process it reaches, and refreshes in
place; q or Ctrl-C ends it. What does not answer is shown as such, and the rest goes on. Where
standard output is no terminal it prints one block after the other. A name with several addresses
stands for a process at each of them. Colours need a terminal; NO_COLOR turns them off.

Examples:
  paynowctl top
  paynowctl top --metrics http://receivers:9464/metrics --metrics http://workers:9465/metrics
  paynowctl top --interval 10 >> top.log
  paynowctl top --once --json";

#[derive(Debug, Args)]
#[command(after_help = TOP_EXAMPLES)]
pub(crate) struct TopOptions {
    /// Metrics of a receiver or a worker; may be given several times
    #[arg(
        long,
        value_name = "URL",
        value_parser = http_url,
        default_values = ["http://127.0.0.1:9464/metrics", "http://127.0.0.1:9465/metrics"]
    )]
    pub(crate) metrics: Vec<Url>,
    /// Seconds from one look to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) interval: u32,
    /// Look twice, one interval apart, print what was seen and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one JSON document a line for each look; times are UTC
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn options(line: &str) -> Option<TopOptions> {
        let command = Cli::try_parse_from(line.split(' ')).ok()?.command;
        if let Command::Top(options) = command {
            Some(options)
        } else {
            None
        }
    }

    #[test]
    fn both_programs_are_looked_for_where_they_are_by_default() {
        let options = options("paynowctl top").unwrap();
        let ports = options.metrics.iter().map(Url::port).collect::<Vec<_>>();
        assert_eq!(ports, [Some(9464), Some(9465)]);
        assert_eq!(options.interval, 2);
    }

    #[test]
    fn given_addresses_replace_the_usual_ones() {
        let options = options("paynowctl top --metrics http://a/metrics --once --json").unwrap();
        assert_eq!(options.metrics.len(), 1);
        for wrong in ["--interval 0", "--interval 3601", "--metrics a:9464"] {
            assert!(
                self::options(&format!("paynowctl top {wrong}")).is_none(),
                "{wrong}"
            );
        }
    }
}
