//! What broadcasts hold: every medium, captions, names and links.

use axum::http::StatusCode;
use omocast_contract::api::{Me, Thread, path};
use omocast_contract::message::MessageContent;
use omocast_contract::{
    Broadcast, BroadcastRequest, Channel, EventId, LinkCount, Medium, OutgoingMessage, Plan,
    ProblemCode, Role, Surface,
};
use omocast_server::shutdown::Shutdown;
use omocast_server::store::Store;

use crate::broadcasts::{assert_nothing_was_made, shop};
use crate::line::Line;
use crate::support::{TestApp, message_of, only, text, to_all};

#[tokio::test]
async fn a_video_for_instagram_from_the_web_is_refused_and_names_it() {
    let (app, team, rep) = shop().await;
    for channel in [Channel::Line, Channel::Instagram] {
        app.event(&team, Some(rep.id), |event| event.channel = channel)
            .await;
    }
    let video = message_of(&rep.video(5_000).await);
    let answer = rep
        .broadcast("press-0001", &to_all(vec![text("好"), video.clone()]))
        .await;
    answer.refused(ProblemCode::MediumNotSupported, Some("messages[1]"));
    assert_eq!(answer.problem().channels, [Channel::Instagram]);
    assert_nothing_was_made(&app).await;
    // The phone may: the seed's second table.
    let request = BroadcastRequest {
        surface: Surface::App,
        ..to_all(vec![video])
    };
    let answer = rep.broadcast("press-0001", &request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn files_and_captions_go_only_where_they_are_taken() {
    let (app, team, rep) = shop().await;
    let events: Vec<EventId> = futures::future::join_all(
        [
            Channel::Line,
            Channel::Facebook,
            Channel::Instagram,
            Channel::Whatsapp,
        ]
        .map(|channel| app.event(&team, Some(rep.id), move |event| event.channel = channel)),
    )
    .await;
    let [line, facebook, instagram, whatsapp] = events.as_slice() else {
        panic!("{events:?}")
    };
    let csv = rep.file("a.csv", b"a,b").await;
    let file = |caption: Option<&str>| OutgoingMessage::File {
        media: csv.id,
        caption: caption.map(str::to_owned),
    };
    let video = rep.video(17 * 1024 * 1024).await;
    let image_as_file = OutgoingMessage::File {
        media: rep.image(2_000).await.id,
        caption: None,
    };
    type Case<'a> = (
        Vec<EventId>,
        Surface,
        OutgoingMessage,
        ProblemCode,
        &'a [Channel],
    );
    let cases: Vec<Case<'_>> = vec![
        (
            events.clone(),
            Surface::Web,
            file(None),
            ProblemCode::MediumNotSupported,
            &[Channel::Line, Channel::Instagram],
        ),
        (
            events.clone(),
            Surface::App,
            file(None),
            ProblemCode::MediumNotSupported,
            &[Channel::Line],
        ),
        (
            vec![*facebook, *instagram, *whatsapp],
            Surface::App,
            file(None),
            ProblemCode::FileTypeNotSupported,
            &[Channel::Instagram, Channel::Whatsapp],
        ),
        (
            vec![*facebook],
            Surface::Web,
            file(Some("型錄")),
            ProblemCode::CaptionNotSupported,
            &[Channel::Facebook],
        ),
        (
            vec![*line, *whatsapp],
            Surface::Web,
            message_of(&video),
            ProblemCode::MediaTooLarge,
            &[Channel::Whatsapp],
        ),
        (
            vec![*facebook],
            Surface::Web,
            image_as_file,
            ProblemCode::MediaNotFound,
            &[],
        ),
    ];
    for (events, surface, message, code, channels) in cases {
        let request = BroadcastRequest {
            audience: only(&events),
            surface,
            ..to_all(vec![message])
        };
        let answer = rep.broadcast("press-0001", &request).await;
        answer.refused(code, Some("messages[0]"));
        assert_eq!(answer.problem().channels, channels, "{code:?}");
    }
    assert_nothing_was_made(&app).await;
    let request = BroadcastRequest {
        audience: only(&[*facebook]),
        ..to_all(vec![file(None)])
    };
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    assert_eq!(made.media, [csv]);
}

