//! That somebody may do something. Only the check makes one, and every call that does something takes one.

use std::marker::PhantomData;

use super::person::PersonName;
use super::roles::{DatabaseRole, Right, Roles};
use super::session::{Session, SessionKey};
use crate::actions::Note;

/// A right as a type.
pub trait RightMarker: sealed::Sealed {
    const RIGHT: Right;
}

mod sealed {
    pub trait Sealed {}
}

/// The rights, each as a type.
pub mod right {
    use super::{Right, RightMarker, sealed::Sealed};

    macro_rules! rights {
        ($($name:ident),* $(,)?) => {$(
            #[derive(Debug, Clone, Copy)]
            pub struct $name;
            impl Sealed for $name {}
            impl RightMarker for $name {
                const RIGHT: Right = Right::$name;
            }
        )*};
    }

    rights!(
        Look,
        FindByName,
        RequestCorrection,
        Replay,
        Discard,
        SetProduct,
        ControlReplay,
        RunCheck,
        Reveal,
        DecideCorrection,
        People,
    );
}

/// That the person of a session has the right.
#[derive(Debug, Clone)]
pub struct Permit<R> {
    session: SessionKey,
    person: PersonName,
    role: DatabaseRole,
    right: PhantomData<R>,
}

/// The person has not the right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{person} may not do that: it takes one of the roles {}", right.roles().iter().copied().collect::<Roles>())]
pub struct Refused {
    pub person: PersonName,
    pub right: Right,
}

impl Session {
    pub fn permit<R: RightMarker>(&self) -> Result<Permit<R>, Refused> {
        let right = R::RIGHT;
        // The tests show that the database refuses what this check would forget.
        if cfg!(feature = "unguarded") || self.roles.allow(right) {
            return Ok(Permit {
                session: self.key,
                person: self.person.clone(),
                role: self.roles.database_role(right),
                right: PhantomData,
            });
        }
        Err(Refused {
            person: self.person.clone(),
            right,
        })
    }
}

impl<R> Permit<R> {
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// The person's note of why they do it.
    pub fn note(&self, why: impl Into<String>) -> Note {
        Note {
            by: self.person.to_string(),
            why: why.into(),
        }
    }

    pub(crate) fn session(&self) -> SessionKey {
        self.session
    }

    pub(crate) fn role(&self) -> DatabaseRole {
        self.role
    }
}
