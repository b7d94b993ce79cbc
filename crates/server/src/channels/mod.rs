//! The connectors: the only place that knows how a platform wants a message, and what its answers mean.
//!
//! Nothing outside looks at a platform's status or code: it gets a [`SendOutcome`] and a reason in the product's words.
//! Tokens stay in here: neither a log line nor a `Debug` shows one.

mod graph;
mod line;
mod messenger;
mod uploads;
mod usage;
mod web;
mod whatsapp;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use omocast_contract::limit::MAX_UPLOAD_BYTES;
use omocast_contract::{
    AccountId, Channel, FilledTemplate, MediaId, Reason, TeamId, TemplateStatus,
};
use reqwest::{RequestBuilder, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::config::Endpoints;

pub use uploads::Uploads;
pub use whatsapp::{
    NotListed, failure_reason as whatsapp_failure_reason, read_status as read_template_status,
};

/// No honest answer of a platform is longer; media have a bound of their own.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// An account on a channel, with what is needed to speak for it.
#[derive(Clone)]
pub struct Account {
    pub id: AccountId,
    pub team_id: TeamId,
    pub channel: Channel,
    pub name: String,
    /// LINE: the bot's user id; Facebook: page id; Instagram: id of the professional account; WhatsApp: phone number
    /// id; web: site id.
    pub external_id: String,
    pub waba_id: Option<String>,
    pub credentials: Credentials,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Tokens and secrets of an account; sealed before they are stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Credentials {
    Line {
        channel_access_token: String,
        channel_secret: String,
    },
    Facebook {
        access_token: String,
        app_secret: String,
        verify_token: String,
    },
    Instagram {
        /// The page's where there is one, the account's own otherwise.
        access_token: String,
        app_secret: String,
        verify_token: String,
        /// The Facebook page that speaks for the account; none where it speaks for itself (Instagram Login).
        #[serde(default)]
        page_id: Option<String>,
    },
    Whatsapp {
        access_token: String,
        app_secret: String,
        verify_token: String,
    },
    Web {
        secret: String,
    },
}

impl Credentials {
    /// The channel they are for.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Line { .. } => Channel::Line,
            Self::Facebook { .. } => Channel::Facebook,
            Self::Instagram { .. } => Channel::Instagram,
            Self::Whatsapp { .. } => Channel::Whatsapp,
            Self::Web { .. } => Channel::Web,
        }
    }

    /// What signs Meta's webhooks, and what its handshake must know; none on other channels.
    pub fn of_meta(&self) -> Option<(&str, &str)> {
        match self {
            Self::Facebook {
                app_secret,
                verify_token,
                ..
            }
            | Self::Instagram {
                app_secret,
                verify_token,
                ..
            }
            | Self::Whatsapp {
                app_secret,
                verify_token,
                ..
            } => Some((app_secret, verify_token)),
            Self::Line { .. } | Self::Web { .. } => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// One message as it is handed to a platform; names are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    Text(String),
    Image {
        upload: Upload,
        caption: Option<String>,
    },
    Video {
        upload: Upload,
        caption: Option<String>,
    },
    File {
        upload: Upload,
        caption: Option<String>,
    },
    Template(OutboundTemplate),
}

/// A template as one customer gets it. Of WhatsApp alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundTemplate {
    /// Meta's name for it.
    pub name: String,
    /// Meta's code of its language.
    pub language: String,
    pub filled: FilledTemplate,
    /// The uploads of its headers.
    pub uploads: Vec<Upload>,
}

/// An upload as a platform gets it: by an address that it fetches, or by its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: MediaId,
    /// Whoever has it may fetch the upload for a week; that of a file ends with its name.
    pub original_url: String,
    /// The same for what is shown first: a JPEG or PNG of at most a megabyte. Of no use for a file.
    pub preview_url: String,
    pub name: String,
    pub mime: String,
    pub bytes: u64,
    /// Where its bytes are.
    pub path: PathBuf,
}

