//! The HTTP interface: paths, and the bodies that are not domain types of their own.
//!
//! The only place that spells `/api/…`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::{
    AccountId, Binding, BoundView, BroadcastId, BroadcastKind, BroadcastSummary, Channel,
    CustomerId, DraftSummary, EventAction, EventId, EventStatus, EventView, FileType, Filter,
    MediaFacts, MediaId, Medium, MemberId, OutgoingMessage, Plan, Problem, Reason, Recipient, Role,
    SavedReply, SavedReplyId, Shop, Standing, Template, TemplateId, Timestamp, WabaId,
};

/// Paths of the endpoints. Those with `{id}` are route patterns; the functions fill them in.
pub mod path {
    use crate::{BroadcastId, Channel, DraftId, EventId, MediaId, SavedReplyId};

    /// POST signs in, GET tells who is signed in, DELETE signs out.
    pub const SESSION: &str = "/api/session";
    /// POST [`super::EventQuery`] → [`super::EventPage`].
    pub const EVENTS: &str = "/api/events";
    /// GET → [`super::EventCounts`].
    pub const EVENT_COUNTS: &str = "/api/events/counts";
    /// POST [`super::BulkRequest`] → [`super::BulkResult`].
    pub const EVENTS_BULK: &str = "/api/events/bulk";
    /// GET → [`super::Thread`]; `?before=<message id>` for older messages.
    pub const EVENT: &str = "/api/events/{id}";
    /// POST [`crate::OutgoingMessage`] → [`crate::message::Message`].
    pub const EVENT_MESSAGES: &str = "/api/events/{id}/messages";
    /// POST [`super::ActionRequest`] → [`super::EventRow`].
    pub const EVENT_ACTION: &str = "/api/events/{id}/action";
    /// GET → [`super::Tags`].
    pub const TAGS: &str = "/api/tags";
    /// POST [`crate::Audience`] → [`crate::AudienceCount`]; [`super::CountQuery`] says for what.
    pub const AUDIENCE_COUNT: &str = "/api/audience/count";
    /// POST [`crate::BroadcastRequest`] → [`crate::Broadcast`]; GET `?after=<id>` → [`super::BroadcastPage`].
    pub const BROADCASTS: &str = "/api/broadcasts";
    /// GET → [`crate::Broadcast`].
    pub const BROADCAST: &str = "/api/broadcasts/{id}";
    /// GET [`super::RecipientQuery`] → [`super::RecipientPage`].
    pub const BROADCAST_RECIPIENTS: &str = "/api/broadcasts/{id}/recipients";
    /// POST [`crate::BroadcastRequest`] → [`crate::Preflight`]: the check before sending; nothing is sent.
    pub const BROADCAST_PREFLIGHT: &str = "/api/broadcasts/preflight";
    /// POST [`crate::BroadcastRequest`] → [`super::PreflightPage`]; [`super::PreflightQuery`] says of which customers.
    pub const BROADCAST_PREFLIGHT_CUSTOMERS: &str = "/api/broadcasts/preflight/customers";
    /// POST [`crate::Control`] → [`crate::Controlled`].
    pub const BROADCAST_CONTROL: &str = "/api/broadcasts/{id}/control";
    /// POST with an `Idempotency-Key` → [`crate::Broadcast`], which sends again what failed and may be retried.
    pub const BROADCAST_RETRY: &str = "/api/broadcasts/{id}/retry";
    /// POST [`crate::test_send::TestSend`] → [`crate::test_send::TestResult`].
    pub const BROADCAST_TEST: &str = "/api/broadcasts/test";
    /// GET → [`crate::test_send::TestCustomers`].
    pub const TEST_CUSTOMERS: &str = "/api/test-customers";
    /// POST → [`crate::test_send::TestCode`].
    pub const TEST_CODE: &str = "/api/test-customers/code";
    /// DELETE unbinds.
    pub const TEST_CUSTOMER: &str = "/api/test-customers/{channel}";
    /// GET [`super::SavedReplyQuery`] → [`super::SavedReplyPage`]; POST [`crate::SavedReplyEdit`] → [`crate::SavedReply`].
    pub const SAVED_REPLIES: &str = "/api/saved-replies";
    /// GET → [`crate::SavedReply`]; PUT [`crate::SavedReplyEdit`] → [`crate::SavedReply`]; DELETE.
    pub const SAVED_REPLY: &str = "/api/saved-replies/{id}";
    /// GET [`super::TemplateQuery`] → [`super::TemplatePage`].
    pub const TEMPLATES: &str = "/api/templates";
    /// POST [`super::TemplateSyncRequest`] → [`super::TemplateSync`].
    pub const TEMPLATES_SYNC: &str = "/api/templates/sync";
    /// POST [`super::BoundCustomerQuery`] → [`super::BoundCustomerPage`].
    pub const BOUND_CUSTOMERS: &str = "/api/bound-customers";
    /// GET → [`super::Drafts`].
    pub const DRAFTS: &str = "/api/drafts";
    /// GET → [`crate::Draft`]; PUT [`crate::DraftEdit`] → [`crate::Draft`]; DELETE.
    pub const DRAFT: &str = "/api/drafts/{id}";
    /// POST multipart (`file`, `preview`) → [`super::Media`].
    pub const MEDIA: &str = "/api/media";
    /// GET → the upload, for members of the team.
    pub const MEDIA_FILE: &str = "/api/media/{id}";
    /// GET → its preview, a JPEG.
    pub const MEDIA_PREVIEW: &str = "/api/media/{id}/preview";
    /// GET → server-sent events of [`crate::live::LiveEvent`].
    pub const LIVE: &str = "/api/live";
    /// GET → the OpenAPI description.
    pub const OPENAPI: &str = "/api/openapi.json";

