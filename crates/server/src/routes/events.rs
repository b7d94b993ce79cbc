//! The lists of events, a thread, replies in it, and what members do to events.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use omocast_contract::api::{
    ActionRequest, BulkRequest, BulkResult, EventCounts, EventPage, EventQuery, EventRow, Tags,
    Thread,
};
use omocast_contract::event::may_reply;
use omocast_contract::limit::{MAX_BULK, image_limit};
use omocast_contract::message::{Message, MessageContent};
use omocast_contract::reach::{self, Reach};
use omocast_contract::text::{fits, is_blank};
use omocast_contract::{
    Channel, DeliveryStatus, EventId, MessageId, OutgoingMessage, Problem, ProblemCode, Reason,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::app::App;
use crate::channels::{Outbound, SendOutcome};
use crate::error::{AppError, AppResult, Json};
use crate::media::Variant;
use crate::request::{Asked, PathId};
use crate::routes::broadcasts::{idempotency_key, is_key_given};
use crate::sessions::SignedIn;
use crate::store::{BegunReply, ChangedEvent, Member, ReplyOutcome};

const MOST_ROWS: u32 = 200;

/// Longer than any answer of a platform is waited for; then the outcome is recorded as unknown.
const PATIENCE: Duration = Duration::from_secs(30);

/// One page of a list.
pub async fn list_events(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(asked): Json<EventQuery>,
) -> AppResult<Json<EventPage>> {
    if !member.role.sees(asked.view) {
        return Err(Problem::new(ProblemCode::RoleMayNotSee).at("view").into());
    }
    asked
        .filter
        .check()
        .map_err(|code| Problem::new(code).at("filter"))?;
    if !(1..=MOST_ROWS).contains(&asked.limit) {
        return Err(Problem::new(ProblemCode::MalformedRequest)
            .at("limit")
            .into());
    }
    app.store.list_events(&member, &asked).await.map(Json)
}

/// How many events each view has.
pub async fn count_events(
    State(app): State<App>,
    SignedIn(member): SignedIn,
) -> AppResult<Json<EventCounts>> {
    Ok(Json(app.store.count_events(&member).await?))
}

/// Which part of a thread.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreadQuery {
    before: Option<MessageId>,
}

/// An event with its newest messages, or those before one. Opening one's own event makes its messages read.
pub async fn find_thread(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(event): PathId<EventId>,
    Asked(asked): Asked<ThreadQuery>,
) -> AppResult<Json<Thread>> {
    let mut thread = app.store.find_thread(&member, event, asked.before).await?;
    let is_mine = thread.event.owner_id == Some(member.id);
    if is_mine && thread.event.unread > 0 {
        thread.event.unread = 0;
        if app.store.mark_read(event).await? {
            app.live.event_changed(member.team_id, event, &[member.id]);
        }
    }
    Ok(Json(thread))
}

/// 跟進, 結束 or 重啟.
pub async fn act_on_event(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(event): PathId<EventId>,
    Json(asked): Json<ActionRequest>,
) -> AppResult<Json<EventRow>> {
    let (row, changed) = app
        .store
        .act_on_event(&member, event, asked.action, app.now())
        .await?;
    tell(&app, &member, &[changed]);
    Ok(Json(row))
}

/// 跟進, 結束 or 重啟 of many.
pub async fn act_on_events(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(asked): Json<BulkRequest>,
) -> AppResult<Json<BulkResult>> {
    if asked.events.len() > MAX_BULK {
        return Err(Problem::new(ProblemCode::TooManyPicked).at("events").into());
    }
    let (result, changed) = app
        .store
        .act_on_events(&member, &asked.events, asked.action, app.now())
        .await?;
    tell(&app, &member, &changed);
    Ok(Json(result))
}

/// The team's tags.
pub async fn list_tags(
    State(app): State<App>,
    SignedIn(member): SignedIn,
) -> AppResult<Json<Tags>> {
    Ok(Json(Tags {
        tags: app.store.list_tags(&member).await?,
    }))
}

fn tell(app: &App, member: &Member, changed: &[ChangedEvent]) {
    for change in changed {
        app.live
            .event_changed(member.team_id, change.event, &change.owners);
    }
}

