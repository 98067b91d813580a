//! A login for a game backend: a member of `paynow_spender`, with a password of its own.

use std::path::{Path, PathBuf};

use clap::Args;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use secrecy::{ExposeSecret, SecretString};

use super::query::texts;
use super::scram;
use crate::failure::Failure;
use crate::output;

/// The longest name that PostgreSQL does not cut.
const NAME_BYTES_MAX: usize = 63;
const PASSWORD_BYTES_MIN: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct GameLoginOptions {
    /// Make a login for a game backend; without --password-file a new one gets a password that is printed once
    #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "skip_database")]
    game_login: Option<String>,
    /// Give this game login the password in the file, also if it exists
    #[arg(long, value_name = "FILE", requires = "game_login")]
    password_file: Option<PathBuf>,
}

pub(super) struct GameLogin {
    name: String,
    password: Option<SecretString>,
}

/// Lower case, so that the name needs no quotes anywhere.
fn name(text: &str) -> Result<String, String> {
    let is_valid = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= NAME_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    match is_valid {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "a login is a lower-case letter and up to {} more letters, digits and _",
            NAME_BYTES_MAX - 1
        )),
    }
}

impl GameLogin {
    pub(super) fn of(options: &GameLoginOptions) -> Result<Option<Self>, Failure> {
        let Some(name) = options.game_login.clone() else {
            return Ok(None);
        };
        let password = options.password_file.as_deref().map(password_in);
        Ok(Some(Self {
            name,
            password: password.transpose()?,
        }))
    }

    /// Creates the login, or gives it the password of the file. Runs with the rights of `setup`'s login.
    pub(super) fn prepare(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        let name = &self.name;
        // Not a person's or a program's login by mistake: its password would be replaced.
        let standings = texts(
            connection,
            &format!(
                "SELECT CASE WHEN NOT rolsuper AND NOT rolcreaterole AND rolcanlogin \
                     AND rolname <> 'paynow_spender' AND pg_has_role(oid, 'paynow_spender', 'MEMBER') \
                     AND NOT EXISTS (SELECT FROM pg_roles AS other WHERE pg_has_role(login.oid, other.oid, 'MEMBER') \
                         AND other.rolname IN ('paynow_owner', 'paynow_ledger', 'paynow_worker', 'paynow_operator', \
                                               'paynow_reader')) \
                 THEN 'game' ELSE 'other' END AS value \
                 FROM pg_roles AS login WHERE rolname = '{name}'"
            ),
        )?;
        match (standings.first().map(String::as_str), &self.password) {
            (None, given) => self.create(connection, given.as_ref()),
            (Some("game"), None) => output::line(&format!(
                "database: game login {name} exists and keeps its password"
            )),
            (Some("game"), Some(password)) => {
                self.run(connection, "ALTER ROLE", password, "")?;
                output::line(&format!(
                    "database: game login {name} has the password of the file"
                ))
            }
            (Some(_other), _given) => Err(Failure::Refused(format!(
                "{name} exists and is no login of a game backend, so its password and rights stay as they are: \
                 choose another name"
            ))),
        }
    }

    fn create(
        &self,
        connection: &mut PgConnection,
        given: Option<&SecretString>,
    ) -> Result<(), Failure> {
        let name = &self.name;
        let member = "IN ROLE paynow_spender";
        if let Some(password) = given {
            self.run(connection, "CREATE ROLE", password, member)?;
            return output::line(&format!(
                "database: created game login {name} with the password of the file"
            ));
        }
        let password = scram::new_password().map_err(|error| no_password(name, error))?;
        self.run(connection, "CREATE ROLE", &password, member)?;
        output::line(&format!(
            "database: created game login {name}; its password, which is shown only now: {}",
            password.expose_secret()
        ))
    }

    /// A name has no quotes to escape, and neither has a verifier.
    fn run(
        &self,
        connection: &mut PgConnection,
        verb: &str,
        password: &SecretString,
        more: &str,
    ) -> Result<(), Failure> {
        let name = &self.name;
        let verifier = scram::verifier(password).map_err(|error| no_password(name, error))?;
        let statement = format!("{verb} {name} LOGIN PASSWORD '{verifier}' {more}");
        connection.batch_execute(&statement).map_err(|error| {
            let what = format!(
                "game login {name} could not be made: setup's login must be a superuser, or have CREATEROLE and \
                 the admin option of paynow_spender"
            );
            Failure::failed(what, error)
        })
    }
}

fn no_password(name: &str, error: scram::NoRandomness) -> Failure {
    Failure::failed(format!("game login {name} got no password"), error)
}

fn password_in(file: &Path) -> Result<SecretString, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{shown} cannot be read"), error))?;
    let password = text.trim_end_matches(['\r', '\n']);
    let is_valid = password.len() >= PASSWORD_BYTES_MIN
        && password.bytes().all(|byte| byte.is_ascii_graphic());
    match is_valid {
        true => Ok(password.into()),
        false => Err(Failure::Refused(format!(
            "{shown} must contain one password of at least {PASSWORD_BYTES_MIN} letters, digits and signs of \
             ASCII, without spaces"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_quotes() {
        for valid in ["game", "paynow_game", "g2"] {
            assert_eq!(name(valid).as_deref(), Ok(valid));
        }
        for invalid in ["", "Game", "2g", "_g", "a-b", "a'b", "a b", &"g".repeat(64)] {
            assert!(name(invalid).is_err(), "{invalid}");
        }
    }
}