    fn with_id(pattern: &str, id: impl std::fmt::Display) -> String {
        pattern.replace("{id}", &id.to_string())
    }

    /// [`EVENT`] of one event.
    pub fn event(id: EventId) -> String {
        with_id(EVENT, id)
    }

    /// [`EVENT_MESSAGES`] of one event.
    pub fn event_messages(id: EventId) -> String {
        with_id(EVENT_MESSAGES, id)
    }

    /// [`EVENT_ACTION`] of one event.
    pub fn event_action(id: EventId) -> String {
        with_id(EVENT_ACTION, id)
    }

    /// [`BROADCAST`] of one broadcast.
    pub fn broadcast(id: BroadcastId) -> String {
        with_id(BROADCAST, id)
    }

    /// [`BROADCAST_RECIPIENTS`] of one broadcast.
    pub fn broadcast_recipients(id: BroadcastId) -> String {
        with_id(BROADCAST_RECIPIENTS, id)
    }

    /// [`BROADCAST_CONTROL`] of one broadcast.
    pub fn broadcast_control(id: BroadcastId) -> String {
        with_id(BROADCAST_CONTROL, id)
    }

    /// [`BROADCAST_RETRY`] of one broadcast.
    pub fn broadcast_retry(id: BroadcastId) -> String {
        with_id(BROADCAST_RETRY, id)
    }

    /// [`MEDIA_FILE`] of one upload.
    pub fn media_file(id: MediaId) -> String {
        with_id(MEDIA_FILE, id)
    }

    /// [`MEDIA_PREVIEW`] of one upload.
    pub fn media_preview(id: MediaId) -> String {
        with_id(MEDIA_PREVIEW, id)
    }

    /// [`SAVED_REPLY`] of one saved reply.
    pub fn saved_reply(id: SavedReplyId) -> String {
        with_id(SAVED_REPLY, id)
    }

    /// [`DRAFT`] of one draft.
    pub fn draft(id: DraftId) -> String {
        with_id(DRAFT, id)
    }

    /// [`TEST_CUSTOMER`] of one channel.
    pub fn test_customer(channel: Channel) -> String {
        TEST_CUSTOMER.replace("{channel}", channel.as_str())
    }
}

/// The header that makes a broadcast pressed twice one broadcast.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The member's e-mail.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The member.
    pub id: MemberId,
    /// Their name.
    pub name: String,
    /// Their e-mail.
    pub email: String,
    /// Their role.
    pub role: Role,
    /// The team's name.
    pub team: String,
    /// The team's plan.
    pub plan: Plan,
    /// The team's IANA time zone, such as `Asia/Taipei`.
    pub time_zone: String,
    /// The shops they work in.
    pub shops: Vec<Shop>,
    /// Domains of the brand's own sites; links there and below are official.
    pub official_domains: Vec<String>,
}

/// Asks for one page of a list of events, newest message first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Which list.
    pub view: EventView,
    /// What the funnel keeps.
    #[serde(default)]
    pub filter: Filter,
    /// Where the page begins.
    #[serde(default)]
    pub from: PageStart,
    /// How many rows, 1 to 200.
    #[serde(default = "default_limit")]
    pub limit: u32,
}

fn default_limit() -> u32 {
    50
}

/// Where a page of a list begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PageStart {
    /// At the newest.
    #[default]
    First,
    /// After the row with this cursor ([`EventRow::cursor`]): the quick way, for going on.
    After(String),
    /// At this row, counted from 0: for a jump with the scroll bar.
    Row(u64),
}

