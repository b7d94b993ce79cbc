//! What becomes of an accepted WhatsApp message, told by status webhooks: sent, delivered, read or failed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{IMAGE_LIMIT, webhook};
use crate::Sandbox;
use crate::account::Platform;
use crate::media::BadMedia;

/// Statuses of one number within this time go out together.
const GATHER: Duration = Duration::from_millis(50);
const BATCH: usize = 100;

/// What the platform finds out after it has answered 200.
pub(super) enum Outcome {
    /// It is on the phone, once the picture behind `link` proves good.
    Arrives {
        link: Option<String>,
    },
    /// Sent and never delivered, as for everyone who blocks the business.
    Blocked,
    WindowClosed,
    /// Not a WhatsApp user.
    Undeliverable,
}

struct Failure {
    code: u32,
    title: &'static str,
    details: &'static str,
}

const WINDOW_CLOSED: Failure = Failure {
    code: 131_047,
    title: "Re-engagement message",
    details: "Message failed to send because more than 24 hours have passed since the customer last replied to this \
              number.",
};
const UNDELIVERABLE: Failure = Failure {
    code: 131_026,
    title: "Message undeliverable",
    details: "Message Undeliverable.",
};

fn media_failure(bad: BadMedia) -> Failure {
    match bad {
        BadMedia::Unreachable => Failure {
            code: 131_052,
            title: "Media download error",
            details: "Downloading media from weblink failed.",
        },
        BadMedia::NotAPicture => Failure {
            code: 131_053,
            title: "Media upload error",
            details: "The media is not one of the supported types: image/jpeg, image/png.",
        },
        BadMedia::TooLarge => Failure {
            code: 131_053,
            title: "Media upload error",
            details: "The image is larger than 5 MB, the maximum allowed.",
        },
    }
}

#[derive(Clone)]
struct Message {
    account: String,
    user: String,
    id: String,
    callback_data: Option<Value>,
}

impl Sandbox {
    pub(super) fn follow_up(
        &self,
        account: &str,
        user: &str,
        id: &str,
        callback_data: Option<Value>,
        outcome: Outcome,
    ) {
        let message = Message {
            account: account.to_owned(),
            user: user.to_owned(),
            id: id.to_owned(),
            callback_data,
        };
        let sandbox = self.clone();
        self.spawn(async move { sandbox.tell_statuses(message, outcome).await });
    }

    async fn tell_statuses(&self, message: Message, outcome: Outcome) {
        let link = match outcome {
            Outcome::Arrives { link } => link,
            Outcome::Blocked => {
                self.tell(&message, "sent", None);
                return;
            }
            Outcome::WindowClosed => return self.tell(&message, "failed", Some(WINDOW_CLOSED)),
            Outcome::Undeliverable => return self.tell(&message, "failed", Some(UNDELIVERABLE)),
        };
        if let Some(link) = link {
            let bad = self.check_picture(&link, IMAGE_LIMIT).await.err();
            let problem = bad.map(|bad| bad.text().to_owned());
            self.picture_checked(&message.account, &message.user, &message.id, problem);
            if let Some(bad) = bad {
                return self.tell(&message, "failed", Some(media_failure(bad)));
            }
        }
        self.tell(&message, "sent", None);
        let receipts = self.receipts().clone();
        self.closed_or(receipts.delivered_after).await;
        // Who has read it needs no telling that it arrived.
        if !self.is_read(&message) {
            self.tell(&message, "delivered", None);
        }
        if share_of(&message.id) >= receipts.read_share {
            return;
        }
        self.closed_or(receipts.read_after.saturating_sub(receipts.delivered_after))
            .await;
        self.read_one(&message);
    }

    fn is_read(&self, message: &Message) -> bool {
        self.with(|state| {
            state
                .get_mut(&message.account)
                .and_then(|account| account.customer_mut(&message.user))
                .and_then(|customer| customer.message_mut(&message.id))
                .is_some_and(|message| message.read)
        })
    }

