//! Every setting is declared once; the page of settings, the example of an environment file and the
//! deployments follow the declarations.

mod compose;
mod page;

use paynow_console::settings::CONSOLE;
use paynow_desk::settings::PAYNOWCTL;
use paynow_process::environment::Environment;
use paynow_process::setting::{Kind, ProgramSettings};
use paynow_receiver::settings::RECEIVER;
use paynow_worker::settings::WORKER;

use super::files::{Text, texts};
use super::nothing_of;

const PROGRAMS: [ProgramSettings; 4] = [RECEIVER, WORKER, CONSOLE, PAYNOWCTL];

/// A source that reads a setting mentions one of these.
const MARKS: [&str; 2] = ["Environment", "declare_settings!"];
/// These read a variable that no operator sets: what `ops/bench` measures, and the boundary at which a
/// build for tests stops.
const NO_PROGRAMS: [&str; 2] = ["crates/bench/", "crates/process/src/fault.rs"];

/// Every program of a terminal reads these; they are no settings of ours.
const OF_TERMINALS: [&str; 1] = ["NO_COLOR"];

/// The variables in the string literals of a file's code, with their lines.
fn variables_in(source: &str) -> Vec<(usize, &str)> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let is_comment = line.trim_start().starts_with("//");
        let literals = line.split('"').skip(1).step_by(2);
        found.extend(
            literals
                .filter(|literal| !is_comment && is_variable(literal))
                .map(|literal| (number, literal)),
        );
    }
    found
}

fn is_variable(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !text.starts_with('_')
        && text.len() > 4
        && (text.contains('_') || text == "TRIALS")
        && text.bytes().all(allowed)
        && !OF_TERMINALS.contains(&text)
}

fn reads_settings(text: &Text) -> bool {
    let is_code = text.path.starts_with("crates/") && text.path.ends_with(".rs");
    is_code
        && !NO_PROGRAMS.iter().any(|it| text.path.starts_with(it))
        && MARKS.iter().any(|mark| text.content.contains(mark))
}

#[test]
fn every_variable_that_is_read_is_declared_for_a_program() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for text in texts().iter().filter(|text| reads_settings(text)) {
        let declares = text.content.contains("declare_settings!");
        for (line, name) in variables_in(&text.content) {
            seen += 1;
            let is_declared = PROGRAMS.iter().any(|program| program.reads(name));
            if !is_declared || !declares {
                problems.push(format!(
                    "{}:{line}: {name} is read here, and declare_settings! has it not",
                    text.path
                ));
            }
        }
    }
    nothing_of(problems);
    assert!(seen > 40, "{seen} variables only: the scan is broken");
}

/// The settings without which a program does not start.
const REQUIRED: [(&str, &str); 3] = [
    ("AMQP_URL", "amqp://user:hidden@broker/%2f"),
    ("DATABASE_URL", "postgres://user:hidden@db/points"),
    ("PAYNOW_SIGNING_SECRETS", "orders:pn-0123456789abcdef"),
];

/// What a program says about its settings with one of them added.
fn problem_of(program: &str, name: &str, value: &str) -> Option<String> {
    let [broker, database, secrets] = REQUIRED;
    let environment = Environment::of([broker, database, secrets, (name, value)]);
    let read = match program {
        "receiver" => paynow_receiver::config::Config::read(&environment).map(drop),
        "worker" => paynow_worker::config::Config::read(&environment).map(drop),
        other => panic!("{other} reads no settings at its start"),
    };
    read.err().map(|problem| problem.to_string())
}

#[test]
fn a_server_program_reads_every_declared_number_within_its_range() {
    let mut seen = 0;
    for program in [RECEIVER, WORKER] {
        for declared in program.iter() {
            let Kind::Number(number) = declared.kind else {
                continue;
            };
            seen += 1;
            let name = declared.name;
            let problem = |number: u64| problem_of(program.program, name, &number.to_string());
            assert!(
                (number.least..=number.most).contains(&number.default),
                "{name}"
            );
            assert_eq!(problem(number.most), None);
            let (least, most, wrong) = (number.least, number.most, number.most + 1);
            let expected = format!("{name} must be from {least} to {most}, and is {wrong}");
            assert_eq!(problem(wrong), Some(expected));
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn a_server_program_reads_every_declared_choice() {
    let mut seen = 0;
    for program in [RECEIVER, WORKER] {
        for declared in program.iter() {
            let Kind::Choice(choice) = declared.kind else {
                continue;
            };
            // What a program does before it reads its own settings.
            if declared.name.starts_with("LOG_") {
                continue;
            }
            seen += 1;
            let (program, name) = (program.program, declared.name);
            let words = choice.values.replace(" or ", ", ");
            let words: Vec<&str> = words.split(", ").collect();
            assert!(words.contains(&choice.default), "{name}");
            for word in words {
                assert_eq!(problem_of(program, name, word), None);
            }
            let problem = problem_of(program, name, "maybe").expect("it is refused");
            assert!(problem.contains(choice.values), "{problem}");
        }
    }
    assert!(seen >= 3, "{seen}");
}
