//! What every request shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use paynow_desk::console::database::ConsoleDatabase;
use paynow_desk::console::letters::WaitingProduct;
use paynow_desk::console::person::PersonName;
use paynow_desk::console::session::SessionKey;
use paynow_desk::find::PlayersAtPayNow;
use paynow_desk::list::ReasonGroup;
use paynow_desk::management::{ManagementApi, ManagementSettings};
use paynow_process::broker::BrokerAddress;
use paynow_shared::ladder::RetryLadder;
use paynow_worker::decide::Policy;
use tokio::sync::Semaphore;
use url::Url;

use crate::checks::Checks;
use crate::config::{Auth, Config, PublicUrl};
use crate::limits::Limit;
use crate::live::Live;
use crate::once::Forms;
use crate::runner::Runner;
use crate::sums::Sums;

const MINUTE: Duration = Duration::from_secs(60);
/// Tries to sign in, a minute, by name and by source.
const TRIES: u32 = 5;
/// Sign-ins that are checked or wait for it.
const SIGN_INS: usize = 4;
/// Requests of a session in a second.
const REQUESTS: u32 = 30;

pub(crate) struct Console {
    pub(crate) public: PublicUrl,
    pub(crate) auth: Auth,
    pub(crate) environment: Option<String>,
    pub(crate) grafana: Option<Url>,
    pub(crate) database: Arc<ConsoleDatabase>,
    pub(crate) broker: BrokerAddress,
    management: ManagementSettings,
    pub(crate) ladder: RetryLadder,
    pub(crate) policy: Policy,
    /// `None` without a key of PayNow's API.
    pub(crate) players_at_paynow: Option<PlayersAtPayNow>,
    pub(crate) tries_of_name: Limit<Option<PersonName>>,
    pub(crate) tries_of_source: Limit<IpAddr>,
    pub(crate) requests: Limit<SessionKey>,
    /// Passwords are checked one after the other. Whoever waits for that has one of the threads that pages need, too.
    pub(crate) sign_ins: Semaphore,
    /// What was sent and led somewhere.
    pub(crate) forms: Forms,
    pub(crate) live: Live,
    /// Dead letters by reason, of the state with this code; `None` is every state.
    pub(crate) groups: Sums<Option<&'static str>, Vec<ReasonGroup>>,
    /// Products that open letters died of.
    pub(crate) waiting: Sums<(), Vec<WaitingProduct>>,
    pub(crate) runner: Runner,
    pub(crate) checks: Arc<Checks>,
}

impl Console {
    pub(crate) fn new(config: Config) -> Self {
        let store = config.policy.store_id;
        let players_at_paynow = |settings| PlayersAtPayNow::new(settings, store);
        Self {
            public: config.public,
            auth: config.auth,
            environment: config.environment,
            grafana: config.grafana,
            database: Arc::new(ConsoleDatabase::new(config.database, config.silence)),
            broker: config.broker,
            management: config.management,
            ladder: config.ladder,
            policy: config.policy,
            players_at_paynow: config.paynow_api.map(players_at_paynow),
            tries_of_name: Limit::new(TRIES, MINUTE),
            tries_of_source: Limit::new(TRIES, MINUTE),
            requests: Limit::new(REQUESTS, Duration::from_secs(1)),
            sign_ins: Semaphore::new(SIGN_INS),
            forms: Forms::default(),
            live: Live::new(config.metrics),
            groups: Sums::new(),
            waiting: Sums::new(),
            runner: Runner::default(),
            checks: Arc::default(),
        }
    }

    /// The broker's management API; each use has a connection of its own.
    pub(crate) fn management(&self) -> ManagementApi {
        ManagementApi::new(self.management.clone())
    }
}
