//! One message of a broadcast that is being written: a text, an image, a video or a file.

pub mod media;
mod text;

use leptos::ev;
use leptos::prelude::*;
use omocast_contract::ChannelSet;

use crate::components::composer::draft::{DraftContent, DraftMessage};
use crate::components::message_bubble::MediaUrls;
use crate::i18n::{Key, phrase, t, t_with};
use crate::ui::{Icon, IconButton, IconView, Show, is_composing, unique_id};

pub use media::{UploadView, clock_of, file_type_name, picture_of};

/// What the writer wants of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum EditorEvent {
    /// The text, or the words under a file.
    Words(String),
    /// To the place before.
    Up,
    /// To the place after.
    Down,
    Remove,
    CancelUpload,
    RetryUpload,
    DragStart,
    DragEnd,
}

/// What may be written into a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The channels of those who will get it: the strictest limit counts.
    pub channels: ChannelSet,
    /// Whether emoji have a button.
    pub has_emoji: bool,
    /// Whether words may stand under a file.
    pub has_captions: bool,
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorProblem {
    /// In words.
    pub words: String,
    /// Whether another, smaller upload would mend it.
    pub can_shrink: bool,
}

/// What the parts of an editor share.
#[derive(Clone, Copy)]
struct Shared {
    message: Signal<DraftMessage>,
    ordinal: Memo<String>,
    offer: Signal<Offer>,
    official_domains: Signal<Vec<String>>,
    problem: Signal<Option<EditorProblem>>,
    problem_id: StoredValue<String>,
    urls: MediaUrls,
    on_event: Callback<EditorEvent>,
}

