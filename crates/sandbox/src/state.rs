//! What the stand-ins remember: customers and their phones, retry keys, quota, media, and the rate buckets.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::account::{Account, Platform};
use crate::clock::{DAY_MS, quota_month};
use crate::tally::Tally;
use crate::trouble::{Rate, Trouble, Usage};
use crate::whatsapp::{PhoneTemplate, is_scoped_id};

const MESSAGES_KEPT: usize = 200;

/// Someone with an account on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// LINE user id, page- or Instagram-scoped id, WhatsApp number (digits only) or, of who hides it, business-scoped id
    /// (`TW.1349…`), or visitor id.
    pub id: String,
    /// Empty for who lets Facebook and Instagram tell the business nothing.
    pub name: String,
    #[serde(default)]
    pub phone: Option<String>,
    /// Whether WhatsApp tells the business what this customer has read.
    #[serde(default = "default_true")]
    pub read_receipts: bool,
}

fn default_true() -> bool {
    true
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub enum PhoneMessageKind {
    Text(String),
    Image {
        url: String,
        preview: String,
    },
    Video {
        url: String,
        /// LINE alone is given one.
        preview: Option<String>,
    },
    File {
        url: String,
        name: String,
    },
    /// Of WhatsApp.
    Template(PhoneTemplate),
}

impl PhoneMessageKind {
    /// Where the content is; texts have no such place. Of a template, its header.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Image { url, .. } | Self::Video { url, .. } | Self::File { url, .. } => Some(url),
            Self::Template(template) => template.media_url(None),
        }
    }

    pub fn template(&self) -> Option<&PhoneTemplate> {
        match self {
            Self::Template(template) => Some(template),
            Self::Text(_) | Self::Image { .. } | Self::Video { .. } | Self::File { .. } => None,
        }
    }
}

/// A bubble on the customer's phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneMessage {
    pub id: String,
    pub from_customer: bool,
    #[serde(flatten)]
    pub kind: PhoneMessageKind,
    #[serde(default)]
    pub caption: Option<String>,
    pub at_ms: i64,
    /// By the customer, or, for the customer's own words, by the business.
    pub read: bool,
    /// Its media are still being fetched, as the platform does before it can show them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// Why the phone cannot show it: "undeliverable media: …".
    #[serde(default)]
    pub problem: Option<String>,
    /// WhatsApp's `biz_opaque_callback_data`, to be given back with every status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback_data: Option<Value>,
}

/// A token bucket on the sandbox's clock.
#[derive(Debug)]
pub(crate) struct Bucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    at_ms: i64,
}

impl Bucket {
    pub(crate) fn of(rate: Rate) -> Self {
        Self {
            capacity: rate.burst,
            per_second: rate.per_second,
            tokens: rate.burst,
            at_ms: i64::MIN,
        }
    }

    pub(crate) fn take(&mut self, now_ms: i64) -> bool {
        if self.at_ms != i64::MIN {
            let elapsed = now_ms.saturating_sub(self.at_ms).max(0) as f64 / 1000.0;
            self.tokens = (self.tokens + elapsed * self.per_second).min(self.capacity);
        }
        self.at_ms = now_ms;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// What becomes of WhatsApp's marketing templates to a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marketing {
    #[default]
    Taken,
    /// The customer asked for no more: they fail with 131050.
    Stopped,
    /// Meta holds them back, since others wrote enough: they fail with 131049.
    Capped,
}

/// By what WhatsApp tells the business who somebody with a number is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// A business-scoped id (`TW.1349…`) beside the number.
    pub scoped_id: Option<String>,
    /// Who takes a username is told by the scoped id alone.
    pub has_username: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CustomerState {
    pub(crate) customer: Customer,
    #[serde(default)]
    pub(crate) identity: Identity,
    /// Whether the platform has announced this customer (LINE: the `follow` event).
    pub(crate) announced: bool,
    pub(crate) blocked: bool,
    #[serde(default)]
    pub(crate) marketing: Marketing,
    pub(crate) last_inbound_ms: Option<i64>,
    pub(crate) messages: Vec<PhoneMessage>,
}

/// One business may write to one WhatsApp user 45 times at once, then every 6 s.
const PAIR_RATE: Rate = Rate {
    burst: 45.0,
    per_second: 1.0 / 6.0,
};

impl CustomerState {
    pub(crate) fn new(customer: Customer) -> Self {
        Self {
            customer,
            identity: Identity::default(),
            announced: false,
            blocked: false,
            marketing: Marketing::Taken,
            last_inbound_ms: None,
            messages: Vec::new(),
        }
    }

