//! Drafts: kept, taken up again, never overwritten silently, and gone when sent.

use axum::http::StatusCode;
use omocast_contract::api::{Drafts, path};
use omocast_contract::{
    Audience, Broadcast, BroadcastRequest, Draft, DraftEdit, DraftId, Filter, Medium,
    OutgoingMessage, Plan, ProblemCode, Role, Surface,
};
use uuid::Uuid;

use crate::support::{Team, TestApp, User, message_of, text, to_all};

async fn shop() -> (TestApp, Team, User) {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    (app, team, rep)
}

fn draft_id() -> DraftId {
    DraftId(Uuid::now_v7())
}

fn edit(base_version: u64, messages: Vec<OutgoingMessage>) -> DraftEdit {
    DraftEdit {
        base_version,
        messages,
        ..DraftEdit::default()
    }
}

#[tokio::test]
async fn a_draft_is_taken_up_again_as_it_was() {
    let (app, _team, rep) = shop().await;
    let image = rep.image(2_000).await;
    let id = draft_id();
    let edit = DraftEdit {
        base_version: 0,
        audience: Some(Audience::everything(Filter::default())),
        messages: vec![text(""), message_of(&image), text("  週年慶\n開跑")],
        name_fallback: Some("貴賓".to_owned()),
        surface: Surface::App,
    };
    let kept: Draft = rep.put(&path::draft(id), &edit).await.json();
    let expected = Draft {
        id,
        version: 1,
        updated_at: app.now(),
        title: "週年慶 開跑".to_owned(),
        audience: edit.audience.clone(),
        messages: edit.messages.clone(),
        media: vec![image],
        name_fallback: edit.name_fallback.clone(),
        surface: Surface::App,
    };
    assert_eq!(kept, expected);
    let found: Draft = rep.get(&path::draft(id)).await.json();
    assert_eq!(found, expected);

    app.advance(1_000);
    let other = draft_id();
    rep.put(&path::draft(other), &self::edit(0, vec![text("第二份")]))
        .await
        .json::<Draft>();
    let listed: Drafts = rep.get(path::DRAFTS).await.json();
    let rows: Vec<_> = listed
        .rows
        .iter()
        .map(|row| (row.id, row.title.as_str()))
        .collect();
    assert_eq!(rows, [(other, "第二份"), (id, "週年慶 開跑")]);
    assert_eq!(
        listed.rows[1].media,
        [Medium::Text, Medium::Image, Medium::Text]
    );
}

#[tokio::test]
async fn two_tabs_do_not_overwrite_each_other() {
    let (_app, _team, rep) = shop().await;
    let path = path::draft(draft_id());
    rep.put(&path, &edit(0, vec![text("一")]))
        .await
        .json::<Draft>();
    let ours: Draft = rep.put(&path, &edit(1, vec![text("二")])).await.json();
    assert_eq!(ours.version, 2);
    for base in [0, 1, 3] {
        rep.put(&path, &edit(base, vec![text("另一個分頁")]))
            .await
            .refused(ProblemCode::DraftChanged, None);
    }
    // The same once more, because its answer was lost, is no conflict.
    let repeated: Draft = rep.put(&path, &edit(1, vec![text("二")])).await.json();
    assert_eq!(repeated, ours);
    assert_eq!(rep.get(&path).await.json::<Draft>(), ours);
}

#[tokio::test]
async fn an_emptied_draft_is_kept_as_such_until_another_is_begun() {
    let (app, _team, rep) = shop().await;
    let image = rep.image(2_000).await;
    let (emptied, picture) = (path::draft(draft_id()), path::draft(draft_id()));
    for (path, message) in [(&emptied, text("一")), (&picture, message_of(&image))] {
        rep.put(path, &edit(0, vec![message])).await.json::<Draft>();
    }
    let kept: Draft = rep.put(&emptied, &edit(1, vec![text(" ")])).await.json();
    assert_eq!((kept.version, kept.messages), (2, vec![text(" ")]));
    let listed = async || rep.get(path::DRAFTS).await.json::<Drafts>().rows.len();
    assert_eq!((listed().await, app.count("draft").await), (1, 2));

    let other = path::draft(draft_id());
    rep.put(&other, &edit(0, vec![text("二")]))
        .await
        .json::<Draft>();
    rep.get(&emptied).await.refused(ProblemCode::NotFound, None);
    assert_eq!((listed().await, app.count("draft").await), (2, 2));
}

