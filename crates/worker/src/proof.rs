//! The proof that `PayNow` signed a message. The receiver has checked the signature, but anyone who may
//! publish to the broker can put a message into the queue, so the worker checks it again before the
//! message may change the ledger.

use std::sync::Arc;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Bool};
use paynow_process::secrets::{CurrentSecrets, SigningSecret};
use paynow_shared::digest::BodyDigest;
use paynow_shared::reason::Reason;
use paynow_shared::signature::Signature;
use paynow_shared::wire::Failure;

use crate::database::DatabaseError;
use crate::disposition::Disposition;
use crate::message::{Message, Proof, VerifiedSignature};

/// Why a message does not prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unproven {
    Missing,
    Malformed,
    /// It has the form of a signature, and no secret made it.
    UnknownSecret,
}

/// The secrets that make a signature a proof.
pub struct ProofKeys {
    /// The receiver accepts what these sign.
    pub signing: Arc<CurrentSecrets>,
    /// The receiver does not accept them any more. Messages that it accepted before may still arrive.
    pub retired: Option<Arc<CurrentSecrets>>,
}

impl ProofKeys {
    /// The signature of a message, and the secret that made it. The secret that the message names is tried
    /// first, because it is nearly always the one.
    pub(crate) fn verified(&self, message: &Message) -> Option<VerifiedSignature> {
        self.verify(message).ok()
    }

    fn verify(&self, message: &Message) -> Result<VerifiedSignature, Unproven> {
        let headers = &message.headers;
        let text = headers.signature.as_deref().ok_or(Unproven::Missing)?;
        let signature = Signature::from_base64(text).ok_or(Unproven::Malformed)?;
        let signed_at_ms = headers.signed_at_ms.ok_or(Unproven::Malformed)?;
        let timestamp = signed_at_ms.to_string();
        let lists = [Some(&self.signing), self.retired.as_ref()];
        let lists: Vec<_> = lists.into_iter().flatten().map(|list| list.get()).collect();
        let is_named = |secret: &&SigningSecret| headers.secret_id.as_deref() == Some(secret.id());
        let secrets = || lists.iter().flat_map(|list| list.iter());
        let named = secrets().filter(is_named);
        let others = secrets().filter(|secret| !is_named(secret));
        let secret = named.chain(others).find(|secret| {
            let signer = secret.signer();
            signer.verifies(&timestamp, &message.body, &signature)
        });
        let secret_id = secret.ok_or(Unproven::UnknownSecret)?.id().to_owned();
        Ok(VerifiedSignature {
            signature,
            secret_id,
        })
    }

    /// The proof of each message, in order, or what happens to a message without one. The database is
    /// asked only about messages that do not prove themselves.
    pub(crate) fn prove(
        &self,
        connection: &mut PgConnection,
        messages: &[Message],
    ) -> Result<Vec<Result<Proof, Disposition>>, DatabaseError> {
        let mut questions = Questions {
            connection,
            is_not_required_yet: None,
        };
        let proofs = messages.iter().map(|message| match self.verify(message) {
            Ok(signature) => Ok(Ok(Proof::Signature(signature))),
            Err(unproven) => questions.ask(message, unproven),
        });
        proofs.collect()
    }
}

/// What the database is asked about the messages of a batch that do not prove themselves.
struct Questions<'a> {
    connection: &'a mut PgConnection,
    /// The answer for the whole batch: after an upgrade, all messages of a full queue need it.
    is_not_required_yet: Option<bool>,
}

impl Questions<'_> {
    fn ask(
        &mut self,
        message: &Message,
        unproven: Unproven,
    ) -> Result<Result<Proof, Disposition>, DatabaseError> {
        if let Some(action_id) = message.headers.replay
            && is_vouched(self.connection, action_id, &message.body)?
        {
            return Ok(Ok(Proof::Vouched(action_id)));
        }
        let unsigned = |error| Failure::new(Reason::Unsigned, error);
        match unproven {
            Unproven::Missing if self.is_not_required_yet()? => Ok(Ok(Proof::NotRequired)),
            Unproven::Missing => Ok(Err(Disposition::DeadLetter(unsigned(
                "the message has no signature of PayNow",
            )))),
            Unproven::Malformed => Ok(Err(Disposition::DeadLetter(unsigned(
                "the message's signature or the time of its signature is malformed",
            )))),
            // The secret may be so new that this worker has not read it yet.
            Unproven::UnknownSecret => Ok(Err(Disposition::RetryLater(unsigned(
                "none of PAYNOW_SIGNING_SECRETS and PAYNOW_RETIRED_SECRETS made the message's signature",
            )))),
        }
    }

    fn is_not_required_yet(&mut self) -> Result<bool, DatabaseError> {
        if let Some(known) = self.is_not_required_yet {
            return Ok(known);
        }
        let answer = is_not_required_yet(self.connection)?;
        self.is_not_required_yet = Some(answer);
        Ok(answer)
    }
}

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

