//! The `paynowctl` commands in guides: each must exist with its options.

use std::collections::BTreeMap;

use crate::harness::Program;

use super::rules::read;

/// The exit code for a wrong command line.
const WRONG_COMMAND_LINE: i32 = 2;
/// This command needs no setting, so it would run instead of reporting a missing one.
const RUNS_AT_ONCE: &str = "top";

pub(super) struct Command {
    /// File and line.
    pub(super) place: String,
    words: Vec<String>,
    /// Whether it is a complete command in a code block. Elsewhere it may be a part.
    is_whole: bool,
}

/// The output of `--help` for each subcommand that was needed so far.
#[derive(Default)]
pub(super) struct Helps(BTreeMap<Vec<String>, String>);

pub(super) fn commands_in(path: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(read(path).lines()) {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        let texts = match in_code {
            true => vec![line.trim_start_matches("$ ")],
            // The text between single backticks.
            false => line.split('`').skip(1).step_by(2).collect(),
        };
        let typed = texts
            .into_iter()
            .filter_map(|text| text.strip_prefix("paynowctl "));
        commands.extend(typed.map(|arguments| Command {
            place: format!("{path}:{number}"),
            words: words(arguments),
            is_whole: in_code,
        }));
    }
    commands
}

/// Splits a line as a shell does, up to another command or a comment.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if "|>;&#\\".contains(first) {
            break;
        }
        let quote = Some(first).filter(|first| "'\"".contains(*first));
        let (start, end) = match quote {
            Some(quote) => (1, rest[1..].find(quote).map_or(rest.len(), |end| end + 1)),
            None => (0, rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(rest[start..end].to_owned());
        rest = rest.get(end + start..).unwrap_or_default().trim_start();
    }
    words
}

impl Command {
    /// What is wrong with the command, if anything.
    pub(super) fn problem(&self, helps: &mut Helps) -> Option<String> {
        let mut path = Vec::new();
        for word in self.words.iter().take_while(|word| !word.starts_with('-')) {
            let known = helps.subcommands(&path);
            if known.is_empty() {
                break;
            }
            if !known.contains(word) {
                return Some(format!(
                    "{}: there is no paynowctl {path:?} {word}",
                    self.place
                ));
            }
            path.push(word.clone());
        }
        let help = helps.of(&path).to_owned();
        let flag = |word: &&String| word.starts_with("--");
        let unknown = self.words.iter().filter(flag).find(|flag| {
            let name = flag.split('=').next().unwrap_or_default();
            !help
                .split([' ', ',', '\n', '[', '='])
                .any(|word| word == name)
        });
        if let Some(flag) = unknown {
            return Some(format!("{}: paynowctl {path:?} has no {flag}", self.place));
        }
        self.refused(&path)
    }

    /// Runs a complete command without settings, so that it stops after it has read its command
    /// line.
    fn refused(&self, path: &[String]) -> Option<String> {
        if !self.is_whole || path.first().is_some_and(|first| first == RUNS_AT_ONCE) {
            return None;
        }
        // A guide may leave a time, an address and a hash to its reader.
        let filled = |word: &String| {
            word.replace("$SINCE", "2026-11-24T08:00:00Z")
                .replace("$RECEIVER_URL", "http://receiver:8080/webhooks/paynow")
                .replace("$HASH", "4be1c0ffee4be1c0ffee4be1c0ffee4b")
        };
        let filled: Vec<String> = self.words.iter().map(filled).collect();
        let arguments: Vec<&str> = filled.iter().map(String::as_str).collect();
        let outcome = Program::run("paynowctl", &[], &arguments);
        (outcome.code == Some(WRONG_COMMAND_LINE))
            .then(|| format!("{}: {}", self.place, outcome.stderr))
    }
}

impl Helps {
    fn of(&mut self, path: &[String]) -> &str {
        self.0.entry(path.to_vec()).or_insert_with(|| {
            let words = path.iter().map(String::as_str).chain(["--help"]);
            let arguments: Vec<&str> = words.collect();
            Program::run("paynowctl", &[], &arguments)
                .succeeded()
                .stdout
        })
    }

    /// The subcommands of a command.
    fn subcommands(&mut self, path: &[String]) -> Vec<String> {
        let lines = self.of(path).lines();
        let listed = lines.skip_while(|line| *line != "Commands:").skip(1);
        listed
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        assert_eq!(
            words("dead replay 17 --by anna --why 'ticket 4711' | tee log"),
            [
                "dead",
                "replay",
                "17",
                "--by",
                "anna",
                "--why",
                "ticket 4711"
            ]
        );
        assert_eq!(words("check && echo # all"), ["check"]);
    }
}
