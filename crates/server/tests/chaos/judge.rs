//! Holds what the report says of a broadcast against what is on the phones, and against what the platforms were asked
//! and answered.

use std::collections::{HashMap, HashSet};

use omocast_contract::{Channel, DeliveryStatus, Recipient};
use omocast_sandbox::{PhoneMessageKind, Platform, ReceivedRequest, Sandbox};
use serde_json::Value;

use crate::installation::account_of;

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
pub(crate) fn outcomes(recipients: Vec<Recipient>, sandbox: &Sandbox) -> Vec<Outcome> {
    let accepted = |channel| sandbox.accepted(account_of(channel));
    let accepted: Vec<_> = Channel::ALL
        .map(|channel| (channel, accepted(channel)))
        .into();
    let outcomes = recipients.into_iter().map(|recipient| {
        let channel = recipient.channel;
        let user = user_of(&recipient);
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

/// What the platform calls a recipient.
fn user_of(recipient: &Recipient) -> &str {
    recipient.name.rsplit(' ').next().unwrap()
}

/// A message to one customer: the channel, what the platform calls them, and which of [`TEXTS`] it is.
pub(crate) type MessageTo = (Channel, String, usize);

/// Why a message may be unknown, or failed.
pub(crate) struct Evidence<'a> {
    /// Every request that was to send a message, in order.
    requests: HashMap<MessageTo, Vec<ReceivedRequest>>,
    /// What servers that were killed had not written down the end of.
    cut_short: &'a HashSet<MessageTo>,
    /// Whether connections were shut before anybody read what came by them.
    pub(crate) was_shut: bool,
    /// How often LINE was asked to repeat what was something else the first time.
    changed_repeats: u64,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(sandbox: &Sandbox, cut_short: &'a HashSet<MessageTo>) -> Self {
        let mut requests: HashMap<_, Vec<_>> = HashMap::new();
        for request in sandbox.requests() {
            for message in messages_in(&request) {
                requests.entry(message).or_default().push(request.clone());
            }
        }
        Self {
            requests,
            cut_short,
            was_shut: false,
            changed_repeats: sandbox.changed_repeats(account_of(Channel::Line)),
        }
    }

    fn requests(&self, message: &MessageTo) -> &[ReceivedRequest] {
        self.requests.get(message).map_or(&[], Vec::as_slice)
    }

    /// Whether nobody can tell from the answers if the platform took it.
    fn is_ambiguous(&self, message: &MessageTo) -> bool {
        let unclear = |request: &ReceivedRequest| {
            request.is_broken_off || matches!(request.status, None | Some(500 | 502 | 504))
        };
        let requests = self.requests(message);
        self.cut_short.contains(message)
            || (self.was_shut && requests.is_empty())
            || requests.iter().any(unclear)
    }

    /// Whether the platform said that it does not take it.
    fn is_refused(&self, message: &MessageTo) -> bool {
        let last = self.requests(message).last();
        last.is_some_and(|request| request.status == Some(400))
    }
}

/// The messages of [`TEXTS`] that a request was to send.
fn messages_in(request: &ReceivedRequest) -> Vec<MessageTo> {
    let channel = match request.platform {
        Platform::Line => Channel::Line,
        Platform::Facebook => Channel::Facebook,
        Platform::Instagram => Channel::Instagram,
        Platform::Whatsapp => Channel::Whatsapp,
        Platform::Web => Channel::Web,
    };
    let body = &request.body;
    let user = body["to"].as_str().or(body["recipient"]["id"].as_str());
    let Some(user) = user.filter(|_| request.method == "POST") else {
        return Vec::new();
    };
    let of_line = body["messages"].as_array().into_iter().flatten();
    let of_meta = [&body["message"]["text"], &body["text"]["body"]];
    let texts = of_line.map(|message| &message["text"]).chain(of_meta);
    let texts = texts.filter_map(Value::as_str);
    let position = |text| TEXTS.iter().position(|other| *other == text);
    texts
        .filter_map(position)
        .map(|position| (channel, user.to_owned(), position))
        .collect()
}

impl Outcome {
    pub(crate) fn is_complete(&self) -> bool {
        self.phone == TEXTS
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.recipient.status == DeliveryStatus::Unknown
    }

    /// What is wrong: a message twice or out of order, or one that the report says something untrue of.
    fn fault(&self, evidence: &Evidence<'_>) -> Option<String> {
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
        let mut told = self.recipient.deliveries.iter().zip(TEXTS).enumerate();
        told.find_map(|(position, (delivery, text))| {
            let is_there = self.phone.iter().any(|other| other == text);
            let user = user_of(&self.recipient).to_owned();
            let message = (self.recipient.channel, user, position);
            let is_true = match delivery.status {
                DeliveryStatus::Sent | DeliveryStatus::Delivered | DeliveryStatus::Read => is_there,
                DeliveryStatus::Failed => !is_there && evidence.is_refused(&message),
                DeliveryStatus::Skipped => !is_there,
                DeliveryStatus::Unknown => evidence.is_ambiguous(&message),
                DeliveryStatus::Queued | DeliveryStatus::Sending => false,
            };
            let status = delivery.status;
            let answers = evidence.requests(&message).iter();
            let answers: Vec<_> = answers.map(|request| request.status).collect();
            (!is_true).then(|| {
                format!(
                    "{name}: {text} is {status:?}, on the phone: {is_there}, answers: {answers:?}"
                )
            })
        })
    }
}

/// Panics unless everything is as it should be.
#[track_caller]
pub(crate) fn check(outcomes: &[Outcome], evidence: &Evidence<'_>) {
    let faults = outcomes.iter().filter_map(|each| each.fault(evidence));
    let faults: Vec<_> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(
        evidence.changed_repeats, 0,
        "a repeat says what the first said"
    );
}
