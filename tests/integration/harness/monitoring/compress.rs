//! Compresses time: the rules say `for: 5m`, and no test waits that long. Every duration in the
//! rules and in the settings of Prometheus and Alertmanager is divided by one factor, so everything
//! is also scraped and evaluated more often. Rates and thresholds stay as they are: to reach a
//! threshold on an age in seconds, a test needs data of that age.

/// The shortest interval for scraping and evaluating, because the servers share a small machine.
const SHORTEST_MS: u64 = 250;
/// A shorter window in an expression would contain too few scrapes for a rate.
const SHORTEST_WINDOW_MS: u64 = 1_000;
/// The keys whose whole value is a duration.
const DURATION_KEYS: [&str; 10] = [
    "for",
    "keep_firing_for",
    "interval",
    "evaluation_interval",
    "scrape_interval",
    "scrape_timeout",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "resolve_timeout",
];
/// From the longest to the shortest, which is their order in a duration of several units.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// How many times faster than real time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compression(pub(crate) u64);

impl Compression {
    /// A YAML text with its durations divided: the values of the keys above, and those in `expr`.
    pub(crate) fn of_yaml(self, text: &str) -> String {
        let mut compressed = String::new();
        let mut block: Option<Block> = None;
        for line in text.lines() {
            block = block.filter(|block| block.holds(line));
            let divided = match &block {
                Some(block) if block.is_expression => self.of_expression(line),
                Some(_prose) => line.to_owned(),
                None => {
                    block = Block::begun_by(line);
                    self.of_key_and_value(line)
                }
            };
            compressed.push_str(&divided);
            compressed.push('\n');
        }
        compressed
    }

    /// A duration for the command line of a server.
    pub(super) fn of_flag(self, duration: &str) -> String {
        self.of_duration(duration, SHORTEST_MS)
            .expect("it is a duration")
    }

    fn of_key_and_value(self, line: &str) -> String {
        let Some((before, key, value)) = key_and_value(line) else {
            return line.to_owned();
        };
        if key == "expr" {
            let quoted = value.trim_start().starts_with(['"', '\'']);
            assert!(!quoted, "an expression in quotes is not supported: {line}");
            return format!("{before}{}", self.of_expression(value));
        }
        if !DURATION_KEYS.contains(&key) {
            return line.to_owned();
        }
        let bare = value.split(" #").next().unwrap_or_default().trim();
        let divided = self.of_duration(bare, SHORTEST_MS);
        let divided = divided.unwrap_or_else(|| panic!("{key} is no duration: {line}"));
        format!("{before} {divided}")
    }

    /// In `PromQL` a number with a unit is a duration, in `[5m]`, in `[1h:1m]` and after `offset`,
    /// except in a string, in a comment and in a name.
    fn of_expression(self, expression: &str) -> String {
        let mut divided = String::new();
        let mut rest = expression;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '"' | '\'' | '`' => length_of_text(rest, first),
                _other if first.is_alphanumeric() || first == '_' => length_of_word(rest),
                _other => first.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            match self.of_duration(token, SHORTEST_WINDOW_MS) {
                Some(shorter) if first.is_ascii_digit() => divided.push_str(&shorter),
                _other => divided.push_str(token),
            }
            rest = after;
        }
        divided
    }

    /// `None` if the text is no duration. Zero stays zero.
    fn of_duration(self, text: &str, shortest: u64) -> Option<String> {
        let divided = match milliseconds(text)? {
            0 => 0,
            some => (some / self.0).max(shortest),
        };
        Some(format!("{divided}ms"))
    }
}

/// The lines that are indented deeper than the key above them and so belong to it.
struct Block {
    column: usize,
    is_expression: bool,
}

impl Block {
    fn begun_by(line: &str) -> Option<Self> {
        let (before, key, value) = key_and_value(line)?;
        let is_expression = key == "expr";
        let is_text = is_expression || value.trim_start().starts_with(['|', '>']);
        is_text.then(|| Self {
            column: before.len() - key.len() - 1,
            is_expression,
        })
    }

