//! Orders: the body of `ON_ORDER_COMPLETED`, and the order that a Discord link embeds.

use super::shape::Known::{Body, Checkout, Order, Product, Store, Version};
use super::shape::Shape::{Bool, Count, Date, Id, Known, List, Minor, Object, Text};
use super::shape::{Field, Table, keep, opt};
use super::shop::{CHECKOUT, CUSTOMER, GIFT, PRODUCT};
use super::texts;

pub(super) const COMPLETED: Table = &[&[keep("id", Known(Body))], PARTIES, AMOUNTS, PAPERS];

/// The same order in another body, whose `order_id` is its id.
pub(super) const EMBEDDED: Table = &[&[keep("id", Known(Order))], PARTIES, AMOUNTS, PAPERS];

/// A shop sells one to three lines here: enough for a line to be lost or counted twice.
const PARTIES: &[Field] = &[
    keep("store_id", Known(Store)),
    keep("customer", Object(CUSTOMER)),
    keep("lines", List(LINE, 1, 3)),
    opt("checkout_id", Known(Checkout)),
    opt("checkout", Object(CHECKOUT)),
    opt("subscription_id", Id),
    opt("type", Text(texts::ORDER_TYPES)),
    opt("status", Text(&["completed"])),
];

const AMOUNTS: &[Field] = &[
    opt("applied_coupons", List(COUPON, 0, 2)),
    opt("applied_giftcards", List(GIFTCARD, 0, 2)),
    opt("coupon_id", Id),
    opt("currency", Text(texts::CURRENCIES)),
    opt("tax_inclusive", Bool),
    opt("tax_amount", Minor),
    opt("discount_amount", Minor),
    opt("subtotal_amount", Minor),
    opt("total_amount", Minor),
    opt("giftcard_usage_amount", Minor),
];

const PAPERS: &[Field] = &[
    opt("created_at", Date),
    opt("completed_at", Date),
    opt("billing_name", Text(texts::NAMES)),
    opt("billing_email", Text(texts::EMAILS)),
    opt("billing_address_country", Text(texts::COUNTRIES)),
    opt("customer_ip", Text(texts::IPS)),
    opt("product_names", Text(texts::PRODUCT_LISTS)),
    opt("product_tags", Text(texts::TAG_LISTS)),
    opt("product_gameservers", Text(texts::SERVER_LISTS)),
];

const COUPON: Table = &[&[opt("coupon_id", Id), opt("usage_amount", Minor)]];
const GIFTCARD: Table = &[&[opt("giftcard_id", Id), opt("usage_amount", Minor)]];

const LINE: Table = &[&[
    keep("id", Id),
    keep("product_id", Known(Product)),
    opt("quantity", Count(3)),
    opt("gift_to_customer", GIFT),
    opt("checkout_line_id", Id),
    opt("product_version_id", Known(Version)),
    opt("product", Object(PRODUCT)),
    opt("product_name", Text(texts::PRODUCTS)),
    opt("product_image_url", Text(texts::IMAGES)),
    opt("subscription_id", Id),
    opt("subscription_line_id", Id),
    opt("subscription_interval_value", Count(12)),
    opt("subscription_interval_scale", Text(texts::SCALES)),
    opt("trial_id", Id),
    opt("price", Minor),
    opt("discount_amount", Minor),
    opt("subtotal_amount", Minor),
    opt("tax_amount", Minor),
    opt("total_amount", Minor),
    opt("selected_gameserver_id", Id),
]];