/// Writes to the customer of one's own event, at once.
///
/// With an `Idempotency-Key` the same reply is one message however often it is asked for;
/// one that the platform refused is tried again under the same key.
pub async fn create_message(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(event): PathId<EventId>,
    headers: HeaderMap,
    Json(content): Json<OutgoingMessage>,
) -> AppResult<Response> {
    let id = if is_key_given(&headers) {
        let name = format!("{} {event} {}", member.id, idempotency_key(&headers)?);
        MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    } else {
        MessageId(Uuid::now_v7())
    };
    let event = app.store.find_event(&member, event).await?;
    may_reply(event.status, event.owner_id, member.id)?;
    if event.is_blocked {
        return Err(ProblemCode::CustomerBlocked.into());
    }
    if let Reach::Skipped(_) = reach::window(event.channel, event.last_inbound_at, app.now()) {
        return Err(ProblemCode::WindowClosed.into());
    }
    check_content(&app, &member, event.channel, &content).await?;
    match app
        .store
        .begin_reply(&member, &event, id, &content, app.now())
        .await?
    {
        BegunReply::Repeated(message) if message.content == shown(&content) => {
            return Ok(Json(message).into_response());
        }
        BegunReply::Repeated(_) => return Err(ProblemCode::IdempotencyKeyReused.into()),
        BegunReply::New => {}
    }
    // In a task of its own: a browser that hangs up must not leave the outcome unrecorded.
    let handed_over = tokio::spawn(hand_over(app, member, event, id, content));
    let message = handed_over.await.map_err(anyhow::Error::from)??;
    Ok((StatusCode::CREATED, Json(message)).into_response())
}

/// What a message looks like in the thread.
fn shown(content: &OutgoingMessage) -> MessageContent {
    match content {
        OutgoingMessage::Text { text } => MessageContent::Text { text: text.clone() },
        OutgoingMessage::Image { media } => MessageContent::Image {
            media: Some(*media),
        },
    }
}

async fn check_content(
    app: &App,
    member: &Member,
    channel: Channel,
    content: &OutgoingMessage,
) -> AppResult<()> {
    let refuse = |code, field: &str| {
        let mut problem = Problem::new(code).at(field);
        problem.channels = vec![channel];
        Err(AppError::from(problem))
    };
    match content {
        OutgoingMessage::Text { text } if is_blank(text) => refuse(ProblemCode::TextEmpty, "text"),
        OutgoingMessage::Text { text } if !fits(text, channel) => {
            refuse(ProblemCode::TextTooLong, "text")
        }
        OutgoingMessage::Text { .. } => Ok(()),
        OutgoingMessage::Image { media } => {
            match app.store.find_media(member.team_id, *media).await? {
                None => refuse(ProblemCode::MediaNotFound, "media"),
                Some(media) if media.bytes > image_limit(channel) => {
                    refuse(ProblemCode::ImageTooLarge, "media")
                }
                Some(_) => Ok(()),
            }
        }
    }
}

async fn hand_over(
    app: App,
    member: Member,
    event: EventRow,
    id: MessageId,
    content: OutgoingMessage,
) -> AppResult<Message> {
    let outcome = match send(&app, &event, id, content).await {
        Ok(outcome) => outcome,
        Err(error) => {
            // Nothing was sent: say so in the thread, then tell what broke.
            let failed = failed(DeliveryStatus::Failed, Reason::AccountNotConnected);
            app.store
                .finish_reply(event.id, id, &failed, app.now())
                .await?;
            return Err(error);
        }
    };
    let is_refused = outcome.status == DeliveryStatus::Failed;
    let message = app
        .store
        .finish_reply(event.id, id, &outcome, app.now())
        .await?;
    app.live
        .event_changed(member.team_id, event.id, &[member.id]);
    if is_refused {
        return Err(ProblemCode::PlatformRefused.into());
    }
    Ok(message)
}

async fn send(
    app: &App,
    event: &EventRow,
    id: MessageId,
    content: OutgoingMessage,
) -> AppResult<ReplyOutcome> {
    let account = app.find_account(event.account_id).await?;
    let account =
        account.ok_or_else(|| anyhow::anyhow!("the account {} is gone", event.account_id))?;
    let to = app.store.find_address(event.id).await?;
    let message = match content {
        OutgoingMessage::Text { text } => Outbound::Text(text),
        OutgoingMessage::Image { media } => Outbound::Image {
            original_url: app.media.public_url(media, Variant::Original, app.now()),
            preview_url: app.media.public_url(media, Variant::Preview, app.now()),
        },
    };
    let opaque = id.to_string();
    let messages = [message];
    let sent = app.connectors.send(&account, &to, &messages, id.0, &opaque);
    let outcome = tokio::time::timeout(PATIENCE, sent)
        .await
        .ok()
        .and_then(|outcomes| outcomes.into_iter().next());
    Ok(match outcome {
        Some(SendOutcome::Accepted { external_id }) => ReplyOutcome {
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
    })
}

fn failed(status: DeliveryStatus, reason: Reason) -> ReplyOutcome {
    ReplyOutcome {
        status,
        reason: Some(reason),
        external_id: None,
    }
}
