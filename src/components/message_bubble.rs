//! One message of a thread: what it holds, who wrote it, and what became of it.

use leptos::prelude::*;
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::{DeliveryStatus, MediaId, Reason};

use crate::components::reason_text::{reason_text, status_text};
use crate::i18n::{Key, bytes, clock, phrase, t, t_with};
use crate::ui::{Icon, IconView, reactive};

/// Where the browser finds uploaded files.
#[derive(Clone, Copy)]
pub struct MediaUrls {
    pub file: Callback<MediaId, String>,
    /// The small picture of an image or a video.
    pub preview: Callback<MediaId, String>,
}

impl MediaUrls {
    /// For stories, which have no files.
    #[cfg(feature = "preview")]
    pub fn none() -> Self {
        let nowhere = Callback::new(|_| String::new());
        Self {
            file: nowhere,
            preview: nowhere,
        }
    }
}

/// A message.
#[component]
pub fn MessageBubble(
    /// The message.
    message: Message,
    /// The customer's name, as it is shown.
    customer: String,
    urls: MediaUrls,
) -> impl IntoView {
    let Message {
        at,
        origin,
        content,
        ..
    } = message;
    let is_own = origin != MessageOrigin::Inbound;
    let (author, foot) = match origin {
        MessageOrigin::Inbound => (customer, None),
        MessageOrigin::Outbound {
            sender,
            broadcast,
            status,
            reason,
        } => {
            let foot = view! { <Delivery sender=sender.clone() is_broadcast=broadcast.is_some() status reason /> };
            (sender, Some(foot.into_any()))
        }
    };
    let is_picture = matches!(
        content,
        MessageContent::Image { media: Some(_), .. } | MessageContent::Video { media: Some(_), .. }
    );
    let body = match content {
        MessageContent::Text { text } => words_view(text),
        MessageContent::Image {
            media: Some(media),
            caption,
        } => {
            let alt = move || t_with(Key::ThreadImageOf, &[("name", &author)]);
            let source = urls.file.run(media);
            view! {
                <img class="message-bubble__image" loading="lazy" src=source alt=reactive(alt) />
                {caption_view(caption)}
            }
            .into_any()
        }
        MessageContent::Video {
            media: Some(media),
            caption,
        } => {
            let name = move || t_with(Key::ThreadVideoOf, &[("name", &author)]);
            let (source, poster) = (urls.file.run(media), urls.preview.run(media));
            view! {
                <video
                    class="message-bubble__video"
                    controls
                    playsinline
                    preload="none"
                    src=source
                    poster=poster
                    aria-label=reactive(name)
                ></video>
                {caption_view(caption)}
            }
            .into_any()
        }
        MessageContent::File {
            media,
            name,
            bytes: size,
            caption,
        } => {
            let about = move || match media {
                Some(_) => bytes(size),
                None => t(Key::ThreadFileGone),
            };
            let card = view! {
                <IconView icon=Icon::File />
                <span class="message-bubble__file-name">{name.clone()}</span>
                <span class="message-bubble__file-size">{reactive(about)}</span>
            };
            let file = match media {
                Some(media) => {
                    let source = urls.file.run(media);
                    view! { <a class="message-bubble__file" href=source download=name>{card}</a> }
                        .into_any()
                }
                None => view! { <span class="message-bubble__file">{card}</span> }.into_any(),
            };
            view! { {file} {caption_view(caption)} }.into_any()
        }
        MessageContent::Image {
            media: None,
            caption,
        } => gone_view(Key::ThreadImageGone, caption),
        MessageContent::Video {
            media: None,
            caption,
        } => gone_view(Key::ThreadVideoGone, caption),
        MessageContent::Template { template } => words_view(template.text()),
        MessageContent::Unsupported { kind } => {
            let text = move || t_with(Key::ThreadUnsupported, &[("kind", &kind)]);
            view! { <p class="message-bubble__note">{reactive(text)}</p> }.into_any()
        }
    };
    view! {
        <article class="message-bubble" data-own=is_own.then_some("true") data-picture=is_picture.then_some("true")>
            <div class="message-bubble__body">{body}</div>
            <div class="message-bubble__foot">
                {foot} <time class="message-bubble__time">{move || clock(at)}</time>
            </div>
        </article>
    }
}

fn words_view(words: String) -> AnyView {
    view! { <p class="message-bubble__text" dir="auto">{words}</p> }.into_any()
}

fn caption_view(caption: Option<String>) -> Option<AnyView> {
    caption.map(words_view)
}

