//! Two teams in one installation: every endpoint is asked by members of one for what belongs to the other.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use omocast_contract::api::{
    ActionRequest, BoundCustomerQuery, BulkRequest, BulkResult, EventQuery, IDEMPOTENCY_KEY,
    PageStart, SavedReplyPage, TemplatePage, TemplateSyncRequest, path,
};
use omocast_contract::test_send::TestSend;
use omocast_contract::{
    Audience, BoundView, Broadcast, BroadcastId, BroadcastRequest, Channel, Content, Control,
    CustomerId, Draft, DraftEdit, DraftId, EventAction, EventId, EventStatus, EventView, Filter,
    MediaId, OutgoingMessage, Pick, Plan, ProblemCode, Role, SavedReply, SavedReplyAudience,
    SavedReplyEdit, SavedReplyId, Surface, TemplateFill, WabaId,
};
use serde_json::Value;

use crate::support::{TestApp, User, only, text, to_all};
use crate::templates::listed;

struct Foreign {
    event: EventId,
    pending: EventId,
    broadcast: BroadcastId,
    media: MediaId,
    draft: DraftId,
    saved_reply: SavedReplyId,
    template: TemplateFill,
    /// Bound to the owner of `event`.
    customer: CustomerId,
}

impl Foreign {
    fn bound(&self) -> Audience {
        Audience {
            pick: Pick::Only(vec![self.customer.into()]),
            ..Audience::bound(Channel::Line)
        }
    }
}

/// The other team's WhatsApp Business account.
const WABA: &str = "100000000000009";

