//! What the platforms post: checked, stored and answered at once, processed afterwards.
//!
//! A platform that waits too long for its answer posts again, or stops posting; so a handler only checks the signature
//! over the bytes as they came, stores them and wakes [`run`].

#[doc(hidden)]
pub mod fuzzing;
mod line;
mod media;
mod messenger;
mod web;
mod whatsapp;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use futures::stream;
use hmac::{Hmac, KeyInit as _, Mac as _};
use omocast_contract::{AccountId, Channel, MediaId, ProblemCode, TeamId, Timestamp, WabaId};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::App;
use crate::channels::{Account, Credentials, FetchError, Profile};
use crate::error::{AppError, AppResult, read_body};
use crate::shutdown::Shutdown;
use crate::store::StoreError;
use crate::store::inbound::{Change, Fetched, Inbox, StoredWebhook};
use crate::store::templates::TemplateNews;
use media::fetch_media;

/// More than any platform posts at once.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Webhooks looked at in one go; what they need of the platforms is fetched side by side.
const BATCH: u32 = 200;
const PREPARED_AT_ONCE: usize = 8;
const PROFILES_AT_ONCE: usize = 16;
/// A platform that is slow to tell names must not hold the messages up.
const PROFILES_WITHIN: Duration = Duration::from_secs(5);
/// After this many a webhook is given up, and kept for somebody to look into.
const ATTEMPTS: u32 = 10;

