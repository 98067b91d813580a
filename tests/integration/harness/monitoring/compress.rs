//! Time, compressed: the rules say `for: 5m`, and no test waits that long. Every duration in a rule
//! file or in Alertmanager's settings is divided by one factor, mechanically, and everything is
//! scraped and evaluated more often in the same proportion. Rates and thresholds stay as they are:
//! a threshold on an age in seconds is met with really old data.

/// Nothing is scraped or evaluated more often: the servers share a small machine.
const SHORTEST_MS: u64 = 250;
/// A shorter window of an expression would hold too few scrapes to tell a rate.
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
/// From the longest to the shortest, as Prometheus wants them in a duration of several.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// How many times faster than by the clock on the wall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compression(pub(crate) u64);

impl Compression {
    /// A YAML text with its durations divided: values of the keys above, and what is inside `expr`.
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

    /// A duration that a server is given on its command line.
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
            assert!(!quoted, "an expression in quotes is not understood: {line}");
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

    /// `PromQL`: a number with a unit is a duration wherever it stands, in `[5m]`, `[1h:1m]` or
    /// after `offset`, unless it is in a text, in a comment or part of a name.
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

    /// `None` for what is no duration; zero stays zero.
    fn of_duration(self, text: &str, shortest: u64) -> Option<String> {
        let divided = match milliseconds(text)? {
            0 => 0,
            some => (some / self.0).max(shortest),
        };
        Some(format!("{divided}ms"))
    }
}

/// The lines that belong to the key above them because they are indented deeper.
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

/// A name, which may have colons inside, or a number with its unit, which has none: `[1h:1m]`.
fn length_of_word(rest: &str) -> usize {
    let number = rest.starts_with(|first: char| first.is_ascii_digit());
    let inside = |c: char| c.is_alphanumeric() || c == '_' || (c == '.' && number);
    let inside = |c: char| inside(c) || (c == ':' && !number);
    rest.find(|c| !inside(c)).unwrap_or(rest.len())
}

/// `1h30m` as Prometheus reads it; a bare number is none.
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
    fn of_a_rule_file_the_durations_are_divided_and_no_prose() {
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
