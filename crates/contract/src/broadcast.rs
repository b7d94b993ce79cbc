//! Broadcasts, their recipients, and what became of each message.

use serde::{Deserialize, Serialize};

use crate::api::Media;
use crate::audience::ChannelCount;
use crate::control::{LocalTime, LogEntry, PausedAccount};
use crate::{
    Audience, BroadcastId, Channel, CustomerId, DraftId, EventId, EventView, LinkCount, MemberId,
    OutgoingMessage, Reason, Surface, Template, TemplateFill, Timestamp,
};

/// What became of one message to one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waiting for its turn.
    Queued,
    /// Being handed over.
    Sending,
    /// The platform accepted it.
    Sent,
    /// It is on the customer's device.
    Delivered,
    /// The customer read it.
    Read,
    /// The platform refused it, or gave it up later.
    Failed,
    /// It was never handed over, for a reason.
    Skipped,
    /// The platform did not answer: it may or may not have arrived, and is not sent twice.
    Unknown,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Skipped,
        Self::Unknown,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }

    /// Reads [`DeliveryStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The status after the platform said `told`, in whatever order it says things.
    ///
    /// Read implies delivered implies sent, so those never go back.
    /// A failure is final unless the platform itself says later that the message arrived.
    /// What was skipped was never handed over, so nothing can be told of it.
    pub fn after(self, told: Self) -> Self {
        let is_arrival = matches!(told, Self::Delivered | Self::Read);
        match self {
            Self::Skipped => self,
            Self::Failed => {
                if is_arrival {
                    told
                } else {
                    self
                }
            }
            Self::Delivered | Self::Read if told == Self::Failed => self,
            Self::Queued
            | Self::Sending
            | Self::Unknown
            | Self::Sent
            | Self::Delivered
            | Self::Read => {
                if told.rank() > self.rank() {
                    told
                } else {
                    self
                }
            }
        }
    }

    /// Whether nothing more is to be done for it (the platform may still tell more).
    pub fn is_settled(self) -> bool {
        match self {
            Self::Queued | Self::Sending => false,
            Self::Sent
            | Self::Delivered
            | Self::Read
            | Self::Failed
            | Self::Skipped
            | Self::Unknown => true,
        }
    }

    /// Whether the platform took it, whatever came after.
    pub fn is_accepted(self) -> bool {
        match self {
            Self::Sent | Self::Delivered | Self::Read => true,
            Self::Queued | Self::Sending | Self::Failed | Self::Skipped | Self::Unknown => false,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Sent => 3,
            Self::Failed => 4,
            Self::Delivered => 5,
            Self::Read => 6,
            Self::Skipped => 7,
        }
    }

    /// A recipient's status from those of their messages: the worst that a salesperson must know of,
    /// else how far the last one got.
    /// Failed before unknown before waiting before sent before delivered before read.
    pub fn of_recipient(messages: impl IntoIterator<Item = Self>) -> Self {
        let worth = |status: &Self| match status {
            Self::Failed => 0,
            Self::Unknown => 1,
            Self::Sending => 2,
            Self::Queued => 3,
            Self::Skipped => 4,
            Self::Sent => 5,
            Self::Delivered => 6,
            Self::Read => 7,
        };
        messages
            .into_iter()
            .min_by_key(worth)
            .unwrap_or(Self::Queued)
    }
}

/// Where a broadcast as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BroadcastStatus {
    /// Accepted a moment ago, and still to be taken back ([`crate::control::HOLD`]).
    Held,
    /// 已排程: begins at its time.
    Scheduled,
    /// 逾時未發送: could not begin at its time, and waits for its sender's word.
    Overdue,
    /// 發送中.
    Sending,
    /// 已停止: what was left is not handed over any more.
    Stopped,
    /// 已取消: taken back before anything was handed over.
    Cancelled,
    /// 已完成: nothing is left to hand over.
    Completed,
}

