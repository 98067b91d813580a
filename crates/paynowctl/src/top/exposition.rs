//! The text that Prometheus scrapes, read strictly: half a page must not become half the figures,
//! and another program's page must not become none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A name with its labels.
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
    #[error("line {0} of the answer is no metric")]
    Line(usize),
    #[error("line {0} of the answer tells a series again")]
    Twice(usize),
}

/// Every sample of a page.
pub(super) fn parse(page: &str) -> Result<Samples, Unreadable> {
    let mut samples = Samples::new();
    for (number, line) in (1..).zip(page.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (series, value) = sample(line).ok_or(Unreadable::Line(number))?;
        match samples.entry(series) {
            Entry::Vacant(free) => free.insert(value),
            Entry::Occupied(_taken) => return Err(Unreadable::Twice(number)),
        };
    }
    Ok(samples)
}

/// `name{label="value",…} value [timestamp]`
fn sample(line: &str) -> Option<(Series, f64)> {
    let (name, rest) = word(line)?;
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    // Without labels it is the space that ends the name.
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

/// A name at the beginning, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let is_inside =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    let end = text
        .find(|character| !is_inside(character))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = name.chars().next()?;
    (!first.is_ascii_digit()).then_some((name, rest))
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = word(rest)?;
        let quoted = after.trim_start().strip_prefix('=')?;
        let (value, after) = text(quoted.trim_start().strip_prefix('"')?)?;
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

/// The value up to the closing quote, without its escapes, and what follows it.
fn text(rest: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, rest.get(at.saturating_add(1)..)?)),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _unknown => return None,
            }),
            plain => value.push(plain),
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
    fn what_is_no_metric_is_told_with_its_line() {
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