    /// Keeps the bubbles in the order of their times; those of the same time in the order they came.
    pub(crate) fn insert(&mut self, message: PhoneMessage) {
        let at = self
            .messages
            .partition_point(|other| other.at_ms <= message.at_ms);
        self.messages.insert(at, message);
        if self.messages.len() > MESSAGES_KEPT {
            self.messages.remove(0);
        }
    }

    pub(crate) fn message_mut(&mut self, id: &str) -> Option<&mut PhoneMessage> {
        self.messages
            .iter_mut()
            .rev()
            .find(|message| message.id == id)
    }

    /// The messaging window of Meta's channels: a day from the customer's last words.
    pub(crate) fn window_open(&self, now_ms: i64) -> bool {
        self.last_inbound_ms.is_some_and(|at| now_ms - at < DAY_MS)
    }
}

/// An accepted LINE request, remembered under its retry key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AcceptedRequest {
    pub(crate) request_id: String,
    /// What it said; `None` when it was accepted before that was kept.
    #[serde(default)]
    pub(crate) content: Option<Map<String, Value>>,
    /// `None` for multicast, which has no message ids.
    pub(crate) sent_messages: Option<Value>,
    pub(crate) at_ms: i64,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct QuotaUse {
    month: i64,
    used: u64,
}

impl QuotaUse {
    pub(crate) fn used(&self, now_ms: i64) -> u64 {
        if self.month == quota_month(now_ms) {
            self.used
        } else {
            0
        }
    }

    pub(crate) fn add(&mut self, now_ms: i64, recipients: u64) {
        self.used = self.used(now_ms) + recipients;
        self.month = quota_month(now_ms);
    }
}

/// An uploaded file; its bytes are in `AccountState::media_bytes`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredMedia {
    pub(crate) mime_type: String,
    pub(crate) sha256: String,
    pub(crate) size: usize,
    pub(crate) at_ms: i64,
    /// What the file was called when it was uploaded.
    #[serde(default)]
    pub(crate) name: String,
}

/// The part of an account that outlives the process.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) customers: BTreeMap<String, CustomerState>,
    pub(crate) retry_keys: HashMap<Uuid, AcceptedRequest>,
    pub(crate) quota: QuotaUse,
    pub(crate) media: BTreeMap<String, StoredMedia>,
}

pub(crate) struct AccountState {
    pub(crate) config: Account,
    pub(crate) ledger: Ledger,
    pub(crate) media_bytes: HashMap<String, axum::body::Bytes>,
    /// LINE push, WhatsApp sends.
    pub(crate) send_rate: Bucket,
    pub(crate) multicast_rate: Bucket,
    /// Facebook and Instagram take fewer sounds and films than texts.
    pub(crate) media_rate: Bucket,
    pub(crate) pair_rate: Rate,
    /// WhatsApp's customers that were written to.
    pub(crate) pairs: HashMap<String, Bucket>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) usage: Option<Usage>,
    pub(crate) tally: Tally,
    /// Statuses, echoes and receipts waiting to go out together.
    pub(crate) outbox: Vec<Value>,
    pub(crate) flush_scheduled: bool,
    /// How many went out so far.
    pub(crate) told: u64,
}

impl AccountState {
    pub(crate) fn new(config: Account, mut ledger: Ledger) -> Self {
        // Nobody fetches what was being fetched when the process ended; LINE does when the customer looks.
        if config.platform() != Platform::Line {
            let messages = ledger
                .customers
                .values_mut()
                .flat_map(|customer| &mut customer.messages);
            messages.for_each(|message| message.pending = false);
        }
        let per_second = match &config {
            Account::Line { .. } | Account::Web { .. } => 2_000.0,
            Account::Facebook { .. } => 300.0,
            // Meta's pages disagree (100 or 300): who keeps to the lower is right either way.
            Account::Instagram { .. } => 100.0,
            Account::Whatsapp { .. } => 80.0,
        };
        Self {
            config,
            ledger,
            media_bytes: HashMap::new(),
            send_rate: Bucket::of(Rate::per_second(per_second)),
            multicast_rate: Bucket::of(Rate::per_second(200.0)),
            media_rate: Bucket::of(Rate::per_second(10.0)),
            pair_rate: PAIR_RATE,
            pairs: HashMap::new(),
            trouble: None,
            usage: None,
            tally: Tally::default(),
            outbox: Vec::new(),
            flush_scheduled: false,
            told: 0,
        }
    }

    pub(crate) fn customer_mut(&mut self, user: &str) -> Option<&mut CustomerState> {
        self.ledger.customers.get_mut(user)
    }

