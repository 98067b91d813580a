//! Delivery items, and the Discord link, which embeds a whole order.

use super::shape::Known::{Body, Checkout, Customer, Order, Product, Store, Version};
use super::shape::Shape::{Date, Id, Known, Object, Text};
use super::shape::{Field, Table, keep, opt};
use super::shop::{CUSTOMER, GAMESERVER, PRODUCT};
use super::{order, texts};

pub(super) const ADDED: Table = &[ITEM, &[opt("state", Text(&["usable"]))]];
pub(super) const ACTIVATED: Table = &[ITEM, &[opt("state", Text(&["active"]))]];
pub(super) const USED: Table = &[ITEM, &[opt("state", Text(&["used"]))]];
pub(super) const RENEWED: Table = &[ITEM, &[opt("state", Text(&["renewed"]))]];
/// The published states have no word of their own for an expired item.
pub(super) const EXPIRED: Table = &[ITEM, &[opt("state", Text(&["used", "expired"]))]];
pub(super) const REVOKED: Table = &[ITEM, &[opt("state", Text(&["revoked"]))]];

/// An item can be handed out without any order, so nothing but its own id is certain.
const ITEM: &[Field] = &[
    keep("id", Known(Body)),
    opt("store_id", Known(Store)),
    opt("customer", Object(CUSTOMER)),
    opt("order_customer_id", Known(Customer)),
    opt("checkout_id", Known(Checkout)),
    opt("order_id", Known(Order)),
    opt("order_line_id", Id),
    opt("subscription_id", Id),
    opt("execute_on_gameserver_id", Id),
    opt("execute_on_gameserver", Object(GAMESERVER)),
    opt("product_id", Known(Product)),
    opt("product_version_id", Known(Version)),
    opt("product", Object(PRODUCT)),
    opt("added_at", Date),
    opt("active_at", Date),
    opt("expires_at", Date),
    opt("removed_at", Date),
    opt("revoked_at", Date),
    opt("revoke_reason", Text(texts::REVOKE_REASONS)),
];

/// The one body without an `id`: a reader that demands one everywhere fails on it.
pub(super) const DISCORD_LINKED: Table = &[&[
    opt("store_id", Known(Store)),
    opt("customer_id", Known(Customer)),
    opt("customer", Object(CUSTOMER)),
    opt("checkout_id", Known(Checkout)),
    opt("checkout_line_id", Id),
    opt("order_id", Known(Order)),
    opt("order", Object(order::EMBEDDED)),
    opt("discord_user_id", Text(texts::DISCORD_IDS)),
    opt("discord_user_name", Text(texts::NAMES)),
    opt("discord_user_avatar_hash", Text(texts::DISCORD_HASHES)),
    opt("product_id", Known(Product)),
    opt("product_version_id", Known(Version)),
    opt("product", Object(PRODUCT)),
    opt("enqueued_at", Date),
]];