/// Asks one endpoint for the other team's things; gives what came back.
async fn ask(user: &User, operation: &str, foreign: &Foreign) -> Option<(StatusCode, String)> {
    let missing = async |answer: crate::support::Answer, field: Option<&str>| {
        answer.refused(ProblemCode::NotFound, field);
        answer
    };
    let key = [(IDEMPOTENCY_KEY, "foreign-0001")];
    let image = OutgoingMessage::Image {
        media: foreign.media,
        caption: None,
    };
    let answer = match operation {
        "findSession" => user.get(path::SESSION).await,
        "listEvents" => {
            let mut last = None;
            for view in EventView::ALL {
                let asked = EventQuery {
                    view,
                    filter: Filter::default(),
                    from: PageStart::First,
                    limit: 200,
                };
                let answer = user.post(path::EVENTS, &asked).await;
                last = Some(merge(last, answer));
            }
            last?
        }
        "countEvents" => user.get(path::EVENT_COUNTS).await,
        "actOnEvents" => {
            let request = BulkRequest {
                action: EventAction::Follow,
                events: vec![foreign.event, foreign.pending],
            };
            let result: BulkResult = user.post(path::EVENTS_BULK, &request).await.json();
            assert_eq!(result.done, 0);
            assert!(
                result
                    .refused
                    .iter()
                    .all(|refused| refused.problem.code == ProblemCode::NotFound)
            );
            return None;
        }
        "findThread" => missing(user.get(&path::event(foreign.event)).await, None).await,
        "createMessage" => {
            missing(
                user.post(&path::event_messages(foreign.event), &text("hello"))
                    .await,
                None,
            )
            .await
        }
        "actOnEvent" => {
            let action = ActionRequest {
                action: EventAction::Follow,
            };
            missing(
                user.post(&path::event_action(foreign.pending), &action)
                    .await,
                None,
            )
            .await
        }
        "listTags" => user.get(path::TAGS).await,
        "countAudience" => {
            let everything = user
                .post(
                    path::AUDIENCE_COUNT,
                    &Audience::everything(Filter::default()),
                )
                .await;
            let answer = user
                .post(path::AUDIENCE_COUNT, &only(&[foreign.event]))
                .await;
            let bound = user.post(path::AUDIENCE_COUNT, &foreign.bound()).await;
            if everything.status.is_success() {
                missing(answer, Some("audience.pick[0]")).await;
                missing(bound, Some("audience.pick[0]")).await;
                let template = foreign.template.template;
                let path = format!("{}?kind=template&template={template}", path::AUDIENCE_COUNT);
                let audience = Audience::everything(Filter::default());
                missing(user.post(&path, &audience).await, Some("template")).await;
            }
            everything
        }
        "listBoundCustomers" => {
            let mut last = None;
            for view in BoundView::ALL {
                let asked = BoundCustomerQuery {
                    view,
                    filter: Filter::default(),
                    from: PageStart::First,
                    limit: 200,
                };
                let answer = user.post(path::BOUND_CUSTOMERS, &asked).await;
                last = Some(merge(last, answer));
            }
            last?
        }
        "createBroadcast" => {
            let request = BroadcastRequest {
                audience: only(&[foreign.event]),
                ..to_all(vec![text("hello")])
            };
            let answer = user.post_with(path::BROADCASTS, &key, &request).await;
            assert!(!answer.status.is_success());
            let request = BroadcastRequest {
                audience: foreign.bound(),
                ..request
            };
            let answer = user.post_with(path::BROADCASTS, &key, &request).await;
            assert!(!answer.status.is_success());
            let answer = user
                .post_with(path::BROADCASTS, &key, &to_all(vec![image]))
                .await;
            assert!(!answer.status.is_success());
            let request = BroadcastRequest {
                content: Content::Template(foreign.template.clone()),
                ..to_all(Vec::new())
            };
            let answer = user.post_with(path::BROADCASTS, &key, &request).await;
            not_theirs(&answer, ProblemCode::RoleMayNotBroadcast);
            answer
        }
        "listTemplates" => {
            let answer = user.get(&format!("{}?waba={WABA}", path::TEMPLATES)).await;
            not_theirs(&answer, ProblemCode::RoleMayNotBroadcast);
            answer
        }
        "syncTemplates" => {
            let waba = WabaId(WABA.to_owned());
            let asked = TemplateSyncRequest { waba };
            let answer = user.post(path::TEMPLATES_SYNC, &asked).await;
            not_theirs(&answer, ProblemCode::RoleMayNotBroadcast);
            answer
        }
        "preflightBroadcast" | "listPreflightCustomers" => {
            let path = match operation {
                "preflightBroadcast" => path::BROADCAST_PREFLIGHT,
                _ => path::BROADCAST_PREFLIGHT_CUSTOMERS,
            };
            let request = BroadcastRequest {
                audience: only(&[foreign.event]),
                ..to_all(vec![text("hello")])
            };
            let answer = user.post(path, &request).await;
            assert!(!answer.status.is_success());
            let request = BroadcastRequest {
                audience: foreign.bound(),
                ..request
            };
            let answer = user.post(path, &request).await;
            assert!(!answer.status.is_success());
            answer
        }
        "controlBroadcast" => {
            let path = path::broadcast_control(foreign.broadcast);
            let answer = user.post(&path, &Control::Stop).await;
            not_theirs(&answer, ProblemCode::RoleMayNotSee);
            let answer = user.post(&path, &Control::SendNow).await;
            assert!(!answer.status.is_success());
            answer
        }
        "retryBroadcast" => {
            let path = path::broadcast_retry(foreign.broadcast);
            let answer = user.post_with(&path, &key, &()).await;
            not_theirs(&answer, ProblemCode::RoleMayNotBroadcast);
            answer
        }
        "listBroadcasts" => user.get(path::BROADCASTS).await,
        "findBroadcast" | "listRecipients" => {
            let path = if operation == "findBroadcast" {
                path::broadcast(foreign.broadcast)
            } else {
                path::broadcast_recipients(foreign.broadcast)
            };
            let answer = user.get(&path).await;
            let code = answer.problem().code;
            assert!(
                matches!(code, ProblemCode::NotFound | ProblemCode::RoleMayNotSee),
                "{code:?}"
            );
            answer
        }
        "findMedia" => missing(user.get(&path::media_file(foreign.media)).await, None).await,
        "findMediaPreview" => {
            missing(user.get(&path::media_preview(foreign.media)).await, None).await
        }
        "listSavedReplies" => user.get(path::SAVED_REPLIES).await,
        "createSavedReply" => {
            let answer = user.post(path::SAVED_REPLIES, &saved_reply(image)).await;
            answer.refused(ProblemCode::MediaNotFound, Some("messages[0]"));
            answer
        }
        "updateSavedReply" => {
            let path = path::saved_reply(foreign.saved_reply);
            missing(user.put(&path, &saved_reply(text("ours"))).await, None).await
        }
        "findSavedReply" => {
            let path = path::saved_reply(foreign.saved_reply);
            missing(user.get(&path).await, None).await
        }
        "deleteSavedReply" => {
            let path = path::saved_reply(foreign.saved_reply);
            missing(user.delete(&path).await, None).await
        }
        "listDrafts" => user.get(path::DRAFTS).await,
        "findDraft" | "deleteDraft" | "updateDraft" => {
            let path = path::draft(foreign.draft);
            let edit = |base_version| DraftEdit {
                base_version,
                messages: vec![image.clone()],
                ..DraftEdit::default()
            };
            let answers = match operation {
                "findDraft" => vec![user.get(&path).await],
                "deleteDraft" => vec![user.delete(&path).await],
                _ => vec![
                    user.put(&path, &edit(0)).await,
                    user.put(&path, &edit(1)).await,
                ],
            };
            for answer in &answers {
                let code = answer.problem().code;
                assert!(
                    matches!(
                        code,
                        ProblemCode::NotFound | ProblemCode::RoleMayNotBroadcast
                    ),
                    "{code:?}"
                );
            }
            // In a draft of one's own, the other team's upload is not told.
            let own = DraftId(uuid::Uuid::now_v7());
            let answer = user.put(&path::draft(own), &edit(0)).await;
            if answer.status.is_success() {
                assert_eq!(answer.json::<Draft>().media, []);
            }
            answers.into_iter().next()?
        }
        "listTestCustomers" => user.get(path::TEST_CUSTOMERS).await,
        "sendTest" => {
            let test = TestSend {
                messages: vec![image],
                name_fallback: None,
                surface: Surface::Web,
                channels: vec![Channel::Line],
            };
            let answer = user.post(path::BROADCAST_TEST, &test).await;
            let code = answer.problem().code;
            assert!(
                matches!(
                    code,
                    ProblemCode::MediaNotFound | ProblemCode::RoleMayNotBroadcast
                ),
                "{code:?}"
            );
            answer
        }
        "describe" => user.get(path::OPENAPI).await,
        // They take nothing that could belong to somebody; `live.rs` tests the stream.
        "createSession" | "deleteSession" | "createMedia" | "createTestCode"
        | "deleteTestCustomer" | "listen" => return None,
        other => panic!("{other} is not walked: add it"),
    };
    Some((
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    ))
}

