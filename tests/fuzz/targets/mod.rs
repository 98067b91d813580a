//! Checks that must hold for any input. The fuzzers run them on random inputs, and a test runs them on
//! the corpus, so that a bug that was found once cannot return.
//!
//! Inputs are readable text: lines of `name: value`, an empty line, the body.

mod decode;
mod request;
mod wire;

pub use decode::decode;
pub use request::request;
pub use wire::wire;

/// A name and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The names and values above the first empty line, and the body below it.
fn head_and_body(data: &[u8]) -> (Vec<Pair<'_>>, &[u8]) {
    let end = data.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (&[][..], data),
    };
    let lines = head.split(|byte| *byte == b'\n');
    let pairs = lines.filter_map(|line| {
        let colon = line.windows(2).position(|two| two == b": ")?;
        Some((&line[..colon], &line[colon + 2..]))
    });
    (pairs.collect(), body)
}
