//! What Meta tells the business of its own messages: gathered for a moment, and sent as webhooks of many.

use std::time::Duration;

use serde_json::{Value, json};

use crate::account::Account;
use crate::{Sandbox, messenger, whatsapp};

/// What happens on one account within this time goes out together.
const GATHER: Duration = Duration::from_millis(50);
const BATCH: usize = 100;

impl Sandbox {
    /// Queues a status (WhatsApp), an echo or a receipt (Facebook, Instagram).
    pub(crate) fn tell_business(&self, account_id: &str, what: Value) {
        let (is_full, is_first) = self.with(|state| {
            let Some(account) = state.get_mut(account_id) else {
                return (false, false);
            };
            account.outbox.push(what);
            let is_first = !account.flush_scheduled;
            account.flush_scheduled = true;
            (account.outbox.len() >= BATCH, is_first)
        });
        if is_full {
            self.flush_outbox(account_id);
        }
        if is_first {
            let sandbox = self.clone();
            let account = account_id.to_owned();
            self.spawn(async move {
                sandbox.closed_or(GATHER).await;
                sandbox.with(|state| {
                    if let Some(account) = state.get_mut(&account) {
                        account.flush_scheduled = false;
                    }
                });
                sandbox.flush_outbox(&account);
            });
        }
    }

    fn flush_outbox(&self, account_id: &str) {
        let gathered = self.with(|state| {
            let account = state.get_mut(account_id)?;
            Some((account.config.clone(), std::mem::take(&mut account.outbox)))
        });
        let Some((account, mut items)) = gathered else {
            return;
        };
        if self.disorder() {
            items = items
                .iter()
                .rev()
                .flat_map(|item| [item.clone(), item.clone()])
                .collect();
        }
        for batch in items.chunks(BATCH) {
            let body = match &account {
                Account::Facebook { .. } | Account::Instagram { .. } => {
                    messenger::webhook(&account, batch)
                }
                Account::Whatsapp { .. } => {
                    whatsapp::webhook(&account, json!({ "statuses": batch }))
                }
                // Neither tells the business of its own messages.
                Account::Line { .. } | Account::Web { .. } => return,
            };
            self.post_later(vec![(account_id.to_owned(), vec![body])]);
        }
    }
}
