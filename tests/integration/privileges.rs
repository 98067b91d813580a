//! Least privilege, shown by refusal: what each login of a deployment needs works, and what it does
//! not need is refused. The logins are those that `deploy/make-secrets` makes.

mod broker;
mod database;
mod login;
mod made;
mod operator;
mod programs;
mod secrets;
