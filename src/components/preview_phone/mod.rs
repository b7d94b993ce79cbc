//! What a customer will see, as the app of each channel shows it.

mod chat;
pub mod screen;

use leptos::prelude::*;
use omocast_contract::{Channel, ChannelSet, Surface};

use crate::components::channel_badge::channel_name;
use crate::components::composer::draft::ComposeDraft;
use crate::components::message_bubble::MediaUrls;
use crate::i18n::{Key, phrase, t_with};
use crate::ui::{Show, Tab, Tabs};

pub use screen::{PhoneScreen, Sample};

/// The phone.
#[component]
pub fn PreviewPhone(
    #[prop(into)] draft: Signal<ComposeDraft>,
    /// The channels of those who will get it.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    /// Where it is written: what a channel takes depends on it.
    #[prop(into)]
    surface: Signal<Surface>,
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
    let chat = Callback::new(move |name: String| {
        channel
            .get()
            .map(|channel| {
                draft.with(|draft| chat::chat_view(draft, surface.get(), channel, &name, urls))
            })
            .unwrap_or_default()
    });
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
            <PhoneScreen channel samples sender chat />
        </section>
    }
    .into_any()
}

/// What stands for a picture, a video or a file to those who listen.
pub fn spoken(medium: &str, name: &str) -> String {
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
                surface=Signal::stored(Surface::Web)
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
