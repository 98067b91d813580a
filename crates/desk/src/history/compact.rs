//! Removes the white space between the tokens of JSON and changes no token.
//!
//! A page of history may be indented; `PayNow`'s first delivery most likely was not. Parsing and
//! writing it again would sort keys and rewrite numbers and escapes, and other bytes under the same
//! event id are a conflict.

/// Removes the white space outside strings from valid JSON.
pub(super) fn compact(json: &str) -> String {
    let mut is_in_string = false;
    let mut is_escaped = false;
    json.chars()
        .filter(|character| {
            if is_in_string {
                let ends = *character == '"' && !is_escaped;
                is_escaped = *character == '\\' && !is_escaped;
                is_in_string = !ends;
                return true;
            }
            is_in_string = *character == '"';
            !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_between_tokens_is_removed() {
        for (written, compacted) in [
            ("{}", "{}"),
            (
                "{ \"b\" : 1.50,\n\t\"a\": [ ] }\r\n",
                r#"{"b":1.50,"a":[]}"#,
            ),
            (r#"{"a b": "c  d" }"#, r#"{"a b":"c  d"}"#),
            (r#"[ "\" , \\", "\\" , 1 ]"#, r#"["\" , \\","\\",1]"#),
            (r#"{"name": "Żółw ✓ é"}"#, r#"{"name":"Żółw ✓ é"}"#),
        ] {
            assert_eq!(compact(written), compacted);
        }
    }
}