    /// Marks one message read; tells so when it was not, and when the customer lets it be known.
    fn read_one(&self, message: &Message) {
        let told = self.change(|state| {
            let account = state.get_mut(&message.account)?;
            let has_receipts = account.config.platform() == Platform::Whatsapp;
            let customer = account.customer_mut(&message.user)?;
            let receipts = has_receipts && customer.customer.read_receipts;
            let on_phone = customer.message_mut(&message.id)?;
            let newly = !on_phone.read;
            on_phone.read = true;
            Some(newly && receipts)
        });
        if told == Some(true) {
            self.tell(message, "read", None);
        }
        self.phone_changed(&message.account, &message.user);
    }

    /// Queues one status.
    fn tell(&self, message: &Message, status: &str, failure: Option<Failure>) {
        let now = self.now_ms();
        let mut value = json!({
            "id": message.id,
            "status": status,
            "timestamp": (now / 1_000).to_string(),
            "recipient_id": message.user,
        });
        match failure {
            Some(Failure {
                code,
                title,
                details,
            }) => {
                value["errors"] = json!([{
                    "code": code,
                    "title": title,
                    "message": title,
                    "error_data": { "details": details },
                    "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
                }]);
            }
            None => {
                value["pricing"] = json!({
                    "billable": false,
                    "pricing_model": "PMP",
                    "category": "service",
                    "type": "free_customer_service",
                });
            }
        }
        if let Some(data) = &message.callback_data {
            value["biz_opaque_callback_data"] = data.clone();
        }
        let (is_full, is_first) = self.with(|state| {
            let Some(account) = state.get_mut(&message.account) else {
                return (false, false);
            };
            account.statuses.push(value);
            let is_first = !account.flush_scheduled;
            account.flush_scheduled = true;
            (account.statuses.len() >= BATCH, is_first)
        });
        if is_full {
            self.flush_statuses(&message.account);
        }
        if is_first {
            let sandbox = self.clone();
            let account = message.account.clone();
            self.spawn(async move {
                sandbox.closed_or(GATHER).await;
                sandbox.with(|state| {
                    if let Some(account) = state.get_mut(&account) {
                        account.flush_scheduled = false;
                    }
                });
                sandbox.flush_statuses(&account);
            });
        }
    }

    fn flush_statuses(&self, account_id: &str) {
        let gathered = self.with(|state| {
            let account = state.get_mut(account_id)?;
            Some((
                account.config.clone(),
                std::mem::take(&mut account.statuses),
            ))
        });
        let Some((account, mut statuses)) = gathered else {
            return;
        };
        if self.disorder() {
            statuses = statuses
                .iter()
                .rev()
                .flat_map(|status| [status.clone(), status.clone()])
                .collect();
        }
        for batch in statuses.chunks(BATCH) {
            let body = webhook(&account, json!({ "statuses": batch }));
            self.post_later(vec![(account_id.to_owned(), vec![body])]);
        }
    }
}

/// The customer looks at the phone: everything on it is read. True when anything was new.
pub(crate) fn read_by_customer(sandbox: &Sandbox, account_id: &str, user: &str) -> bool {
    let read: Vec<Message> = sandbox.with(|state| {
        let Some(customer) = state
            .get_mut(account_id)
            .and_then(|account| account.customer_mut(user))
        else {
            return Vec::new();
        };
        let unread = customer.messages.iter().filter(|message| {
            !message.from_customer && !message.read && !message.pending && message.problem.is_none()
        });
        unread
            .map(|message| Message {
                account: account_id.to_owned(),
                user: user.to_owned(),
                id: message.id.clone(),
                callback_data: message.callback_data.clone(),
            })
            .collect()
    });
    for message in &read {
        sandbox.read_one(message);
    }
    !read.is_empty()
}

/// A number in 0..1 that depends on the message id alone (FNV-1a).
fn share_of(id: &str) -> f64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_depends_on_the_message_id_alone() {
        assert_eq!(share_of("wamid.a").to_bits(), share_of("wamid.a").to_bits());
        let read = (0..1_000)
            .filter(|number| share_of(&crate::ids::wamid(&format!("8869{number}"))) < 0.6);
        let read = read.count();
        assert!((500..700).contains(&read), "{read} of 1000");
    }
}
