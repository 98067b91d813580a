//! The text of an error with its causes, for the one place that handles it.

use std::error::Error;

/// `error: cause: cause of the cause`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