impl Outbound {
    /// What it holds besides words.
    pub fn uploads(&self) -> &[Upload] {
        match self {
            Self::Text(_) => &[],
            Self::Image { upload, .. } | Self::Video { upload, .. } | Self::File { upload, .. } => {
                std::slice::from_ref(upload)
            }
            Self::Template(template) => &template.uploads,
        }
    }

    /// The same for one customer: with their name in its words. A template is filled in as a whole instead.
    #[must_use]
    pub fn filled(mut self, fill: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Text(text) => *text = fill(text),
            Self::Image { caption, .. }
            | Self::Video { caption, .. }
            | Self::File { caption, .. } => {
                *caption = caption.as_deref().map(fill);
            }
            Self::Template(_) => {}
        }
        self
    }
}

/// What became of handing over one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took it. The id is empty where the platform told none.
    Accepted {
        external_id: String,
        /// How long the account had better be silent, because little is left of what the platform allows it.
        slow_down: Option<Duration>,
    },
    /// It never will.
    Refused { reason: Reason, code: String },
    /// It did not; the same may be sent again, not before `after`.
    Retry {
        after: Duration,
        reason: Reason,
        code: String,
        /// The whole account is to wait, not just this customer's messages.
        slows_account: bool,
        /// It may have been accepted all the same: only a repeat with the same key is harmless.
        may_have_arrived: bool,
    },
    /// It takes no more messages of this template, which stands like this now; no customer is to blame.
    TemplateStopped {
        status: TemplateStatus,
        code: String,
    },
    /// It takes nothing more from this account.
    AccountStopped { reason: Reason, code: String },
    /// The request went out and no answer came: it may or may not have arrived.
    Unknown { code: String },
}

impl SendOutcome {
    /// Accepted, with the platform's id, which may be empty.
    pub fn accepted(external_id: impl ToString) -> Self {
        Self::Accepted {
            external_id: external_id.to_string(),
            slow_down: None,
        }
    }
}

/// What a platform tells of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
}

/// How many customers an account may write to this month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// None where there is no limit.
    pub limit: Option<u64>,
    /// How many it has written to.
    pub used: u64,
}

/// Why a profile or a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It is gone, too large, or not what we keep: asking again is no use.
    #[error("not to be had: {0}")]
    Gone(&'static str),
    /// The platform did not answer, or not well; it may later.
    #[error("not now: {0}")]
    NotNow(String),
}

/// Speaks to the platforms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connectors {
    client: reqwest::Client,
    endpoints: Endpoints,
    /// None uploads nothing: messages hold links.
    uploads: Option<Uploads>,
}

/// The client for all platforms: bounded in time, never following a redirect with a token in hand, and never sending
/// anything again by itself: whether that is safe, only whoever sends it knows.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    http_client_with_timeout(Duration::from_secs(20))
}

