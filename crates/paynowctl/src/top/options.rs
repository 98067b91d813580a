//! The options of `top`.

use clap::Args;
use url::Url;

use crate::arguments::http_url;

const EXAMPLES: &str = "\
Shows rates, latencies, queues, dead letters, debts and every process that answers, and refreshes in
place; q or Ctrl-C ends it. A source that does not answer is marked as such, and the others are
still shown. When standard output is not a terminal, one block of text follows another. A host name
with several addresses stands for one process at each of them. Colours need a terminal; NO_COLOR
turns them off. With TERM=dumb there are no codes at all, and one block of text follows another.

Examples:
  paynowctl top
  paynowctl top --metrics http://receivers:9464/metrics --metrics http://workers:9465/metrics
  paynowctl top --interval 10 >> top.log
  paynowctl top --once --json";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopOptions {
    /// URL of the metrics of a receiver or a worker; may be repeated [default: `PAYNOW_METRICS_URLS`, or ports
    /// 9464 and 9465 of this machine]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub(super) metrics: Vec<Url>,
    /// Seconds between two measurements
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(super) interval: u32,
    /// Measure twice, one interval apart, print the result and end
    #[arg(long)]
    pub(super) once: bool,
    /// Print one JSON document per measurement, each on one line; times are UTC
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: TopOptions,
    }

    fn options(line: &str) -> Option<TopOptions> {
        let line = Line::try_parse_from(line.split(' ')).ok()?;
        Some(line.options)
    }

    #[test]
    fn both_programs_are_looked_for_where_they_are_by_default() {
        let options = options("top").unwrap();
        // Their addresses are then a setting.
        assert!(options.metrics.is_empty());
        assert_eq!(options.interval, 2);
    }

    #[test]
    fn given_addresses_replace_the_usual_ones() {
        let options = options("top --metrics http://a/metrics --once --json").unwrap();
        assert_eq!(options.metrics.len(), 1);
        for wrong in ["--interval 0", "--interval 3601", "--metrics a:9464"] {
            assert!(self::options(&format!("top {wrong}")).is_none(), "{wrong}");
        }
    }
}
