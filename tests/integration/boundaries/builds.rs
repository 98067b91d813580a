//! The programs that go out have no fault point, and those of these tests have all of theirs.

use super::{BOUNDARIES, Struck};

/// What precedes the name of a point in a program that has it.
const MARK: &str = "fault point ";

/// A file beside the tests: `target/<profile>/`.
fn program(name: &str) -> Vec<u8> {
    let here = std::env::current_exe().expect("a process knows its file");
    let binaries = here.parent().and_then(|deps| deps.parent());
    let path = binaries.expect("deps is in the profile").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn contains(program: &[u8], text: &str) -> bool {
    program
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_usual_program_has_no_fault_point_and_a_faulty_one_has_all_of_its_own() {
    for struck in [Struck::Receiver, Struck::Worker, Struck::Paynowctl] {
        let usual = program(struck.program());
        assert!(
            !contains(&usual, MARK),
            "{} has a fault point",
            struck.program()
        );
        let faulty_one = program(struck.faulty());
        for (_struck, point) in BOUNDARIES.iter().filter(|(one, _)| *one == struck) {
            let mark = format!("{MARK}{point}");
            assert!(contains(&faulty_one, &mark), "{struck:?} without {point}");
        }
    }
}