/// The routes that the platforms post to.
pub fn router() -> Router<App> {
    Router::new()
        .route("/webhooks/line/{account}", post(take_line))
        .route(
            "/webhooks/facebook/{account}",
            post(take_meta).get(shake_hands),
        )
        .route(
            "/webhooks/instagram/{account}",
            post(take_meta).get(shake_hands),
        )
        .route(
            "/webhooks/whatsapp/{account}",
            post(take_meta).get(shake_hands),
        )
        .route("/webhooks/web/{account}", post(take_web))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn take_line(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> AppResult<StatusCode> {
    let account = find_account(&app, &account).await?;
    let Credentials::Line { channel_secret, .. } = &account.credentials else {
        return Err(AppError::NotFound);
    };
    let body = read_body(request, &app).await?;
    let signature = header(&headers, "x-line-signature");
    check_signature(channel_secret, &body, STANDARD.decode(signature).ok())?;
    store(&app, account.id, &body).await
}

/// Facebook, Instagram and WhatsApp: signed alike.
async fn take_meta(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> AppResult<StatusCode> {
    let account = find_account(&app, &account).await?;
    let (app_secret, _) = account.credentials.of_meta().ok_or(AppError::NotFound)?;
    let body = read_body(request, &app).await?;
    check_signature(
        app_secret,
        &body,
        hex_signature(&headers, "x-hub-signature-256"),
    )?;
    store(&app, account.id, &body).await
}

async fn take_web(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> AppResult<StatusCode> {
    let account = find_account(&app, &account).await?;
    let Credentials::Web { secret } = &account.credentials else {
        return Err(AppError::NotFound);
    };
    let body = read_body(request, &app).await?;
    check_signature(
        secret,
        &body,
        hex_signature(&headers, "x-omocast-signature"),
    )?;
    store(&app, account.id, &body).await
}

#[derive(Deserialize)]
struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// Meta asks whether the address is ours before it posts there.
async fn shake_hands(
    State(app): State<App>,
    Path(account): Path<String>,
    Query(handshake): Query<Handshake>,
) -> AppResult<Result<String, StatusCode>> {
    let account = find_account(&app, &account).await?;
    let (_, verify_token) = account.credentials.of_meta().ok_or(AppError::NotFound)?;
    let given = handshake.verify_token.unwrap_or_default();
    let is_ours: bool = given.as_bytes().ct_eq(verify_token.as_bytes()).into();
    let challenge = handshake
        .challenge
        .filter(|_| is_ours && handshake.mode.as_deref() == Some("subscribe"))
        // Meta's are digits; anything else would let a link put words into our mouth.
        .filter(|text| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    Ok(challenge.ok_or(StatusCode::FORBIDDEN))
}

async fn find_account(app: &App, id: &str) -> AppResult<Account> {
    let id: AccountId = id.parse().map_err(|_| AppError::NotFound)?;
    app.find_account(id).await?.ok_or(AppError::NotFound)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// `sha256=` and hex, as Meta and our web chat write it.
fn hex_signature(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let hex = header(headers, name).strip_prefix("sha256=")?;
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
        .collect()
}

fn check_signature(secret: &str, body: &[u8], signature: Option<Vec<u8>>) -> AppResult<()> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .expect("an HMAC takes a key of any length");
    mac.update(body);
    match signature {
        Some(signature) if mac.verify_slice(&signature).is_ok() => Ok(()),
        Some(_) | None => Err(ProblemCode::WrongSignature.into()),
    }
}

async fn store(app: &App, account: AccountId, body: &[u8]) -> AppResult<StatusCode> {
    app.store.create_webhook(account, body, app.now()).await?;
    app.wake.webhooks.notify_one();
    Ok(StatusCode::OK)
}

/// Processes what was stored, oldest first, until the server stops.
pub async fn run(app: App, shutdown: Shutdown) {
    if let Err(error) = work(app, shutdown).await {
        tracing::error!("the processing of webhooks broke off: {error:#}");
    }
}

async fn work(app: App, shutdown: Shutdown) -> anyhow::Result<()> {
    let work = async {
        loop {
            if shutdown.is_requested() {
                return anyhow::Ok(());
            }
            app.health.beat("webhooks");
            if process_due(&app).await? == 0 {
                wait(&app, &shutdown).await?;
            }
        }
    };
    // The announcer never ends by itself.
    let worked = tokio::select! {
        worked = work => worked,
        () = app.announcer.run() => Ok(()),
    };
    app.announcer.flush().await;
    worked
}

async fn wait(app: &App, shutdown: &Shutdown) -> anyhow::Result<()> {
    let now = app.now();
    let due = app.store.next_webhook_at(now).await?;
    let longest = app.config.role.longest_rest();
    let pause = due.map_or(longest, |due| {
        Duration::from_millis(due.since(now).unsigned_abs()).min(longest)
    });
    tokio::select! {
        () = app.wake.webhooks.notified() => {}
        () = tokio::time::sleep(pause) => {}
        () = shutdown.requested() => {}
    }
    Ok(())
}

/// Processes one batch of stored webhooks, and tells how many there were.
async fn process_due(app: &App) -> anyhow::Result<usize> {
    let webhooks = app.store.due_webhooks(app.now(), BATCH).await?;
    let count = webhooks.len();
    let accounts = Accounts::default();
    // In their order, though what they need is fetched side by side.
    let mut prepared = stream::iter(webhooks)
        .map(|webhook| prepare_one(app, &accounts, webhook))
        .buffered(PREPARED_AT_ONCE);
    let mut together: Option<(Vec<StoredWebhook>, Prepared)> = None;
    while let Some((prepared, webhook)) = prepared.next().await {
        app.health.beat("webhooks");
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                put_off(app, &webhook, error).await?;
                continue;
            }
        };
        if let Some((webhooks, before)) = &mut together
            && before.is_of_statuses()
            && prepared.is_of_statuses()
        {
            webhooks.push(webhook);
            before.inboxes.extend(prepared.inboxes);
        } else if let Some(before) = together.replace((vec![webhook], prepared)) {
            process_together(app, &accounts, before).await?;
        }
    }
    if let Some(last) = together {
        process_together(app, &accounts, last).await?;
    }
    Ok(count)
}

/// Processes webhooks in one transaction, or each in its own when one of them can't be.
async fn process_together(
    app: &App,
    accounts: &Accounts,
    (webhooks, prepared): (Vec<StoredWebhook>, Prepared),
) -> anyhow::Result<()> {
    let Err(error) = process(app, &webhooks, prepared).await else {
        return Ok(());
    };
    if let [webhook] = webhooks.as_slice() {
        return Ok(put_off(app, webhook, error).await?);
    }
    for webhook in &webhooks {
        let processed = match prepare(app, accounts, webhook).await {
            Ok(prepared) => process(app, std::slice::from_ref(webhook), prepared).await,
            Err(error) => Err(error),
        };
        if let Err(error) = processed {
            put_off(app, webhook, error).await?;
        }
    }
    Ok(())
}

async fn prepare_one(
    app: &App,
    accounts: &Accounts,
    webhook: StoredWebhook,
) -> (anyhow::Result<Prepared>, StoredWebhook) {
    (prepare(app, accounts, &webhook).await, webhook)
}

async fn process(app: &App, webhooks: &[StoredWebhook], prepared: Prepared) -> anyhow::Result<()> {
    let Prepared {
        inboxes,
        fetched,
        team,
        templates,
    } = prepared;
    // First, because the webhook goes with what it says of customers; to take the news in twice does no harm.
    if !templates.is_empty() {
        let now = app.now();
        app.store.take_template_news(team, &templates, now).await?;
        app.wake.templates.notify_one();
    }
    let webhooks: Vec<_> = webhooks.iter().map(|webhook| webhook.id).collect();
    let (store, now) = (app.store.clone(), app.now());
    let processing = app.store.writing().spawn(async move {
        let processed = store.process_webhooks(&webhooks, &inboxes, &fetched, now);
        (processed.await, fetched)
    });
    let (processed, fetched) = processing.await?;
    let processed = match processed {
        Ok(processed) => processed,
        Err(error) => {
            delete_files(app, fetched.files()).await;
            return Err(error.into());
        }
    };
    delete_files(app, processed.unused).await;
    app.announcer.announce(processed.changes);
    Ok(())
}

async fn delete_files(app: &App, files: Vec<MediaId>) {
    for file in files {
        if let Err(error) = app.media.delete(file).await {
            tracing::warn!(%file, "a file that nobody needs was not deleted: {error}");
        }
    }
}

async fn put_off(
    app: &App,
    webhook: &StoredWebhook,
    error: anyhow::Error,
) -> Result<(), StoreError> {
    let attempts = webhook.attempts + 1;
    let is_hopeless = attempts >= ATTEMPTS || error.is::<Unreadable>();
    let not_before = (!is_hopeless).then(|| {
        let seconds = 1_i64 << attempts.min(9);
        app.now().plus(seconds * 1_000)
    });
    // Never what it holds: that is what customers wrote.
    let account = webhook.account;
    if is_hopeless {
        tracing::error!(%account, webhook = %webhook.id, "a webhook was given up: {error:#}");
    } else {
        tracing::warn!(%account, attempts, "a webhook is tried again: {error:#}");
    }
    app.store
        .postpone_webhook(webhook.id, attempts, not_before)
        .await
}

/// A body that was signed, and yet is not what the platform documents: no use trying again.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON that was expected (line {line}, column {column})")]
struct Unreadable {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Everything that is needed to process a webhook in one transaction.
struct Prepared {
    inboxes: Vec<Inbox>,
    fetched: Fetched,
    team: TeamId,
    templates: Vec<TemplateNews>,
}

impl Prepared {
    /// Whether it tells of nothing but what became of messages. A broadcast makes thousands of those at once,
    /// and nearly all the work of one is that of its transaction.
    fn is_of_statuses(&self) -> bool {
        self.templates.is_empty() && self.inboxes.iter().all(Inbox::is_of_statuses)
    }
}

async fn prepare(
    app: &App,
    accounts: &Accounts,
    webhook: &StoredWebhook,
) -> anyhow::Result<Prepared> {
    let Read {
        team,
        per_account,
        templates,
    } = read(app, accounts, webhook).await?;
    let mut fetched = Fetched::default();
    let mut inboxes = Vec::new();
    for (account, changes) in per_account {
        fetch_names(app, &account, &changes, &mut fetched).await?;
        if let Err(error) =
            fetch_media(app, &account, &changes, webhook.attempts, &mut fetched).await
        {
            delete_files(app, fetched.files()).await;
            return Err(error);
        }
        inboxes.push(inbox(account, changes));
    }
    Ok(Prepared {
        inboxes,
        fetched,
        team,
        templates,
    })
}

fn inbox(account: Account, changes: Vec<Change>) -> Inbox {
    Inbox {
        account: account.id,
        team: account.team_id,
        channel: account.channel,
        changes,
    }
}

/// What a webhook says, by the account it is about.
struct Read {
    team: TeamId,
    per_account: Vec<(Account, Vec<Change>)>,
    templates: Vec<TemplateNews>,
}

/// The accounts that the webhooks of one batch came to: few, and hundreds of webhooks.
#[derive(Default)]
struct Accounts(Mutex<HashMap<AccountId, Account>>);

impl Accounts {
    async fn find(&self, app: &App, id: AccountId) -> anyhow::Result<Account> {
        let mut known = self.0.lock().await;
        if let Some(account) = known.get(&id) {
            return Ok(account.clone());
        }
        let account = app.find_account(id).await?;
        let account = account.context("the account is gone")?;
        known.insert(id, account.clone());
        Ok(account)
    }
}

async fn read(app: &App, accounts: &Accounts, webhook: &StoredWebhook) -> anyhow::Result<Read> {
    let account = accounts.find(app, webhook.account).await?;
    let team = account.team_id;
    let mut templates = Vec::new();
    let per_account = match account.channel {
        Channel::Line => {
            let changes = line::parse(&webhook.body).map_err(Unreadable::from)?;
            vec![(account, changes)]
        }
        Channel::Web => {
            let changes = web::parse(&webhook.body).map_err(Unreadable::from)?;
            vec![(account, changes)]
        }
        Channel::Whatsapp => {
            let said = whatsapp::parse(&webhook.body).map_err(Unreadable::from)?;
            for news in said.templates {
                if is_waba_of(app, &account, &news.waba).await? {
                    templates.push(news);
                } else {
                    tracing::warn!(account = %account.id, waba = news.waba.0, "a webhook is about what is no account");
                }
            }
            find_addressees(app, &account, &[Channel::Whatsapp], said.changes).await?
        }
        Channel::Facebook | Channel::Instagram => {
            let told = messenger::parse(&webhook.body).map_err(Unreadable::from)?;
            let channels = [Channel::Facebook, Channel::Instagram];
            find_addressees(app, &account, &channels, told).await?
        }
    };
    Ok(Read {
        team,
        per_account,
        templates,
    })
}

/// Whether a WhatsApp Business account is of the same team and app as the account whose address was posted to.
async fn is_waba_of(app: &App, signed_by: &Account, waba: &WabaId) -> anyhow::Result<bool> {
    let accounts = app.store.list_accounts_of_waba(signed_by.team_id, waba);
    for account in accounts.await? {
        let credentials = match app.open_account(account) {
            Ok(account) => account.credentials,
            Err(error) => {
                // The customers' messages in the same body are not to wait for it.
                tracing::error!("the credentials can't be read: {error:#}");
                continue;
            }
        };
        if credentials.of_meta().map(|(secret, _)| secret)
            == signed_by.credentials.of_meta().map(|(secret, _)| secret)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One app's webhooks come to one address, whichever of its accounts they are about.
async fn find_addressees(
    app: &App,
    signed_by: &Account,
    channels: &[Channel],
    told: Vec<(String, Vec<Change>)>,
) -> anyhow::Result<Vec<(Account, Vec<Change>)>> {
    let mut ours = Vec::new();
    for (id, changes) in told {
        match find_addressee(app, signed_by, channels, &id).await? {
            Some(account) => ours.push((account, changes)),
            None => {
                tracing::warn!(account = %signed_by.id, id, "a webhook is about what is no account");
            }
        }
    }
    Ok(ours)
}

/// Only accounts of the same team and app are believed.
async fn find_addressee(
    app: &App,
    signed_by: &Account,
    channels: &[Channel],
    id: &str,
) -> anyhow::Result<Option<Account>> {
    if id == signed_by.external_id {
        return Ok(Some(signed_by.clone()));
    }
    let signing = signed_by.credentials.of_meta().map(|(secret, _)| secret);
    for &channel in channels {
        let found = app.find_account_by_external_id(channel, id).await?;
        let account = found.filter(|account| {
            account.team_id == signed_by.team_id
                && account.credentials.of_meta().map(|(secret, _)| secret) == signing
        });
        if account.is_some() {
            return Ok(account);
        }
    }
    Ok(None)
}

/// Asks for the names of those whose name nobody knows. Who can't be asked now is asked with their next message.
async fn fetch_names(
    app: &App,
    account: &Account,
    changes: &[Change],
    fetched: &mut Fetched,
) -> anyhow::Result<()> {
    match account.channel {
        Channel::Line | Channel::Facebook | Channel::Instagram => {}
        // Their webhooks hold the names.
        Channel::Whatsapp | Channel::Web => return Ok(()),
    }
    let users: HashSet<&String> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Message(message) => Some(&message.customer.known_as.external_id),
            Change::Blocked {
                customer,
                is_blocked: false,
                ..
            } => Some(&customer.known_as.external_id),
            // Who blocks the account has no profile for it.
            Change::Blocked { .. }
            | Change::Unsent { .. }
            | Change::Status(_)
            | Change::Echo(_)
            | Change::Watermark(_)
            | Change::Marketing(_) => None,
        })
        .collect();
    let users: Vec<String> = users.into_iter().cloned().collect();
    let named = app.store.find_named(account.id, &users).await?;
    let mut profiles = stream::iter(users.into_iter().filter(|user| !named.contains(user)))
        .map(|user| ask_name(app.clone(), account.clone(), user))
        .buffer_unordered(PROFILES_AT_ONCE);
    let asking = async {
        while let Some((user, profile)) = profiles.next().await {
            match profile {
                Ok(Some(profile)) => drop(fetched.names.insert(user, profile.name)),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(account = %account.id, "a name was not told: {error}")
                }
            }
        }
    };
    if timeout(PROFILES_WITHIN, asking).await.is_err() {
        tracing::warn!(account = %account.id, "the platform is slow to tell names");
    }
    Ok(())
}

async fn ask_name(
    app: App,
    account: Account,
    user: String,
) -> (String, Result<Option<Profile>, FetchError>) {
    let profile = app.connectors.profile(&account, &user).await;
    (user, profile)
}

/// A time that a platform wrote as milliseconds; now, where it wrote none.
fn read_time(value: Option<i64>) -> Timestamp {
    // What has no time has just happened: the store takes the earlier of this and its own clock.
    value.map_or(Timestamp(i64::MAX), Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-hub-signature-256", value.parse().unwrap());
        headers
    }

    /// RFC 4231, test case 2.
    const SIGNATURE: &str =
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn a_signature_is_of_these_bytes_and_this_secret() {
        let signature = || hex_signature(&headers(SIGNATURE), "x-hub-signature-256");
        assert!(check_signature("Jefe", BODY, signature()).is_ok());
        assert!(check_signature("jefe", BODY, signature()).is_err());
        assert!(check_signature("Jefe", b"what do ya want for nothing!", signature()).is_err());
        assert!(check_signature("Jefe", BODY, None).is_err());
        assert!(check_signature("Jefe", BODY, Some(Vec::new())).is_err());
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for value in ["", "sha256=", "sha256=5", "sha256=zz", "sha1=5bdc", "5bdc"] {
            let read = hex_signature(&headers(value), "x-hub-signature-256");
            assert!(read.is_none_or(|bytes| bytes.is_empty()), "{value}");
        }
    }
}
