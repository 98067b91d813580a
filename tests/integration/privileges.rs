//! Least privilege: each login of a deployment can do what it needs, and everything else is
//! refused. The logins are those that `deploy/make-secrets` creates.

mod actions;
mod broker;
mod database;
mod forged;
mod guides;
pub(crate) mod login;
pub(crate) mod made;
mod operator;
mod programs;
mod secrets;