/// One page of a list of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// The rows.
    pub rows: Vec<EventRow>,
    /// All rows of the list that the filter keeps.
    pub total: u64,
    /// Those of them that can be ticked for a broadcast (not of the web channel).
    pub selectable: u64,
}

/// An event in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
    /// The customer.
    pub customer: CustomerId,
    /// The customer's name; empty when unknown.
    pub name: String,
    /// Where it takes place.
    pub channel: Channel,
    /// The account's name, such as the shop's WhatsApp number.
    pub account: String,
    /// The account.
    pub account_id: AccountId,
    /// Where it stands.
    pub status: EventStatus,
    /// The owner's name.
    pub owner: Option<String>,
    /// The owner.
    pub owner_id: Option<MemberId>,
    /// The last message in one line: its text, its caption or the file's name; may be empty.
    pub last_text: String,
    /// What the last message is.
    pub last_medium: Medium,
    /// When the last message was written.
    pub last_message_at: Timestamp,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Messages of the customer that nobody has seen.
    pub unread: u32,
    /// Whether the customer has blocked the account.
    pub is_blocked: bool,
    /// The customer's tags.
    pub tags: Vec<String>,
}

impl EventRow {
    /// What [`PageStart::After`] takes to go on below this row.
    pub fn cursor(&self) -> String {
        format!("{}~{}", self.last_message_at.0, self.id)
    }
}

/// Reads [`EventRow::cursor`] back.
pub fn parse_cursor(cursor: &str) -> Option<(Timestamp, EventId)> {
    read_cursor(cursor)
}

/// Reads [`BoundCustomerRow::cursor`] back.
pub fn parse_bound_customer_cursor(cursor: &str) -> Option<(Timestamp, CustomerId)> {
    read_cursor(cursor)
}

/// Reads [`PreflightPage::next`] back.
pub fn parse_preflight_cursor(cursor: &str) -> Option<(Timestamp, CustomerId)> {
    read_cursor(cursor)
}

/// Reads [`TemplatePage::next`] back.
pub fn parse_template_cursor(cursor: &str) -> Option<(Timestamp, TemplateId)> {
    read_cursor(cursor)
}

/// Reads [`SavedReplyPage::next`] back.
pub fn parse_saved_reply_cursor(cursor: &str) -> Option<(Timestamp, SavedReplyId)> {
    read_cursor(cursor)
}

fn read_cursor<T: FromStr>(cursor: &str) -> Option<(Timestamp, T)> {
    let (at, id) = cursor.split_once('~')?;
    Some((Timestamp(at.parse().ok()?), id.parse().ok()?))
}

/// How many events each view has; none for a view the member does not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventCounts {
    /// 我的事件－處理中.
    pub mine: Option<u64>,
    /// 團隊事件－處理中.
    pub team: Option<u64>,
    /// 待處理.
    pub pending: Option<u64>,
    /// 已結束.
    pub ended: Option<u64>,
}

impl EventCounts {
    /// The count of one view.
    pub fn of(&self, view: EventView) -> Option<u64> {
        match view {
            EventView::Mine => self.mine,
            EventView::Team => self.team,
            EventView::Pending => self.pending,
            EventView::Ended => self.ended,
        }
    }
}

/// An event with its customer and its newest messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thread {
    /// The event.
    pub event: EventRow,
    /// The customer.
    pub customer: Customer,
    /// Up to 50 messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub has_older: bool,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Customer {
    /// Their id.
    pub id: CustomerId,
    /// Their name; empty when unknown.
    pub name: String,
    /// Their phone number with country code, where the platform tells it.
    pub phone: Option<String>,
    /// When they first wrote.
    pub created_at: Timestamp,
    /// Their tags.
    pub tags: Vec<String>,
}

/// What to do to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionRequest {
    /// 跟進, 結束 or 重啟.
    pub action: EventAction,
}

/// What to do to many events at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BulkRequest {
    /// 跟進, 結束 or 重啟.
    pub action: EventAction,
    /// Which ones, at most [`crate::limit::MAX_BULK`].
    pub events: Vec<EventId>,
}

/// What became of a bulk action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkResult {
    /// How many were changed.
    pub done: u64,
    /// Which were not, and why.
    pub refused: Vec<BulkRefusal>,
}

/// One event that a bulk action left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkRefusal {
    /// Which one.
    pub event: EventId,
    /// Why.
    pub problem: Problem,
}

/// The team's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tags {
    /// Their names, in order.
    pub tags: Vec<String>,
}