fn gone_view(words: Key, caption: Option<String>) -> AnyView {
    view! {
        <p class="message-bubble__note">{phrase(words)}</p>
        {caption_view(caption)}
    }
    .into_any()
}

#[component]
fn Delivery(
    sender: String,
    is_broadcast: bool,
    status: DeliveryStatus,
    reason: Option<Reason>,
) -> impl IntoView {
    let mark = match status {
        DeliveryStatus::Queued | DeliveryStatus::Sending => "…",
        DeliveryStatus::Sent => "✓",
        DeliveryStatus::Delivered | DeliveryStatus::Read => "✓✓",
        DeliveryStatus::Failed | DeliveryStatus::Skipped | DeliveryStatus::Unknown => "!",
    };
    view! {
        <span class="message-bubble__sender">{sender}</span>
        {is_broadcast
            .then(|| view! { <span class="message-bubble__broadcast">{phrase(Key::ThreadBroadcast)}</span> })}
        <span class="message-bubble__status" data-status=status.as_str()>
            <span aria-hidden="true">{mark}</span>
            " "
            {move || status_text(status)}
            {reason.map(|reason| view! { <span>{move || [": ", &reason_text(reason)].concat()}</span> })}
        </span>
    }
}

/// A message for stories and tests: the `n`th of a thread.
#[cfg(feature = "preview")]
pub fn example_message(n: u64, origin: MessageOrigin, content: MessageContent) -> Message {
    let id = format!("01900000-0000-7000-8000-{n:012x}");
    Message {
        id: id.parse().expect("it is a UUID"),
        at: crate::i18n::now().plus((n as i64 - 60) * 1_800_000),
        origin,
        content,
    }
}

#[cfg(feature = "preview")]
pub fn example_text(text: &str) -> MessageContent {
    MessageContent::Text {
        text: text.to_owned(),
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(messages: Vec<(MessageOrigin, MessageContent)>) -> AnyView {
        let bubbles = messages
            .into_iter()
            .enumerate()
            .map(|(n, (origin, content))| {
                let message = example_message(n as u64, origin, content);
                view! { <MessageBubble
                    message
                    customer="陳怡君".to_owned()
                    urls=MediaUrls::none()
                /> }
            })
            .collect_view();
        view! { <div class="gallery__column">{bubbles}</div> }.into_any()
    }

    vec![
        Story::new("of the customer", || {
            story(vec![
                (
                    MessageOrigin::Inbound,
                    example_text("請問新款風衣什麼時候到店？"),
                ),
                (
                    MessageOrigin::Inbound,
                    example_text(
                        "https://shop.example.com/a-very-long-address/that-has-no-place-to-break-at-all-and-goes-on\n第二行",
                    ),
                ),
                (
                    MessageOrigin::Inbound,
                    MessageContent::Image {
                        media: None,
                        caption: None,
                    },
                ),
                (
                    MessageOrigin::Inbound,
                    MessageContent::Unsupported {
                        kind: "sticker".to_owned(),
                    },
                ),
            ])
        }),
        Story::new("pictures, videos and files", || {
            let media = "01905000-0000-7000-8000-000000000001".parse().ok();
            let caption = Some("這件還有嗎？".to_owned());
            let file = |media, name: &str| MessageContent::File {
                media,
                name: name.to_owned(),
                bytes: 2_450_000,
                caption: None,
            };
            story(vec![
                (
                    MessageOrigin::Inbound,
                    MessageContent::Image {
                        media,
                        caption: caption.clone(),
                    },
                ),
                (
                    MessageOrigin::Inbound,
                    MessageContent::Video { media, caption },
                ),
                (MessageOrigin::Inbound, file(media, "秋季型錄.pdf")),
                (
                    MessageOrigin::Inbound,
                    file(
                        None,
                        "a-very-long-name-of-a-document-that-nobody-can-read-in-one-line-2026-final.docx",
                    ),
                ),
                (
                    MessageOrigin::Inbound,
                    MessageContent::Video {
                        media: None,
                        caption: None,
                    },
                ),
            ])
        }),
        Story::new("of the team, every outcome", || {
            let outcome = |status: DeliveryStatus| {
                let reason = (status == DeliveryStatus::Failed).then_some(Reason::Blocked);
                let origin = MessageOrigin::Outbound {
                    sender: "林佩珊".to_owned(),
                    broadcast: None,
                    status,
                    reason,
                };
                (origin, example_text("好的，已幫您保留到週日晚上 9 點。"))
            };
            story(DeliveryStatus::ALL.map(outcome).to_vec())
        }),
    ]
}
