//! One message of a thread: what it holds, who wrote it, and what became of it.

use leptos::prelude::*;
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::{DeliveryStatus, MediaId, Reason};

use crate::components::reason_text::{reason_text, status_text};
use crate::i18n::{Key, clock, phrase, t_with};
use crate::ui::reactive;

/// A message.
#[component]
pub fn MessageBubble(
    /// The message.
    message: Message,
    /// The customer's name, as it is shown.
    customer: String,
    /// The address of an image.
    image_url: Callback<MediaId, String>,
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
    let is_image = matches!(content, MessageContent::Image { media: Some(_) });
    let body = match content {
        MessageContent::Text { text } => {
            view! { <p class="message-bubble__text" dir="auto">{text}</p> }.into_any()
        }
        MessageContent::Image { media: Some(media) } => {
            let alt = move || t_with(Key::ThreadImageOf, &[("name", &author)]);
            let source = image_url.run(media);
            view! { <img class="message-bubble__image" loading="lazy" src=source alt=reactive(alt) /> }
                .into_any()
        }
        MessageContent::Image { media: None } => {
            view! { <p class="message-bubble__note">{phrase(Key::ThreadImageGone)}</p> }.into_any()
        }
        MessageContent::Unsupported { kind } => {
            let text = move || t_with(Key::ThreadUnsupported, &[("kind", &kind)]);
            view! { <p class="message-bubble__note">{reactive(text)}</p> }.into_any()
        }
    };
    view! {
        <article class="message-bubble" data-own=is_own.then_some("true") data-image=is_image.then_some("true")>
            <div class="message-bubble__body">{body}</div>
            <div class="message-bubble__foot">
                {foot} <time class="message-bubble__time">{move || clock(at)}</time>
            </div>
        </article>
    }
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
                    image_url=Callback::new(|_| String::new())
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
                    MessageContent::Image { media: None },
                ),
                (
                    MessageOrigin::Inbound,
                    MessageContent::Unsupported {
                        kind: "sticker".to_owned(),
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
