//! Writing to one customer at once: 1:1 replies and tests, each recorded before it is handed over.

use std::time::Duration;

use omocast_contract::message::{Message, MessageContent};
use omocast_contract::{
    AccountId, Channel, DeliveryStatus, EventId, MessageId, OutgoingMessage, Reason,
};

use crate::app::App;
use crate::channels::SendOutcome;
use crate::error::AppResult;
use crate::outbound::outbound;
use crate::store::{Member, ReplyOutcome};

/// Longer than any answer of a platform is waited for; then the outcome is recorded as unknown.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where messages go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) event: EventId,
    pub(crate) account: AccountId,
    pub(crate) channel: Channel,
}

/// Whether a message in a thread is what is asked to be sent.
pub(crate) fn is_same(shown: &MessageContent, content: &OutgoingMessage) -> bool {
    let media = match shown {
        MessageContent::Text { .. }
        | MessageContent::Template { .. }
        | MessageContent::Unsupported { .. } => None,
        MessageContent::Image { media, .. }
        | MessageContent::Video { media, .. }
        | MessageContent::File { media, .. } => *media,
    };
    let caption = match shown {
        MessageContent::Text { text } => Some(text.as_str()),
        MessageContent::Image { caption, .. }
        | MessageContent::Video { caption, .. }
        | MessageContent::File { caption, .. } => caption.as_deref(),
        // No reply is one.
        MessageContent::Template { .. } | MessageContent::Unsupported { .. } => None,
    };
    shown.medium() == content.medium() && media == content.media() && caption == content.words()
}

/// Hands recorded messages over, in their order, and records what became of each.
/// After one that was not accepted the rest is not tried.
pub(crate) async fn hand_over(
    app: &App,
    member: &Member,
    to: Destination,
    messages: &[(MessageId, OutgoingMessage)],
) -> AppResult<Vec<Message>> {
    let (outcomes, broke) = match send(app, member, to, messages).await {
        Ok(outcomes) => (outcomes, None),
        // Nothing was sent: say so in the thread, then tell what broke.
        Err(error) => {
            let failed = failed(DeliveryStatus::Failed, Reason::AccountNotConnected);
            (vec![failed; messages.len()], Some(error))
        }
    };
    let mut shown = Vec::with_capacity(messages.len());
    for ((id, _), outcome) in messages.iter().zip(outcomes) {
        let message = app.store.finish_reply(to.event, *id, &outcome, app.now());
        shown.push(message.await?);
    }
    let bound = app.store.find_bound_of_event(to.event).await?;
    let mut owners = vec![member.id];
    owners.extend(bound.map(|bound| bound.seller));
    owners.dedup();
    app.live.event_changed(member.team_id, to.event, &owners);
    if let Some(bound) = bound {
        app.live
            .bound_customers_changed(member.team_id, [bound].into());
    }
    broke.map_or(Ok(shown), Err)
}

async fn send(
    app: &App,
    member: &Member,
    to: Destination,
    messages: &[(MessageId, OutgoingMessage)],
) -> AppResult<Vec<ReplyOutcome>> {
    let account = app.find_account(to.account).await?;
    let account = account.ok_or_else(|| anyhow::anyhow!("the account {} is gone", to.account))?;
    let address = app.store.find_address(to.event).await?;
    let contents: Vec<OutgoingMessage> = messages
        .iter()
        .map(|(_, content)| content.clone())
        .collect();
    let media = app
        .store
        .media_of_messages(member.team_id, &contents)
        .await?;
    let contents = outbound(&app.media, &contents, &media, app.now())
        .ok_or_else(|| anyhow::anyhow!("an upload is gone"))?;
    let at_once = match to.channel {
        // One push, as a broadcast is.
        Channel::Line => messages.len().max(1),
        Channel::Facebook | Channel::Instagram | Channel::Whatsapp | Channel::Web => 1,
    };
    let mut outcomes: Vec<ReplyOutcome> = Vec::with_capacity(messages.len());
    for (messages, contents) in messages.chunks(at_once).zip(contents.chunks(at_once)) {
        let has_failed = outcomes
            .iter()
            .any(|outcome| outcome.status != DeliveryStatus::Sent);
        if has_failed {
            let skipped = failed(DeliveryStatus::Skipped, Reason::EarlierMessageFailed);
            outcomes.extend(vec![skipped; messages.len()]);
            continue;
        }
        let Some((first, _)) = messages.first() else {
            continue;
        };
        let opaque = first.to_string();
        // An upload takes as long as it takes: until it is there, nothing is sent that could get lost.
        let prepared = match contents {
            [content] => app.connectors.prepare(&account, content).await,
            _ => Ok(()),
        };
        let sent = match prepared {
            Ok(()) => {
                let sent = app
                    .connectors
                    .send(&account, &address, contents, first.0, &opaque);
                tokio::time::timeout(PATIENCE, sent)
                    .await
                    .unwrap_or_default()
            }
            Err(outcome) => vec![outcome],
        };
        let mut sent = sent.into_iter();
        outcomes.extend(messages.iter().map(|_| outcome(sent.next())));
    }
    Ok(outcomes)
}

fn outcome(sent: Option<SendOutcome>) -> ReplyOutcome {
    match sent {
        Some(SendOutcome::Accepted { external_id, .. }) => ReplyOutcome {
            status: DeliveryStatus::Sent,
            reason: None,
            external_id: Some(external_id).filter(|id| !id.is_empty()),
        },
        // To call it failed would have it written again, and the customer get it twice.
        Some(
            SendOutcome::Unknown { .. }
            | SendOutcome::Retry {
                may_have_arrived: true,
                ..
            },
        )
        | None => failed(DeliveryStatus::Unknown, Reason::NoAnswer),
        Some(
            SendOutcome::Refused { reason, .. }
            | SendOutcome::Retry { reason, .. }
            | SendOutcome::AccountStopped { reason, .. },
        ) => failed(DeliveryStatus::Failed, reason),
        Some(SendOutcome::TemplateStopped { .. }) => {
            failed(DeliveryStatus::Failed, Reason::TemplateStopped)
        }
    }
}

fn failed(status: DeliveryStatus, reason: Reason) -> ReplyOutcome {
    ReplyOutcome {
        status,
        reason: Some(reason),
        external_id: None,
    }
}
