//! Saved replies: who sees which, who changes which, and what is kept of them.

use axum::http::StatusCode;
use omocast_contract::api::{SavedReplyPage, path};
use omocast_contract::{
    OutgoingMessage, Plan, ProblemCode, Role, SavedReply, SavedReplyAudience, SavedReplyEdit,
    SavedReplyId, ShopId,
};
use uuid::Uuid;

use crate::support::{Team, TestApp, User, message_of, text};

fn edit(title: &str, audience: SavedReplyAudience) -> SavedReplyEdit {
    SavedReplyEdit {
        version: 0,
        title: title.to_owned(),
        category: String::new(),
        audience,
        messages: vec![text("您好")],
    }
}

async fn shop_of(app: &TestApp, team: &Team, code: &str) -> ShopId {
    let store = &app.app.store;
    store
        .create_shop(team.id, code, &format!("shop {code}"))
        .await
        .unwrap()
}

async fn titles(user: &User, query: &str) -> Vec<String> {
    let page: SavedReplyPage = user
        .get(&format!("{}{query}", path::SAVED_REPLIES))
        .await
        .json();
    page.rows.into_iter().map(|reply| reply.title).collect()
}

/// The SQL of the list says what the contract says: every role, in and out of the shop, every audience.
#[tokio::test]
async fn the_list_shows_exactly_what_the_contract_says_applies() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let (a1, b1) = (
        shop_of(&app, &team, "A1").await,
        shop_of(&app, &team, "B1").await,
    );
    let author = app.user(&team, Role::Admin, &[]).await;
    let mut audiences = vec![SavedReplyAudience::Everyone, SavedReplyAudience::OnlyMe];
    audiences.extend(Role::ALL.map(|role| SavedReplyAudience::Roles { roles: vec![role] }));
    audiences.push(SavedReplyAudience::Roles {
        roles: Role::ALL.to_vec(),
    });
    for shops in [vec![a1], vec![b1], vec![a1, b1]] {
        audiences.push(SavedReplyAudience::Shops { shops });
    }
    let mut made = Vec::new();
    for audience in audiences {
        let answer = author
            .post(path::SAVED_REPLIES, &edit("預存", audience))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        made.push(answer.json::<SavedReply>());
    }
    for role in Role::ALL {
        for shops in [&[][..], &["A1"], &["A1", "B1"]] {
            let user = app.user(&team, role, shops).await;
            let member = app.app.store.find_member(user.id).await.unwrap().unwrap();
            let ids = member.shop_ids();
            let viewer = member.viewer(&ids);
            let mut expected: Vec<SavedReplyId> = made
                .iter()
                .filter(|reply| reply.audience.is_visible_to(reply.author, viewer))
                .map(|reply| reply.id)
                .collect();
            expected.reverse();
            let page: SavedReplyPage = user.get(path::SAVED_REPLIES).await.json();
            let listed: Vec<_> = page.rows.iter().map(|reply| reply.id).collect();
            assert_eq!(listed, expected, "{role:?} {shops:?}");
            for reply in &page.rows {
                assert_eq!(
                    reply.can_edit,
                    reply.audience.may_edit(reply.author, viewer),
                    "{role:?} {shops:?} {reply:?}"
                );
            }
        }
    }
    assert_eq!(titles(&author, "").await.len(), made.len());
}

#[tokio::test]
async fn a_saved_reply_keeps_what_was_written_with_its_uploads() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let (video, file) = (
        rep.video(2_000).await,
        rep.file("型錄.pdf", b"%PDF-1.7 x").await,
    );
    let asked = SavedReplyEdit {
        title: " 型錄 ".to_owned(),
        category: " 商品 ".to_owned(),
        messages: vec![text("請看"), message_of(&video), message_of(&file)],
        ..edit("", SavedReplyAudience::OnlyMe)
    };
    let made: SavedReply = rep.post(path::SAVED_REPLIES, &asked).await.json();
    assert_eq!(
        (made.title.as_str(), made.category.as_str(), made.version),
        ("型錄", "商品", 1)
    );
    assert_eq!(made.messages, asked.messages);
    let mut media: Vec<_> = made.media.iter().map(|media| media.id).collect();
    media.sort();
    assert_eq!(media, [video.id, file.id]);
    assert!(made.can_edit && made.author == rep.id);
    let page: SavedReplyPage = rep.get(path::SAVED_REPLIES).await.json();
    assert_eq!(page.rows, [made]);
    assert_eq!(page.categories, ["商品"]);
}

