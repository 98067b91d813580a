//! A person's own password and authenticator, instead of a password that somebody else knows.

use paynow_desk::console::totp::TotpSecret;
use paynow_desk::error::DeskError;

use super::login::ENROLLED;
use crate::answer::Answer;
use crate::call::Call;
use crate::console::Console;
use crate::cookie;
use crate::document::{Document, Field, FieldKind, Form, Part, Qr, Tone};
use crate::problem::Problem;
use crate::visit::Visit;

/// What the authenticator calls us.
const ISSUER: &str = "PayNow points";

pub(crate) fn page(_console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let secret = TotpSecret::new()?;
    visit.page(&document(visit, &secret, None))
}

fn document(visit: &Visit<'_, ()>, secret: &TotpSecret, problem: Option<String>) -> Document {
    let how = "Scan the picture with an authenticator application, or type the key into it; choose a password of at \
               least 12 characters; and type the code that the application shows. After that you sign in with both. \
               Each time you open this page it shows another key: the code must be of the key that you see.";
    let password = Field {
        autocomplete: "new-password",
        ..Field::new("password", "New password", "")
            .kind(FieldKind::Password)
            .required()
    };
    let again = Field {
        autocomplete: "new-password",
        ..Field::new("again", "The same once more", "")
            .kind(FieldKind::Password)
            .required()
    };
    let code = Field {
        autocomplete: "one-time-code",
        ..Field::new("code", "Code of the authenticator", "")
            .kind(FieldKind::Number)
            .required()
    };
    let form = Form::post("enrol", "/enrol", "Use these from now on")
        .field(password)
        .field(again)
        .field(code)
        .hidden("secret", secret.to_base32());
    let uri = secret.uri(ISSUER, visit.session.person.as_str());
    Document::new("Choose your password")
        .with_all(problem.map(|problem| Part::notice(Tone::Bad, problem)))
        .with(Part::text(how))
        .with_all(Qr::of("Key of the authenticator, to scan", &uri).map(Part::Qr))
        .with(Part::Verbatim {
            label: "Key of the authenticator".to_owned(),
            text: secret.to_base32().to_owned(),
        })
        .with(Part::Verbatim {
            label: "The same as an address".to_owned(),
            text: uri,
        })
        .with(Part::Form(form))
}

pub(crate) fn enrol(console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    let call = visit.call;
    let secret = TotpSecret::of_base32(call.field("secret").unwrap_or_default());
    let secret = secret.ok_or_else(|| Problem::Invalid("the key was changed".to_owned()))?;
    let wrong = |problem: String| visit.wrong_form(&document(visit, &secret, Some(problem)));
    let [password, again] = ["password", "again"].map(|name| whole(call, name));
    if password != again {
        return wrong("The two passwords are not the same.".to_owned());
    }
    let code = call.field("code").unwrap_or_default();
    match console
        .database
        .enrol(visit.session, &password.into(), &secret, code)
    {
        Ok(()) => {
            let cookie = cookie::of_no_session(&console.public);
            Ok(Answer::see(format!("/login?{ENROLLED}=yes"))
                .with(actix_web::http::header::SET_COOKIE, cookie))
        }
        Err(DeskError::Refused(text)) => wrong(format!("{text}.")),
        Err(error) => Err(error.into()),
    }
}

/// With the spaces at its ends.
fn whole<'a>(call: &'a Call, name: &'a str) -> &'a str {
    call.fields(name).next().unwrap_or_default()
}
