//! The corpus of the fuzzers through the same checks, with the toolchain and the lints of every
//! day: what a fuzzer found once stays found where nobody can fuzz.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::Path;

fn give(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).expect("a target has a corpus") {
        let path = entry.expect("a directory can be listed").path();
        // The name of the input that fails.
        eprintln!("{}", path.display());
        check(&std::fs::read(&path).expect("an input can be read"));
        inputs += 1;
    }
    assert!(inputs > 5, "{target} has {inputs} inputs only");
}

#[test]
fn the_corpus_of_requests_breaks_nothing() {
    give("request", targets::request);
}

#[test]
fn the_corpus_of_messages_breaks_nothing() {
    give("decode", targets::decode);
}

#[test]
fn the_corpus_of_events_breaks_nothing() {
    give("wire", targets::wire);
}
