//! What a customer will see, channel by channel: simple, but with what each channel takes.

use leptos::prelude::*;
use omocast_contract::text::fits;
use omocast_contract::{Channel, ChannelSet, MediaId};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::composer::draft::{ComposeDraft, DraftContent};
use crate::components::message_editor::address;
use crate::i18n::{Key, phrase, t};
use crate::ui::{Show, Tab, Tabs, reactive};

/// The phone.
#[component]
pub fn PreviewPhone(
    #[prop(into)] draft: Signal<ComposeDraft>,
    /// The channels of those who will get it.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    /// Who writes, as the customer sees it.
    #[prop(into)]
    sender: Signal<String>,
    /// Where the browser finds an uploaded image.
    #[prop(into)]
    image_url: Callback<MediaId, String>,
) -> impl IntoView {
    let chosen = RwSignal::new(None::<Channel>);
    // The one chosen, as long as it is among those who get it.
    let channel = Memo::new(move |_| {
        let channels = channels.get();
        chosen
            .get()
            .filter(|&channel| channels.contains(channel))
            .or_else(|| channels.iter().next())
    });
    let tabs = Signal::derive(move || {
        channels
            .get()
            .iter()
            .map(|channel| Tab::new(channel.as_str(), channel_name(channel)))
            .collect::<Vec<_>>()
    });
    let has_tabs = Memo::new(move |_| channels.get().iter().count() > 1);
    let selected = Signal::derive(move || {
        channel
            .get()
            .map(Channel::as_str)
            .unwrap_or_default()
            .to_owned()
    });
    let bubbles = move || {
        let draft = draft.get();
        let bubbles: Vec<AnyView> = draft
            .messages
            .iter()
            .filter_map(|message| match &message.content {
                DraftContent::Text(text) if text.trim().is_empty() => None,
                DraftContent::Text(text) => {
                    let is_cut = channel.get().is_some_and(|channel| !fits(text, channel));
                    Some(
                        view! {
                            <p class="preview-phone__bubble" data-cut=is_cut.then_some("")>{text.clone()}</p>
                        }
                        .into_any(),
                    )
                }
                DraftContent::Image(image) => address(image, image_url)
                    .map(|address| view! { <img class="preview-phone__image" src=address alt=image.name.clone() /> }.into_any()),
            })
            .collect();
        if bubbles.is_empty() {
            view! { <p class="preview-phone__empty">{t(Key::PreviewEmpty)}</p> }.into_any()
        } else {
            view! {
                <p class="preview-phone__day">{t(Key::PreviewToday)}</p>
                {bubbles}
            }
            .into_any()
        }
    };
    view! {
        <section class="preview-phone" aria-label=phrase(Key::PreviewTitle)>
            <Show when=has_tabs>
                <Tabs
                    label=phrase(Key::PreviewChannels)
                    tabs
                    selected
                    on_select=Callback::new(move |id: String| chosen.set(Channel::parse(&id)))
                />
            </Show>
            <div class="preview-phone__screen">
                <header class="preview-phone__top">
                    {move || channel.get().map(|channel| view! { <ChannelBadge channel /> })}
                    <span>{move || sender.get()}</span>
                </header>
                <div class="preview-phone__chat">{reactive(bubbles)}</div>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(texts: &[&str], channels: &[Channel]) -> AnyView {
        let set: ChannelSet = channels.iter().copied().collect();
        let mut draft = ComposeDraft::new("story-key".to_owned());
        for text in texts {
            draft.add(DraftContent::Text((*text).to_owned()));
        }
        view! {
            <PreviewPhone
                draft
                channels=set
                sender="ATELIER 信義門市"
                image_url=|_| String::new()
            />
        }
        .into_any()
    }
    vec![
        Story::new("nothing written", || story(&[], &[Channel::Line])),
        Story::new("four channels", || {
            story(
                &[
                    "您好，秋季新品已到店 🍂\n本週六日於信義門市試穿，即可獲得九折優惠！",
                    "預約試穿：https://shop.example.com/fitting",
                ],
                &Channel::ALL[..4],
            )
        }),
    ]
}