/// An uploaded image, video or file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Media {
    /// Its id.
    pub id: MediaId,
    /// The file's name as it was uploaded.
    pub name: String,
    /// Its media type, such as `image/jpeg`, found by its content.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
    /// Which medium it is, found by its content.
    pub medium: Medium,
    /// Which kind of file; none for an image or a video.
    pub file_type: Option<FileType>,
    /// Whether it has a preview.
    pub has_preview: bool,
}

impl SavedReply {
    /// What [`SavedReplyQuery::after`] takes to go on below this one.
    pub fn cursor(&self) -> String {
        format!("{}~{}", self.updated_at.0, self.id)
    }
}

impl Media {
    /// What the rules must know of it.
    pub fn facts(&self) -> MediaFacts {
        MediaFacts {
            medium: self.medium,
            bytes: self.bytes,
            file_type: self.file_type,
        }
    }
}

/// A member's drafts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drafts {
    /// All of them, the last changed first.
    pub rows: Vec<DraftSummary>,
}

/// Asks for saved replies that apply to the member (query string).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SavedReplyQuery {
    /// Part of the title or of a text, in any case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub search: String,
    /// Only this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// After the page that gave this as `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of saved replies, the last changed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedReplyPage {
    /// The saved replies.
    pub rows: Vec<SavedReply>,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<String>,
    /// The categories of all that the member sees, in order.
    pub categories: Vec<String>,
}

/// For what an audience is counted (query string).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CountQuery {
    /// What is to be sent.
    pub kind: BroadcastKind,
    /// The template, once it is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateId>,
}

/// Asks for templates that may be sent and that apply to the member (query string).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateQuery {
    /// Those of this WhatsApp Business account.
    pub waba: WabaId,
    /// Part of the title or of Meta's name, in any case.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub search: String,
    /// Only this category among staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// After the page that gave this as `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of templates, the last changed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplatePage {
    /// The templates.
    pub rows: Vec<Template>,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<String>,
    /// The categories among staff of all that the member sees, in order.
    pub categories: Vec<String>,
    /// How the templates of the account were last read from Meta.
    pub sync: TemplateSync,
}

/// Asks for the templates of an account to be read from Meta now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateSyncRequest {
    /// The WhatsApp Business account.
    pub waba: WabaId,
}

/// How the templates of a WhatsApp Business account were last read from Meta.
/// A list that could not be read is as it was the time before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateSync {
    /// When all of them were last read; none if they never were.
    pub synced_at: Option<Timestamp>,
    /// Why the last try failed; none if it did not.
    pub failure: Option<SyncFailure>,
    /// How many Meta has, in whatever status.
    pub listed: u64,
    /// How many of those may be sent; where none may, one is made at [`WabaId::templates_url`].
    pub sendable: u64,
}

/// Why templates could not be read from Meta.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncFailure {
    /// Why, such as a token that has expired.
    pub reason: Reason,
    /// The platform's own code or words, for support.
    pub platform_code: Option<String>,
    /// When it was tried.
    pub at: Timestamp,
}

impl Template {
    /// What [`TemplateQuery::after`] takes to go on below this one.
    pub fn cursor(&self) -> String {
        format!("{}~{}", self.updated_at.0, self.id)
    }
}

/// Asks for one page of a list of bound customers, the last contact first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BoundCustomerQuery {
    /// Which list.
    pub view: BoundView,
    /// What the funnel keeps; without a channel it keeps LINE and WhatsApp.
    #[serde(default)]
    pub filter: Filter,
    /// Where the page begins.
    #[serde(default)]
    pub from: PageStart,
    /// How many rows, 1 to 200.
    #[serde(default = "default_limit")]
    pub limit: u32,
}

/// One page of a list of bound customers. Every row of 我的名單 can be ticked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoundCustomerPage {
    /// The rows.
    pub rows: Vec<BoundCustomerRow>,
    /// All rows of the list that the filter keeps.
    pub total: u64,
}

/// A bound customer in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoundCustomerRow {
    /// To whom they are bound.
    pub binding: Binding,
    /// Their name; empty when unknown.
    pub name: String,
    /// Their phone number with country code, where the platform tells it.
    pub phone: Option<String>,
    /// Where they are: LINE or WhatsApp.
    pub channel: Channel,
    /// The account's name, such as the shop's WhatsApp number.
    pub account: String,
    /// The account.
    pub account_id: AccountId,
    /// The name of the shop they are bound in.
    pub shop: String,
    /// The last message of either side, or else when they were bound.
    pub last_contact_at: Timestamp,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Their event, for the thread. Whoever is bound has one: who never wrote, an ended one without messages.
    pub event: Option<EventId>,
    /// Whether they have blocked the account.
    pub is_blocked: bool,
    /// Their tags.
    pub tags: Vec<String>,
    /// The seller they are bound to, in 團隊名單.
    pub seller: Option<Seller>,
}