#[tokio::test]
async fn a_draft_that_was_deleted_does_not_come_back() {
    let (_app, _team, rep) = shop().await;
    let path = path::draft(draft_id());
    rep.put(&path, &edit(0, vec![text("一")]))
        .await
        .json::<Draft>();
    assert_eq!(rep.delete(&path).await.status, StatusCode::NO_CONTENT);
    rep.put(&path, &edit(1, vec![text("二")]))
        .await
        .refused(ProblemCode::DraftGone, None);
    rep.get(&path).await.refused(ProblemCode::NotFound, None);
    rep.delete(&path).await.refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn a_draft_goes_when_its_broadcast_is_accepted_and_stays_when_it_is_refused() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let id = draft_id();
    let path = path::draft(id);
    let kept: Draft = rep.put(&path, &edit(0, vec![text("好")])).await.json();
    let request = |words: &str| BroadcastRequest {
        draft: Some(id),
        ..to_all(vec![text(words)])
    };
    rep.broadcast("press-0001", &request(" "))
        .await
        .refused(ProblemCode::TextEmpty, Some("messages[0]"));
    assert_eq!(rep.get(&path).await.json::<Draft>(), kept);

    rep.broadcast("press-0001", &request("好"))
        .await
        .json::<Broadcast>();
    rep.get(&path).await.refused(ProblemCode::NotFound, None);
    // A save that was on its way does not bring it back, whatever it was based on.
    for base in [0, 1] {
        rep.put(&path, &edit(base, vec![text("好")]))
            .await
            .refused(ProblemCode::DraftGone, None);
    }
    // The same press once more is the same broadcast.
    let answer = rep.broadcast("press-0001", &request("好")).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_draft_is_its_members_own() {
    let (app, team, rep) = shop().await;
    let colleague = app.user(&team, Role::SalesManager, &["A1"]).await;
    app.event(&team, Some(colleague.id), |_| ()).await;
    let id = draft_id();
    let path = path::draft(id);
    let kept: Draft = rep.put(&path, &edit(0, vec![text("我的")])).await.json();
    let not_found = ProblemCode::NotFound;
    colleague.get(&path).await.refused(not_found, None);
    colleague.delete(&path).await.refused(not_found, None);
    for base in [0, 1] {
        colleague
            .put(&path, &edit(base, vec![text("不是我的")]))
            .await
            .refused(not_found, None);
    }
    let listed: Drafts = colleague.get(path::DRAFTS).await.json();
    assert_eq!(listed.rows, []);
    // Nor does naming it in a broadcast of one's own remove it.
    let request = BroadcastRequest {
        draft: Some(id),
        ..to_all(vec![text("好")])
    };
    let answer = colleague.broadcast("press-0001", &request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(rep.get(&path).await.json::<Draft>(), kept);
}

#[tokio::test]
async fn drafts_are_bounded() {
    let (_app, _team, rep) = shop().await;
    let path = path::draft(draft_id());
    for (messages, code) in [
        (vec![text("好"); 6], ProblemCode::TooManyMessages),
        (vec![text(&"中".repeat(10_001))], ProblemCode::TextTooLong),
    ] {
        rep.put(&path, &edit(0, messages)).await.refused(code, None);
    }
    for _ in 0..100 {
        let answer = rep
            .put(&path::draft(draft_id()), &edit(0, vec![text("好")]))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    rep.put(&path, &edit(0, vec![text("好")]))
        .await
        .refused(ProblemCode::TooManyDrafts, None);
}

#[tokio::test]
async fn only_those_who_broadcast_have_drafts() {
    let (app, team, _rep) = shop().await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let path = path::draft(draft_id());
    for answer in [
        admin.get(path::DRAFTS).await,
        admin.get(&path).await,
        admin.put(&path, &edit(0, vec![])).await,
        admin.delete(&path).await,
    ] {
        answer.refused(ProblemCode::RoleMayNotBroadcast, None);
    }
}
