//! A setting, declared once: its variable, its default, the values it takes and what it means. The code
//! that reads the setting, `ops/settings.md` and `deploy/settings.env.example` all come from the
//! declaration.

/// An environment variable of the kind `K`.
#[derive(Debug, Clone, Copy)]
pub struct Setting<K> {
    pub name: &'static str,
    /// In Markdown; links are relative to `ops/`.
    pub meaning: &'static str,
    pub kind: K,
}

/// A whole number with a default.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub least: u64,
    pub most: u64,
    pub default: u64,
    /// What it counts; empty where the meaning says it.
    pub unit: &'static str,
}

/// A whole number that may be left out.
#[derive(Debug, Clone, Copy)]
pub struct OptionalNumber {
    pub least: u64,
    pub most: u64,
    pub unit: &'static str,
    /// What holds without it.
    pub absent: &'static str,
}

/// One of a few words.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The words, as a sentence lists them.
    pub values: &'static str,
    pub default: &'static str,
}

/// A text with a default.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub default: &'static str,
}

/// A text that may be left out.
#[derive(Debug, Clone, Copy)]
pub struct Optional {
    /// What holds without it.
    pub absent: &'static str,
}

/// A secret, from the variable or from the file that `NAME_FILE` names.
#[derive(Debug, Clone, Copy)]
pub struct Secret {
    /// What holds without it; `None` where the programs do not start without it.
    pub absent: Option<&'static str>,
}

/// What is declared of a setting, whatever its kind.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    pub name: &'static str,
    pub meaning: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Number(Number),
    OptionalNumber(OptionalNumber),
    Choice(Choice),
    Text(Text),
    Optional(Optional),
    Secret(Secret),
}

/// The settings of one program.
#[derive(Debug, Clone, Copy)]
pub struct ProgramSettings {
    pub program: &'static str,
    pub lists: &'static [&'static [Declaration]],
}

/// Implements `declaration` for settings of each kind.
macro_rules! kinds {
    ($($kind:ident),+) => {$(
        impl Setting<$kind> {
            pub const fn declaration(&self) -> Declaration {
                Declaration {
                    name: self.name,
                    meaning: self.meaning,
                    kind: Kind::$kind(self.kind),
                }
            }
        }
    )+};
}

kinds! { Number, OptionalNumber, Choice, Text, Optional, Secret }

impl Declaration {
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret(_))
    }
}

impl ProgramSettings {
    pub fn iter(&self) -> impl Iterator<Item = &'static Declaration> + use<> {
        self.lists.iter().copied().flatten()
    }

    /// Whether the program reads this variable.
    pub fn reads(&self, variable: &str) -> bool {
        self.iter().any(|declared| {
            let file = || variable.strip_suffix("_FILE") == Some(declared.name);
            declared.name == variable || (declared.is_secret() && file())
        })
    }
}

/// Declares settings as constants, and the list of their declarations. The documentation of a setting is
/// its meaning.
///
/// ```text
/// declare_settings! {
///     pub const SETTINGS;
///     /// how long nothing may be committed before the worker is not ready
///     const STALL: Number = "WORKER_STALL_SECONDS" { least: 1, most: 60, default: 30, unit: "seconds" };
/// }
/// ```
#[macro_export]
macro_rules! declare_settings {
    (
        $list_visibility:vis const $list:ident;
        $(
            $(#[doc = $meaning:literal])+
            $visibility:vis const $name:ident: $kind:ident = $text:literal
                { $($field:ident: $value:expr),+ $(,)? };
        )+
    ) => {
        $(
            $visibility const $name: $crate::setting::Setting<$crate::setting::$kind> =
                $crate::setting::Setting {
                    name: $text,
                    meaning: concat!($($meaning),+).trim_ascii_start(),
                    kind: $crate::setting::$kind { $($field: $value),+ },
                };
        )+
        $list_visibility const $list: &[$crate::setting::Declaration] = &[$($name.declaration()),+];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    declare_settings! {
        const SETTINGS;
        /// how many
        /// there are
        const COUNT: Number = "A_COUNT" { least: 1, most: 3, default: 2, unit: "" };
        /// what opens it
        const KEY: Secret = "A_KEY" { absent: None };
    }

    #[test]
    fn a_secret_is_also_read_from_a_file() {
        let program = ProgramSettings {
            program: "example",
            lists: &[SETTINGS],
        };
        for name in ["A_COUNT", "A_KEY", "A_KEY_FILE"] {
            assert!(program.reads(name), "{name}");
        }
        assert!(!program.reads("A_COUNT_FILE"));
        assert_eq!(COUNT.meaning, "how many there are");
        assert!(KEY.declaration().is_secret());
    }
}
