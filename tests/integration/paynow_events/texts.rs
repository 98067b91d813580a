//! Invented texts, chosen to break careless readers: other scripts, emoji, quotes, markup, masks.
//!
//! Addresses and domains are from the ranges reserved for documentation.

pub(super) const NAMES: &[&str] = &[
    "BrickFox_92",
    "Żółw ✓",
    "Łukasz \"Wilk\" Nowak",
    "Ольга",
    "山田 太郎",
    "مريم",
    "👩‍🚀 Nova",
    "O'Leary\\Dev",
    "<b>bold</b>",
];

pub(super) const EMAILS: &[&str] = &[
    "buyer@example.com",
    "long.name+shop@mail.example.org",
    "użytkownik@example.net",
    "\"odd one\"@example.com",
];

pub(super) const IPS: &[&str] = &[
    "203.0.113.0/24",
    "198.51.100.77",
    "192.0.2.0/24",
    "2001:db8:4::/48",
];

pub(super) const COUNTRIES: &[&str] = &["PL", "DE", "US", "JP", "BR", ""];
/// Both cases, because `PayNow`'s own definitions disagree on it.
pub(super) const CURRENCIES: &[&str] = &["EUR", "USD", "PLN", "JPY", "eur"];
pub(super) const GATEWAYS: &[&str] = &["cards", "wallet_x", "bank-transfer"];

pub(super) const STEAM_IDS: &[&str] = &["76561190000000017", "76561190000000423"];
/// A dashed and a bare UUID, an offline-mode name, and a console account number.
pub(super) const MINECRAFT_IDS: &[&str] = &[
    "1d0c7b52-0a5e-4c1b-9a77-00c0ffee0001",
    "1d0c7b520a5e4c1b9a7700c0ffee0002",
    "OfflineSteve",
    "2535400000000001",
];
pub(super) const PLATFORMS: &[&str] = &["steam", "minecraft", "minecraft_bedrock", "email"];
pub(super) const IMAGES: &[&str] = &[
    "https://cdn.example.com/a/7f3.png?size=64&v=2",
    "https://cdn.example.com/obrazki/%C5%BC%C3%B3%C5%82w.webp",
    "",
];

pub(super) const PRODUCTS: &[&str] = &[
    "Pouch of 250 Points",
    "Skrzynia punktów 💎",
    "Founder's \"Gold\" Pack",
    "1000 ポイント",
    "Points & Perks <limited>",
];
pub(super) const PRODUCT_LISTS: &[&str] = &[
    "Pouch of 250 Points",
    "Skrzynia punktów 💎, Founder's \"Gold\" Pack",
    "",
];
pub(super) const SLUGS: &[&str] = &["points-250", "skrzynia", "gold-pack", "1000"];
pub(super) const LABELS: &[&str] = &["Best value", "−20 %", "NOWOŚĆ 🔥"];
pub(super) const DESCRIPTIONS: &[&str] = &[
    "<p>Points for the <strong>whole</strong> network.<br>Credited \"at once\".</p>\n",
    "<ul><li>250 punktów</li><li>żadnych opłat &amp; haczyków</li></ul>\r\n\t",
    "<p style=\"color:#f0a\">🎁 Gift it to a friend: <a href='https://example.com/?a=1&b=2'>how</a></p>",
    "<table><tr><td>C:\\games\\mods</td><td>{\"not\": \"json\"}</td></tr></table>",
    "",
];

pub(super) const TAGS: &[&str] = &["points", "Sale", "Święta 🎄"];
pub(super) const TAG_LISTS: &[&str] = &["points", "points, Święta 🎄", ""];
pub(super) const SERVERS: &[&str] = &["Survival EU", "Lobby #2", "Сервер 3"];
pub(super) const SERVER_LISTS: &[&str] = &["Survival EU", "Lobby #2, Сервер 3", ""];

pub(super) const STAGES: &[&str] = &["on_purchase", "on_expire", "on_refund", "on_chargeback"];
pub(super) const COMMANDS: &[&str] = &[
    "points give {customer.name} 250",
    "tellraw @a {\"text\":\"thanks, \\u2764\"}",
    "say 'dzięki' && echo \"ok\"",
];
pub(super) const SCALES: &[&str] = &["day", "week", "month", "year"];

pub(super) const ORDER_TYPES: &[&str] = &[
    "one_time",
    "subscription_initial",
    "subscription_renewal",
    "subscription_proration",
    "mixed",
];
pub(super) const FAILURE_CODES: &[&str] = &["card_declined", "expired_card", "unknown"];
pub(super) const CANCEL_REASONS: &[&str] = &["too expensive :(", "koniec sezonu", "payment_failed"];
pub(super) const REVOKE_REASONS: &[&str] = &["refund", "chargeback", "by hand"];
pub(super) const DISCORD_IDS: &[&str] = &["100000000000000017", "1000000000000000423"];
pub(super) const DISCORD_HASHES: &[&str] = &["a_00112233445566778899aabbccddeeff", "0"];

/// Shops fill it as they like, so it can look like points although no points come from it.
pub(super) const METADATA: &[(&str, &str)] = &[
    ("points", "250"),
    ("points_per_unit", "1e9"),
    ("player", "Żółw ✓"),
    ("note", "line one\nline \"two\""),
    ("", "empty key"),
];
