//! What becomes of an accepted WhatsApp message, told by status webhooks: sent, delivered, read or failed.

use serde_json::{Value, json};

use super::{TemplateCategory, name};
use crate::Sandbox;
use crate::account::Platform;
use crate::media::{BadMedia, Medium};
use crate::receipts::OnPhone;
use crate::state::PhoneMessageKind;

/// What the platform finds out after it has answered 200.
pub(super) enum Outcome {
    /// It is on the phone, once what is behind its links proves good.
    Arrives {
        links: Vec<(Medium, String)>,
    },
    /// Sent and never delivered, as for everyone who blocks the business.
    Blocked,
    WindowClosed,
    /// The customer wants no marketing from the business.
    MarketingStopped,
    /// The customer has had enough marketing, Meta finds.
    MarketingCapped,
    /// Not a WhatsApp user.
    Undeliverable,
}

/// What Meta charges for a message, as it tells with every status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pricing {
    /// A free answer inside the window.
    Service,
    Template {
        category: TemplateCategory,
        billable: bool,
    },
}

impl Pricing {
    pub(crate) fn of(kind: &PhoneMessageKind) -> Self {
        kind.template()
            .map_or(Self::Service, |template| Self::Template {
                category: template.category,
                billable: template.billable,
            })
    }

    fn json(self) -> Value {
        let (category, billable) = match self {
            Self::Service => ("service", false),
            Self::Template { category, billable } => (category.lower_case(), billable),
        };
        json!({
            "billable": billable,
            "pricing_model": "PMP",
            "category": category,
            "type": if billable { "regular" } else { "free_customer_service" },
        })
    }
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
const MARKETING_STOPPED: Failure = Failure {
    code: 131_050,
    title: "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp \
            from your business",
    details: "This recipient has chosen to stop receiving marketing messages on WhatsApp from your business.",
};
const MARKETING_CAPPED: Failure = Failure {
    code: 131_049,
    title: "This message was not delivered to maintain healthy ecosystem engagement.",
    details: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
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
    pub(super) fn follow_up(&self, message: OnPhone, outcome: Outcome) {
        let sandbox = self.clone();
        self.spawn(async move { sandbox.tell_statuses(message, outcome).await });
    }

    async fn tell_statuses(&self, message: OnPhone, outcome: Outcome) {
        let links = match outcome {
            Outcome::Arrives { links } => links,
            Outcome::Blocked => return self.tell_status(&message, "sent", None),
            Outcome::WindowClosed => {
                return self.tell_status(&message, "failed", Some(WINDOW_CLOSED));
            }
            Outcome::MarketingStopped => {
                return self.tell_status(&message, "failed", Some(MARKETING_STOPPED));
            }
            Outcome::MarketingCapped => {
                return self.tell_status(&message, "failed", Some(MARKETING_CAPPED));
            }
            Outcome::Undeliverable => {
                return self.tell_status(&message, "failed", Some(UNDELIVERABLE));
            }
        };
        if !links.is_empty() {
            let mut verdict = Ok(());
            for (medium, link) in links {
                verdict = verdict.and(self.check_link(&link, Platform::Whatsapp, medium).await);
            }
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
        });
        self.with(|state| {
            let account = state.get(&message.account);
            let customer = account.and_then(|account| account.ledger.customers.get(&message.user));
            let names = ["recipient_id", "recipient_user_id"];
            name(&mut value, &message.user, customer, names);
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
                value["pricing"] = message.pricing.json();
            }
        }
        if let Some(data) = &message.callback_data {
            value["biz_opaque_callback_data"] = data.clone();
        }
        self.tell_business(&message.account, value);
    }
}