    /// Makes the customer if the platform does not know them yet.
    pub(crate) fn customer_or_new(&mut self, user: &str) -> &mut CustomerState {
        let platform = self.config.platform();
        self.ledger
            .customers
            .entry(user.to_owned())
            .or_insert_with(|| {
                CustomerState::new(Customer {
                    id: user.to_owned(),
                    name: format!("顧客 {}", last_characters(user, 4)),
                    phone: (platform == Platform::Whatsapp && !is_scoped_id(user))
                        .then(|| user.to_owned()),
                    read_receipts: true,
                })
            })
    }

    /// Whom WhatsApp's users are kept under: by the number, even where a business-scoped id names them.
    pub(crate) fn user_of(&self, id: &str) -> Option<String> {
        let customers = &self.ledger.customers;
        if customers.contains_key(id) || !is_scoped_id(id) {
            return Some(id.to_owned());
        }
        let named = customers.iter().find(|(_, customer)| {
            let scoped_id = customer.identity.scoped_id.as_deref();
            scoped_id == Some(id)
        });
        named.map(|(user, _)| user.clone())
    }

    pub(crate) fn forget_old(&mut self, now_ms: i64) {
        self.ledger
            .retry_keys
            .retain(|_, accepted| now_ms - accepted.at_ms < DAY_MS);
        let life = self.config.platform().media_life();
        self.ledger
            .media
            .retain(|_, media| now_ms - media.at_ms < life);
        let media = &self.ledger.media;
        self.media_bytes.retain(|id, _| media.contains_key(id));
    }
}

impl Platform {
    /// How long an uploaded file can be sent.
    pub(crate) fn media_life(self) -> i64 {
        match self {
            Self::Facebook | Self::Instagram => 90 * DAY_MS,
            Self::Line | Self::Whatsapp | Self::Web => 30 * DAY_MS,
        }
    }
}

pub(crate) type State = BTreeMap<String, AccountState>;

pub(crate) fn last_characters(text: &str, count: usize) -> &str {
    let start = text
        .char_indices()
        .rev()
        .nth(count.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, at_ms: i64) -> PhoneMessage {
        PhoneMessage {
            id: id.into(),
            from_customer: true,
            kind: PhoneMessageKind::Text(id.into()),
            caption: None,
            at_ms,
            read: false,
            pending: false,
            problem: None,
            callback_data: None,
        }
    }

    fn customer() -> CustomerState {
        CustomerState::new(Customer {
            id: "visitor".into(),
            name: "名".into(),
            phone: None,
            read_receipts: true,
        })
    }

    #[test]
    fn a_phone_keeps_its_messages_in_order_of_time() {
        let mut customer = customer();
        for (id, at) in [("b", 2), ("a", 1), ("c", 2)] {
            customer.insert(message(id, at));
        }
        let ids: Vec<_> = customer
            .messages
            .iter()
            .map(|message| message.id.as_str())
            .collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }

    #[test]
    fn a_phone_keeps_200_messages() {
        let mut customer = customer();
        for at in 0..250 {
            customer.insert(message("m", at));
        }
        assert_eq!(customer.messages.len(), 200);
        assert_eq!(customer.messages[0].at_ms, 50);
    }

    #[test]
    fn a_bucket_refills_with_time() {
        let mut bucket = Bucket::of(Rate {
            burst: 2.0,
            per_second: 1.0,
        });
        assert!(bucket.take(0) && bucket.take(0));
        assert!(!bucket.take(500));
        assert!(bucket.take(1_000));
    }

    #[test]
    fn a_new_month_begins_a_new_quota() {
        let mut quota = QuotaUse::default();
        quota.add(1_795_391_999_000, 7);
        assert_eq!(quota.used(1_795_391_999_000), 7);
        assert_eq!(quota.used(1_795_391_999_000 + 31 * DAY_MS), 0);
    }

    #[test]
    fn old_retry_keys_are_forgotten() {
        let account = Account::Web {
            name: String::new(),
            site_id: "site".into(),
            secret: String::new(),
            webhook_url: String::new(),
        };
        let mut account = AccountState::new(account, Ledger::default());
        let accepted = AcceptedRequest {
            request_id: String::new(),
            content: None,
            sent_messages: None,
            at_ms: 0,
        };
        account.ledger.retry_keys.insert(Uuid::new_v4(), accepted);
        account.forget_old(DAY_MS - 1);
        assert_eq!(account.ledger.retry_keys.len(), 1);
        account.forget_old(DAY_MS);
        assert_eq!(account.ledger.retry_keys.len(), 0);
    }
}
