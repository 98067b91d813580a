//! What the console may do for a person who is signed in. The console has one login of the database, so every
//! call names a session, and the database finds the person itself.

// In reading order.
pub mod roles;
pub mod person;
pub mod session;
pub mod permit;
pub mod database;
pub mod refusal;

mod password;
pub mod totp;
pub mod sign_in;
pub mod own_sessions;
pub mod people;
pub mod access;

pub mod letters;
pub mod wallets;
pub mod reveal;
pub mod corrections;
pub mod previews;
pub mod control;
pub mod replays;
