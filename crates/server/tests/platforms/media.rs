//! Images, videos and files on their way to the phones of every channel.

use std::time::Duration;

use omocast_contract::{
    Audience, DeliveryStatus, MediaId, OutgoingMessage, Pick, Reason, Timestamp,
};
use omocast_sandbox::Fault;
use omocast_server::channels::{Outbound, SendOutcome};
use omocast_server::outbound::outbound;
use omocast_server::store::Begins;
use uuid::Uuid;

use crate::support::{
    INSTAGRAM, JPEG, LINE, LINKED_INSTAGRAM, MP4, NUMBER, PAGE, PDF, World, line_users, page_users,
    text_message, whatsapp_users,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn image(media: MediaId) -> OutgoingMessage {
    OutgoingMessage::Image {
        media,
        caption: None,
    }
}

fn video(media: MediaId) -> OutgoingMessage {
    OutgoingMessage::Video {
        media,
        caption: None,
    }
}

fn file(media: MediaId, caption: Option<&str>) -> OutgoingMessage {
    OutgoingMessage::File {
        media,
        caption: caption.map(str::to_owned),
    }
}

/// One customer on each of the channels.
async fn one_each(world: &mut World, with_line: bool) -> Vec<(&'static str, String)> {
    let mut users = vec![
        (PAGE, page_users(1).remove(0)),
        (INSTAGRAM, page_users(2).remove(1)),
        (LINKED_INSTAGRAM, page_users(3).remove(2)),
        (NUMBER, whatsapp_users(1).remove(0)),
    ];
    if with_line {
        users.push((LINE, line_users(1).remove(0)));
    }
    for (account, user) in &users {
        world.customers(account, std::slice::from_ref(user)).await;
    }
    users
}

/// The phones show what they should, and the platforms could use all of it.
async fn check_phones(world: &World, users: &[(&'static str, String)], expected: &[&str]) {
    world.sandbox.settle().await;
    for (account, user) in users {
        world.sandbox.look_at(account, user).await;
        assert_eq!(world.on_phone(account, user), expected, "{account}");
        for message in world.sandbox.messages(account, user) {
            assert!(!message.pending, "{account}: {message:?}");
            assert_eq!(message.problem, None, "{account}: {message:?}");
        }
    }
}

#[tokio::test]
async fn images_and_videos_arrive_everywhere_in_order() {
    let mut world = World::new().await;
    let users = one_each(&mut world, true).await;
    let (picture, film) = (
        world.upload("a.jpg", JPEG).await,
        world.upload("a.mp4", MP4).await,
    );
    world.start_delivery();
    let broadcast = world
        .broadcast_messages(vec![
            text_message("一"),
            image(picture),
            text_message("二"),
            video(film),
            text_message("三"),
        ])
        .await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.failed, 0, "{done:?}");
    check_phones(&world, &users, &["一", "[image]", "二", "[video]", "三"]).await;
}

#[tokio::test]
async fn what_was_put_off_for_weeks_still_has_its_images() {
    let mut world = World::new().await;
    let user = line_users(1).remove(0);
    world.customers(LINE, std::slice::from_ref(&user)).await;
    let picture = world.upload("a.jpg", JPEG).await;
    world.start_delivery();
    let everybody = Audience {
        pick: Pick::AllExcept(Vec::new()),
        ..Audience::default()
    };
    let begins = Begins::At(world.now().plus(30 * omocast_contract::timestamp::DAY));
    let broadcast = world
        .broadcast_as(begins, everybody, vec![image(picture)])
        .await;
    // The address is good for a week, beginning where it goes out.
    world.advance(DAY * 30);
    world.until_completed(broadcast).await;
    world.advance(DAY * 6);
    let users = [(LINE, user)];
    check_phones(&world, &users, &["[image]"]).await;
}

#[tokio::test]
async fn files_arrive_everywhere_but_on_line_with_their_names() {
    let mut world = World::new().await;
    let users = one_each(&mut world, false).await;
    let list = world.upload("2026-list.pdf", PDF).await;
    world.start_delivery();
    let broadcast = world
        .broadcast_messages(vec![text_message("型錄"), file(list, None)])
        .await;
    world.until_completed(broadcast).await;
    check_phones(&world, &users, &["型錄", "[file] 2026-list.pdf"]).await;
}

#[tokio::test]
async fn whatsapp_shows_the_caption_and_the_name_as_they_are() {
    let mut world = World::new().await;
    let user = whatsapp_users(1).remove(0);
    world.customers(NUMBER, std::slice::from_ref(&user)).await;
    let list = world.upload("秋季型錄.pdf", PDF).await;
    world.start_delivery();
    let broadcast = world
        .broadcast_messages(vec![file(list, Some("秋季新品 🍂"))])
        .await;
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(NUMBER, &user), ["[file] 秋季型錄.pdf"]);
    let message = world.sandbox.messages(NUMBER, &user).pop().unwrap();
    assert_eq!(message.caption.as_deref(), Some("秋季新品 🍂"));
}

#[tokio::test]
async fn a_platform_gets_each_file_once_for_an_account() {
    let mut world = World::new().await;
    world.customers(PAGE, &page_users(20)).await;
    world.customers(NUMBER, &whatsapp_users(20)).await;
    let picture = world.upload("a.jpg", JPEG).await;
    world.start_delivery();
    for times in 1..=2 {
        let broadcast = world.broadcast_messages(vec![image(picture)]).await;
        world.until_completed(broadcast).await;
        let shown = page_users(20)
            .iter()
            .map(|user| world.on_phone(PAGE, user).len())
            .chain(
                whatsapp_users(20)
                    .iter()
                    .map(|user| world.on_phone(NUMBER, user).len()),
            )
            .collect::<Vec<_>>();
        assert_eq!(shown, vec![times; 40]);
    }
    assert_eq!((world.uploads(), world.fetches()), (2, 0));
}

#[tokio::test]
async fn instagram_by_login_fetches_links_instead() {
    let mut world = World::new().await;
    world.customers(INSTAGRAM, &page_users(10)).await;
    let picture = world.upload("a.jpg", JPEG).await;
    world.start_delivery();
    let broadcast = world.broadcast_messages(vec![image(picture)]).await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.failed, 0);
    // The stand-in looks at a link once a minute.
    assert_eq!((world.uploads(), world.fetches()), (0, 1));
}

