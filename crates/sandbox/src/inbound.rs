//! Customers' words on their way to the product, batched as the platforms batch them.

use anyhow::{Context, ensure};
use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::{Account, Platform};
use crate::media::media_type;
use crate::state::{Identity, Marketing, PhoneMessage, PhoneMessageKind};
use crate::webhooks::sha256_hex;
use crate::{Sandbox, ids, line, messenger, web, whatsapp};

/// Events in one webhook.
const BATCH: usize = 100;

/// What a customer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utterance {
    pub account: String,
    pub user: String,
    pub text: String,
    /// Now, when absent.
    #[serde(default)]
    pub at_ms: Option<i64>,
}

impl Sandbox {
    /// Customers say something: waits until the product took the signed webhooks, or fails when it would not.
    ///
    /// The utterances of one account go into webhooks of up to 100 events, posted in order. Customers who do not
    /// exist yet are made; LINE announces a new one with a `follow` event first.
    pub async fn say(&self, utterances: Vec<Utterance>) -> anyhow::Result<()> {
        let webhooks = self.hear(utterances)?;
        let (done, outcome) = tokio::sync::oneshot::channel();
        let sandbox = self.clone();
        self.spawn(async move {
            // The caller may have gone; the webhooks are posted all the same.
            let _ = done.send(sandbox.post_all(webhooks).await);
        });
        outcome.await.context("the sandbox stopped")?
    }

    /// Puts the words on the customers' phones and makes the webhooks that carry them, per account.
    pub(crate) fn hear(
        &self,
        utterances: Vec<Utterance>,
    ) -> anyhow::Result<Vec<(String, Vec<Value>)>> {
        let now = self.now_ms();
        self.with(|state| {
            for utterance in &utterances {
                let account = state
                    .get(&utterance.account)
                    .with_context(|| format!("no account is called {}", utterance.account))?;
                ensure!(
                    account.config.accepts_user_id(&utterance.user),
                    "{:?} cannot be a customer's id on {}",
                    utterance.user,
                    account.config.name()
                );
                ensure!(
                    !utterance.text.trim().is_empty(),
                    "{} says nothing",
                    utterance.user
                );
                let customer = account.ledger.customers.get(&utterance.user);
                ensure!(
                    !account.config.platform().silences_who_blocks()
                        || !customer.is_some_and(|customer| customer.blocked),
                    "{} blocks the account and cannot write to it",
                    utterance.user
                );
            }
            anyhow::Ok(())
        })?;
        let mut by_account: Vec<(Account, Vec<Value>)> = Vec::new();
        let mut phones = Vec::new();
        self.change(|state| {
            for utterance in utterances {
                let Some(account) = state.get_mut(&utterance.account) else {
                    continue;
                };
                let at = by_account
                    .iter()
                    .position(|(config, _)| config.id() == utterance.account)
                    .unwrap_or_else(|| {
                        by_account.push((account.config.clone(), Vec::new()));
                        by_account.len() - 1
                    });
                let (config, events) = &mut by_account[at];
                let at_ms = utterance.at_ms.unwrap_or(now);
                let id = match config {
                    Account::Line { .. } => self.next_number(),
                    Account::Facebook { .. } | Account::Instagram { .. } => {
                        ids::mid(config.platform())
                    }
                    Account::Whatsapp { .. } => ids::wamid(&utterance.user),
                    Account::Web { .. } => uuid::Uuid::new_v4().to_string(),
                };
                let customer = account.customer_or_new(&utterance.user);
                match config {
                    Account::Line { .. } => {
                        if !customer.announced {
                            events.push(line::follow_event(&utterance.user, at_ms, false));
                        }
                        events.push(line::text_event(
                            &utterance.user,
                            &id,
                            &utterance.text,
                            at_ms,
                        ));
                    }
                    Account::Facebook { .. } | Account::Instagram { .. } => {
                        events.push(messenger::inbound_text(
                            config,
                            &customer.customer,
                            &id,
                            &utterance.text,
                            at_ms,
                        ));
                    }
                    Account::Whatsapp { .. } => events.push(whatsapp::inbound_text(
                        customer,
                        &id,
                        &utterance.text,
                        at_ms,
                    )),
                    Account::Web { .. } => events.push(web::inbound_text(
                        &customer.customer,
                        &id,
                        &utterance.text,
                        at_ms,
                    )),
                }
                customer.announced = true;
                customer.last_inbound_ms = customer.last_inbound_ms.max(Some(at_ms));
                customer.insert(PhoneMessage {
                    id,
                    from_customer: true,
                    kind: PhoneMessageKind::Text(utterance.text),
                    caption: None,
                    at_ms,
                    read: false,
                    pending: false,
                    problem: None,
                    callback_data: None,
                });
                phones.push((utterance.account, utterance.user));
            }
        });
        for (account, user) in phones {
            self.phone_changed(&account, &user);
        }
        Ok(by_account
            .into_iter()
            .map(|(account, events)| {
                let bodies = events
                    .chunks(BATCH)
                    .map(|events| envelope(&account, events))
                    .collect();
                (account.id().to_owned(), bodies)
            })
            .collect())
    }

