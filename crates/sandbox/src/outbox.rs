//! What Meta tells the business of its own messages: gathered for a moment, and sent as webhooks of many.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::Account;
use crate::chance::Draw;
use crate::{Sandbox, ids, messenger, whatsapp};

/// What happens on one account within this time goes out together.
const GATHER: Duration = Duration::from_millis(50);

/// What becomes of Meta's statuses, echoes and receipts on their way. By default nothing: all come once and in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disorder {
    pub seed: u64,
    /// The share of them that never comes.
    pub lost: f64,
    /// The share of the others that comes twice.
    pub doubled: f64,
    /// The latest comes first.
    pub is_reversed: bool,
    /// With each webhook comes one of a message that nobody sent, and one of a kind that nobody knows.
    pub has_strays: bool,
    /// How many go into one webhook; Meta's are of up to 1,000.
    pub batch: usize,
}

impl Default for Disorder {
    fn default() -> Self {
        Self {
            seed: 0,
            lost: 0.0,
            doubled: 0.0,
            is_reversed: false,
            has_strays: false,
            batch: 100,
        }
    }
}

/// Everything comes twice and the latest first.
impl From<bool> for Disorder {
    fn from(is_disordered: bool) -> Self {
        if is_disordered {
            Self {
                doubled: 1.0,
                is_reversed: true,
                ..Self::default()
            }
        } else {
            Self::default()
        }
    }
}

impl Disorder {
    /// What is left of the `items`; `number` is how many went before them.
    fn apply(&self, number: u64, items: Vec<Value>) -> Vec<Value> {
        let share = |what: &str, number: u64| {
            Draw::new(self.seed)
                .with(what)
                .with(&number.to_string())
                .share()
        };
        let mut left = Vec::with_capacity(items.len());
        for (number, item) in (number..).zip(items) {
            if share("lost", number) < self.lost {
                continue;
            }
            if share("doubled", number) < self.doubled {
                left.push(item.clone());
            }
            left.push(item);
        }
        if self.is_reversed {
            left.reverse();
        }
        left
    }
}

impl Sandbox {
    /// Queues a status (WhatsApp), an echo or a receipt (Facebook, Instagram).
    pub(crate) fn tell_business(&self, account_id: &str, what: Value) {
        let batch = self.disorder().batch;
        let (is_full, is_first) = self.with(|state| {
            let Some(account) = state.get_mut(account_id) else {
                return (false, false);
            };
            account.outbox.push(what);
            let is_first = !account.flush_scheduled;
            account.flush_scheduled = true;
            (account.outbox.len() >= batch, is_first)
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
            let items = std::mem::take(&mut account.outbox);
            let number = account.told;
            account.told += items.len() as u64;
            Some((account.config.clone(), number, items))
        });
        let Some((account, number, items)) = gathered else {
            return;
        };
        let disorder = self.disorder();
        let items = disorder.apply(number, items);
        for batch in items.chunks(disorder.batch.max(1)) {
            let mut batch = batch.to_vec();
            if disorder.has_strays {
                batch.extend(strays(&account, self.now_ms()));
            }
            let body = match &account {
                Account::Facebook { .. } | Account::Instagram { .. } => {
                    messenger::webhook(&account, &batch)
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

/// What the business cannot make sense of.
fn strays(account: &Account, now: i64) -> [Value; 2] {
    if let Account::Whatsapp { .. } = account {
        let status = |status: &str| {
            json!({
                "id": ids::wamid("886900000000"),
                "status": status,
                "timestamp": (now / 1_000).to_string(),
                "recipient_id": "886900000000",
            })
        };
        return [status("delivered"), status("pondered")];
    }
    let event = |what: &str, content: Value| {
        json!({
            "sender": { "id": "7000000000000000" },
            "recipient": { "id": account.id() },
            "timestamp": now,
            what: content,
        })
    };
    let mid = ids::mid(account.platform());
    [
        event("read", json!({ "mid": mid, "watermark": now })),
        event("pondered", json!({ "mid": mid })),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<Value> {
        (0..1_000).map(Value::from).collect()
    }

    #[test]
    fn by_default_all_come_once_and_in_order() {
        assert_eq!(Disorder::default().apply(7, items()), items());
    }

    #[test]
    fn shares_are_lost_and_doubled_and_a_seed_repeats_them() {
        let disorder = Disorder {
            lost: 0.2,
            doubled: 0.5,
            ..Disorder::default()
        };
        let mut left = disorder.apply(0, items());
        assert_eq!(left, disorder.apply(0, items()));
        assert!((1_100..1_300).contains(&left.len()), "{}", left.len());
        left.dedup();
        assert!((750..850).contains(&left.len()), "{}", left.len());
    }
}