#[tokio::test]
async fn they_are_found_by_title_text_and_category() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    for (title, category, words) in [
        ("Opening hours", "門市", "每日 11:00"),
        ("退換貨", "售後", "Within 7 DAYS"),
        ("地址", "門市", "信義路 100% 5_1 號"),
    ] {
        app.advance(1_000);
        let asked = SavedReplyEdit {
            category: category.to_owned(),
            messages: vec![text(words)],
            ..edit(title, SavedReplyAudience::OnlyMe)
        };
        rep.post(path::SAVED_REPLIES, &asked)
            .await
            .json::<SavedReply>();
    }
    assert_eq!(titles(&rep, "").await, ["地址", "退換貨", "Opening hours"]);
    assert_eq!(titles(&rep, "?search=OPENING").await, ["Opening hours"]);
    assert_eq!(titles(&rep, "?search=days").await, ["退換貨"]);
    // What LIKE would take for a wildcard is a letter like any other.
    assert_eq!(titles(&rep, "?search=%25").await, ["地址"]);
    assert_eq!(titles(&rep, "?search=_1").await, ["地址"]);
    let shop = "?category=%E9%96%80%E5%B8%82";
    assert_eq!(titles(&rep, shop).await, ["地址", "Opening hours"]);
    let page: SavedReplyPage = rep
        .get(&format!("{}?search=nothing", path::SAVED_REPLIES))
        .await
        .json();
    assert_eq!((page.rows.len(), page.categories.len()), (0, 2));
    let long = format!("{}?search={}", path::SAVED_REPLIES, "x".repeat(101));
    rep.get(&long)
        .await
        .refused(ProblemCode::FilterTooLong, Some("search"));
    rep.get(&format!("{}?after=x", path::SAVED_REPLIES))
        .await
        .refused(ProblemCode::MalformedRequest, Some("after"));
}

