//! Runs the fuzzers' checks on their corpus with the usual toolchain, so that what a fuzzer found
//! once is tested on machines that cannot fuzz.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::Path;

fn check_corpus(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).expect("a target has a corpus") {
        let path = entry.expect("a directory can be listed").path();
        // Shows which input fails.
        eprintln!("{}", path.display());
        check(&std::fs::read(&path).expect("an input can be read"));
        inputs += 1;
    }
    assert!(inputs > 5, "{target} has {inputs} inputs only");
}

#[test]
fn the_corpus_of_requests_breaks_nothing() {
    check_corpus("request", targets::request);
}

#[test]
fn the_corpus_of_messages_breaks_nothing() {
    check_corpus("decode", targets::decode);
}

#[test]
fn the_corpus_of_events_breaks_nothing() {
    check_corpus("wire", targets::wire);
}
