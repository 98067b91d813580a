//! Bodies that break the worker on purpose, for tests of what a crash may cost. In no build but
//! theirs: the feature `poison` is off by default.

/// Panics or aborts the process when the body says so.
#[expect(clippy::panic, reason = "the panic is the point")]
pub(crate) fn strike(body: &[u8]) {
    let holds = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
    if holds(b"ON_TEST_PANIC") {
        panic!("a body asked for it");
    }
    if holds(b"ON_TEST_ABORT") {
        std::process::abort();
    }
}