/// As [`http_client`], giving up on an answer after `timeout`.
pub fn http_client_with_timeout(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("omocast/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never().max_retries_per_request(0))
        // More than all lanes together have open: what is closed for want of room is opened again at once.
        .pool_max_idle_per_host(1_024)
        .build()
}

impl Connectors {
    pub fn new(client: reqwest::Client, endpoints: Endpoints, uploads: Uploads) -> Self {
        Self {
            client,
            endpoints,
            uploads: Some(uploads),
        }
    }

    #[cfg(test)]
    fn without_uploads(client: reqwest::Client, endpoints: Endpoints) -> Self {
        Self {
            client,
            endpoints,
            uploads: None,
        }
    }

    /// Hands messages to one customer over, and tells for each what became of it.
    ///
    /// LINE takes up to five in one request, all or none; `key` makes a repeat harmless there and on the web.
    /// The others take one at a time, so only the first of `messages` is sent there;
    /// `opaque` comes back with WhatsApp's statuses and Facebook's echoes.
    pub async fn send(
        &self,
        account: &Account,
        to: &str,
        messages: &[Outbound],
        key: Uuid,
        opaque: &str,
    ) -> Vec<SendOutcome> {
        match &account.credentials {
            Credentials::Line {
                channel_access_token,
                ..
            } => {
                self.push_line(channel_access_token, to, messages, key)
                    .await
            }
            Credentials::Facebook { .. } | Credentials::Instagram { .. } => {
                let Some(message) = messages.first() else {
                    return Vec::new();
                };
                vec![self.send_messenger(account, to, message, opaque).await]
            }
            Credentials::Whatsapp { access_token, .. } => {
                let Some(message) = messages.first() else {
                    return Vec::new();
                };
                let sent = self.send_whatsapp(account, access_token, to, message, opaque);
                vec![sent.await]
            }
            Credentials::Web { secret } => match messages.first() {
                Some(message) => vec![self.send_web(account, secret, to, message, key).await],
                None => Vec::new(),
            },
        }
    }

    /// What the platform tells of a customer; none where it tells nothing.
    pub async fn profile(
        &self,
        account: &Account,
        user: &str,
    ) -> Result<Option<Profile>, FetchError> {
        match &account.credentials {
            Credentials::Line {
                channel_access_token,
                ..
            } => self.line_profile(channel_access_token, user).await,
            Credentials::Facebook { .. } | Credentials::Instagram { .. } => {
                self.messenger_profile(account, user).await
            }
            // Both put the name into their webhooks.
            Credentials::Whatsapp { .. } | Credentials::Web { .. } => Ok(None),
        }
    }

    /// What is left of the account's month. LINE alone counts one.
    pub async fn quota(&self, account: &Account) -> Result<Quota, FetchError> {
        match &account.credentials {
            Credentials::Line {
                channel_access_token,
                ..
            } => self.line_quota(channel_access_token).await,
            Credentials::Facebook { .. }
            | Credentials::Instagram { .. }
            | Credentials::Whatsapp { .. }
            | Credentials::Web { .. } => Ok(Quota::default()),
        }
    }

    /// What a webhook refers to: an image, a video, a file.
    pub async fn fetch_media(
        &self,
        account: &Account,
        reference: &str,
    ) -> Result<Incoming, FetchError> {
        match &account.credentials {
            Credentials::Line {
                channel_access_token,
                ..
            } => self.line_content(channel_access_token, reference).await,
            Credentials::Facebook { .. } | Credentials::Instagram { .. } => {
                self.messenger_media(reference).await
            }
            Credentials::Whatsapp { access_token, .. } => {
                self.whatsapp_media(access_token, reference).await
            }
            Credentials::Web { .. } => Err(FetchError::Gone("the web chat has no files")),
        }
    }
}

/// A platform's answer; the body is none when it is not JSON, too long, or breaks off.
#[derive(Default)]
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    /// How long it had better not be asked, as Meta's usage headers have it.
    slow_down: Option<Duration>,
    body: Option<Value>,
}

/// Why there is no answer.
enum Silence {
    /// There was no connection, so nothing was sent.
    NotSent,
    /// The request was sent, or part of it; the platform may have acted on it.
    Unanswered,
}

async fn ask(request: RequestBuilder) -> Result<Answer, Silence> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            let silence = if error.is_connect() || error.is_builder() {
                Silence::NotSent
            } else {
                Silence::Unanswered
            };
            // The address may hold a customer's id.
            tracing::debug!("no answer: {}", error.without_url());
            return Err(silence);
        }
    };
    let status = response.status().as_u16();
    let retry_after = retry_after(&response);
    let slow_down = usage::slow_down(response.headers());
    let request_id = response
        .headers()
        .get("x-line-request-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body = read_bounded(response, ANSWER_LIMIT)
        .await
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if !(200..300).contains(&status) {
        tracing::debug!(status, request_id, "a platform refused");
    }
    Ok(Answer {
        status,
        retry_after,
        slow_down,
        body,
    })
}

