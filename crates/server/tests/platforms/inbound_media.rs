//! Images, videos and files that customers send.

use omocast_contract::message::MessageContent;
use omocast_contract::{EventView, Medium};
use omocast_server::media::Variant;
use tokio::io::AsyncReadExt as _;

use crate::support::{
    INSTAGRAM, JPEG, LINE, MP4, NUMBER, PAGE, PDF, World, line_users, page_users, whatsapp_users,
};

impl World {
    async fn send_file(&self, account: &str, user: &str, name: &str, bytes: &[u8]) {
        let url = format!("{}/phone/{account}/{user}/files", self.platforms);
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let sent = reqwest::Client::new()
            .post(url)
            .multipart(form)
            .send()
            .await
            .unwrap();
        assert!(sent.status().is_success(), "{sent:?}");
    }

    /// What the thread of the only event shows, newest last.
    async fn thread(&self) -> Vec<MessageContent> {
        let event = self.events(EventView::Mine).await.remove(0);
        let thread = self
            .app
            .store
            .find_thread(&self.member().await, event.id, None)
            .await
            .unwrap();
        thread
            .messages
            .into_iter()
            .map(|message| message.content)
            .collect()
    }
}

async fn check(account: &'static str, user: String) {
    let mut world = World::new().await;
    world.customers(account, std::slice::from_ref(&user)).await;
    for (name, bytes) in [
        ("a.jpg", JPEG),
        ("a.mp4", MP4),
        ("list.pdf", PDF),
        ("voice.ogg", b"OggS\0\0 and the rest"),
    ] {
        world.send_file(account, &user, name, bytes).await;
        world.sandbox.settle().await;
    }
    world
        .until("all four are in the thread", || {
            Box::pin(async { world.thread().await.len() == 5 })
        })
        .await;
    let thread = world.thread().await;
    let kinds: Vec<_> = thread[1..].iter().map(MessageContent::medium).collect();
    assert_eq!(
        kinds,
        [Medium::Image, Medium::Video, Medium::File, Medium::File],
        "{account}: {thread:?}"
    );
    let MessageContent::Video {
        media: Some(film), ..
    } = thread[2]
    else {
        panic!("{account}: {thread:?}");
    };
    let (mut file, size) = world.app.media.open(film, Variant::Original).await.unwrap();
    let mut kept = Vec::new();
    file.read_to_end(&mut kept).await.unwrap();
    assert_eq!((kept.as_slice(), size), (MP4, MP4.len() as u64));
    let MessageContent::File {
        media: Some(_),
        name,
        bytes,
        ..
    } = &thread[3]
    else {
        panic!("{account}: {thread:?}");
    };
    assert!(name.ends_with(".pdf"), "{account}: {name}");
    assert_eq!(*bytes, PDF.len() as u64);
    let event = world.events(EventView::Mine).await.remove(0);
    assert_eq!(event.last_medium, Medium::File);
}

#[tokio::test]
async fn on_line() {
    check(LINE, line_users(1).remove(0)).await;
}

#[tokio::test]
async fn on_whatsapp() {
    check(NUMBER, whatsapp_users(1).remove(0)).await;
}

#[tokio::test]
async fn on_facebook() {
    check(PAGE, page_users(1).remove(0)).await;
}

#[tokio::test]
async fn on_instagram() {
    check(INSTAGRAM, page_users(1).remove(0)).await;
}
