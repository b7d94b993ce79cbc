//! The lists of events, a thread, replies in it, and what members do to events.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use omocast_contract::api::{
    ActionRequest, BulkRequest, BulkResult, EventCounts, EventPage, EventQuery, EventRow, Tags,
    Thread,
};
use omocast_contract::draft::check_reply;
use omocast_contract::event::may_reply;
use omocast_contract::limit::MAX_BULK;
use omocast_contract::message::{Message, MessageOrigin};
use omocast_contract::reach::{self, Reach};
use omocast_contract::variable::fill_name;
use omocast_contract::{
    Channel, DeliveryStatus, EventId, MessageId, OutgoingMessage, Problem, ProblemCode, Surface,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::replies::{Destination, hand_over, is_same};
use crate::request::{Asked, PathId};
use crate::routes::broadcasts::{idempotency_key, is_key_given};
use crate::sessions::SignedIn;
use crate::store::{BegunReply, ChangedEvent, Member};

const MOST_ROWS: u32 = 200;

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
    let facts = app
        .store
        .media_facts(member.team_id, std::slice::from_ref(&content))
        .await?;
    // The seed's tables are about broadcasts: a reply may hold what either surface may send.
    check_reply(
        &content,
        event.channel,
        Surface::App,
        |id| facts.get(&id).copied(),
        &event.name,
    )
    .map_err(|code| refused(code, event.channel))?;
    let content = content.with_words(|words| fill_name(words, &event.name, ""));
    match app
        .store
        .begin_reply(&member, event.id, event.account_id, id, &content, app.now())
        .await?
    {
        BegunReply::Repeated(message) if is_same(&message.content, &content) => {
            return Ok(Json(message).into_response());
        }
        BegunReply::Repeated(_) => return Err(ProblemCode::IdempotencyKeyReused.into()),
        BegunReply::New => {}
    }
    let to = Destination {
        event: event.id,
        account: event.account_id,
        channel: event.channel,
    };
    // In a task of its own: a browser that hangs up must not leave the outcome unrecorded.
    let handed_over =
        tokio::spawn(async move { hand_over(&app, &member, to, &[(id, content)]).await });
    let shown = handed_over.await.map_err(anyhow::Error::from)??;
    let message = shown
        .into_iter()
        .next()
        .ok_or_else(|| anyhow::anyhow!("one message was handed over"))?;
    if is_refused(&message) {
        return Err(ProblemCode::PlatformRefused.into());
    }
    Ok((StatusCode::CREATED, Json(message)).into_response())
}

fn is_refused(message: &Message) -> bool {
    matches!(
        message.origin,
        MessageOrigin::Outbound {
            status: DeliveryStatus::Failed,
            ..
        }
    )
}

/// Why a reply may not be sent, at the part of it that is meant.
fn refused(code: ProblemCode, channel: Channel) -> Problem {
    let field = match code {
        ProblemCode::MediaNotFound
        | ProblemCode::MediaTooLarge
        | ProblemCode::FileTypeNotSupported
        | ProblemCode::MediumNotSupported => "media",
        ProblemCode::CaptionNotSupported | ProblemCode::CaptionTooLong => "caption",
        _ => "text",
    };
    let mut problem = Problem::new(code).at(field);
    problem.channels = vec![channel];
    problem
}