impl BroadcastStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Scheduled,
        Self::Overdue,
        Self::Sending,
        Self::Stopped,
        Self::Cancelled,
        Self::Completed,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Scheduled => "scheduled",
            Self::Overdue => "overdue",
            Self::Sending => "sending",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Reads [`BroadcastStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing of it is handed over any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Held | Self::Scheduled | Self::Overdue | Self::Sending => false,
            Self::Stopped | Self::Cancelled | Self::Completed => true,
        }
    }

    /// Whether nothing of it has been handed over yet.
    pub fn is_before_start(self) -> bool {
        match self {
            Self::Held | Self::Scheduled | Self::Overdue => true,
            Self::Sending | Self::Stopped | Self::Cancelled | Self::Completed => false,
        }
    }
}

/// What kind of broadcast it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BroadcastKind {
    /// 群發訊息: up to five messages.
    #[default]
    Messages,
    /// 群發訊息範本: one WhatsApp template.
    Template,
}

impl BroadcastKind {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Template => "template",
        }
    }

    /// Whether such a broadcast goes to customers of `channel` at all; [`crate::reach`] says whom of them it reaches.
    pub fn goes_to(self, channel: Channel) -> bool {
        match self {
            Self::Messages => channel.takes_broadcasts(),
            Self::Template => channel == Channel::Whatsapp,
        }
    }

    /// Reads [`BroadcastKind::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Messages, Self::Template]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Asks for a broadcast; sent with an `Idempotency-Key` header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "RequestFields", into = "RequestFields")]
pub struct BroadcastRequest {
    /// Who is to get it.
    pub audience: Audience,
    /// What they get.
    #[serde(flatten)]
    pub content: Content,
    /// Where it was made.
    #[serde(default)]
    pub surface: Surface,
    /// What customers without a name are called; needed when a message or a value uses the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_fallback: Option<String>,
    /// The draft it was written in; removed when the broadcast is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftId>,
    /// When it is to begin, in the team's time zone; none for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub send_at: Option<LocalTime>,
}

/// What a broadcast sends: messages, or one template.
///
/// A template is no [`OutgoingMessage`], because nothing that takes those takes it: it goes alone,
/// to WhatsApp alone, and is part of no draft, saved reply or 1:1 reply. Each of them would have to refuse it.
/// In JSON it is the field `messages` or the field `template` of the request, exactly one of them,
/// so that a request for messages is written as it was before there were templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// One to five messages.
    Messages(Vec<OutgoingMessage>),
    /// One template, filled in.
    Template(TemplateFill),
}

impl Content {
    /// What kind of broadcast it makes.
    pub fn kind(&self) -> BroadcastKind {
        match self {
            Self::Messages(_) => BroadcastKind::Messages,
            Self::Template(_) => BroadcastKind::Template,
        }
    }

    /// The messages; none where a template is sent.
    pub fn messages(&self) -> &[OutgoingMessage] {
        match self {
            Self::Messages(messages) => messages,
            Self::Template(_) => &[],
        }
    }

    /// The template; none where messages are sent.
    pub fn template(&self) -> Option<&TemplateFill> {
        match self {
            Self::Messages(_) => None,
            Self::Template(fill) => Some(fill),
        }
    }
}

/// [`BroadcastRequest`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFields {
    audience: Audience,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<OutgoingMessage>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<TemplateFill>,
    #[serde(default)]
    surface: Surface,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name_fallback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draft: Option<DraftId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send_at: Option<LocalTime>,
}

impl TryFrom<RequestFields> for BroadcastRequest {
    type Error = &'static str;

    fn try_from(fields: RequestFields) -> Result<Self, Self::Error> {
        let content = match (fields.messages, fields.template) {
            (Some(messages), None) => Content::Messages(messages),
            (None, Some(fill)) => Content::Template(fill),
            (None, None) | (Some(_), Some(_)) => {
                return Err("expected either messages or template");
            }
        };
        Ok(Self {
            audience: fields.audience,
            content,
            surface: fields.surface,
            name_fallback: fields.name_fallback,
            draft: fields.draft,
            send_at: fields.send_at,
        })
    }
}

impl From<BroadcastRequest> for RequestFields {
    fn from(request: BroadcastRequest) -> Self {
        let (messages, template) = match request.content {
            Content::Messages(messages) => (Some(messages), None),
            Content::Template(fill) => (None, Some(fill)),
        };
        Self {
            audience: request.audience,
            messages,
            template,
            surface: request.surface,
            name_fallback: request.name_fallback,
            draft: request.draft,
            send_at: request.send_at,
        }
    }
}