    /// Puts a file of the customer on the phone and makes the webhook that tells of it. `base` is where the sandbox is
    /// reached: Facebook and Instagram tell a link.
    pub(crate) async fn hear_file(
        &self,
        account_id: &str,
        user: &str,
        name: &str,
        bytes: Bytes,
        base: &str,
    ) -> anyhow::Result<Vec<(String, Vec<Value>)>> {
        let account = self
            .account(account_id)
            .with_context(|| format!("no account is called {account_id}"))?;
        let platform = account.platform();
        ensure!(platform != Platform::Web, "the web chat has no files");
        let customer = self.with(|state| {
            let customer = state.get(account_id)?.ledger.customers.get(user)?;
            Some((customer.customer.clone(), customer.blocked))
        });
        let (customer, is_blocked) =
            customer.with_context(|| format!("nobody is called {user}"))?;
        ensure!(
            !(is_blocked && platform.silences_who_blocks()),
            "{user} blocks the account and cannot write to it"
        );
        let at_ms = self.now_ms();
        let size = bytes.len();
        let mime = media_type(&bytes);
        let sha256 = sha256_hex(&bytes);
        let media = self.keep_upload(account_id, name, bytes).await;
        let path = format!("/phone/media/{account_id}/{media}");
        let kind = match mime.split_once('/') {
            Some(("image", _)) => "image",
            Some(("video", _)) => "video",
            Some(("audio", _)) => "audio",
            Some(_) | None => "file",
        };
        let (id, event) = match &account {
            // LINE gives media away by the message's id.
            Account::Line { .. } => {
                let event = line::media_event(user, &media, kind, (name, size), at_ms);
                (media, event)
            }
            Account::Facebook { .. } | Account::Instagram { .. } => {
                let id = ids::mid(platform);
                let url = format!("{base}{path}");
                let event = messenger::inbound_file(&account, &customer, &id, kind, &url, at_ms);
                (id, event)
            }
            Account::Whatsapp { .. } => {
                let id = ids::wamid(user);
                let file = (media.as_str(), mime, sha256.as_str(), name);
                let event = self.with(|state| {
                    let customer = state.get(account_id)?.ledger.customers.get(user)?;
                    Some(whatsapp::inbound_media(customer, &id, kind, file, at_ms))
                });
                (
                    id,
                    event.with_context(|| format!("nobody is called {user}"))?,
                )
            }
            Account::Web { .. } => anyhow::bail!("the web chat has no files"),
        };
        self.change(|state| {
            let customer = state
                .get_mut(account_id)
                .and_then(|account| account.customer_mut(user));
            let Some(customer) = customer else { return };
            customer.announced = true;
            customer.last_inbound_ms = customer.last_inbound_ms.max(Some(at_ms));
            customer.insert(PhoneMessage {
                id,
                from_customer: true,
                kind: match kind {
                    "image" => PhoneMessageKind::Image {
                        url: path.clone(),
                        preview: path,
                    },
                    "video" => PhoneMessageKind::Video {
                        url: path,
                        preview: None,
                    },
                    _ => PhoneMessageKind::File {
                        url: path,
                        name: name.to_owned(),
                    },
                },
                caption: None,
                at_ms,
                read: false,
                pending: false,
                problem: None,
                callback_data: None,
            });
        });
        self.phone_changed(account_id, user);
        let body = envelope(&account, &[event]);
        Ok(vec![(account_id.to_owned(), vec![body])])
    }

    /// The customer blocks the account. LINE tells with an `unfollow`; later pushes are accepted and go nowhere.
    pub fn block(&self, account: &str, user: &str) {
        self.set_blocked(account, user, true);
    }

    /// The customer takes the block back. LINE tells with a `follow`.
    pub fn unblock(&self, account: &str, user: &str) {
        self.set_blocked(account, user, false);
    }

    /// Decides what becomes of WhatsApp's marketing templates to the customer from now on.
    pub fn set_marketing(&self, account: &str, user: &str, marketing: Marketing) {
        self.change(|state| {
            let customer = state
                .get_mut(account)
                .and_then(|account| account.customer_mut(user));
            match customer {
                Some(customer) => customer.marketing = marketing,
                None => tracing::warn!(account, user, "no such customer"),
            }
        });
    }

    /// Decides by what WhatsApp tells the business who the customer is, from now on.
    pub fn set_identity(&self, account: &str, user: &str, identity: Identity) {
        self.change(|state| {
            let customer = state
                .get_mut(account)
                .and_then(|account| account.customer_mut(user));
            match customer {
                Some(customer) => customer.identity = identity,
                None => tracing::warn!(account, user, "no such customer"),
            }
        });
    }

    fn set_blocked(&self, account_id: &str, user: &str, blocked: bool) {
        let now = self.now_ms();
        let webhook = self.change(|state| {
            let account = state.get_mut(account_id)?;
            let config = account.config.clone();
            let customer = account.customer_mut(user)?;
            if customer.blocked == blocked {
                return None;
            }
            customer.blocked = blocked;
            customer.announced = true;
            match &config {
                Account::Line { .. } if blocked => {
                    Some(envelope(&config, &[line::unfollow_event(user, now)]))
                }
                Account::Line { .. } => {
                    Some(envelope(&config, &[line::follow_event(user, now, true)]))
                }
                // The business finds out when it sends.
                Account::Facebook { .. }
                | Account::Instagram { .. }
                | Account::Whatsapp { .. }
                | Account::Web { .. } => None,
            }
        });
        if let Some(webhook) = webhook {
            self.post_later(vec![(account_id.to_owned(), vec![webhook])]);
        }
        self.phone_changed(account_id, user);
    }
}

impl Platform {
    /// Whether who blocks the business can no longer write to it either.
    pub(crate) fn silences_who_blocks(self) -> bool {
        match self {
            Self::Line | Self::Facebook | Self::Instagram => true,
            Self::Whatsapp | Self::Web => false,
        }
    }
}

fn envelope(account: &Account, events: &[Value]) -> Value {
    match account {
        Account::Line { destination, .. } => line::webhook(destination, events),
        Account::Facebook { .. } | Account::Instagram { .. } => messenger::webhook(account, events),
        Account::Whatsapp { .. } => whatsapp::messages_webhook(account, events),
        Account::Web { site_id, .. } => web::webhook(site_id, events),
    }
}