/// A message with an image, as connectors are handed it.
async fn outbound_image(world: &World) -> Outbound {
    let id = world.upload("a.jpg", JPEG).await;
    let team = world.member().await.team_id;
    let message = [image(id)];
    let media = world
        .app
        .store
        .media_of_messages(team, &message)
        .await
        .unwrap();
    outbound(&world.app.media, &message, &media, world.now())
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn a_file_that_the_platform_no_longer_keeps_is_uploaded_again() {
    let mut world = World::new().await;
    let message = outbound_image(&world).await;
    let page = (world.page, PAGE, page_users(1).remove(0), 89);
    let number = (world.whatsapp, NUMBER, whatsapp_users(1).remove(0), 29);
    let mut uploads = 0;
    for (account, id, user, days) in [page, number] {
        world.customers(id, std::slice::from_ref(&user)).await;
        let account = world.app.find_account(account).await.unwrap().unwrap();
        let send = async || {
            let sent = world
                .app
                .connectors
                .send(
                    &account,
                    &user,
                    std::slice::from_ref(&message),
                    Uuid::nil(),
                    "",
                )
                .await;
            sent.into_iter().next().unwrap()
        };
        assert!(matches!(send().await, SendOutcome::Accepted { .. }));
        world.advance(DAY);
        assert!(matches!(send().await, SendOutcome::Accepted { .. }));
        uploads += 1;
        assert_eq!(world.uploads(), uploads, "{id}");
        world.advance(DAY * (days - 1));
        assert!(matches!(send().await, SendOutcome::Accepted { .. }));
        uploads += 1;
        assert_eq!(world.uploads(), uploads, "{id}");
        // Refused with an id that was good for long: the file may be lost, so it is uploaded once more.
        world.advance(DAY);
        world.sandbox.fail_next(Fault::Code(100, None));
        assert!(matches!(send().await, SendOutcome::Retry { .. }));
        assert!(matches!(send().await, SendOutcome::Accepted { .. }));
        uploads += 1;
        assert_eq!(world.uploads(), uploads, "{id}");
        // With a new id it is the message that is wrong.
        world.sandbox.fail_next(Fault::Code(100, None));
        assert!(matches!(
            send().await,
            SendOutcome::Refused {
                reason: Reason::ContentRefused,
                ..
            }
        ));
        assert_eq!(world.uploads(), uploads, "{id}");
    }
}

#[tokio::test]
async fn everybody_who_used_a_lost_file_learns_that_it_is_lost() {
    let world = World::new().await;
    let picture = world.upload("a.jpg", JPEG).await;
    let (store, now) = (&world.app.store, world.now());
    let keep = async |id: &str, at: Timestamp| {
        let until = at.plus(omocast_contract::timestamp::DAY);
        let kept = store.keep_platform_upload(world.page, picture, id, at, until);
        kept.await.unwrap();
    };
    let is_lost = async |id: &str| {
        let forgotten = store.forget_platform_upload(world.page, picture, id, now);
        forgotten.await.unwrap()
    };
    keep("1", now.plus(-1)).await;
    assert!(is_lost("1").await);
    assert!(is_lost("1").await);
    keep("2", now).await;
    assert!(is_lost("1").await);
    // What was uploaded just now is there.
    assert!(!is_lost("2").await);
}

#[tokio::test]
async fn what_the_platform_cannot_use_fails_with_its_reason_and_is_tried_once() {
    let mut world = World::new().await;
    world.customers(PAGE, &page_users(5)).await;
    let picture = world.upload("a.jpg", JPEG).await;
    // By name and first bytes a JPEG, and yet not what the platform finds in the folder.
    world
        .app
        .media
        .save(picture, omocast_server::media::Variant::Original, b"<html>")
        .await
        .unwrap();
    world.start_delivery();
    let broadcast = world
        .broadcast_messages(vec![image(picture), text_message("後")])
        .await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.failed, 5);
    for recipient in world.recipients(broadcast).await {
        assert_eq!(
            (recipient.status, recipient.reason),
            (DeliveryStatus::Failed, Some(Reason::MediaRefused))
        );
    }
    assert_eq!(world.uploads(), 1);
    for user in page_users(5) {
        assert_eq!(world.on_phone(PAGE, &user), Vec::<String>::new());
    }
}
