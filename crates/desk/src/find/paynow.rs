//! Asks `PayNow` for a player whom no order of ours has named. Its customer id is the number of the wallet. What it
//! says is shown, and neither kept nor logged.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};
use paynow_process::paynow::{ApiError, PayNowApi, PayNowSettings};
use paynow_shared::ids::{StoreId, WalletId};
use serde::Deserialize;

use super::ids_of_players::as_uuid;
use super::{AtPayNow, Found, HITS_MAX, Hit, Kind, Searched};
use crate::database::Database;
use crate::error::DeskError;
use crate::row::row;
use crate::text::one_line;

/// For one search, whatever it takes.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Searches that ask at once. Another is told so at once: whoever waits has a thread that pages need.
const AT_ONCE: usize = 4;
/// One page of customers; each may have metadata of the shop.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// No game has longer names.
const NAME_CHARS_MAX: usize = 64;
const JAVA_CHARS_MAX: usize = 16;
const XUID_DIGITS: usize = 16;
const STEAM_DIGITS: usize = 17;
/// Every id of a person at Steam begins so.
const STEAM_START: &str = "7656119";
/// A longer name is cut.
const SHOWN_CHARS_MAX: usize = 100;
const WHAT: &str = "player at PayNow";

/// `PayNow`'s customers, as all searches of a program ask for them.
pub struct PlayersAtPayNow {
    api: PayNowApi,
    /// `PAYNOW_STORE_ID`
    store: Option<StoreId>,
    asking: Mutex<usize>,
}

/// One of the searches that ask.
struct Turn<'a>(&'a Mutex<usize>);

impl<'a> Turn<'a> {
    fn take(asking: &'a Mutex<usize>) -> Option<Self> {
        let mut count = asking.lock().ok()?;
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Self(asking))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Ok(mut count) = self.0.lock() {
            *count = count.saturating_sub(1);
        }
    }
}

/// A customer, as `PayNow` describes one: only what tells who it is.
#[derive(Deserialize)]
struct Customer {
    id: WalletId,
    store_id: Option<StoreId>,
    name: Option<String>,
    profile: Option<Profile>,
    minecraft: Option<Profile>,
    steam: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    id: Option<String>,
    platform: Option<String>,
    name: Option<String>,
}

row! {
    struct Balance {
        wallet_id: i64,
        balance: i64,
    }
}

impl PlayersAtPayNow {
    pub fn new(settings: PayNowSettings, store: Option<StoreId>) -> Self {
        Self {
            api: PayNowApi::new(settings.with_answer_limit(ANSWER_BYTES_MAX)),
            store,
            asking: Mutex::new(0),
        }
    }

    /// Adds whom `PayNow` knows by this text, with what their wallets have here. Without an answer it says why.
    pub(super) fn add(
        &self,
        database: &Database,
        text: &str,
        found: &mut Found,
    ) -> Result<(), DeskError> {
        let questions = questions(text);
        if questions.is_empty() {
            return Ok(());
        }
        let answer = self.ask(&questions);
        found.at_paynow = match answer {
            Ok(_) => AtPayNow::Answered,
            Err(_) => AtPayNow::NotAnswered,
        };
        found.searched.push(Searched {
            what: WHAT,
            left_out_because: answer.as_ref().err().cloned().map(Cow::Owned),
        });
        let mut customers = answer.unwrap_or_default();
        let limit = usize::try_from(HITS_MAX).unwrap_or(usize::MAX);
        found.has_more |= customers.len() > limit;
        customers.truncate(limit);
        let balances = balances(database, &customers)?;
        let hits = customers.iter().map(|it| it.hit(&balances));
        let hits: Vec<Hit> = hits
            .filter(|hit| found.hits.iter().all(|known| known.id != hit.id))
            .collect();
        found.hits.extend(hits);
        Ok(())
    }