/// Only the form in seconds: no platform here uses the other. None is no wait.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.clamp(1, 3_600)))
}

async fn read_bounded(mut response: Response, limit: usize) -> Result<Bytes, FetchError> {
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(FetchError::Gone("too large"));
    }
    let mut bytes = Vec::new();
    loop {
        let chunk = response
            .chunk()
            .await
            .map_err(|error| FetchError::NotNow(error.without_url().to_string()))?;
        let Some(chunk) = chunk else { break };
        if bytes.len() + chunk.len() > limit {
            return Err(FetchError::Gone("too large"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// A file on its way from a platform, read piece by piece.
#[derive(Debug)]
pub struct Incoming {
    response: Response,
}

impl Incoming {
    fn of(response: Response) -> Result<Self, FetchError> {
        let status = response.status().as_u16();
        match status {
            200 => {}
            // LINE is still preparing it.
            202 | 429 | 500.. => return Err(FetchError::NotNow(format!("status {status}"))),
            401 | 403 => return Err(FetchError::NotNow("the token is not accepted".into())),
            _ => return Err(FetchError::Gone("the platform no longer has it")),
        }
        if response
            .content_length()
            .is_some_and(|length| length > MAX_UPLOAD_BYTES)
        {
            return Err(FetchError::Gone("too large"));
        }
        Ok(Self { response })
    }

    /// The next piece; none at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        self.response.chunk().await.map_err(not_now)
    }
}

fn not_now(error: reqwest::Error) -> FetchError {
    FetchError::NotNow(error.without_url().to_string())
}

/// Whether an id may stand in an address as it is. Platforms' ids are letters and digits.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 256
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Checks against a definition of the platform's own schema, where it is at hand.
    #[track_caller]
    pub(crate) fn check_schema(schema: &str, definition: &str, value: &Value) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs/derived");
        let path = format!("{folder}/{schema}.schema.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            #[expect(clippy::print_stderr, reason = "a test that checks less has to say so")]
            {
                eprintln!("skipped: no {path}");
            }
            return;
        };
        let mut schema: Value = serde_json::from_str(&text).unwrap();
        if !definition.is_empty() {
            schema["$ref"] = format!("#/$defs/{definition}").into();
        }
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(value)
            .map(|error| error.to_string())
            .collect();
        assert!(
            errors.is_empty(),
            "{value:#}\nis no {definition}: {errors:#?}"
        );
    }

    /// As [`check_schema`], for a schema that is about one thing only.
    #[track_caller]
    pub(crate) fn check_whole_schema(schema: &str, value: &Value) {
        check_schema(schema, "", value);
    }

    /// An upload that no test reads.
    pub(crate) fn upload(name: &str) -> Upload {
        Upload {
            id: MediaId(Uuid::from_u128(9)),
            original_url: "https://example.com/a".into(),
            preview_url: "https://example.com/b".into(),
            name: name.into(),
            mime: "application/pdf".into(),
            bytes: 1_000,
            path: PathBuf::new(),
        }
    }

    #[test]
    fn nothing_that_is_written_shows_a_secret() {
        let account = Account {
            id: AccountId(Uuid::from_u128(1)),
            team_id: TeamId(Uuid::from_u128(2)),
            channel: Channel::Line,
            name: "shop".into(),
            external_id: "U1".into(),
            waba_id: None,
            credentials: Credentials::Line {
                channel_access_token: "token".into(),
                channel_secret: "hush".into(),
            },
        };
        let text = format!("{account:?} {:?}", account.credentials);
        assert!(!text.contains("token") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn an_id_never_changes_the_address() {
        for id in ["", "..", "a/b", "a?b", "a%2f", "ü"] {
            assert!(!is_plain(id), "{id}");
        }
        assert!(is_plain("U0123456789abcdef"));
    }
}