#[tokio::test]
async fn a_text_of_exactly_a_channels_limit_is_taken_and_one_more_is_not() {
    let (app, team, rep) = shop().await;
    for (number, (channel, filler, most)) in [
        (Channel::Line, "a", 5_000),
        (Channel::Line, "中", 5_000),
        (Channel::Line, "🍂", 2_500),
        (Channel::Facebook, "中", 2_000),
        (Channel::Facebook, "🍂", 2_000),
        (Channel::Instagram, "a", 1_000),
        (Channel::Instagram, "中", 333),
        (Channel::Instagram, "🍂", 250),
        (Channel::Whatsapp, "中", 4_096),
        (Channel::Whatsapp, "🍂", 4_096),
    ]
    .into_iter()
    .enumerate()
    {
        let event = app
            .event(&team, Some(rep.id), |event| event.channel = channel)
            .await;
        let request = |length: usize| BroadcastRequest {
            audience: only(&[event]),
            ..to_all(vec![text(&filler.repeat(length))])
        };
        let key = format!("press-{number:04}");
        let answer = rep.broadcast(&key, &request(most + 1)).await;
        answer.refused(ProblemCode::TextTooLong, Some("messages[0]"));
        assert_eq!(answer.problem().channels, [channel]);
        let answer = rep.broadcast(&key, &request(most)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{channel:?} {filler}");
    }
}

#[tokio::test]
async fn links_are_counted_for_each_recipient_and_told_apart() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let domains = ["brand.com.tw".to_owned()];
    let store = &app.app.store;
    store
        .update_official_domains(team.id, &domains)
        .await
        .unwrap();
    let me: Me = rep.get(path::SESSION).await.json();
    assert_eq!(me.official_domains, domains);
    let messages = vec![
        text("https://shop.brand.com.tw/a。 www.brand.com.tw"),
        text("https://brand.com.tw.evil.io/ lin.ee/x"),
    ];
    let made: Broadcast = rep.broadcast("press-0001", &to_all(messages)).await.json();
    assert_eq!(
        made.links,
        LinkCount {
            official: 2,
            other: 2
        }
    );
    // What was counted stays, whatever the domains are later.
    store.update_official_domains(team.id, &[]).await.unwrap();
    let found: Broadcast = rep.get(&path::broadcast(made.summary.id)).await.json();
    assert_eq!(found.links, made.links);
}

#[tokio::test]
async fn each_customer_is_called_by_their_name_as_it_was_when_the_broadcast_was_accepted() {
    let line = Line::start().await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = line.address.clone());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let mut events = Vec::new();
    for name in ["陳怡君", "", "\u{3000}", "王\n小明"] {
        let event = app
            .event(&team, Some(rep.id), |event| event.name = name.to_owned())
            .await;
        events.push(event);
    }
    let image = message_of(&rep.image(2_000).await);
    let request = |name_fallback: Option<&str>| BroadcastRequest {
        name_fallback: name_fallback.map(str::to_owned),
        ..to_all(vec![text("{{customer_name}}您好"), image.clone()])
    };
    rep.broadcast("press-0001", &request(None))
        .await
        .refused(ProblemCode::NameFallbackMissing, Some("name_fallback"));
    rep.broadcast("press-0001", &request(Some(&"貴".repeat(41))))
        .await
        .refused(ProblemCode::NameFallbackTooLong, Some("name_fallback"));
    let made: Broadcast = rep
        .broadcast("press-0001", &request(Some("貴賓")))
        .await
        .json();
    assert_eq!(made.name_fallback.as_deref(), Some("貴賓"));
    sqlx::query("update customer set name = '改了' where name = '陳怡君'")
        .execute(app.app.store.raw())
        .await
        .unwrap();

    let (trigger, shutdown) = Shutdown::channel();
    let worker = tokio::spawn(omocast_server::delivery::run(app.app.clone(), shutdown));
    let mut sent: Vec<String> = line
        .wait_for(4)
        .await
        .iter()
        .map(|push| push["messages"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    trigger.stop();
    // What was sent is recorded before the worker ends.
    worker.await.unwrap();
    sent.sort();
    let mut expected = ["貴賓您好", "貴賓您好", "王 小明您好", "陳怡君您好"];
    expected.sort_unstable();
    assert_eq!(sent, expected);

    // The thread shows what this customer got, and the list its last message.
    let thread: Thread = rep.get(&path::event(events[0])).await.json();
    let first = thread.messages.first().map(|message| &message.content);
    let expected = MessageContent::Text {
        text: "陳怡君您好".to_owned(),
    };
    assert_eq!(first, Some(&expected));
    assert_eq!(
        (thread.event.last_medium, thread.event.last_text.as_str()),
        (Medium::Image, "")
    );
}
