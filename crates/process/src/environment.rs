//! Settings from the environment. Every read names its variable, so that one sentence can report a
//! wrong value; each secret may also come from the file that `NAME_FILE` points to.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;

use crate::setting::{Choice, Number, Optional, OptionalNumber, Secret, Setting, Text};

/// A setting that is missing or wrong. The text names the variable and never contains a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}")]
pub struct SettingError {
    name: String,
    problem: String,
}

impl SettingError {
    pub fn new(name: &str, problem: impl Display) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// A snapshot of environment variables.
pub struct Environment {
    variables: HashMap<String, String>,
}

impl Environment {
    /// The variables of this process. A value that is not UTF-8 counts as unset.
    pub fn of_this_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables }
    }

    /// The given variables, for tests.
    pub fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            variables: pairs.into_iter().map(owned).collect(),
        }
    }

    /// An empty value counts as unset, because compose files pass an unset variable as empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A value that may be left out.
    pub fn parsed<T>(&self, setting: &Setting<Optional>) -> Result<Option<T>, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(setting.name);
        text.map(|text| parse(setting.name, text)).transpose()
    }

    /// A value, or the default.
    pub fn parsed_or_default<T>(&self, setting: &Setting<Text>) -> Result<T, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(setting.name).unwrap_or(setting.kind.default);
        parse(setting.name, text)
    }

    /// One of a few words.
    pub fn choice<T: FromStr>(&self, setting: &Setting<Choice>) -> Result<T, SettingError> {
        let Choice { values, default } = setting.kind;
        let text = self.text(setting.name).unwrap_or(default);
        text.parse().map_err(|_unknown| {
            SettingError::new(setting.name, format!("must be {values}, and is {text:?}"))
        })
    }

    /// A whole number within its range, or the default.
    pub fn number<T: TryFrom<u64>>(&self, setting: &Setting<Number>) -> Result<T, SettingError> {
        let Number {
            least,
            most,
            default,
            unit: _,
        } = setting.kind;
        // The default is a number of the range, too.
        let number = self.within(setting.name, least, most)?.unwrap_or(default);
        T::try_from(number).map_err(|_too_large| out_of_range(setting.name, least, most, number))
    }

    /// A whole number within its range, if it is set.
    pub fn number_if_set<T: TryFrom<u64>>(
        &self,
        setting: &Setting<OptionalNumber>,
    ) -> Result<Option<T>, SettingError> {
        let (least, most) = (setting.kind.least, setting.kind.most);
        let number = self.within(setting.name, least, most)?;
        let converted = number.map(|number| {
            T::try_from(number)
                .map_err(|_too_large| out_of_range(setting.name, least, most, number))
        });
        converted.transpose()
    }

    /// Read as the widest type, so that a number that is too large for its own gets the same error.
    fn within(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, SettingError> {
        let number = self.text(name).map(|text| parse::<u64>(name, text));
        match number.transpose()? {
            Some(number) if !(least..=most).contains(&number) => {
                Err(out_of_range(name, least, most, number))
            }
            number => Ok(number),
        }
    }

    /// A secret from `NAME`, or from the file named by `NAME_FILE`.
    pub fn secret(&self, setting: &Setting<Secret>) -> Result<Option<SecretString>, SettingError> {
        let file = self.secret_file(setting);
        match (self.text(setting.name), file) {
            (Some(_), Some(file)) => Err(SettingError::new(
                setting.name,
                format!("and {} are both set; keep one", file.name),
            )),
            (Some(value), None) => Ok(Some(value.into())),
            (None, Some(file)) => file.read().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The file that a secret comes from, for callers that read it again later.
    pub fn secret_file(&self, setting: &Setting<Secret>) -> Option<SecretFile> {
        let name = format!("{}_FILE", setting.name);
        let path = self.text(&name)?.into();
        Some(SecretFile { name, path })
    }

    pub fn required_secret(&self, setting: &Setting<Secret>) -> Result<SecretString, SettingError> {
        self.secret(setting)?
            .ok_or_else(|| SettingError::new(setting.name, "is required and not set"))
    }

    /// The names of all variables, sorted; for finding those that nothing reads.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn parse<T>(name: &str, text: &str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| {
        SettingError::new(name, format!("has a value that is not valid: {error}"))
    })
}

fn out_of_range(name: &str, least: u64, most: u64, number: u64) -> SettingError {
    let problem = format!("must be from {least} to {most}, and is {number}");
    SettingError::new(name, problem)
}

/// A file with one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The variable that names it.
    name: String,
    path: PathBuf,
}

impl SecretFile {
    /// The content of the file without its last line break.
    pub fn read(&self) -> Result<SecretString, SettingError> {
        let content = std::fs::read_to_string(&self.path).map_err(|error| {
            let problem = format!("names a file that cannot be read: {error}");
            SettingError::new(&self.name, problem)
        })?;
        let value = content.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            return Err(SettingError::new(&self.name, "names an empty file"));
        }
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::declare_settings;

    declare_settings! {
        const SETTINGS;
        /// a number
        const LIMIT: Number = "LIMIT" { least: 1, most: 300, default: 5, unit: "" };
        /// a number, or nothing
        const MAYBE: OptionalNumber = "MAYBE" { least: 0, most: 9, unit: "", absent: "none" };
        /// a word
        const FORM: Choice = "FORM" { values: "1 or 2", default: "1" };
        /// a secret
        const KEY: Secret = "KEY" { absent: None };
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        assert_eq!(SETTINGS.len(), 4);
        let problem = |text| {
            let environment = Environment::of([("LIMIT", text)]);
            environment.number::<u8>(&LIMIT).unwrap_err().to_string()
        };
        let many = problem("many");
        assert!(
            many.starts_with("LIMIT has a value that is not valid"),
            "{many}"
        );
        assert_eq!(problem("0"), "LIMIT must be from 1 to 300, and is 0");
        assert_eq!(problem("256"), "LIMIT must be from 1 to 300, and is 256");
        let unset = Environment::of([("LIMIT", "")]);
        assert_eq!(unset.number::<u8>(&LIMIT), Ok(5));
        assert_eq!(unset.number_if_set::<u8>(&MAYBE), Ok(None));
        assert_eq!(unset.choice::<u8>(&FORM), Ok(1));
        let wrong = Environment::of([("MAYBE", "10"), ("FORM", "one")]);
        let error = wrong.number_if_set::<u8>(&MAYBE).unwrap_err().to_string();
        assert_eq!(error, "MAYBE must be from 0 to 9, and is 10");
        let error = wrong.choice::<u8>(&FORM).unwrap_err().to_string();
        assert_eq!(error, "FORM must be 1 or 2, and is \"one\"");
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_but_not_from_both() {
        let file = std::env::temp_dir().join(format!("paynow-secret-{}", std::process::id()));
        std::fs::write(&file, "from a file\n").unwrap();
        let path = file.to_str().unwrap();
        let read = |environment: Environment| {
            environment
                .required_secret(&KEY)
                .map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(read(Environment::of([("KEY", "plain")])).unwrap(), "plain");
        assert_eq!(
            read(Environment::of([("KEY_FILE", path)])).unwrap(),
            "from a file"
        );
        assert!(read(Environment::of([("KEY", "plain"), ("KEY_FILE", path)])).is_err());
        assert!(read(Environment::of([("KEY_FILE", "/nonexistent/key")])).is_err());
        assert_eq!(
            read(Environment::of([])).unwrap_err().to_string(),
            "KEY is required and not set"
        );
        std::fs::remove_file(file).unwrap();
    }
}
