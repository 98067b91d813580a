//! Subscriptions and trials. Neither names an order.

use super::shape::Known::{Body, Checkout, Customer, Product, Store, Version};
use super::shape::Shape::{Bool, Count, Date, Id, Known, List, Minor, Object, Text};
use super::shape::{Field, Table, keep, opt};
use super::shop::{CHECKOUT, CUSTOMER, GIFT, PRODUCT};
use super::texts;

pub(super) const ACTIVATED: Table = &[HOLDER, PERIOD, SOLD, TOTALS, INITIAL, ACTIVE];
pub(super) const RENEWED: Table = &[HOLDER, PERIOD, SOLD, TOTALS, INITIAL, ACTIVE];
pub(super) const CANCELED: Table = &[
    HOLDER,
    PERIOD,
    SOLD,
    TOTALS,
    INITIAL,
    &[
        opt("status", Text(&["canceled"])),
        opt("canceled_at", Date),
        opt("cancel_reason", Text(texts::CANCEL_REASONS)),
    ],
];

pub(super) const TRIAL_ACTIVATED: Table = &[HOLDER, TRIAL, SOLD, ACTIVE];
pub(super) const TRIAL_COMPLETED: Table =
    &[HOLDER, TRIAL, SOLD, &[opt("status", Text(&["completed"]))]];
pub(super) const TRIAL_CANCELED: Table =
    &[HOLDER, TRIAL, SOLD, &[opt("status", Text(&["canceled"]))]];

const ACTIVE: &[Field] = &[opt("status", Text(&["active"]))];

const HOLDER: &[Field] = &[
    keep("id", Known(Body)),
    opt("store_id", Known(Store)),
    opt("customer_id", Known(Customer)),
    opt("customer", Object(CUSTOMER)),
    opt("checkout_id", Known(Checkout)),
    opt("checkout_line_id", Id),
    opt("created_at", Date),
];

const SOLD: &[Field] = &[
    opt("product_id", Known(Product)),
    opt("product_version_id", Known(Version)),
    opt("product_name", Text(texts::PRODUCTS)),
    opt("product_image_url", Text(texts::IMAGES)),
];

const TRIAL: &[Field] = &[
    opt("period_value", Count(30)),
    opt("period_scale", Text(texts::SCALES)),
    opt("starts_at", Date),
    opt("ends_at", Date),
    opt("canceled_at", Date),
];

const PERIOD: &[Field] = &[
    opt("checkout", Object(CHECKOUT)),
    opt("product", Object(PRODUCT)),
    opt("billing_cycle_sequence", Count(48)),
    opt("billing_email", Text(texts::EMAILS)),
    opt("billing_country", Text(texts::COUNTRIES)),
    opt("customer_ip", Text(texts::IPS)),
    opt("interval_value", Count(12)),
    opt("interval_scale", Text(texts::SCALES)),
    opt("current_period_start", Date),
    opt("current_period_end", Date),
    opt("active_at", Date),
    opt("lines", List(LINE, 0, 3)),
];

const TOTALS: &[Field] = &[
    opt("currency", Text(texts::CURRENCIES)),
    opt("subtotal_amount", Minor),
    opt("tax_amount", Minor),
    opt("discount_amount", Minor),
    opt("total_amount", Minor),
];

const INITIAL: &[Field] = &[
    opt("initial_subtotal_amount", Minor),
    opt("initial_tax_amount", Minor),
    opt("initial_discount_amount", Minor),
    opt("initial_giftcard_usage_amount", Minor),
    opt("initial_total_amount", Minor),
];

const LINE: Table = &[
    &[
        opt("id", Id),
        opt("subscription_id", Known(Body)),
        opt("checkout_line_id", Id),
        opt("initial_order_line_id", Id),
        opt("gift_to_customer_id", Id),
        opt("gift_to_customer", GIFT),
        opt("selected_gameserver_id", Id),
        opt("sale_id", Id),
        opt("trial_id", Id),
        opt("product", Object(PRODUCT)),
        opt("tax_inclusive", Bool),
        opt("price", Minor),
    ],
    SOLD,
    TOTALS,
    INITIAL,
    PRESENTMENT,
];

/// The same sums in the currency the buyer was shown.
const PRESENTMENT: &[Field] = &[
    opt("presentment_currency", Text(texts::CURRENCIES)),
    opt("presentment_subtotal_amount", Minor),
    opt("presentment_discount_amount", Minor),
    opt("presentment_tax_amount", Minor),
    opt("presentment_total_amount", Minor),
    opt("initial_presentment_discount_amount", Minor),
    opt("initial_presentment_subtotal_amount", Minor),
    opt("initial_presentment_giftcard_usage_amount", Minor),
    opt("initial_presentment_tax_amount", Minor),
    opt("initial_presentment_total_amount", Minor),
];
