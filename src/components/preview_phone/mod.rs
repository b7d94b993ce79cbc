//! What a customer will see, as the app of each channel shows it.

mod chat;

use leptos::ev;
use leptos::prelude::*;
use omocast_contract::{Channel, ChannelSet};
use web_sys::HtmlSelectElement;

use crate::components::channel_badge::channel_name;
use crate::components::composer::draft::ComposeDraft;
use crate::components::message_bubble::MediaUrls;
use crate::i18n::{Key, phrase, t, t_with};
use crate::ui::{Avatar, Show, Tab, Tabs, reactive, unique_id};

/// A customer to whom the preview speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Their name; empty for one without.
    pub name: String,
    /// The account that writes to them.
    pub account: String,
}

/// The phone.
#[component]
pub fn PreviewPhone(
    #[prop(into)] draft: Signal<ComposeDraft>,
    /// The channels of those who will get it.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    /// The channel in view; none while nobody is chosen.
    #[prop(into)]
    channel: Signal<Option<Channel>>,
    #[prop(into)] on_channel: Callback<Channel>,
    /// Customers of that channel to look at it as.
    #[prop(into)]
    samples: Signal<Vec<Sample>>,
    /// Who writes, where no customer is known yet.
    #[prop(into)]
    sender: Signal<String>,
    urls: MediaUrls,
) -> impl IntoView {
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
    let chosen = RwSignal::new(0_usize);
    let sample = Memo::new(move |_| {
        samples.with(|samples| {
            samples
                .get(chosen.get())
                .or_else(|| samples.first())
                .cloned()
        })
    });
    let account = Signal::derive(move || {
        sample
            .with(|sample| sample.as_ref().map(|sample| sample.account.clone()))
            .filter(|account| !account.is_empty())
            .unwrap_or_else(|| sender.get())
    });
    let bubbles = move || {
        let name = sample
            .with(|sample| sample.as_ref().map(|sample| sample.name.clone()))
            .unwrap_or_default();
        let drawn = channel
            .get()
            .map(|channel| draft.with(|draft| chat::chat_view(draft, channel, &name, urls)))
            .unwrap_or_default();
        if drawn.is_empty() {
            view! { <p class="preview-phone__empty">{t(Key::PreviewEmpty)}</p> }.into_any()
        } else {
            view! {
                <p class="preview-phone__day">{t(Key::PreviewToday)}</p>
                {drawn}
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
                    on_select=Callback::new(move |id: String| {
                        if let Some(channel) = Channel::parse(&id) {
                            on_channel.run(channel);
                        }
                    })
                />
            </Show>
            <div class="preview-phone__screen" data-channel=move || channel.get().map(Channel::as_str)>
                <header class="preview-phone__top">
                    <Avatar name=account />
                    <span class="preview-phone__account">{move || account.get()}</span>
                    <span class="preview-phone__app">{move || channel.get().map(channel_name)}</span>
                </header>
                <div class="preview-phone__chat" tabindex="0" role="group" aria-label=phrase(Key::PreviewMessages)>
                    {reactive(bubbles)}
                </div>
            </div>
            <SampleChoice samples chosen />
        </section>
    }
    .into_any()
}

/// As which customer one looks at it.
#[component]
fn SampleChoice(samples: Signal<Vec<Sample>>, chosen: RwSignal<usize>) -> impl IntoView {
    let id = unique_id();
    let label_id = id.clone();
    let has_choice = Memo::new(move |_| samples.with(|samples| samples.len() > 1));
    let options = move || {
        samples
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, sample)| {
                let words = if sample.name.is_empty() {
                    t(Key::PreviewNoName)
                } else {
                    sample.name
                };
                view! {
                    <option value=at.to_string() selected=move || chosen.get() == at>{words}</option>
                }
            })
            .collect_view()
    };
    // Other customers may be fewer.
    let count = Memo::new(move |_| samples.with(Vec::len));
    Effect::new(move |_| {
        if chosen.get_untracked() >= count.get() {
            chosen.set(0);
        }
    });
    let options = StoredValue::new(options);
    let choose = move |event: ev::Targeted<ev::Event, HtmlSelectElement>| {
        chosen.set(event.target().value().parse().unwrap_or(0));
    };
    view! {
        <Show when=has_choice>
            <div class="preview-phone__customer">
                <label for=label_id.clone()>{phrase(Key::PreviewCustomer)}</label>
                <select
                    class="preview-phone__select"
                    id=id.clone()
                    on:change:target=choose
                >
                    {options.with_value(|options| reactive(*options))}
                </select>
            </div>
        </Show>
    }
    .into_any()
}

