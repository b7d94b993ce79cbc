//! What every request and every worker shares.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures::future::join_all;
use omocast_contract::test_send::TESTS_PER_MINUTE;
use omocast_contract::{AccountId, BroadcastId, Channel, CustomerId, TeamId, Timestamp};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::announcer::Announcer;
use crate::attempts::Attempts;
use crate::channels::{Account, Connectors, Credentials, Uploads, http_client};
use crate::config::Config;
use crate::error::AppResult;
use crate::live::Live;
use crate::media::MediaStore;
use crate::secrets::Secrets;
use crate::store::deliveries::Changes;
use crate::store::{BoundTo, NewAccount, SealedAccount, Store};

/// How long LINE may take to tell what is left of a month.
const QUOTA_PATIENCE: Duration = Duration::from_secs(2);

/// The state of the server. Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub config: Arc<Config>,
    pub secrets: Secrets,
    pub live: Live,
    pub announcer: Arc<Announcer>,
    pub media: MediaStore,
    pub connectors: Connectors,
    pub clock: Clock,
    pub wake: Arc<Wake>,
    /// To sign in.
    pub attempts: Arc<Attempts>,
    /// To send to oneself.
    pub tests: Arc<Attempts>,
    pub health: Arc<Health>,
}

impl App {
    /// The server of an installation: opens its database and its key, or makes them.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("can't make {}", config.data.display()))?;
        let secrets = match std::env::var("OMOCAST_SECRET_KEY") {
            Ok(key) => Secrets::from_base64(&key).context("in OMOCAST_SECRET_KEY")?,
            Err(_) => Secrets::from_file(&config.data.join("secret.key"))?,
        };
        let store = Store::open(&config.data.join("omocast.db"))
            .await
            .context("can't open the database")?;
        Self::new(store, config, secrets, Clock::System)
    }

    /// A server over `store`.
    pub fn new(
        store: Store,
        config: Config,
        secrets: Secrets,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let client = http_client()?;
        let media = MediaStore::new(
            config.data.join("media"),
            config.public_url.clone(),
            secrets.clone(),
        )?;
        let live = Live::default();
        Ok(Self {
            announcer: Arc::new(Announcer::new(store.clone(), live.clone())),
            connectors: Connectors::new(
                client,
                config.endpoints.clone(),
                Uploads::new(store.clone(), clock.clone()),
            ),
            store,
            config: Arc::new(config),
            secrets,
            live,
            media,
            clock,
            wake: Arc::default(),
            attempts: Arc::new(Attempts::to_sign_in()),
            tests: Arc::new(Attempts::new(TESTS_PER_MINUTE, 60_000)),
            health: Arc::default(),
        })
    }

    /// An account with its credentials opened.
    pub async fn find_account(&self, id: AccountId) -> anyhow::Result<Option<Account>> {
        self.store
            .find_account(id)
            .await?
            .map(|account| self.open_account(account))
            .transpose()
    }

    /// The account with the platform's own id: where a webhook comes from.
    pub async fn find_account_by_external_id(
        &self,
        channel: Channel,
        external_id: &str,
    ) -> anyhow::Result<Option<Account>> {
        let account = self
            .store
            .find_account_by_external_id(channel, external_id)
            .await?;
        account
            .map(|account| self.open_account(account))
            .transpose()
    }

    /// Every account of a channel, over all teams.
    pub async fn list_accounts(&self, channel: Channel) -> anyhow::Result<Vec<Account>> {
        let accounts = self.store.list_accounts(channel).await?;
        accounts
            .into_iter()
            .map(|account| self.open_account(account))
            .collect()
    }

    /// Adds an account to a team; its credentials are sealed before they are stored.
    pub async fn create_account(
        &self,
        account: NewAccount,
        credentials: &Credentials,
    ) -> anyhow::Result<AccountId> {
        let sealed = self.secrets.seal(&serde_json::to_string(credentials)?);
        Ok(self
            .store
            .create_account(account, &sealed, self.now())
            .await?)
    }

    /// Binds a customer to a seller, whose pages hear of it.
    pub async fn bind_customer(
        &self,
        team: TeamId,
        customer: CustomerId,
        to: BoundTo,
    ) -> AppResult<()> {
        let changes = self.store.bind_customer(team, customer, to, self.now());
        self.tell(changes.await?);
        Ok(())
    }

    /// Unbinds a customer from their seller, whose pages hear of it.
    pub async fn unbind_customer(&self, team: TeamId, customer: CustomerId) -> AppResult<()> {
        let changes = self.store.unbind_customer(team, customer, self.now());
        self.tell(changes.await?);
        Ok(())
    }

    fn tell(&self, changes: Changes) {
        for (event, changed) in changes.events {
            let owners = Vec::from_iter(changed.owners);
            self.live.event_changed(changed.team, event, &owners);
        }
        for (team, lists) in changes.bound {
            self.live.bound_customers_changed(team, lists);
        }
    }

    /// Asks LINE what is left of the month of a team's accounts, where that is not known.
    /// One that does not answer soon is asked another time: a broadcast does not wait for it.
    pub async fn read_quotas(&self, team: TeamId) -> anyhow::Result<()> {
        let asked = self.store.quotas_to_read(team, self.now()).await?;
        let asking = asked.into_iter().map(|id| self.read_quota(id));
        join_all(asking).await.into_iter().collect()
    }

    async fn read_quota(&self, id: AccountId) -> anyhow::Result<()> {
        let Some(account) = self.find_account(id).await? else {
            return Ok(());
        };
        let told = timeout(QUOTA_PATIENCE, self.connectors.quota(&account)).await;
        let quota = match told {
            Ok(Ok(quota)) => Some((quota.limit, quota.used)),
            Ok(Err(error)) => {
                tracing::warn!(account = %id, "its quota is not known: {error}");
                None
            }
            Err(_) => {
                tracing::warn!(account = %id, "its quota was not told in time");
                None
            }
        };
        Ok(self.store.keep_quota(id, quota, self.now()).await?)
    }

    /// Tells open pages where a broadcast stands that a member made or changed.
    pub async fn tell_broadcast(&self, broadcast: BroadcastId) -> anyhow::Result<()> {
        if let Some(state) = self.store.broadcast_state(broadcast).await? {
            self.live
                .broadcast_progress(state.team, state.sender, state.event);
        }
        Ok(())
    }

    /// Opens the credentials of an account.
    pub fn open_account(&self, account: SealedAccount) -> anyhow::Result<Account> {
        let opened = self
            .secrets
            .open(&account.credentials)
            .with_context(|| format!("credentials of {}", account.id))?;
        let credentials = serde_json::from_str(&opened)
            .with_context(|| format!("credentials of {}", account.id))?;
        let SealedAccount {
            id,
            team_id,
            channel,
            name,
            external_id,
            waba_id,
            ..
        } = account;
        Ok(Account {
            id,
            team_id,
            channel,
            name,
            external_id,
            waba_id,
            credentials,
        })
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Wakes the workers, so that nothing waits for their next look.
#[derive(Debug, Default)]
pub struct Wake {
    pub webhooks: Notify,
    pub deliveries: Notify,
    pub templates: Notify,
}

/// A worker that has not been heard of for longer than this hangs: each goes round at least once a minute.
const SILENT: Duration = Duration::from_secs(180);

/// Whether the workers of this process run. All zero in a process that has none.
#[derive(Debug, Default)]
pub struct Health {
    /// Workers that stopped though nobody stopped them, and have not started again, or that can't do their work.
    pub broken_workers: AtomicUsize,
    heard: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Health {
    /// A worker tells that it goes on.
    pub fn beat(&self, worker: &'static str) {
        self.with_heard(|heard| heard.insert(worker, Instant::now()));
    }

    /// A worker that has told nothing for too long.
    pub fn silent_worker(&self, now: Instant) -> Option<&'static str> {
        self.with_heard(|heard| {
            let mut silent = heard
                .iter()
                .filter(|(_, at)| now.saturating_duration_since(**at) > SILENT);
            silent.next().map(|(&worker, _)| worker)
        })
    }

    /// Something is broken until the guard is dropped.
    pub fn break_down(&self) -> impl Drop + use<'_> {
        self.broken_workers.fetch_add(1, Ordering::SeqCst);
        Breakdown(&self.broken_workers)
    }

    fn with_heard<T>(&self, act: impl FnOnce(&mut BTreeMap<&'static str, Instant>) -> T) -> T {
        act(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Breakdown<'a>(&'a AtomicUsize);

impl Drop for Breakdown<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The only place that asks the time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// One that moves only when a test moves it: epoch milliseconds.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that shows these epoch milliseconds.
    pub fn fixed(milliseconds: Arc<AtomicI64>) -> Self {
        Self::Fixed(milliseconds)
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Fixed(milliseconds) => Timestamp(milliseconds.load(Ordering::SeqCst)),
        }
    }

    /// This moment in microseconds since 1970, for the pace of requests.
    pub fn now_micros(&self) -> i64 {
        match self {
            Self::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
            }
            Self::Fixed(_) => self.now().0.saturating_mul(1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_hangs_is_noticed() {
        let health = Health::default();
        let now = Instant::now();
        assert_eq!(
            health.silent_worker(now + SILENT * 2),
            None,
            "none works here"
        );
        health.beat("delivery");
        assert_eq!(health.silent_worker(now + SILENT), None);
        assert_eq!(health.silent_worker(now + SILENT * 2), Some("delivery"));
    }

    #[test]
    fn what_was_broken_is_whole_again() {
        let health = Health::default();
        let broken = health.break_down();
        assert_eq!(health.broken_workers.load(Ordering::SeqCst), 1);
        drop(broken);
        assert_eq!(health.broken_workers.load(Ordering::SeqCst), 0);
    }
}
