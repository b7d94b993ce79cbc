//! Customers' words on their way to the product, batched as the platforms batch them.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::{Account, Platform};
use crate::state::{PhoneMessage, PhoneMessageKind};
use crate::{Sandbox, line, web, whatsapp};

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
                    account.config.platform() != Platform::Line
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
                    Account::Whatsapp { .. } => crate::ids::wamid(&utterance.user),
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
                    Account::Whatsapp { .. } => events.push(whatsapp::inbound_text(
                        &customer.customer,
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

    /// The customer blocks the account. LINE tells with an `unfollow`; later pushes are accepted and go nowhere.
    pub fn block(&self, account: &str, user: &str) {
        self.set_blocked(account, user, true);
    }

    /// The customer takes the block back. LINE tells with a `follow`.
    pub fn unblock(&self, account: &str, user: &str) {
        self.set_blocked(account, user, false);
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
                Account::Whatsapp { .. } | Account::Web { .. } => None,
            }
        });
        if let Some(webhook) = webhook {
            self.post_later(vec![(account_id.to_owned(), vec![webhook])]);
        }
        self.phone_changed(account_id, user);
    }
}

fn envelope(account: &Account, events: &[Value]) -> Value {
    match account {
        Account::Line { destination, .. } => line::webhook(destination, events),
        Account::Whatsapp { .. } => whatsapp::messages_webhook(account, events),
        Account::Web { site_id, .. } => web::webhook(site_id, events),
    }
}
