//! What a broadcast sent: its messages or its template, what it calls customers without a name, and its links.

use std::collections::BTreeMap;

use leptos::prelude::*;
use omocast_contract::api::Media;
use omocast_contract::link::LinkCount;
use omocast_contract::template::fill::fill;
use omocast_contract::template::slot::Place;
use omocast_contract::variable::{Segment, segments};
use omocast_contract::{MediaId, OutgoingMessage, SentTemplate};

use crate::components::composer::draft::DraftMedia;
use crate::components::message_bubble::MediaUrls;
use crate::components::template_preview::{about_template, bubble_view};
use crate::i18n::{Key, PluralKey, bytes, phrase, t, t_count, t_with};
use crate::ui::{Chip, Icon, IconView, Tone, reactive};

/// The messages, folded away until they are asked for.
#[component]
pub fn BroadcastContents(
    messages: Vec<OutgoingMessage>,
    /// The template that was sent in place of messages.
    #[prop(optional_no_strip)]
    template: Option<SentTemplate>,
    /// The uploads that they use.
    media: Vec<Media>,
    /// What customers without a name are called.
    name_fallback: Option<String>,
    /// The links that each recipient gets.
    links: LinkCount,
    urls: MediaUrls,
) -> impl IntoView {
    let count = messages.len() as u64;
    let about_sent = template.as_ref().map(|sent| sent.template.clone());
    let shown_template =
        template.map(|sent| template_view(sent, &media, name_fallback.clone(), urls));
    let summary = move || match &about_sent {
        Some(template) => {
            let about = about_template(template);
            t_with(Key::TemplateContents, &[("about", &about)])
        }
        None => t_count(PluralKey::BroadcastContents, count, &[]),
    };
    let messages = messages
        .into_iter()
        .enumerate()
        .map(|(at, message)| {
            view! { <li class="broadcast-contents__message">{message_view(at, message, &media, urls)}</li> }
        })
        .collect_view();
    let about = move || {
        let link =
            |key: PluralKey, count: u32| (count > 0).then(|| t_count(key, count.into(), &[]));
        let fallback = name_fallback
            .as_ref()
            .map(|name| t_with(Key::BroadcastNameFallback, &[("name", name)]));
        let parts = [
            link(PluralKey::ComposeLinksOfficial, links.official),
            link(PluralKey::ComposeLinksOther, links.other),
            fallback,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    };
    view! {
        <details class="broadcast-contents">
            <summary class="broadcast-contents__summary">
                <IconView icon=Icon::ChevronRight />
                {reactive(summary)}
                <span class="broadcast-contents__about">{reactive(about)}</span>
            </summary>
            {shown_template}
            {(count > 0).then(|| view! { <ol class="broadcast-contents__list">{messages}</ol> })}
        </details>
    }
    .into_any()
}

fn message_view(at: usize, message: OutgoingMessage, media: &[Media], urls: MediaUrls) -> AnyView {
    let name = move || t_with(Key::ComposeMessage, &[("number", &(at + 1).to_string())]);
    match message {
        OutgoingMessage::Text { text } => words_view(&text),
        OutgoingMessage::Image { media, caption } => view! {
            <img
                class="broadcast-contents__picture"
                src=urls.file.run(media)
                alt=reactive(name)
                loading="lazy"
            />
            {caption.as_deref().map(words_view)}
        }
        .into_any(),
        OutgoingMessage::Video { media, caption } => view! {
            <video
                class="broadcast-contents__picture"
                controls
                playsinline
                preload="none"
                src=urls.file.run(media)
                poster=urls.preview.run(media)
                aria-label=reactive(name)
            ></video>
            {caption.as_deref().map(words_view)}
        }
        .into_any(),
        OutgoingMessage::File { media: id, caption } => view! {
            {file_view(id, media, urls)}
            {caption.as_deref().map(words_view)}
        }
        .into_any(),
    }
}

/// As WhatsApp shows it, with a stand-in for the name that each customer sees of themselves.
fn template_view(
    sent: SentTemplate,
    media: &[Media],
    name_fallback: Option<String>,
    urls: MediaUrls,
) -> AnyView {
    let uploads = sent.fill.media.iter().filter_map(|(place, id)| {
        let known = media.iter().find(|media| media.id == *id)?;
        Some((*place, DraftMedia::kept(known, String::new())))
    });
    let uploads: BTreeMap<Place, DraftMedia> = uploads.collect();
    let fallback = name_fallback.unwrap_or_default();
    let bubble = move || {
        let name = ["［", &t(Key::ComposeCustomerName), "］"].concat();
        let filled = fill(&sent.template, &sent.fill, &name, &fallback);
        bubble_view(&filled, &uploads, urls)
    };
    view! { <div class="broadcast-contents__template">{reactive(bubble)}</div> }.into_any()
}

fn file_view(id: MediaId, media: &[Media], urls: MediaUrls) -> AnyView {
    let known = media.iter().find(|media| media.id == id);
    let name = known.map(|media| media.name.clone()).unwrap_or_default();
    let size = known.map(|media| media.bytes);
    let saved_as = name.clone();
    view! {
        <a class="broadcast-contents__file" href=urls.file.run(id) download=saved_as>
            <IconView icon=Icon::File />
            <span class="broadcast-contents__name">{name}</span>
            {size.map(|size| view! { <span class="broadcast-contents__size">{move || bytes(size)}</span> })}
        </a>
    }
    .into_any()
}

fn words_view(text: &str) -> AnyView {
    let pieces = segments(text)
        .into_iter()
        .map(|piece| match piece {
            Segment::Text(words) => words.to_owned().into_any(),
            Segment::CustomerName => {
                view! { <Chip tone=Tone::Action text=phrase(Key::ComposeCustomerName) /> }
                    .into_any()
            }
        })
        .collect_view();
    view! { <p class="broadcast-contents__text" dir="auto">{pieces}</p> }.into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use omocast_contract::{FileType, Medium};

    fn story(
        messages: Vec<OutgoingMessage>,
        media: Vec<Media>,
        name_fallback: Option<&str>,
        links: LinkCount,
    ) -> AnyView {
        view! {
            <BroadcastContents
                messages
                media
                name_fallback=name_fallback.map(str::to_owned)
                links
                urls=MediaUrls::none()
            />
        }
        .into_any()
    }

    fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }

    vec![
        Story::new("every medium, the customer's name, links", || {
            let id: MediaId = "01905000-0000-7000-8000-000000000001"
                .parse()
                .expect("it is a UUID");
            let file = Media {
                id,
                name: "秋季型錄.pdf".to_owned(),
                mime: "application/pdf".to_owned(),
                bytes: 2_450_000,
                medium: Medium::File,
                file_type: Some(FileType::Pdf),
                has_preview: false,
            };
            let caption = Some("新款風衣".to_owned());
            story(
                vec![
                    text("{{customer_name}} 您好，預約試穿：https://shop.example.com/fitting"),
                    OutgoingMessage::Image {
                        media: id,
                        caption: None,
                    },
                    OutgoingMessage::Video { media: id, caption },
                    OutgoingMessage::File {
                        media: id,
                        caption: None,
                    },
                ],
                vec![file],
                Some("貴賓"),
                LinkCount {
                    official: 1,
                    other: 0,
                },
            )
        }),
        Story::new("a template", || {
            let template = crate::components::template_preview::example::examples().remove(1);
            let mut fill = omocast_contract::TemplateFill::of(&template);
            for slot in template.slots() {
                fill.values.insert(slot.id, slot.sample.to_owned());
            }
            view! {
                <BroadcastContents
                    messages=Vec::new()
                    template=Some(SentTemplate { template, fill })
                    media=Vec::new()
                    name_fallback=None
                    links=LinkCount::default()
                    urls=MediaUrls::none()
                />
            }
            .into_any()
        }),
        Story::new("one text", || {
            story(
                vec![text("秋季新品已到店 🍂")],
                Vec::new(),
                None,
                LinkCount::default(),
            )
        }),
    ]
}
