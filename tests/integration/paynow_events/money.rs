//! Payments, refunds and chargebacks. None of them names lines or products.

use super::shape::Known::{Body, Order, Store};
use super::shape::Shape::{Bool, Date, Id, Known, Minor, Object, Text};
use super::shape::{Field, Table, keep, opt};
use super::shop::CUSTOMER;
use super::texts;

pub(super) const PAYMENT_COMPLETED: Table = &[
    PAYMENT,
    SUMS,
    &[
        opt("status", Text(&["completed"])),
        opt("billing_country", Text(texts::COUNTRIES)),
        opt("created_at", Date),
        opt("pending_at", Date),
        opt("completed_at", Date),
    ],
];

pub(super) const PAYMENT_FAILED: Table = &[
    PAYMENT,
    SUMS,
    &[
        opt("status", Text(&["failed"])),
        opt("failure_code", Text(texts::FAILURE_CODES)),
        opt("created_at", Date),
        opt("pending_at", Date),
        opt("failed_at", Date),
    ],
];

pub(super) const REFUND: Table = &[
    REVERSAL,
    SUMS,
    &[
        opt("payment_id", Id),
        opt("store_refund_amount", Minor),
        opt("status", Text(&["completed"])),
        opt("billing_email", Text(texts::EMAILS)),
        opt("created_at", Date),
        opt("approved_at", Date),
        opt("pending_at", Date),
        opt("completed_at", Date),
    ],
];

pub(super) const CHARGEBACK: Table = &[
    REVERSAL,
    SUMS,
    &[
        opt("status", Text(&["completed"])),
        opt("chargeback_status", Text(&["pending"])),
        opt("chargeback_at", Date),
    ],
];

/// `status` is the payment's and stays `completed`, so that a reader of the wrong field is caught.
pub(super) const CHARGEBACK_CLOSED: Table = &[
    REVERSAL,
    SUMS,
    &[
        opt("status", Text(&["completed"])),
        opt("chargeback_status", Text(&["won", "lost"])),
        opt("chargeback_at", Date),
    ],
];

/// A payment moves no points, so it may lack its order.
const PAYMENT: &[Field] = &[keep("id", Known(Body)), opt("order_id", Known(Order))];

/// A reversal without an order could not be applied to anything.
const REVERSAL: &[Field] = &[keep("id", Known(Body)), keep("order_id", Known(Order))];

const SUMS: &[Field] = &[
    opt("store_id", Known(Store)),
    opt("customer", Object(CUSTOMER)),
    opt("gateway", Text(texts::GATEWAYS)),
    opt("currency", Text(texts::CURRENCIES)),
    opt("tax_inclusive", Bool),
    opt("amount", Minor),
    opt("gateway_fee_amount", Minor),
    opt("tax_amount", Minor),
    opt("platform_fee_amount", Minor),
    opt("store_net_amount", Minor),
];
