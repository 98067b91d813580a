//! Finds the metrics and labels that a `PromQL` expression names. `promtool` checks its syntax.

use std::collections::BTreeSet;

/// Words that take a list of labels in parentheses.
const BEFORE_LABELS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const OPERATORS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) metrics: BTreeSet<String>,
    pub(super) labels: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
}

pub(super) fn named_in(expression: &str) -> Named {
    let tokens = tokens(expression);
    let mut named = Named::default();
    // Inside braces, or in the parentheses after one of `BEFORE_LABELS`, words are labels.
    let mut closed_by = None;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match *token {
            Token::Sign('{') => closed_by = Some('}'),
            Token::Sign('(') if closed_by.is_none() && at > 0 => {
                let before = tokens[at - 1];
                let is_list = BEFORE_LABELS.iter().any(|word| before == Token::Word(word));
                closed_by = is_list.then_some(')');
            }
            Token::Sign(sign) if closed_by == Some(sign) => closed_by = None,
            Token::Word(word) if closed_by.is_some() => {
                named.labels.insert(word.to_owned());
            }
            Token::Word(word) if is_metric(word, next) => {
                named.metrics.insert(word.to_owned());
            }
            Token::Word(_) | Token::Sign(_) => {}
        }
    }
    named
}

/// A word before a parenthesis or before `by` is a function or an aggregation and no metric.
fn is_metric(word: &str, next: Option<&Token<'_>>) -> bool {
    let is_function = matches!(next, Some(Token::Sign('(') | Token::Word("by" | "without")));
    !is_function && !BEFORE_LABELS.contains(&word) && !OPERATORS.contains(&word)
}

/// Words and signs, without numbers, strings and ranges.
fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            letter if in_word(letter) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        if in_word(first) && !first.is_ascii_digit() {
            tokens.push(Token::Word(&rest[..length]));
        } else if !first.is_whitespace() && !"\"[".contains(first) && !first.is_ascii_digit() {
            tokens.push(Token::Sign(first));
        }
        rest = &rest[length..];
    }
    tokens
}

fn in_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_:".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_labels_are_distinguished_from_functions_and_strings() {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        for (expression, metrics, labels) in [
            ("time() - max(a_seconds)", &["a_seconds"][..], &[][..]),
            (
                r#"sum by (x) (rate(a_total{y="b", z=~"c|d{2}"}[$__rate_interval])) * 3600"#,
                &["a_total"],
                &["x", "y", "z"],
            ),
            (
                "histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))",
                &["a_bucket"],
                &["le"],
            ),
            (
                "a * on (x) group_left (y) (b > 0) and c offset 1h or 1e3 - -d",
                &["a", "b", "c", "d"],
                &["x", "y"],
            ),
            ("a:rate5m / sum(b) without (x)", &["a:rate5m", "b"], &["x"]),
        ] {
            let expected = Named {
                metrics: set(metrics),
                labels: set(labels),
            };
            assert_eq!(named_in(expression), expected, "{expression}");
        }
    }
}
