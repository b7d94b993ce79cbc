//! What a customer's phone does with a message once it is there: it arrives, and some are read.

use serde_json::Value;

use crate::account::{Account, Platform};
use crate::chance::Draw;
use crate::whatsapp::Pricing;
use crate::{Sandbox, messenger};

/// A message of the business on a customer's phone.
#[derive(Clone)]
pub(crate) struct OnPhone {
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    /// WhatsApp gives it back with every status.
    pub(crate) callback_data: Option<Value>,
    /// WhatsApp tells it with every status.
    pub(crate) pricing: Pricing,
}

impl Sandbox {
    /// Tells that it arrived, and, of a share of the messages, that it was read.
    pub(crate) async fn receive(&self, message: OnPhone) {
        let receipts = self.receipts().clone();
        self.closed_or(receipts.delivered_after).await;
        // Who has read it needs no telling that it arrived.
        if !self.is_read(&message) {
            match self.account(&message.account) {
                Some(Account::Whatsapp { .. }) => self.tell_status(&message, "delivered", None),
                Some(account @ Account::Facebook { .. }) => {
                    let delivery = messenger::delivery(&account, &message);
                    self.tell_business(&message.account, delivery);
                }
                // Instagram tells nobody what has arrived.
                Some(Account::Instagram { .. } | Account::Line { .. } | Account::Web { .. })
                | None => {}
            }
        }
        if Draw::new(0).with(&message.id).share() >= receipts.read_share {
            return;
        }
        self.closed_or(receipts.read_after.saturating_sub(receipts.delivered_after))
            .await;
        self.read(&[message]);
    }

    fn is_read(&self, message: &OnPhone) -> bool {
        self.with(|state| {
            state
                .get_mut(&message.account)
                .and_then(|account| account.customer_mut(&message.user))
                .and_then(|customer| customer.message_mut(&message.id))
                .is_some_and(|message| message.read)
        })
    }

    /// Marks messages to one customer read, in their order; tells so when they were not, and when the customer lets it
    /// be known.
    fn read(&self, messages: &[OnPhone]) {
        let Some(of) = messages.first() else { return };
        let newly = self.change(|state| {
            let account = state.get_mut(&of.account)?;
            let config = account.config.clone();
            let customer = account.customer_mut(&of.user)?;
            let mut newly = Vec::new();
            for message in messages {
                if let Some(on_phone) = customer.message_mut(&message.id)
                    && !on_phone.read
                {
                    on_phone.read = true;
                    newly.push(message);
                }
            }
            customer.customer.read_receipts.then_some((config, newly))
        });
        if let Some((account, newly)) = newly {
            match account.platform() {
                Platform::Whatsapp => {
                    for message in newly {
                        self.tell_status(message, "read", None);
                    }
                }
                Platform::Facebook | Platform::Instagram => {
                    // One for all that was seen: it names the last.
                    if let Some(last) = newly.last() {
                        let seen_at = self.now_ms();
                        self.tell_business(&of.account, messenger::read(&account, last, seen_at));
                    }
                }
                Platform::Line | Platform::Web => {}
            }
        }
        self.phone_changed(&of.account, &of.user);
    }

    /// The customer looks at the phone: everything on it is read.
    pub(crate) fn read_by_customer(&self, account: &str, user: &str) {
        let unread: Vec<OnPhone> = self.with(|state| {
            let Some(customer) = state
                .get_mut(account)
                .and_then(|account| account.customer_mut(user))
            else {
                return Vec::new();
            };
            let unread = customer.messages.iter().filter(|message| {
                !message.from_customer
                    && !message.read
                    && !message.pending
                    && message.problem.is_none()
            });
            unread
                .map(|message| OnPhone {
                    account: account.to_owned(),
                    user: user.to_owned(),
                    id: message.id.clone(),
                    at_ms: message.at_ms,
                    callback_data: message.callback_data.clone(),
                    pricing: Pricing::of(&message.kind),
                })
                .collect()
        });
        self.read(&unread);
    }
}
