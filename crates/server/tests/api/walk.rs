//! Two teams in one installation: every endpoint is asked by members of one for what belongs to the other.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use omocast_contract::api::{
    ActionRequest, BulkRequest, BulkResult, EventQuery, IDEMPOTENCY_KEY, PageStart, path,
};
use omocast_contract::{
    Audience, Broadcast, BroadcastId, BroadcastRequest, EventAction, EventId, EventStatus,
    EventView, Filter, MediaId, OutgoingMessage, Plan, ProblemCode, Role,
};
use serde_json::Value;

use crate::support::{TestApp, User, only, text, to_all};

struct Foreign {
    event: EventId,
    pending: EventId,
    broadcast: BroadcastId,
    media: MediaId,
}

/// Asks one endpoint for the other team's things; gives what came back.
async fn ask(user: &User, operation: &str, foreign: &Foreign) -> Option<(StatusCode, String)> {
    let missing = async |answer: crate::support::Answer, field: Option<&str>| {
        answer.refused(ProblemCode::NotFound, field);
        answer
    };
    let key = [(IDEMPOTENCY_KEY, "foreign-0001")];
    let image = OutgoingMessage::Image {
        media: foreign.media,
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
            if everything.status.is_success() {
                missing(answer, Some("audience.pick[0]")).await;
            }
            everything
        }
        "createBroadcast" => {
            let request = BroadcastRequest {
                audience: only(&[foreign.event]),
                ..to_all(vec![text("hello")])
            };
            let answer = user.post_with(path::BROADCASTS, &key, &request).await;
            assert!(!answer.status.is_success());
            let answer = user
                .post_with(path::BROADCASTS, &key, &to_all(vec![image]))
                .await;
            assert!(!answer.status.is_success());
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
        "describe" => user.get(path::OPENAPI).await,
        // They take nothing that could belong to somebody; `live.rs` tests the stream.
        "createSession" | "deleteSession" | "createMedia" | "listen" => return None,
        other => panic!("{other} is not walked: add it"),
    };
    Some((
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    ))
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
    let media = owner.image(2_000).await.id;
    let made: Broadcast = owner
        .broadcast(
            "theirs-0001",
            &to_all(vec![text("THEIRS words"), OutgoingMessage::Image { media }]),
        )
        .await
        .json();
    let foreign = Foreign {
        event,
        pending,
        broadcast: made.summary.id,
        media,
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
    assert!(operations.len() >= 19);
    let told = [
        theirs.id.to_string(),
        event.to_string(),
        pending.to_string(),
        foreign.broadcast.to_string(),
        media.to_string(),
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
            let path = path.replace("{id}", "0198c0de-0000-7000-8000-000000000001");
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