/// How far recipients have come, as the report counts them: what was read was delivered, and what was delivered was sent.
///
/// [`Standing::PARTS`] are all recipients; the others are part of [`Standing::Sent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Waiting, or being handed over.
    Waiting,
    /// The platform accepted it, whatever came after.
    Sent,
    /// It is on the customer's device, read or not.
    Delivered,
    /// The customer read it.
    Read,
    /// Failed.
    Failed,
    /// Outcome unknown.
    Unknown,
    /// Skipped.
    Skipped,
}

impl Standing {
    /// Every standing, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Unknown,
        Self::Skipped,
        Self::Waiting,
    ];

    /// Those of which each recipient has exactly one.
    pub const PARTS: [Self; 5] = [
        Self::Sent,
        Self::Failed,
        Self::Unknown,
        Self::Skipped,
        Self::Waiting,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }

    /// Reads [`Standing::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.as_str() == text)
    }

    /// The statuses of its recipients.
    pub fn statuses(self) -> &'static [DeliveryStatus] {
        match self {
            Self::Waiting => &[DeliveryStatus::Queued, DeliveryStatus::Sending],
            Self::Sent => &[
                DeliveryStatus::Sent,
                DeliveryStatus::Delivered,
                DeliveryStatus::Read,
            ],
            Self::Delivered => &[DeliveryStatus::Delivered, DeliveryStatus::Read],
            Self::Read => &[DeliveryStatus::Read],
            Self::Failed => &[DeliveryStatus::Failed],
            Self::Unknown => &[DeliveryStatus::Unknown],
            Self::Skipped => &[DeliveryStatus::Skipped],
        }
    }
}

/// How many recipients stand where. Each recipient counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Waiting.
    pub queued: u64,
    /// Being handed over.
    pub sending: u64,
    /// Accepted by the platform, no more told.
    pub sent: u64,
    /// On the customer's device, not read.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Failed.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
    /// Outcome unknown.
    pub unknown: u64,
}

impl Progress {
    /// Adds `recipients` that stand at `status`.
    pub fn add(&mut self, status: DeliveryStatus, recipients: u64) {
        let slot = match status {
            DeliveryStatus::Queued => &mut self.queued,
            DeliveryStatus::Sending => &mut self.sending,
            DeliveryStatus::Sent => &mut self.sent,
            DeliveryStatus::Delivered => &mut self.delivered,
            DeliveryStatus::Read => &mut self.read,
            DeliveryStatus::Failed => &mut self.failed,
            DeliveryStatus::Skipped => &mut self.skipped,
            DeliveryStatus::Unknown => &mut self.unknown,
        };
        *slot += recipients;
    }

    /// How many recipients stand at `status`.
    pub fn get(&self, status: DeliveryStatus) -> u64 {
        match status {
            DeliveryStatus::Queued => self.queued,
            DeliveryStatus::Sending => self.sending,
            DeliveryStatus::Sent => self.sent,
            DeliveryStatus::Delivered => self.delivered,
            DeliveryStatus::Read => self.read,
            DeliveryStatus::Failed => self.failed,
            DeliveryStatus::Skipped => self.skipped,
            DeliveryStatus::Unknown => self.unknown,
        }
    }

    /// All recipients.
    pub fn total(&self) -> u64 {
        DeliveryStatus::ALL
            .into_iter()
            .map(|status| self.get(status))
            .sum()
    }

    /// How many recipients have come this far.
    pub fn of(&self, standing: Standing) -> u64 {
        let statuses = standing.statuses().iter();
        statuses.map(|&status| self.get(status)).sum()
    }

    /// Recipients whose messages the platform accepted, whatever came after.
    pub fn accepted(&self) -> u64 {
        self.sent + self.delivered + self.read
    }

    /// Recipients whose messages reached their device.
    pub fn arrived(&self) -> u64 {
        self.delivered + self.read
    }

    /// Recipients whom it was to reach, of whom `stopped` were not sent it because it was stopped:
    /// the others of the skipped were never in question.
    pub fn meant(&self, stopped: u64) -> u64 {
        self.total() - self.skipped + stopped.min(self.skipped)
    }

    /// Recipients for whom there is still something to do.
    pub fn waiting(&self) -> u64 {
        self.queued + self.sending
    }
}