/// The card of a message.
#[component]
pub fn MessageEditor(
    #[prop(into)] message: Signal<DraftMessage>,
    /// Its place, from 0.
    #[prop(into)]
    place: Signal<usize>,
    /// How many messages there are.
    #[prop(into)]
    count: Signal<usize>,
    #[prop(into)] offer: Signal<Offer>,
    /// The domains whose links are the brand's own.
    #[prop(into)]
    official_domains: Signal<Vec<String>>,
    #[prop(into)] problem: Signal<Option<EditorProblem>>,
    urls: MediaUrls,
    #[prop(into)] on_event: Callback<EditorEvent>,
) -> impl IntoView {
    let is_text =
        message.with_untracked(|message| matches!(message.content, DraftContent::Text(_)));
    let ordinal = Memo::new(move |_| (place.get() + 1).to_string());
    let shared = Shared {
        message,
        ordinal,
        offer,
        official_domains,
        problem,
        problem_id: StoredValue::new(unique_id()),
        urls,
        on_event,
    };
    let named = move |key: Key| Signal::derive(move || t_with(key, &[("number", &ordinal.get())]));
    let keys = move |key: ev::KeyboardEvent| {
        if !key.alt_key() || is_composing(&key) {
            return;
        }
        let event = match key.key().as_str() {
            "ArrowUp" => EditorEvent::Up,
            "ArrowDown" => EditorEvent::Down,
            _ => return,
        };
        key.prevent_default();
        on_event.run(event);
    };
    let body = if is_text {
        text::text_view(shared)
    } else {
        media::media_view(shared)
    };
    let has_others = Memo::new(move |_| count.get() > 1);
    let at_top = Signal::derive(move || (place.get() == 0).then(|| t(Key::SavedAtTop)));
    let at_end =
        Signal::derive(move || (place.get() + 1 >= count.get()).then(|| t(Key::SavedAtEnd)));
    view! {
        <article
            class="message-editor"
            aria-label=named(Key::ComposeMessage)
            data-problem=move || problem.with(Option::is_some).then_some("")
            on:keydown=keys
        >
            <div
                class="message-editor__grip"
                draggable="true"
                title=phrase(Key::ComposeDrag)
                on:dragstart=move |event| {
                    if let Some(data) = event.data_transfer() {
                        // Firefox starts no drag without data.
                        let _ = data.set_data("text/plain", &ordinal.get_untracked());
                    }
                    on_event.run(EditorEvent::DragStart);
                }
                on:dragend=move |_| on_event.run(EditorEvent::DragEnd)
            >
                <IconView icon=Icon::Grip />
            </div>
            <div class="message-editor__body">
                {body}
                {move || {
                    problem.get().map(|problem| {
                        view! {
                            <p class="message-editor__problem" id=shared.problem_id.get_value() role="alert">
                                {problem.words}
                            </p>
                        }
                    })
                }}
            </div>
            <div class="message-editor__tools">
                <Show when=has_others>
                    <span class="message-editor__move">
                        <IconButton
                            icon=Icon::ArrowUp
                            label=named(Key::ComposeMoveUp)
                            disabled_reason=at_top
                            on_click=move || on_event.run(EditorEvent::Up)
                        />
                        <IconButton
                            icon=Icon::ArrowDown
                            label=named(Key::ComposeMoveDown)
                            disabled_reason=at_end
                            on_click=move || on_event.run(EditorEvent::Down)
                        />
                    </span>
                </Show>
                <IconButton
                    icon=Icon::X
                    label=named(Key::ComposeRemove)
                    on_click=move || on_event.run(EditorEvent::Remove)
                />
            </div>
        </article>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::variable::CUSTOMER_NAME;
    use omocast_contract::{Channel, FileType, Medium};

    use crate::components::composer::draft::{DraftMedia, UploadState};
    use crate::ui::Story;

    fn story(content: DraftContent, offer: Offer, problem: Option<EditorProblem>) -> AnyView {
        let message = RwSignal::new(DraftMessage { id: 1, content });
        let on_event = move |event| {
            if let EditorEvent::Words(words) = event {
                message.update(|message| match &mut message.content {
                    DraftContent::Text(text) => *text = words,
                    DraftContent::Media(media) => media.caption = words,
                });
            }
        };
        view! {
            <MessageEditor
                message
                place=0_usize
                count=2_usize
                offer
                official_domains=vec!["shop.example.com".to_owned()]
                problem
                urls=MediaUrls::none()
                on_event=Callback::new(on_event)
            />
        }
        .into_any()
    }
    fn four() -> Offer {
        Offer {
            channels: Channel::ALL.into_iter().take(4).collect(),
            has_emoji: true,
            has_captions: false,
        }
    }
    fn text(text: &str, problem: Option<&str>) -> AnyView {
        let problem = problem.map(|words| EditorProblem {
            words: words.to_owned(),
            can_shrink: false,
        });
        story(DraftContent::Text(text.to_owned()), four(), problem)
    }
    fn media(medium: Medium, upload: UploadState) -> DraftMedia {
        let (name, bytes) = match medium {
            Medium::Video => ("fitting-room.mp4", 12_300_000),
            Medium::File => ("秋季型錄.pdf", 2_450_000),
            _ => ("coat-autumn.jpg", 412_000),
        };
        DraftMedia {
            width: 1_600,
            height: 1_600,
            seconds: if medium == Medium::Video { 32 } else { 0 },
            file_type: (medium == Medium::File).then_some(FileType::Pdf),
            is_shrunk: medium == Medium::Image,
            upload,
            ..DraftMedia::picked(medium, name.to_owned(), bytes)
        }
    }
    fn upload(medium: Medium, upload: UploadState) -> AnyView {
        story(DraftContent::Media(media(medium, upload)), four(), None)
    }
    fn done() -> UploadState {
        let media = "01905000-0000-7000-8000-000000000001"
            .parse()
            .expect("it is written as a UUID");
        UploadState::Done(media)
    }
    vec![
        Story::new("empty", || text("", None)),
        Story::new("a text with the customer's name", || {
            let words = "您好，秋季新品已到店 🍂 本週六日於信義門市試穿，即可獲得九折優惠！";
            text(&[CUSTOMER_NAME, words].concat(), None)
        }),
        Story::new("links of the brand and others", || {
            text(
                "預約試穿：https://shop.example.com/fitting\n地圖：https://maps.example.org/xinyi",
                None,
            )
        }),
        Story::new("near the limit of Instagram", || {
            text(&"好".repeat(310), None)
        }),
        Story::new("too long", || {
            text(&"好".repeat(340), Some("文字太長，Instagram 不接受"))
        }),
        Story::new("on a phone: no emoji button", || {
            let offer = Offer {
                has_emoji: false,
                ..four()
            };
            story(DraftContent::Text("您好".to_owned()), offer, None)
        }),
        Story::new("being prepared", || {
            upload(Medium::Image, UploadState::Preparing)
        }),
        Story::new("on its way", || {
            upload(Medium::Video, UploadState::Sending(42))
        }),
        Story::new("broken off", || {
            upload(
                Medium::File,
                UploadState::Failed("無法連線，請檢查網路後重試。".to_owned()),
            )
        }),
        Story::new("an image", || upload(Medium::Image, done())),
        Story::new("a video", || upload(Medium::Video, done())),
        Story::new("a file", || upload(Medium::File, done())),
        Story::new("with a caption, for WhatsApp alone", || {
            let offer = Offer {
                channels: [Channel::Whatsapp].into_iter().collect(),
                has_emoji: true,
                has_captions: true,
            };
            let media = DraftMedia {
                caption: "秋季型錄，歡迎預約試穿".to_owned(),
                ..media(Medium::File, done())
            };
            story(DraftContent::Media(media), offer, None)
        }),
        Story::new("a medium that a channel does not take", || {
            let problem = EditorProblem {
                words: "Instagram 不支援影片".to_owned(),
                can_shrink: false,
            };
            story(
                DraftContent::Media(media(Medium::Video, done())),
                four(),
                Some(problem),
            )
        }),
        Story::new("an image too large since a channel came in", || {
            let problem = EditorProblem {
                words: "圖片太大，WhatsApp 最多 5.2 MB".to_owned(),
                can_shrink: true,
            };
            story(
                DraftContent::Media(media(Medium::Image, done())),
                four(),
                Some(problem),
            )
        }),
    ]
}
