//! Holds what the report says of a broadcast against what is on the phones.

use omocast_contract::{Channel, DeliveryStatus, Recipient};
use omocast_sandbox::{PhoneMessageKind, Sandbox};

pub(crate) const TEXTS: [&str; 3] = ["一", "二", "三"];

/// A recipient beside their phone.
pub(crate) struct Outcome {
    pub(crate) recipient: Recipient,
    /// The texts of [`TEXTS`] on the phone, in its order.
    pub(crate) phone: Vec<String>,
    /// How many the platform took for them.
    pub(crate) accepted: u64,
}

/// Everybody, beside their phones. Their names end with what the platform calls them.
pub(crate) fn outcomes(
    recipients: Vec<Recipient>,
    sandbox: &Sandbox,
    account_of: fn(Channel) -> &'static str,
) -> Vec<Outcome> {
    let accepted = |channel| sandbox.accepted(account_of(channel));
    let accepted: Vec<_> = Channel::ALL
        .map(|channel| (channel, accepted(channel)))
        .into();
    let outcomes = recipients.into_iter().map(|recipient| {
        let channel = recipient.channel;
        let user = recipient.name.rsplit(' ').next().unwrap();
        let messages = sandbox.messages(account_of(channel), user);
        let phone = messages
            .into_iter()
            .filter(|message| !message.from_customer);
        let phone = phone.map(|message| match message.kind {
            PhoneMessageKind::Text(text) => text,
            other => panic!("nobody sent {other:?}"),
        });
        let of_channel = accepted.iter().find(|(of, _)| *of == channel).unwrap();
        Outcome {
            phone: phone.collect(),
            accepted: of_channel.1.get(user).copied().unwrap_or_default(),
            recipient,
        }
    });
    outcomes.collect()
}

impl Outcome {
    pub(crate) fn is_complete(&self) -> bool {
        self.phone == TEXTS
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.recipient.status == DeliveryStatus::Unknown
    }

    /// What is wrong: a message twice or out of order, or one that the report says something untrue of.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = &self.recipient.name;
        let mut in_order = self.phone.clone();
        in_order.sort_by_key(|text| TEXTS.iter().position(|other| other == text));
        in_order.dedup();
        if self.phone != in_order || self.accepted != self.phone.len() as u64 {
            let (phone, accepted) = (&self.phone, self.accepted);
            return Some(format!(
                "{name} got {phone:?}, {accepted} messages were taken"
            ));
        }
        let mut told = self.recipient.deliveries.iter().zip(TEXTS);
        told.find_map(|(delivery, text)| {
            let is_there = self.phone.iter().any(|other| other == text);
            let is_true = match delivery.status {
                DeliveryStatus::Sent | DeliveryStatus::Delivered | DeliveryStatus::Read => is_there,
                DeliveryStatus::Failed | DeliveryStatus::Skipped => !is_there,
                DeliveryStatus::Unknown => true,
                DeliveryStatus::Queued | DeliveryStatus::Sending => false,
            };
            let status = delivery.status;
            (!is_true).then(|| format!("{name}: {text} is {status:?}, on the phone: {is_there}"))
        })
    }
}

/// Panics unless everything is as it should be.
#[track_caller]
pub(crate) fn check(outcomes: &[Outcome]) {
    let faults: Vec<_> = outcomes.iter().filter_map(Outcome::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
