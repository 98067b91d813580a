//! What browsers keep: the style, the script and the icon. The name of each holds a part of its digest,
//! so that a new version has a new name.

use std::sync::LazyLock;

use ring::digest::{SHA256, digest};

/// One file.
pub(crate) struct Asset {
    pub(crate) path: String,
    pub(crate) media_type: &'static str,
    pub(crate) content: &'static str,
}

pub(crate) struct Assets {
    pub(crate) css: Asset,
    pub(crate) js: Asset,
    pub(crate) icons: Asset,
}

pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    css: asset(
        "console",
        "css",
        "text/css; charset=utf-8",
        concat!(
            include_str!("../assets/console.css"),
            include_str!("../assets/live.css")
        ),
    ),
    js: asset(
        "console",
        "js",
        "text/javascript; charset=utf-8",
        concat!(
            include_str!("../assets/console.js"),
            include_str!("../assets/live.js")
        ),
    ),
    icons: asset(
        "icons",
        "svg",
        "image/svg+xml",
        include_str!("../assets/icons.svg"),
    ),
});

impl Assets {
    /// The file of a path, such as `/assets/console-0123abcd.css`.
    pub(crate) fn of_path(&self, path: &str) -> Option<&Asset> {
        [&self.css, &self.js, &self.icons]
            .into_iter()
            .find(|asset| asset.path == path)
    }
}

fn asset(name: &str, ending: &str, media_type: &'static str, content: &'static str) -> Asset {
    let digest = digest(&SHA256, content.as_bytes());
    let start: String = digest
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Asset {
        path: format!("/assets/{name}-{start}.{ending}"),
        media_type,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_with_its_digest_only() {
        let path = &ASSETS.css.path;
        assert_eq!(path.len(), "/assets/console-01234567.css".len());
        assert!(ASSETS.of_path(path).is_some());
        assert!(ASSETS.of_path("/assets/console.css").is_none());
    }
}
