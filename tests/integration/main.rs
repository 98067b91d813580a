//! The whole system on a real broker and a real database, in one binary. `ops/test` runs it.

mod harness;
mod paynow_events;

mod chaos;
mod contract;
mod ctl;
mod dead;
mod desk;
mod faults;
mod fuzz;
mod golden;
mod haproxy;
mod hardening;
mod kubernetes;
mod locked;
mod monitoring;
mod mutated;
mod poison;
mod privileges;
mod publisher;
mod receiver;
mod reload;
mod replay;
mod resolved;
mod restore;
mod retention;
mod reversals;
mod schema;
mod setup;
mod spend;
mod straight;
mod terminal;
mod tidy;
mod tls;
mod top;
mod upgrade;
