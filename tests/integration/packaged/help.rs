//! Completions and manual pages have every command, and the programs that read them accept them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::run_quietly;
use crate::harness::Program;

/// Completes the last word of the command line that follows, and prints one suggestion per line.
const COMPLETE: &str = r#"
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
function=$(complete -p paynowctl | sed 's/.* -F \([^ ]*\).*/\1/')
"$function" paynowctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// The subcommands of each command, by the words that lead to it.
fn tree() -> Vec<(Vec<String>, BTreeSet<String>)> {
    let mut tree = Vec::new();
    let mut rest = vec![Vec::new()];
    while let Some(path) = rest.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = Program::run("paynowctl", &[], &words).succeeded().stdout;
        let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names: BTreeSet<String> = list
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "help")
            .map(str::to_owned)
            .collect();
        rest.extend(
            names
                .iter()
                .map(|name| [&path[..], std::slice::from_ref(name)].concat()),
        );
        tree.push((path, names));
    }
    assert!(tree.len() > 20, "{tree:?}");
    tree
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

fn completions(shell: &str) -> String {
    let script = Program::run("paynowctl", &[], &["completions", shell]);
    script.succeeded().stdout
}

#[test]
fn bash_completes_every_command() {
    let script = folder("completions").join("paynowctl.bash");
    fs::write(&script, completions("bash")).expect("it can be written");
    run_quietly(Command::new("bash").arg("-n").arg(&script));
    for (path, names) in tree() {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", COMPLETE, "bash"]).arg(&script);
        let offered = run_quietly(bash.arg("paynowctl").args(&path).arg(""));
        let offered: BTreeSet<String> = offered.lines().map(str::to_owned).collect();
        assert!(offered.is_superset(&names), "{path:?}: {offered:?}");
        assert!(offered.contains("--help"), "{path:?}: {offered:?}");
    }
}

#[test]
fn the_completions_of_other_shells_name_every_command_too() {
    for (shell, begin) in [("zsh", "#compdef paynowctl"), ("fish", "# Print")] {
        let script = completions(shell);
        assert!(script.starts_with(begin), "{shell}: {script}");
        for (path, names) in tree() {
            for name in names {
                let of_zsh = format!("\n{name}:").replace('\n', "\"");
                let is_named = script.contains(&format!("\"{name}\""))
                    || script.contains(&of_zsh)
                    || script.contains(&format!("'{name}:"))
                    || script.contains(&format!("({name})"));
                assert!(is_named, "{shell}: {path:?} {name}");
            }
        }
    }
}

#[test]
fn every_command_has_a_manual_page_without_warnings() {
    let folder = folder("man");
    let out = folder.to_str().expect("the path is text");
    Program::run("paynowctl", &[], &["man", "--out", out]).succeeded();
    for (path, _names) in tree() {
        let name = [&["paynowctl".to_owned()], &path[..]].concat().join("-");
        let page = folder.join(format!("{name}.1"));
        let mut groff = Command::new("groff");
        groff.args(["-man", "-ww", "-Tutf8", "-P-c"]).arg(&page);
        let text = run_quietly(&mut groff);
        assert!(text.contains(&format!("{name}(1)")), "{text}");
    }
    // The lines of a table stay lines.
    let mut groff = Command::new("groff");
    groff.args(["-man", "-Tutf8", "-P-cbou"]);
    let text = run_quietly(groff.arg(folder.join("paynowctl.1")));
    let codes: Vec<&str> = text.lines().map(str::trim).collect();
    assert!(codes.contains(&"2   the command line is wrong"), "{text}");
}