    /// The customers of the first question that has any.
    fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Customer>, String> {
        let Some(store) = self.store else {
            return Err("PAYNOW_STORE_ID is not set".to_owned());
        };
        let Some(_turn) = Turn::take(&self.asking) else {
            return Err(format!("{AT_ONCE} searches are asking PayNow: try again"));
        };
        let until = Instant::now() + TIME_LIMIT;
        for question in questions {
            let left = until.saturating_duration_since(Instant::now());
            let asked = self.ask_one(store, question, left);
            let mut customers = asked.map_err(|error| error.to_string())?;
            customers.retain(|it| it.store_id.is_none_or(|its| its == store));
            if !customers.is_empty() {
                return Ok(customers);
            }
        }
        Ok(Vec::new())
    }

    fn ask_one(
        &self,
        store: StoreId,
        question: &Question<'_>,
        limit: Duration,
    ) -> Result<Vec<Customer>, ApiError> {
        if limit.is_zero() {
            return Err(ApiError::Unavailable("no answer in time".to_owned()));
        }
        let store = store.to_string();
        let customers = ["v1", "stores", &store, "customers"];
        match question {
            Question::Search(text) => {
                let most = (HITS_MAX + 1).to_string();
                let query = [("search", *text), ("limit", most.as_str())];
                self.api.get_within(&customers, &query, limit)
            }
            Question::LookUp(by, text) => {
                let path = [&customers[..], &["lookup"]].concat();
                match self.api.get_within(&path, &[(by, text.as_str())], limit) {
                    Ok(customer) => Ok(vec![customer]),
                    Err(ApiError::NotFound) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// What a list of customers, or the look-up of one, is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Question<'a> {
    Search(&'a str),
    LookUp(&'static str, String),
}

/// What the text may be called at `PayNow`, the likeliest first. Nothing that only our records could know is
/// told to anybody.
fn questions(text: &str) -> Vec<Question<'_>> {
    let look_up = |by| Question::LookUp(by, text.to_owned());
    if let Some(uuid) = as_uuid(text) {
        return vec![Question::LookUp("minecraft_uuid", uuid)];
    }
    let chars = text.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX || text.contains(':') {
        return Vec::new();
    }
    let is_number = text.bytes().all(|it| it.is_ascii_digit());
    match (is_number, chars) {
        (true, STEAM_DIGITS) if text.starts_with(STEAM_START) => vec![look_up("steam_id")],
        (true, XUID_DIGITS) => vec![look_up("xbox_xuid")],
        // An order, an event, a wallet: PayNow's ids have 18 digits or more.
        (true, STEAM_DIGITS..) => Vec::new(),
        (true | false, _) => {
            let is_java = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
            let java = chars <= JAVA_CHARS_MAX && text.bytes().all(is_java);
            let java = java.then(|| look_up("minecraft_java_name"));
            let mut questions = vec![Question::Search(text)];
            questions.extend(java);
            questions.extend(["minecraft_bedrock_name", "name"].map(look_up));
            questions
        }
    }
}

fn balances(database: &Database, customers: &[Customer]) -> Result<BTreeMap<i64, i64>, DeskError> {
    if customers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wallets: Vec<i64> = customers.iter().map(|it| it.id.get()).collect();
    let rows: Vec<Balance> = database.read(|connection| {
        sql_query("SELECT wallet_id, balance FROM wallets WHERE wallet_id = ANY($1)")
            .bind::<Array<BigInt>, _>(wallets)
            .load(connection)
    })?;
    let pairs = rows.into_iter().map(|row| (row.wallet_id, row.balance));
    Ok(pairs.collect())
}

impl Customer {
    fn hit(&self, balances: &BTreeMap<i64, i64>) -> Hit {
        let balance = balances.get(&self.id.get());
        let mut parts = self.names();
        parts.extend(self.accounts());
        parts.push("says PayNow".to_owned());
        parts.push(match balance {
            Some(balance) => format!("balance {balance}"),
            None => "no wallet here".to_owned(),
        });
        Hit {
            kind: Kind::Player,
            id: self.id.to_string(),
            shown_with: balance.map(|_balance| self.id.get()),
            detail: parts.join(", "),
        }
    }

    fn profiles(&self) -> impl Iterator<Item = &Profile> {
        let profiles = [&self.profile, &self.minecraft, &self.steam];
        profiles.into_iter().flatten()
    }

    /// Each name once.
    fn names(&self) -> Vec<String> {
        let of_profiles = self.profiles().filter_map(|it| it.name.as_deref());
        let names = self.name.as_deref().into_iter().chain(of_profiles);
        let mut distinct: Vec<String> = Vec::new();
        for name in names.map(short).filter(|name| !name.is_empty()) {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        distinct
    }

    /// Such as "minecraft 069a79f4-44e9-4726-a5be-fca90e38aaf5".
    fn accounts(&self) -> Option<String> {
        let profile = self.profiles().find(|it| it.id.is_some())?;
        let platform = profile.platform.as_deref().unwrap_or("game account");
        Some(short(&format!("{platform} {}", profile.id.as_deref()?)))
    }
}

/// One line of limited length: others wrote it.
fn short(text: &str) -> String {
    one_line(text).chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_player_may_be_called_is_asked_for() {
        let by = |text: &str| -> Vec<String> {
            let asked = questions(text).into_iter().map(|question| match question {
                Question::Search(text) => format!("search {text}"),
                Question::LookUp(by, text) => format!("{by} {text}"),
            });
            asked.collect()
        };
        let names = ["minecraft_bedrock_name", "name"];
        let names = |text: &str| names.map(|by| format!("{by} {text}"));
        let [bedrock, own] = names("Steve_1");
        let java = "minecraft_java_name Steve_1".to_owned();
        assert_eq!(
            by("Steve_1"),
            ["search Steve_1".to_owned(), java, bedrock, own]
        );
        let [bedrock, own] = names("a b");
        assert_eq!(by("a b"), ["search a b".to_owned(), bedrock, own]);
        let uuid = "069a79f4-44e9-4726-a5be-fca90e38aaf5";
        let asked = [format!("minecraft_uuid {uuid}")];
        assert_eq!(by(&uuid.replace('-', "").to_uppercase()), asked);
        assert_eq!(by("76561198000000001"), ["steam_id 76561198000000001"]);
        assert_eq!(by("2535400000000001"), ["xbox_xuid 2535400000000001"]);
        for text in [
            "",
            "600000000000000020",
            "order-line:1",
            &"a".repeat(NAME_CHARS_MAX + 1),
        ] {
            assert_eq!(questions(text), [], "{text}");
        }
    }

    #[test]
    fn a_customer_is_described_by_each_name_once() {
        let customer = r#"{"id": "20", "name": "Steve", "minecraft": {"id": "069a", "name": "Steve"},
            "profile": {"id": "069a", "platform": "minecraft", "name": "S\n teve"}}"#;
        let customer: Customer = serde_json::from_str(customer).unwrap();
        let known = customer.hit(&BTreeMap::from([(20, 7)]));
        let expected = "Steve, S teve, minecraft 069a, says PayNow, balance 7";
        assert_eq!(
            (known.detail.as_str(), known.shown_with),
            (expected, Some(20))
        );
        let bare: Customer = serde_json::from_str(r#"{"id": "20"}"#).unwrap();
        let unknown = bare.hit(&BTreeMap::new());
        assert_eq!(unknown.detail, "says PayNow, no wallet here");
        assert_eq!(unknown.shown_with, None);
    }

    #[test]
    fn a_turn_is_given_back() {
        let asking = Mutex::new(0);
        let turns: Vec<_> = (0..AT_ONCE).map(|_| Turn::take(&asking).unwrap()).collect();
        assert!(Turn::take(&asking).is_none());
        drop(turns);
        assert!(Turn::take(&asking).is_some());
    }
}