/// A broadcast in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BroadcastSummary {
    /// Its id.
    pub id: BroadcastId,
    /// What kind it is.
    #[serde(default)]
    pub kind: BroadcastKind,
    /// The beginning of its first text, or the name of its template; empty when it has none.
    pub title: String,
    /// Where it stands.
    pub status: BroadcastStatus,
    /// Who sent it.
    pub sender: String,
    /// The sender's id.
    pub sender_id: MemberId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it begins or began: after the hold, or at its time.
    pub starts_at: Timestamp,
    /// The broadcast of which it sends again what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<BroadcastId>,
    /// When nothing was left to hand over.
    pub completed_at: Option<Timestamp>,
    /// Messages each recipient gets; a template is one.
    pub message_count: u32,
    /// How many recipients stand where.
    pub progress: Progress,
    /// Those of the skipped who were not sent it because it was stopped or taken back.
    #[serde(default)]
    pub stopped: u64,
    /// The accounts that take nothing for now, and what waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<PausedAccount>,
}

/// A broadcast with all that its page shows besides the recipients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Broadcast {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: BroadcastSummary,
    /// What is sent; empty where it is a template.
    pub messages: Vec<OutgoingMessage>,
    /// The template that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<SentTemplate>,
    /// The uploads that its messages or its template use.
    pub media: Vec<Media>,
    /// What customers without a name are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_fallback: Option<String>,
    /// The links that each recipient gets.
    pub links: LinkCount,
    /// All recipients by channel.
    pub channels: Vec<ChannelCount>,
    /// Those of the sent whose platform tells that a message reached the device.
    pub tells_delivered: u64,
    /// Those of the sent whose platform tells that a message was read.
    pub tells_read: u64,
    /// Who did not get it and why: the failed, the unknown and the skipped, the most first.
    pub outcomes: Vec<OutcomeCount>,
    /// Recipients whose failure may be retried, and was not yet.
    pub retryable: u64,
    /// The broadcasts that sent it again to those whom it did not reach, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<BroadcastSummary>,
    /// How long what can be handed over now takes at the accounts' pace, in seconds.
    pub seconds_left: u64,
    /// Those for whom nothing can be done but wait; none before it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// What was done with it, the oldest first.
    pub log: Vec<LogEntry>,
}

/// Customers who are to be tried again at a time, or whose account is held back by the platform or has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waits {
    /// How many.
    pub customers: u64,
    /// When the first of them is tried.
    pub until: Timestamp,
}

/// What a customer got of several messages where the rest did not go out: 「收到 1／3 則」.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// Messages that the platform took.
    pub got: u32,
    /// Messages that there were.
    pub of: u32,
}

impl Part {
    /// None for who got nothing, or all.
    pub fn new(got: u32, of: u32) -> Option<Self> {
        (got > 0 && got < of).then_some(Self { got, of })
    }

    /// What was got of these messages; none while one of them is still to be handed over.
    pub fn of_messages(messages: impl IntoIterator<Item = DeliveryStatus>) -> Option<Self> {
        let (mut got, mut of) = (0, 0);
        for status in messages {
            if !status.is_settled() {
                return None;
            }
            got += u32::from(status.is_accepted());
            of += 1;
        }
        Self::new(got, of)
    }
}

/// Recipients who did not get it, or not all of it, of one channel and for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutcomeCount {
    /// Failed, unknown or skipped.
    pub status: DeliveryStatus,
    /// Why.
    pub reason: Option<Reason>,
    /// What each of them got nevertheless; none where it was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Where.
    pub channel: Channel,
    /// How many.
    pub customers: u64,
}

/// A template that was sent: as it was then, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SentTemplate {
    /// The template.
    pub template: Template,
    /// What the sender wrote into it.
    pub fill: TemplateFill,
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// What became of it.
    pub status: DeliveryStatus,
    /// Why it failed or was skipped.
    pub reason: Option<Reason>,
    /// The platform's own code or words, for support.
    pub platform_code: Option<String>,
}

/// One customer selected by the audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// The customer.
    pub customer: CustomerId,
    /// The event they were chosen by, or a bound customer's latest; none for a bound customer who never wrote.
    pub event: Option<EventId>,
    /// The list in which who asks finds the conversation; none where they may not open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<EventView>,
    /// The customer's name.
    pub name: String,
    /// Where they are.
    pub channel: Channel,
    /// The recipient's status over all messages.
    pub status: DeliveryStatus,
    /// Why they failed or were skipped.
    pub reason: Option<Reason>,
    /// The platform's own code or words, for support.
    pub platform_code: Option<String>,
    /// When the status last changed.
    pub updated_at: Timestamp,
    /// Each message, in their order.
    pub deliveries: Vec<Delivery>,
}

