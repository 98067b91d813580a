//! What many bodies embed: customers, products, checkouts.

use super::shape::Known::{Checkout, Customer, Product, Store, Version};
use super::shape::Shape::{
    Bool, Count, Date, Html, Id, Known, List, Map, MaybeObject, Minor, Object, Text,
};
use super::shape::{Field, Shape, Table, keep, opt};
use super::texts;

/// The buyer, or the holder of what was bought.
pub(super) const CUSTOMER: Table = &[&[keep("id", Known(Customer))], PROFILES];

/// The receiver of a gift. Its id is present whenever the object is, because a gift without a
/// receiver cannot be credited.
pub(super) const GIFT: Shape = MaybeObject(&[&[keep("id", Id)], PROFILES]);

/// The platforms exclude each other in a real shop, although the schema requires all of them.
const PROFILES: &[Field] = &[
    opt("name", Text(texts::NAMES)),
    opt("steam", Object(STEAM)),
    opt("minecraft", Object(MINECRAFT)),
    opt("profile", Object(PROFILE)),
];

const STEAM: Table = &[&[opt("id", Text(texts::STEAM_IDS))], LOOKS];
const MINECRAFT: Table = &[&[opt("id", Text(texts::MINECRAFT_IDS))], LOOKS];
const PROFILE: Table = &[
    &[
        opt("id", Text(texts::MINECRAFT_IDS)),
        opt("platform", Text(texts::PLATFORMS)),
    ],
    LOOKS,
];

const LOOKS: &[Field] = &[
    opt("name", Text(texts::NAMES)),
    opt("avatar_url", Text(texts::IMAGES)),
];

pub(super) const PRODUCT: Table = &[&[
    opt("id", Known(Product)),
    opt("store_id", Known(Store)),
    opt("version_id", Known(Version)),
    opt("image_url", Text(texts::IMAGES)),
    opt("slug", Text(texts::SLUGS)),
    opt("name", Text(texts::PRODUCTS)),
    opt("description", Html(texts::DESCRIPTIONS)),
    opt("enabled", Bool),
    opt("label", Text(texts::LABELS)),
    opt("sort_order", Count(50)),
    opt("price", Minor),
    opt("single_game_server_only", Bool),
    opt("allow_one_time_purchase", Bool),
    opt("allow_subscription", Bool),
    opt("subscription_interval_value", Count(12)),
    opt("subscription_interval_scale", Text(texts::SCALES)),
    opt("remove_after_enabled", Bool),
    opt("remove_after_time_value", Count(90)),
    opt("remove_after_time_scale", Text(texts::SCALES)),
    opt("tags", List(TAG, 0, 3)),
    opt("tag_names", Text(texts::TAG_LISTS)),
    opt("gameservers", List(GAMESERVER, 0, 3)),
    opt("gameserver_names", Text(texts::SERVER_LISTS)),
    opt("commands", List(COMMAND, 0, 4)),
    opt("created_at", Date),
    opt("updated_at", Date),
    opt("metadata", Map),
]];

const TAG: Table = &[&[
    opt("id", Id),
    opt("slug", Text(texts::SLUGS)),
    opt("name", Text(texts::TAGS)),
]];

pub(super) const GAMESERVER: Table = &[&[
    opt("id", Id),
    opt("name", Text(texts::SERVERS)),
    opt("enabled", Bool),
]];

const COMMAND: Table = &[&[
    opt("stage", Text(texts::STAGES)),
    opt("content", Text(texts::COMMANDS)),
    opt("online_only", Bool),
]];

pub(super) const CHECKOUT: Table = &[&[
    opt("id", Known(Checkout)),
    opt("metadata", Map),
    opt("lines", List(CHECKOUT_LINE, 0, 3)),
]];

const CHECKOUT_LINE: Table = &[&[
    opt("id", Id),
    opt("product_id", Known(Product)),
    opt("product_version_id", Known(Version)),
    opt("metadata", Map),
]];