/// Not there, or not for this role at all.
#[track_caller]
fn not_theirs(answer: &crate::support::Answer, or: ProblemCode) {
    let code = answer.problem().code;
    assert!(code == ProblemCode::NotFound || code == or, "{code:?}");
}

fn saved_reply(message: OutgoingMessage) -> SavedReplyEdit {
    SavedReplyEdit {
        version: 1,
        title: "營業時間".to_owned(),
        category: String::new(),
        audience: SavedReplyAudience::OnlyMe,
        messages: vec![message],
    }
}

fn merge(
    before: Option<crate::support::Answer>,
    answer: crate::support::Answer,
) -> crate::support::Answer {
    let body = before
        .map(|before| before.body.to_vec())
        .unwrap_or_default();
    let body = [body, answer.body.to_vec()].concat().into();
    crate::support::Answer { body, ..answer }
}

#[tokio::test]
async fn nothing_of_one_team_is_told_to_the_other_or_changed_by_it() {
    let app = TestApp::new().await;
    let ours = app.team("OURS", Plan::Omo).await;
    let theirs = app.team("THEIRS", Plan::Omo).await;
    // The same codes of shops, so that a join over codes would be found out.
    let owner = app.user(&theirs, Role::SalesRep, &["A1"]).await;
    let secret = |event: &mut crate::support::NewEvent| {
        event.name = "THEIRS secret customer".to_owned();
        event.tags = vec!["THEIRS tag".to_owned()];
    };
    let event = app.event(&theirs, Some(owner.id), secret).await;
    let pending = app.event(&theirs, None, secret).await;
    app.event(&theirs, Some(owner.id), |event| {
        secret(event);
        event.status = EventStatus::Ended;
    })
    .await;
    let customer = app.bind(&theirs, event, owner.id, "A1").await;
    let media = owner.image(2_000).await.id;
    let made: Broadcast = owner
        .broadcast(
            "theirs-0001",
            &to_all(vec![
                text("THEIRS words"),
                OutgoingMessage::Image {
                    media,
                    caption: None,
                },
            ]),
        )
        .await
        .json();
    let draft = DraftId(uuid::Uuid::now_v7());
    let edit = DraftEdit {
        messages: vec![text("THEIRS draft")],
        ..DraftEdit::default()
    };
    owner.put(&path::draft(draft), &edit).await.json::<Draft>();
    let keeper = app.user(&theirs, Role::Admin, &[]).await;
    let reply = SavedReplyEdit {
        audience: SavedReplyAudience::Everyone,
        ..saved_reply(text("THEIRS reply"))
    };
    let reply: SavedReply = keeper.post(path::SAVED_REPLIES, &reply).await.json();
    app.set_waba(&theirs, WABA).await;
    let secret = listed("theirs_secret", "THEIRS template");
    app.list_at_meta(&theirs, WABA, &[secret]).await;
    let path = format!("{}?waba={WABA}", path::TEMPLATES);
    let templates: TemplatePage = owner.get(&path).await.json();
    let foreign = Foreign {
        template: TemplateFill::of(&templates.rows[0]),
        event,
        pending,
        broadcast: made.summary.id,
        media,
        draft,
        saved_reply: reply.id,
        customer,
    };
    let broadcasts = app.count("broadcast").await;

    let description: Value = app.nobody().get(path::OPENAPI).await.json();
    let items = description["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values());
    let operations: BTreeSet<&str> = items
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert!(operations.len() >= 34);
    let told = [
        theirs.id.to_string(),
        event.to_string(),
        pending.to_string(),
        foreign.broadcast.to_string(),
        media.to_string(),
        draft.to_string(),
        reply.id.to_string(),
        foreign.template.template.to_string(),
        WABA.to_owned(),
        customer.to_string(),
    ];
    for role in Role::ALL {
        let user = app.user(&ours, role, &["A1"]).await;
        for operation in &operations {
            let Some((_, body)) = ask(&user, operation, &foreign).await else {
                continue;
            };
            assert!(!body.contains("THEIRS"), "{role:?} {operation}: {body}");
            assert!(
                !told.iter().any(|id| body.contains(id)),
                "{role:?} {operation}: {body}"
            );
        }
    }
    // And nothing changed.
    let kept: Draft = owner.get(&path::draft(draft)).await.json();
    assert_eq!(kept.version, 1);
    let kept: SavedReplyPage = keeper.get(path::SAVED_REPLIES).await.json();
    assert_eq!(kept.rows, [reply]);
    assert_eq!(app.count("broadcast").await, broadcasts);
    assert_eq!(app.count("message").await, 0);
    let thread: omocast_contract::api::Thread = owner.get(&path::event(event)).await.json();
    assert_eq!(thread.event.owner_id, Some(owner.id));
}

#[tokio::test]
async fn nobody_signed_out_gets_anything_from_any_endpoint() {
    let app = TestApp::new().await;
    let nobody = app.nobody();
    let description: Value = nobody.get(path::OPENAPI).await.json();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("security").is_none() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path
                .replace("{id}", "0198c0de-0000-7000-8000-000000000001")
                .replace("{channel}", "line");
            let answer = nobody
                .send(
                    method,
                    &path,
                    &[("content-type", "application/json")],
                    Body::from("{}"),
                )
                .await;
            answer.refused(ProblemCode::SignedOut, None);
        }
    }
}
