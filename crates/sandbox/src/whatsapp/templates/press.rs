//! A customer presses a quick reply of a template.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shown::PhoneButton;
use crate::state::{PhoneMessage, PhoneMessageKind};
use crate::whatsapp::{inbound_button, messages_webhook};
use crate::{Sandbox, ids};

/// Which button is pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    pub account: String,
    pub user: String,
    /// The id of the message the button belongs to.
    pub message: String,
    /// Of a carousel; none for the buttons of the message itself.
    #[serde(default)]
    pub card: Option<usize>,
    pub button: usize,
}

impl Sandbox {
    /// The customer presses a quick reply: waits until the product took the signed webhook, or fails when it would not.
    pub async fn press(&self, press: Press) -> anyhow::Result<()> {
        let webhooks = self.hear_press(&press)?;
        self.post_all(webhooks).await
    }

    /// Puts the reply on the phone and makes the webhook that tells of it.
    pub(crate) fn hear_press(&self, press: &Press) -> anyhow::Result<Vec<(String, Vec<Value>)>> {
        let now = self.now_ms();
        let webhook = self.change(|state| {
            let account = state
                .get_mut(&press.account)
                .with_context(|| format!("no account is called {}", press.account))?;
            let config = account.config.clone();
            let customer = account
                .customer_mut(&press.user)
                .with_context(|| format!("nobody is called {}", press.user))?;
            let button = customer
                .message_mut(&press.message)
                .and_then(|message| message.kind.template()?.button(press.card, press.button))
                .with_context(|| format!("there is no such button on {}", press.message))?;
            let PhoneButton::QuickReply { text, payload } = button.clone() else {
                bail!("the button is no quick reply");
            };
            let id = ids::wamid(&press.user);
            let inbound = inbound_button(
                &config,
                customer,
                &id,
                &press.message,
                (&payload, &text),
                now,
            );
            customer.announced = true;
            customer.last_inbound_ms = customer.last_inbound_ms.max(Some(now));
            customer.insert(PhoneMessage {
                id,
                from_customer: true,
                kind: PhoneMessageKind::Text(text),
                caption: None,
                at_ms: now,
                read: false,
                pending: false,
                problem: None,
                callback_data: None,
            });
            Ok(messages_webhook(&config, &[inbound]))
        })?;
        self.phone_changed(&press.account, &press.user);
        Ok(vec![(press.account.clone(), vec![webhook])])
    }
}
