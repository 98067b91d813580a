//! How a preview says what does exactly that, and how a run without one says what it chose.

use paynow_desk::expect::PreviewHash;

use crate::shell::word;

/// The command line of this process, so that it does what was shown and nothing else: with `confirm`, and with
/// the hash.
pub(crate) fn exactly_this(expect: &PreviewHash, confirm: &str) -> String {
    let given = std::env::args_os().skip(1);
    let given = given.map(|argument| argument.to_string_lossy().into_owned());
    format!(
        "only if nothing changes until then: {}",
        command(given.collect(), confirm, expect.as_str())
    )
}

/// What a run says that was not given a hash.
pub(crate) fn chosen_anew(what: &str, expect: &PreviewHash) -> String {
    format!(
        "chosen anew, because no --expect was given: {what}, hash {}",
        expect.as_str()
    )
}

fn command(given: Vec<String>, confirm: &str, expect: &str) -> String {
    // After two dashes no option is read.
    let options = given.iter().take_while(|it| *it != "--").count();
    let (options, operands) = given.split_at(options);
    let options = options.iter().filter(|it| *it != "--dry-run");
    let words = options.map(|it| word(it));
    let words = ["paynowctl".to_owned()].into_iter().chain(words);
    let words = words.chain([format!("{confirm} --expect {expect}")]);
    let words: Vec<String> = words.chain(operands.iter().map(|it| word(it))).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_repeated_as_a_shell_takes_it_with_what_confirms_it() {
        let line = |given: &[&str], confirm| {
            let given = given.iter().map(|it| (*it).to_owned());
            command(given.collect(), confirm, "0a1b")
        };
        assert_eq!(
            line(&["unrouted", "move", "--why", "it's back"], "--yes"),
            r"paynowctl unrouted move --why 'it'\''s back' --yes --expect 0a1b"
        );
        assert_eq!(
            line(&["refund", "--dry-run", "--", "--dry-run"], "--yes"),
            "paynowctl refund --yes --expect 0a1b -- --dry-run"
        );
        assert_eq!(line(&["x"], "--apply"), "paynowctl x --apply --expect 0a1b");
    }
}