fn is_vouched(
    connection: &mut PgConnection,
    action_id: i64,
    body: &[u8],
) -> Result<bool, DatabaseError> {
    let answer: Answer = diesel::sql_query("SELECT is_vouched($1, $2) AS yes")
        .bind::<BigInt, _>(action_id)
        .bind::<Binary, _>(BodyDigest::of(body).as_bytes())
        .get_result(connection)?;
    Ok(answer.yes)
}

/// Whether messages without a signature are still let through. The minute is for the transaction that
/// follows: what it settles after `required_from` needs a proof.
pub fn is_not_required_yet(connection: &mut PgConnection) -> Result<bool, DatabaseError> {
    let answer: Answer = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM proof_rule WHERE now() < required_from - interval '1 minute') \
            AS yes",
    )
    .get_result(connection)?;
    Ok(answer.yes)
}

#[cfg(test)]
mod tests {
    use paynow_process::secrets::SigningSecrets;
    use paynow_shared::signature::Signer;
    use paynow_shared::wire::Headers;

    use super::*;

    const SECRET: &str = "pn-00112233445566778899aabbccddeeff";
    const RETIRED: &str = "pn-ffeeddccbbaa99887766554433221100";
    const SIGNED_AT_MS: i64 = 1_767_225_600_123;

    fn keys() -> ProofKeys {
        let list = |text: &str| Arc::new(CurrentSecrets::new(SigningSecrets::parse(text).unwrap()));
        ProofKeys {
            signing: list(&format!("new:pn-another-secret,orders:{SECRET}")),
            retired: Some(list(&format!("old:{RETIRED}"))),
        }
    }

    fn message(secret: &str, secret_id: Option<&str>, body: &[u8]) -> Message {
        let signature = Signer::new(secret).sign(&SIGNED_AT_MS.to_string(), body);
        Message {
            headers: Headers {
                signed_at_ms: Some(SIGNED_AT_MS),
                secret_id: secret_id.map(str::to_owned),
                signature: Some(signature),
                ..Headers::default()
            },
            redeliveries: 0,
            body: body.to_vec(),
        }
    }

    #[test]
    fn any_known_secret_proves_whatever_the_message_says_about_it() {
        for secret in [SECRET, RETIRED] {
            for id in [None, Some("orders"), Some("old"), Some("new"), Some("none")] {
                let verified = keys().verify(&message(secret, id, b"{}"));
                assert!(verified.is_ok(), "{secret} {id:?}");
            }
        }
        let unknown = message("pn-of-somebody-else", Some("orders"), b"{}");
        assert_eq!(keys().verify(&unknown), Err(Unproven::UnknownSecret));
    }

    #[test]
    fn a_signature_proves_only_its_own_body_and_time() {
        let signed = message(SECRET, Some("orders"), b"{}");
        let mut body = signed.clone();
        body.body = b"{ }".to_vec();
        assert_eq!(keys().verify(&body), Err(Unproven::UnknownSecret));
        let mut time = signed.clone();
        time.headers.signed_at_ms = Some(SIGNED_AT_MS + 1);
        assert_eq!(keys().verify(&time), Err(Unproven::UnknownSecret));
        time.headers.signed_at_ms = None;
        assert_eq!(keys().verify(&time), Err(Unproven::Malformed));
        let mut text = signed.clone();
        text.headers.signature = Some("signed by me".to_owned());
        assert_eq!(keys().verify(&text), Err(Unproven::Malformed));
        text.headers.signature = None;
        assert_eq!(keys().verify(&text), Err(Unproven::Missing));
        assert!(keys().verify(&signed).is_ok());
    }
}
