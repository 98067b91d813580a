//! Where a person comes back to after signing in: a path of ours, never another site.

/// The path, or the first page in its place.
pub(crate) fn safe(next: Option<&str>) -> &str {
    let is_safe = |path: &&str| {
        let is_local = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
        is_local && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    next.filter(is_safe).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_gone_to() {
        for path in ["/", "/dead?reason=malformed&after=5", "/wallets/7"] {
            assert_eq!(safe(Some(path)), path);
        }
        for other in [
            "",
            "dead",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/ /evil",
            "/\u{e9}",
        ] {
            assert_eq!(safe(Some(other)), "/", "{other:?}");
        }
        assert_eq!(safe(None), "/");
    }
}
