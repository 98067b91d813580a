//! Bodies that make the worker panic or abort, for tests of crashes. Only builds with the feature
//! `poison`, which is off by default, contain this.

/// Panics or aborts the process when the body asks for it.
#[expect(clippy::panic, reason = "the tests need a panic")]
pub(crate) fn strike(body: &[u8]) {
    let contains = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
    if contains(b"ON_TEST_PANIC") {
        panic!("a body asked for it");
    }
    if contains(b"ON_TEST_ABORT") {
        std::process::abort();
    }
}
