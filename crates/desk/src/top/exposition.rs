//! Parses the text format that Prometheus scrapes. The parser is strict: a page that was cut off, or
//! that is of another program, is an error instead of missing figures.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The name and the labels of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Series {
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

pub(super) type Samples = BTreeMap<Series, f64>;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("line {0} of the answer is not a metric")]
    Line(usize),
    #[error("line {0} of the answer repeats a series")]
    Twice(usize),
}

pub(super) fn parse(page: &str) -> Result<Samples, Unreadable> {
    let mut samples = Samples::new();
    for (number, line) in (1..).zip(page.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (series, value) = sample(line).ok_or(Unreadable::Line(number))?;
        match samples.entry(series) {
            Entry::Vacant(new) => new.insert(value),
            Entry::Occupied(_) => return Err(Unreadable::Twice(number)),
        };
    }
    Ok(samples)
}

/// `name{label="value",…} value [timestamp]`
fn sample(line: &str) -> Option<(Series, f64)> {
    let (name, rest) = name(line)?;
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    // A name without labels ends with a space.
    if !rest.starts_with([' ', '\t']) && labels.is_empty() {
        return None;
    }
    let mut fields = rest.split_whitespace();
    let value = fields.next()?.parse().ok()?;
    let is_timestamp = |field: &str| field.parse::<i64>().is_ok();
    if !fields.next().is_none_or(is_timestamp) || fields.next().is_some() {
        return None;
    }
    let name = name.to_owned();
    Some((Series { name, labels }, value))
}

/// Splits the text after the name that it starts with.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_inside =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    let end = text
        .find(|character| !is_inside(character))
        .unwrap_or(text.len());
    let is_name = text.starts_with(|first: char| is_inside(first) && !first.is_ascii_digit());
    is_name.then(|| text.split_at(end))
}

/// Parses labels up to the closing brace, and returns the text after it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = name(rest)?;
        let quoted = after.trim_start().strip_prefix('=')?;
        let (value, after) = unescaped(quoted.trim_start().strip_prefix('"')?)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next,
            None if after.starts_with('}') => after,
            None => return None,
        };
    }
}

/// Unescapes a value up to the closing quote, and returns the text after it.
fn unescaped(rest: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, rest.get(at.saturating_add(1)..)?)),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, labels: &[(&str, &str)]) -> Series {
        Series {
            name: name.to_owned(),
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_page_is_read_whole() {
        let page = "# HELP a Help with {braces} and \"quotes\".\n# TYPE a counter\na 1\n\n\
                    b{le=\"+Inf\",x=\"}\\\\\\\"\\n,\"} 2.5e3 1700000000000\n\
                    c_bucket{ le = \"0.5\" , } +Inf\nd{} NaN\n";
        let samples = parse(page).unwrap();
        let value = |name, labels| samples[&series(name, labels)];
        assert_eq!(samples.len(), 4);
        assert_eq!(value("a", &[]), 1.0);
        assert_eq!(value("b", &[("le", "+Inf"), ("x", "}\\\"\n,")]), 2500.0);
        assert_eq!(value("c_bucket", &[("le", "0.5")]), f64::INFINITY);
        assert!(value("d", &[]).is_nan());
    }

    #[test]
    fn a_line_that_is_not_a_metric_is_named() {
        for line in [
            "<html>",
            "a",
            "a b",
            "1a 2",
            "a{b} 1",
            "a{b=c} 1",
            "a{b=\"c} 1",
            "a{b=\"c\"",
            "a{b=\"c\"d=\"e\"} 1",
            "a{b=\"c\",b=\"d\"} 1",
            "a{b=\"\\q\"} 1",
            "a 1 2 3",
            "a 1 soon",
            "a\u{e9} 1",
        ] {
            let page = format!("fine 1\n{line}\n");
            assert_eq!(parse(&page), Err(Unreadable::Line(2)), "{line}");
        }
        assert_eq!(parse("a 1\na 2\n"), Err(Unreadable::Twice(2)));
    }
}