/// What stands for a picture, a video or a file to those who listen.
fn spoken(medium: &str, name: &str) -> String {
    t_with(Key::PreviewFile, &[("medium", medium), ("name", name)])
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::variable::CUSTOMER_NAME;
    use omocast_contract::{FileType, Medium};

    use crate::components::composer::draft::{DraftContent, DraftMedia};
    use crate::ui::Story;

    const PICTURE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='480' height='480'%3E%3CradialGradient id='g'%3E%3Cstop stop-color='wheat'/%3E%3Cstop offset='1' stop-color='lightcoral'/%3E%3C/radialGradient%3E%3Crect width='480' height='480' fill='url(%23g)'/%3E%3C/svg%3E";

    fn upload(medium: Medium, name: &str, bytes: u64) -> DraftContent {
        DraftContent::Media(DraftMedia {
            file_type: (medium == Medium::File).then_some(FileType::Pdf),
            seconds: 32,
            local_url: Some(PICTURE.to_owned()),
            local_preview: Some(PICTURE.to_owned()),
            ..DraftMedia::picked(medium, name.to_owned(), bytes)
        })
    }
    fn of_every_medium() -> Vec<DraftContent> {
        let text = |words: &str| DraftContent::Text(words.to_owned());
        vec![
            text(
                &[
                    CUSTOMER_NAME,
                    " 您好，秋季新品已到店 🍂\n預約試穿：https://shop.example.com/fitting",
                ]
                .concat(),
            ),
            upload(Medium::Image, "coat.jpg", 412_000),
            upload(Medium::Image, "coat-2.jpg", 412_000),
            upload(Medium::Video, "fitting-room.mp4", 12_300_000),
            upload(Medium::File, "秋季型錄.pdf", 2_450_000),
        ]
    }
    fn story(contents: Vec<DraftContent>, first: Option<Channel>) -> AnyView {
        let channels: ChannelSet = Channel::ALL
            .into_iter()
            .take(if first.is_some() { 4 } else { 0 })
            .collect();
        let mut draft = ComposeDraft {
            name_fallback: "貴賓".to_owned(),
            ..ComposeDraft::default()
        };
        for content in contents {
            draft.add(content);
        }
        let channel = RwSignal::new(first);
        let sample = |name: &str| Sample {
            name: name.to_owned(),
            account: "ATELIER 信義門市".to_owned(),
        };
        view! {
            <PreviewPhone
                draft
                channels
                channel
                on_channel=Callback::new(move |chosen| channel.set(Some(chosen)))
                samples=vec![sample("陳怡君"), sample("Amy Chang"), sample("")]
                sender="ATELIER"
                urls=MediaUrls::none()
            />
        }
        .into_any()
    }
    vec![
        Story::new("nobody chosen", || story(Vec::new(), None)),
        Story::new("nothing written", || story(Vec::new(), Some(Channel::Line))),
        Story::new("LINE", || story(of_every_medium(), Some(Channel::Line))),
        Story::new("Messenger", || {
            story(of_every_medium(), Some(Channel::Facebook))
        }),
        Story::new("Instagram", || {
            story(of_every_medium(), Some(Channel::Instagram))
        }),
        Story::new("WhatsApp", || {
            story(of_every_medium(), Some(Channel::Whatsapp))
        }),
        Story::new("a text that is too long is cut", || {
            let words = "秋季新品已到店。".repeat(50);
            story(vec![DraftContent::Text(words)], Some(Channel::Instagram))
        }),
    ]
}
