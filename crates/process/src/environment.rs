//! Settings from the environment. Every read names its variable, so that one sentence can report a
//! wrong value; each secret may also come from the file that `NAME_FILE` points to.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;

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

    pub fn parsed<T>(&self, name: &str) -> Result<Option<T>, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parsed = self.text(name).map(str::parse).transpose();
        parsed.map_err(|error| {
            SettingError::new(name, format!("has a value that is not valid: {error}"))
        })
    }

    pub fn parsed_or<T>(&self, name: &str, default: T) -> Result<T, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        Ok(self.parsed(name)?.unwrap_or(default))
    }

    /// A whole number within `range`, or the default.
    pub fn number_or<T>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
        default: T,
    ) -> Result<T, SettingError>
    where
        T: TryFrom<u64> + PartialOrd + Display,
    {
        // Read as the widest type: a number that is too large for `T` gets the same error.
        let Some(number) = self.parsed::<u64>(name)? else {
            return Ok(default);
        };
        let in_range = T::try_from(number).ok().filter(|it| range.contains(it));
        in_range.ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            let problem = format!("must be from {low} to {high}, and is {number}");
            SettingError::new(name, problem)
        })
    }

    /// A secret from `NAME`, or from the file named by `NAME_FILE`.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>, SettingError> {
        let file = self.secret_file(name);
        match (self.text(name), file) {
            (Some(_), Some(file)) => Err(SettingError::new(
                name,
                format!("and {} are both set; keep one", file.name),
            )),
            (Some(value), None) => Ok(Some(value.into())),
            (None, Some(file)) => file.read().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The file that a secret comes from, for callers that read it again later.
    pub fn secret_file(&self, name: &str) -> Option<SecretFile> {
        let name = format!("{name}_FILE");
        let path = self.text(&name)?.into();
        Some(SecretFile { name, path })
    }

    pub fn required_secret(&self, name: &str) -> Result<SecretString, SettingError> {
        self.secret(name)?
            .ok_or_else(|| SettingError::new(name, "is required and not set"))
    }
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

    #[test]
    fn a_wrong_value_names_its_variable() {
        let environment = Environment::of([("LIMIT", "many"), ("SMALL", "0"), ("UNSET", "")]);
        let error = environment
            .number_or("LIMIT", 1..=10, 5)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("LIMIT has a value that is not valid"),
            "{error}"
        );
        let error = environment
            .number_or("SMALL", 1..=10, 5)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "SMALL must be from 1 to 10, and is 0");
        assert_eq!(environment.number_or("UNSET", 1..=10, 5), Ok(5));
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_but_not_from_both() {
        let file = std::env::temp_dir().join(format!("paynow-secret-{}", std::process::id()));
        std::fs::write(&file, "from a file\n").unwrap();
        let path = file.to_str().unwrap();
        let read = |environment: Environment| {
            environment
                .required_secret("KEY")
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