    fn holds(&self, line: &str) -> bool {
        let indent = line.len() - line.trim_start().len();
        line.trim().is_empty() || indent > self.column
    }
}

/// `  - for: 5m` is `("  - for:", "for", " 5m")`.
fn key_and_value(line: &str) -> Option<(&str, &str, &str)> {
    let start = line.find(|first: char| !" -".contains(first))?;
    let (key, value) = line[start..].split_once(':')?;
    let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_key.then_some((&line[..=start + key.len()], key, value))
}

fn length_of_text(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if character == quote && !escaped {
            return at + 1;
        }
        escaped = character == '\\' && quote != '`' && !escaped;
    }
    rest.len()
}

/// The length of a name, which may contain colons, or of a number with its unit, which may not:
/// `[1h:1m]`.
fn length_of_word(rest: &str) -> usize {
    let number = rest.starts_with(|first: char| first.is_ascii_digit());
    let inside = |c: char| c.is_alphanumeric() || c == '_' || (c == '.' && number);
    let inside = |c: char| inside(c) || (c == ':' && !number);
    rest.find(|c| !inside(c)).unwrap_or(rest.len())
}

/// Reads a duration like `1h30m` as Prometheus does. A number without a unit is no duration.
fn milliseconds(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0, text);
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let letters = &rest[digits..];
        let length = letters
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(letters.len());
        let (_unit, ms) = units.find(|(unit, _ms)| *unit == &letters[..length])?;
        total += count * ms;
        rest = &letters[length..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_IS_A_MINUTE: Compression = Compression(60);

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("3d", Some(259_200_000)),
            ("1w", Some(604_800_000)),
            ("1s500ms", Some(1_500)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("5mm", None),
            ("30m1h", None),
            ("1e3", None),
            ("0x1f", None),
            ("1.5h", None),
            ("m5", None),
        ] {
            assert_eq!(milliseconds(text), ms, "{text}");
        }
    }

    #[test]
    fn only_durations_of_an_expression_are_divided() {
        for (before, after) in [
            ("rate(a_total[5m]) > 0.5", "rate(a_total[5000ms]) > 0.5"),
            ("rate(a[30s])", "rate(a[1000ms])"),
            (
                "max_over_time(rate(a[5m])[1h30m:1m])",
                "max_over_time(rate(a[5000ms])[90000ms:1000ms])",
            ),
            ("a offset 1d", "a offset 1440000ms"),
            ("a offset -1h", "a offset -60000ms"),
            ("time() - a > 86400", "time() - a > 86400"),
            ("a > 1e3 and b:rate5m < 5", "a > 1e3 and b:rate5m < 5"),
            ("job:a:rate5m[10m]", "job:a:rate5m[10000ms]"),
            (r#"a{x="5m",y='1\'h'}[2m]"#, r#"a{x="5m",y='1\'h'}[2000ms]"#),
            ("a{x=`5m\\`}[2m] # in 5m", "a{x=`5m\\`}[2000ms] # in 5m"),
        ] {
            assert_eq!(HOUR_IS_A_MINUTE.of_expression(before), after);
        }
    }

    #[test]
    fn only_the_durations_of_a_rule_file_are_divided() {
        let before = "groups:
  - name: one
    interval: 15s
    rules:
      - alert: PaynowFor5m
        expr: |
          # As long as 5m.
          rate(a[5m]) > 1

            and b offset 1h
        for: 10m
        annotations:
          summary: for 5m
          description: |
            for: 5m
      - record: b:rate5m
        expr: rate(b[1h]) # of 1h
";
        let after = "groups:
  - name: one
    interval: 250ms
    rules:
      - alert: PaynowFor5m
        expr: |
          # As long as 5m.
          rate(a[5000ms]) > 1

            and b offset 60000ms
        for: 10000ms
        annotations:
          summary: for 5m
          description: |
            for: 5m
      - record: b:rate5m
        expr: rate(b[60000ms]) # of 1h
";
        assert_eq!(HOUR_IS_A_MINUTE.of_yaml(before), after);
    }
}