/// A seller, as 團隊名單 shows them: role and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seller {
    /// Their role.
    pub role: Role,
    /// Their name.
    pub name: String,
}

impl BoundCustomerRow {
    /// What [`PageStart::After`] takes to go on below this row.
    pub fn cursor(&self) -> String {
        format!("{}~{}", self.last_contact_at.0, self.binding.customer)
    }
}

/// A page of broadcasts, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BroadcastPage {
    /// The broadcasts.
    pub rows: Vec<BroadcastSummary>,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<BroadcastId>,
}

/// Asks for recipients of a broadcast (query string).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecipientQuery {
    /// Only those who have come this far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Only those who did not get it, or not all of it, for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Only those to whom this many of their messages went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<u32>,
    /// Only those for whom there were this many messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// After this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<CustomerId>,
}

/// A page of recipients, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecipientPage {
    /// The recipients.
    pub rows: Vec<Recipient>,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<CustomerId>,
}

/// Asks for the customers of one group of a check before sending (query string).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PreflightQuery {
    /// Those who will be skipped for this; none: those who will get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// After the page that gave this as `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of the customers of one group of a check before sending, newest message first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightPage {
    /// The customers, at most 50.
    pub rows: Vec<PreflightCustomer>,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<String>,
}

/// A customer whom a broadcast would reach, or skip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightCustomer {
    /// The customer.
    pub customer: CustomerId,
    /// The event they were chosen by, or a bound customer's.
    pub event: EventId,
    /// Their name; empty when unknown.
    pub name: String,
    /// Where they are.
    pub channel: Channel,
    /// The last message of either side, or else when they were bound.
    pub last_message_at: Timestamp,
}

impl PreflightCustomer {
    /// What [`PreflightQuery::after`] takes to go on below this one.
    pub fn cursor(&self) -> String {
        format!("{}~{}", self.last_message_at.0, self.customer)
    }
}

/// The body of a 1:1 reply.
pub type Reply = OutgoingMessage;

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let id = EventId(Uuid::from_u128(7));
        assert_eq!(parse_cursor(&format!("12~{id}")), Some((Timestamp(12), id)));
        for cursor in [
            "",
            "12",
            "x~y",
            "12~",
            "~00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(parse_cursor(cursor), None, "{cursor}");
        }
    }

    #[test]
    fn a_bound_customer_is_gone_on_from() {
        let customer = CustomerId(Uuid::from_u128(7));
        let row = BoundCustomerRow {
            binding: Binding {
                customer,
                member: MemberId(Uuid::from_u128(1)),
                shop: crate::ShopId(Uuid::from_u128(2)),
                bound_at: Timestamp(5),
            },
            name: "怡君".to_owned(),
            phone: None,
            channel: Channel::Line,
            account: "Rivage".to_owned(),
            account_id: AccountId(Uuid::from_u128(3)),
            shop: "信義店".to_owned(),
            last_contact_at: Timestamp(12),
            last_inbound_at: None,
            event: None,
            is_blocked: false,
            tags: Vec::new(),
            seller: None,
        };
        assert_eq!(
            parse_bound_customer_cursor(&row.cursor()),
            Some((Timestamp(12), customer))
        );
    }

    #[test]
    fn an_audience_is_counted_for_messages_unless_a_template_is_meant() {
        let query: CountQuery = serde_json::from_str("{}").unwrap();
        assert_eq!(query.kind, BroadcastKind::Messages);
        let query: CountQuery = serde_json::from_str(r#"{"kind":"template"}"#).unwrap();
        assert_eq!(
            (query.kind, query.template),
            (BroadcastKind::Template, None)
        );
    }

    #[test]
    fn paths_are_filled_in() {
        let id = EventId(Uuid::from_u128(7));
        assert_eq!(
            path::event_messages(id),
            "/api/events/00000000-0000-0000-0000-000000000007/messages"
        );
    }

    #[test]
    fn unknown_fields_of_a_request_are_refused() {
        assert!(serde_json::from_str::<EventQuery>(r#"{"view":"mine","fliter":{}}"#).is_err());
        let query: EventQuery = serde_json::from_str(r#"{"view":"mine"}"#).unwrap();
        assert_eq!((query.limit, query.from), (50, PageStart::First));
    }
}
