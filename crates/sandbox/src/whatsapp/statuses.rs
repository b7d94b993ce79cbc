//! What becomes of an accepted WhatsApp message, told by status webhooks: sent, delivered, read or failed.

use serde_json::{Value, json};

use crate::Sandbox;
use crate::account::Platform;
use crate::media::{BadMedia, Medium};
use crate::receipts::OnPhone;

/// What the platform finds out after it has answered 200.
pub(super) enum Outcome {
    /// It is on the phone, once what is behind the link proves good.
    Arrives {
        link: Option<(Medium, String)>,
    },
    /// Sent and never delivered, as for everyone who blocks the business.
    Blocked,
    WindowClosed,
    /// Not a WhatsApp user.
    Undeliverable,
}

pub(crate) struct Failure {
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
        BadMedia::WrongType => Failure {
            code: 131_053,
            title: "Media upload error",
            details: "The media is not of a type that is supported for this kind of message.",
        },
        BadMedia::TooLarge => Failure {
            code: 131_053,
            title: "Media upload error",
            details: "The file is larger than the maximum allowed for its type.",
        },
    }
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
        let message = OnPhone {
            account: account.to_owned(),
            user: user.to_owned(),
            id: id.to_owned(),
            at_ms: self.now_ms(),
            callback_data,
        };
        let sandbox = self.clone();
        self.spawn(async move { sandbox.tell_statuses(message, outcome).await });
    }

    async fn tell_statuses(&self, message: OnPhone, outcome: Outcome) {
        let link = match outcome {
            Outcome::Arrives { link } => link,
            Outcome::Blocked => return self.tell_status(&message, "sent", None),
            Outcome::WindowClosed => {
                return self.tell_status(&message, "failed", Some(WINDOW_CLOSED));
            }
            Outcome::Undeliverable => {
                return self.tell_status(&message, "failed", Some(UNDELIVERABLE));
            }
        };
        if let Some((medium, link)) = link {
            let verdict = self.check_link(&link, Platform::Whatsapp, medium).await;
            self.media_checked(&message.account, &message.user, &message.id, verdict);
            if let Err(bad) = verdict {
                return self.tell_status(&message, "failed", Some(media_failure(bad)));
            }
        }
        self.tell_status(&message, "sent", None);
        self.receive(message).await;
    }

    /// Queues one status.
    pub(crate) fn tell_status(&self, message: &OnPhone, status: &str, failure: Option<Failure>) {
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
        self.tell_business(&message.account, value);
    }
}