#[tokio::test]
async fn they_come_in_pages() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    for number in 0..65 {
        // Several at the same moment, so that the time alone does not tell where a page ends.
        app.advance(number % 3);
        let asked = edit(&number.to_string(), SavedReplyAudience::OnlyMe);
        rep.post(path::SAVED_REPLIES, &asked)
            .await
            .json::<SavedReply>();
    }
    let mut seen = Vec::new();
    let mut query = String::new();
    loop {
        let page: SavedReplyPage = rep
            .get(&format!("{}{query}", path::SAVED_REPLIES))
            .await
            .json();
        seen.extend(page.rows.into_iter().map(|reply| reply.title));
        let Some(next) = page.next else { break };
        query = format!("?after={next}");
    }
    let expected: Vec<_> = (0..65).rev().map(|number| number.to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn somebody_elses_saved_reply_is_not_there() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let colleague = app.user(&team, Role::SalesRep, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let private: SavedReply = rep
        .post(
            path::SAVED_REPLIES,
            &edit("私人", SavedReplyAudience::OnlyMe),
        )
        .await
        .json();
    let public: SavedReply = admin
        .post(
            path::SAVED_REPLIES,
            &edit("全體", SavedReplyAudience::Everyone),
        )
        .await
        .json();
    let change = SavedReplyEdit {
        version: 1,
        ..edit("改", SavedReplyAudience::OnlyMe)
    };
    for user in [&colleague, &admin] {
        user.get(&path::saved_reply(private.id))
            .await
            .refused(ProblemCode::NotFound, None);
        let seen: SavedReply = user.get(&path::saved_reply(public.id)).await.json();
        assert_eq!((seen.id, seen.can_edit), (public.id, user.id == admin.id));
    }
    for (user, id) in [
        (&colleague, private.id),
        (&admin, private.id),
        // It may be used, but not changed.
        (&colleague, public.id),
        (&rep, SavedReplyId(Uuid::from_u128(9))),
    ] {
        let path = path::saved_reply(id);
        user.put(&path, &change)
            .await
            .refused(ProblemCode::NotFound, None);
        user.delete(&path)
            .await
            .refused(ProblemCode::NotFound, None);
    }
    assert_eq!(app.count("saved_reply").await, 2);
}

#[tokio::test]
async fn ones_shops_are_changed_by_its_members_and_never_over_anothers_change() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let shop = shop_of(&app, &team, "A1").await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let colleague = app.user(&team, Role::SalesManager, &["A1"]).await;
    let audience = SavedReplyAudience::Shops { shops: vec![shop] };
    let made: SavedReply = rep
        .post(path::SAVED_REPLIES, &edit("營業時間", audience.clone()))
        .await
        .json();
    let path = path::saved_reply(made.id);
    let change = |title: &str, version| SavedReplyEdit {
        version,
        ..edit(title, audience.clone())
    };
    app.advance(1_000);
    let changed: SavedReply = colleague.put(&path, &change("新的", 1)).await.json();
    assert_eq!(
        (changed.version, changed.updated_at, changed.author),
        (2, app.now(), rep.id)
    );
    rep.put(&path, &change("舊的", 1))
        .await
        .refused(ProblemCode::SavedReplyChanged, None);
    assert_eq!(titles(&rep, "").await, ["新的"]);
    assert_eq!(colleague.delete(&path).await.status, StatusCode::NO_CONTENT);
    // It was deleted while the dialog was open.
    rep.put(&path, &change("舊的", 2))
        .await
        .refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn what_may_not_be_kept_is_refused_at_its_place() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let other = app.team("OTHER", Plan::Omo).await;
    let foreign_shop = shop_of(&app, &other, "A1").await;
    shop_of(&app, &team, "B1").await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let stranger = app.user(&other, Role::SalesRep, &[]).await;
    let foreign = stranger.image(2_000).await;
    let mine = rep.image(2_000).await;
    let only_me = || edit("標題", SavedReplyAudience::OnlyMe);
    let with = |messages| SavedReplyEdit {
        messages,
        ..only_me()
    };
    let captioned = OutgoingMessage::Image {
        media: mine.id,
        caption: Some("好".to_owned()),
    };
    let as_video = OutgoingMessage::Video {
        media: mine.id,
        caption: None,
    };
    let untitled = SavedReplyEdit {
        title: "\u{3000}".to_owned(),
        ..only_me()
    };
    let long_title = SavedReplyEdit {
        title: "題".repeat(61),
        ..only_me()
    };
    let cases = [
        (&rep, untitled, ProblemCode::TitleEmpty, "title"),
        (&rep, long_title, ProblemCode::TitleTooLong, "title"),
        (&rep, with(vec![]), ProblemCode::NoMessages, "messages"),
        (
            &rep,
            with(vec![text("好"), text(&"🍂".repeat(1_001))]),
            ProblemCode::TextTooLong,
            "messages[1]",
        ),
        (
            &rep,
            with(vec![captioned]),
            ProblemCode::CaptionNotSupported,
            "messages[0]",
        ),
        (
            &rep,
            with(vec![message_of(&foreign)]),
            ProblemCode::MediaNotFound,
            "messages[0]",
        ),
        (
            &rep,
            with(vec![as_video]),
            ProblemCode::MediaNotFound,
            "messages[0]",
        ),
        (
            &rep,
            edit("標題", SavedReplyAudience::Everyone),
            ProblemCode::SavedReplyAudienceNotAllowed,
            "audience",
        ),
        (
            &admin,
            edit("標題", SavedReplyAudience::Roles { roles: vec![] }),
            ProblemCode::SavedReplyForNobody,
            "audience",
        ),
        (
            &admin,
            edit(
                "標題",
                SavedReplyAudience::Shops {
                    shops: vec![foreign_shop],
                },
            ),
            ProblemCode::NotFound,
            "audience",
        ),
    ];
    for (user, asked, code, field) in cases {
        user.post(path::SAVED_REPLIES, &asked)
            .await
            .refused(code, Some(field));
    }
    assert_eq!(app.count("saved_reply").await, 0);
}
