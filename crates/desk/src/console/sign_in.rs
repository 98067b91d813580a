//! Signing in: with a password and a code, or as whom a proxy names.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Text};
use paynow_process::clock;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use super::database::ConsoleDatabase;
use super::password::{self, Derived};
use super::person::PersonName;
use super::roles::Roles;
use super::session::{Session, SessionId};
use super::totp::{self, TotpSecret};
use crate::error::DeskError;
use crate::row::{One, row};

/// No person has this name, so whoever types one that is no name is refused as anybody else is.
const NOBODY: &str = "no name";

row! {
    struct Challenge {
        salt: Vec<u8>,
        rounds: i32,
    }
}

/// As they were typed.
pub struct Credentials {
    pub name: String,
    pub password: SecretString,
    /// Of the authenticator; a first sign-in has none.
    pub code: Option<String>,
}

pub enum SignedIn {
    /// With the person's own password and code.
    Whole(SessionId),
    /// With a password that somebody else knows: the person must choose one.
    First(SessionId),
    /// The same answer, after the same time, for an unknown name and for a wrong password or code.
    Refused,
    /// Five were refused in the last minute.
    TooMany,
}

impl ConsoleDatabase {
    pub fn sign_in(&self, credentials: &Credentials) -> Result<SignedIn, DeskError> {
        let name = credentials.name.parse::<PersonName>();
        let name = name.as_ref().map_or(NOBODY, PersonName::as_str);
        let challenge: Challenge = self.as_login(|connection| {
            sql_query("SELECT salt, rounds FROM console_challenge($1)")
                .bind::<Text, _>(name)
                .get_result(connection)
        })?;
        let rounds = u32::try_from(challenge.rounds).unwrap_or(password::ROUNDS);
        let key = {
            let _one_at_a_time = self.deriving.lock();
            password::key(&credentials.password, &challenge.salt, rounds)
        };
        let id = SessionId::new()?;
        let outcome: One<String> = self.as_login(|connection| {
            sql_query("SELECT console_sign_in($1, $2, $3, $4) AS value")
                .bind::<Text, _>(name)
                .bind::<Binary, _>(&key[..])
                .bind::<Text, _>(credentials.code.as_deref().unwrap_or_default())
                .bind::<Binary, _>(id.key().as_bytes())
                .get_result(connection)
        })?;
        Ok(signed_in(&outcome.value, id))
    }

    /// For a name and roles that a proxy has told, which somebody must have verified. Refused where people have
    /// accounts, and to whoever has not the secret of the first proxy that was believed.
    pub fn sign_in_by_proxy(
        &self,
        name: &PersonName,
        shown_name: &str,
        roles: &Roles,
        secret: &SecretString,
    ) -> Result<SignedIn, DeskError> {
        let secret = digest(&SHA256, secret.expose_secret().as_bytes());
        let id = SessionId::new()?;
        let outcome: One<String> = self.as_login(|connection| {
            sql_query("SELECT console_sign_in_by_proxy($1, $2, $3, $4, $5) AS value")
                .bind::<Text, _>(name.as_str())
                .bind::<Text, _>(shown_name)
                .bind::<Array<Text>, _>(roles.codes())
                .bind::<Binary, _>(id.key().as_bytes())
                .bind::<Binary, _>(secret.as_ref())
                .get_result(connection)
        })?;
        Ok(signed_in(&outcome.value, id))
    }

    /// A person's own password, and the authenticator that the code shows to work. All sessions of the person
    /// end.
    pub fn enrol(
        &self,
        session: &Session,
        password: &SecretString,
        secret: &TotpSecret,
        code: &str,
    ) -> Result<(), DeskError> {
        if password.expose_secret().chars().count() < password::CHARACTERS_MIN {
            return Err(DeskError::Refused(format!(
                "a password has at least {} characters",
                password::CHARACTERS_MIN
            )));
        }
        let secret = secret.bytes();
        let Some(step) = totp::step_of(&secret, code, clock::now_ms()) else {
            return Err(DeskError::Refused(
                "this is not the code that the authenticator shows now".to_owned(),
            ));
        };
        let derived = {
            let _one_at_a_time = self.deriving.lock();
            Derived::of(password)?
        };
        self.as_login(|connection| {
            sql_query("SELECT console_enrol($1, $2, $3, $4, $5, $6)")
                .bind::<Binary, _>(session.key.as_bytes())
                .bind::<Binary, _>(&derived.salt)
                .bind::<Integer, _>(i32::try_from(derived.rounds).unwrap_or(i32::MAX))
                .bind::<Binary, _>(&derived.key[..])
                .bind::<Binary, _>(&secret)
                .bind::<BigInt, _>(step)
                .execute(connection)
        })?;
        Ok(())
    }
}

fn signed_in(outcome: &str, id: SessionId) -> SignedIn {
    match outcome {
        "signed_in" => SignedIn::Whole(id),
        "first" => SignedIn::First(id),
        "too_many" => SignedIn::TooMany,
        _refused => SignedIn::Refused,
    }
}
