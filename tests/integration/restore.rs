//! Recovery from a lost database or broker: PayNow's history shows which events are missing, and
//! each is sent once.

mod cluster;
mod disaster;
mod guide;
mod history;
mod paynow;
mod system;