impl Recipient {
    /// What they got, where it is neither nothing nor all.
    pub fn part(&self) -> Option<Part> {
        Part::of_messages(self.deliveries.iter().map(|delivery| delivery.status))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use DeliveryStatus::{Delivered, Failed, Queued, Read, Sending, Sent, Skipped, Unknown};

    fn read(fields: &str) -> Result<BroadcastRequest, String> {
        let json = format!(r#"{{"audience":{{"pick":{{"all_except":[]}}}},{fields}}}"#);
        serde_json::from_str(&json).map_err(|error| error.to_string())
    }

    const MESSAGES: &str = r#""messages":[{"type":"text","text":"好"}]"#;
    const TEMPLATE: &str = r#""template":{"template":"00000000-0000-0000-0000-000000000001","as_of":"1970-01-01T00:00:00.001Z"}"#;

    #[test]
    fn a_kind_goes_where_somebody_can_be_reached() {
        use crate::reach::{Outgoing, Standing, Tie};
        let kinds = [
            (BroadcastKind::Messages, Outgoing::Messages),
            (BroadcastKind::Template, Outgoing::ANY_TEMPLATE),
        ];
        for (kind, outgoing) in kinds {
            for channel in Channel::ALL {
                let standing = Standing {
                    channel,
                    tie: Tie::Binding { is_bound: true },
                    last_inbound_at: Some(Timestamp(0)),
                    is_blocked: false,
                    has_opted_out: false,
                };
                let is_open = standing.reach(outgoing, Timestamp(0)) == crate::Reach::Open;
                assert_eq!(kind.goes_to(channel), is_open, "{kind:?} {channel:?}");
            }
        }
    }

    #[test]
    fn a_broadcast_is_either_messages_or_a_template() {
        let messages = read(MESSAGES).unwrap();
        assert_eq!(messages.content.kind(), BroadcastKind::Messages);
        assert_eq!(messages.content.messages().len(), 1);
        let template = read(TEMPLATE).unwrap();
        assert_eq!(template.content.kind(), BroadcastKind::Template);
        assert!(template.content.template().is_some() && template.content.messages().is_empty());
        for fields in [&format!("{MESSAGES},{TEMPLATE}"), r#""surface":"web""#] {
            let refused = read(fields).unwrap_err();
            assert!(refused.contains("either"), "{refused}");
        }
        assert!(read(&format!("{MESSAGES},\"title\":\"\"")).is_err());
    }

    #[test]
    fn a_request_for_messages_is_written_as_before() {
        let written = serde_json::to_value(read(MESSAGES).unwrap()).unwrap();
        let fields: Vec<_> = written.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["audience", "messages", "surface"]);
        assert_eq!(written["messages"][0]["text"], "好");
    }

    #[test]
    fn a_request_reads_back() {
        for fields in [MESSAGES, TEMPLATE] {
            let request = read(fields).unwrap();
            let written = serde_json::to_string(&request).unwrap();
            assert_eq!(
                serde_json::from_str::<BroadcastRequest>(&written).unwrap(),
                request
            );
        }
    }

    #[test]
    fn kinds_read_back() {
        for kind in [BroadcastKind::Messages, BroadcastKind::Template] {
            assert_eq!(BroadcastKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn read_implies_delivered_and_nothing_goes_back() {
        assert_eq!(Sent.after(Read), Read);
        assert_eq!(Read.after(Delivered), Read);
        assert_eq!(Delivered.after(Sent), Delivered);
    }

    #[test]
    fn a_failure_may_follow_sent_but_not_an_arrival() {
        assert_eq!(Sent.after(Failed), Failed);
        assert_eq!(Delivered.after(Failed), Delivered);
        assert_eq!(Failed.after(Sent), Failed);
        assert_eq!(Failed.after(Delivered), Delivered);
    }

    #[test]
    fn an_unknown_outcome_is_settled_by_what_the_platform_tells() {
        assert_eq!(Unknown.after(Sent), Sent);
        assert_eq!(Unknown.after(Failed), Failed);
        assert_eq!(Sent.after(Unknown), Sent);
    }

    #[test]
    fn what_was_skipped_stays_skipped() {
        assert_eq!(Skipped.after(Read), Skipped);
    }

    #[test]
    fn a_recipient_is_as_good_as_their_worst_message() {
        assert_eq!(DeliveryStatus::of_recipient([Read, Sent, Delivered]), Sent);
        assert_eq!(DeliveryStatus::of_recipient([Sent, Failed]), Failed);
        assert_eq!(DeliveryStatus::of_recipient([Sent, Queued]), Queued);
        assert_eq!(DeliveryStatus::of_recipient([Failed, Skipped]), Failed);
        assert_eq!(
            DeliveryStatus::of_recipient([Sent, Unknown, Sending]),
            Unknown
        );
        assert_eq!(DeliveryStatus::of_recipient([]), Queued);
    }

    #[test]
    fn a_part_is_neither_nothing_nor_all_nor_what_is_still_going_out() {
        let part = |messages: &[DeliveryStatus]| {
            Part::of_messages(messages.iter().copied()).map(|part| (part.got, part.of))
        };
        assert_eq!(part(&[Sent, Failed, Skipped]), Some((1, 3)));
        assert_eq!(part(&[Read, Delivered, Unknown]), Some((2, 3)));
        assert_eq!(part(&[Sent, Queued]), None);
        assert_eq!(part(&[Sent, Sent]), None);
        assert_eq!(part(&[Failed, Skipped]), None);
        assert_eq!(part(&[]), None);
    }

    #[test]
    fn what_is_accepted_is_what_stands_as_sent() {
        for status in DeliveryStatus::ALL {
            let is_sent = Standing::Sent.statuses().contains(&status);
            assert_eq!(status.is_accepted(), is_sent, "{status:?}");
        }
    }

    #[test]
    fn names_read_back() {
        for status in DeliveryStatus::ALL {
            assert_eq!(DeliveryStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn progress_counts_each_recipient_once() {
        let mut progress = Progress::default();
        for (at, status) in DeliveryStatus::ALL.into_iter().enumerate() {
            progress.add(status, at as u64);
            assert_eq!(progress.get(status), at as u64);
        }
        assert_eq!(progress.total(), 28);
        assert_eq!(progress.accepted(), 2 + 3 + 4);
        assert_eq!(progress.waiting(), 1);
        // Six were skipped: one of them because it was stopped.
        assert_eq!((progress.meant(0), progress.meant(1)), (22, 23));
        assert_eq!(progress.meant(100), 28);
    }

    #[test]
    fn the_parts_of_a_report_are_all_recipients_and_the_rest_is_within_sent() {
        for status in DeliveryStatus::ALL {
            let has = |standing: &Standing| standing.statuses().contains(&status);
            assert_eq!(
                Standing::PARTS.iter().filter(|s| has(s)).count(),
                1,
                "{status:?}"
            );
            if has(&Standing::Delivered) || has(&Standing::Read) {
                assert!(has(&Standing::Sent), "{status:?}");
            }
            assert!(
                !has(&Standing::Read) || has(&Standing::Delivered),
                "{status:?}"
            );
        }
        let progress = Progress {
            sent: 100,
            delivered: 49,
            read: 22,
            skipped: 6,
            ..Progress::default()
        };
        assert_eq!(progress.of(Standing::Sent), progress.accepted());
        assert_eq!(progress.of(Standing::Delivered), progress.arrived());
        let parts: u64 = Standing::PARTS
            .into_iter()
            .map(|part| progress.of(part))
            .sum();
        assert_eq!(parts, progress.total());
        for standing in Standing::ALL {
            assert_eq!(Standing::parse(standing.as_str()), Some(standing));
            assert_eq!(serde_json::to_value(standing).unwrap(), standing.as_str());
        }
    }

    fn told() -> impl Strategy<Value = DeliveryStatus> {
        proptest::sample::select(vec![Sent, Delivered, Read, Failed])
    }

    proptest! {
        #[test]
        fn the_order_of_webhooks_does_not_matter_for_arrivals(mut told in prop::collection::vec(proptest::sample::select(vec![Sent, Delivered, Read]), 1..6)) {
            let forward = told.iter().fold(Sending, |status, &next| status.after(next));
            told.reverse();
            let backward = told.iter().fold(Sending, |status, &next| status.after(next));
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn the_same_webhook_twice_changes_nothing(told in prop::collection::vec(told(), 0..6), last in told()) {
            let once = told.iter().fold(Sending, |status, &next| status.after(next)).after(last);
            prop_assert_eq!(once.after(last), once);
        }
    }
}
