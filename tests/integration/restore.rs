//! What was lost comes back: PayNow's history finds what a restored database or a new broker lacks,
//! and brings it once.

mod cluster;
mod disaster;
mod guide;
mod history;
mod paynow;
