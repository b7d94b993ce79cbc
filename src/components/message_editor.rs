//! One message of a broadcast that is being written: a text or an image.
//!
//! The text field is not controlled: it is written to only when somebody else changed the text,
//! so that an input method's composition is never disturbed.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::text_limit;
use omocast_contract::text::{TextUnit, length};
use omocast_contract::{Channel, ChannelSet, MediaId};

use crate::components::channel_badge::channel_name;
use crate::components::composer::draft::{DraftContent, DraftImage, DraftMessage, UploadState};
use crate::i18n::{Key, PluralKey, bytes, number, phrase, t, t_count, t_with};
use crate::ui::{
    Button, ButtonKind, Icon, IconButton, IconView, Show, is_composing, reactive, unique_id,
};

/// What the writer wants of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum EditorEvent {
    Text(String),
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

/// The channel whose limit is nearest to what is written, its limit and what it counts.
/// None while nobody is chosen.
fn nearest(text: &str, channels: ChannelSet) -> Option<(Channel, usize, usize, TextUnit)> {
    channels
        .iter()
        .map(|channel| {
            let (limit, unit) = text_limit(channel);
            (channel, length(text, unit), limit, unit)
        })
        // How full: a/b > c/d without a division. The smaller limit where both are empty.
        .max_by(|a, b| (a.1 * b.2).cmp(&(b.1 * a.2)).then(b.2.cmp(&a.2)))
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
    /// The channels of those who will get it: the strictest limit counts.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    /// What is wrong with it, in words.
    #[prop(into)]
    problem: Signal<Option<String>>,
    /// Where the browser finds an uploaded image.
    #[prop(into)]
    image_url: Callback<MediaId, String>,
    #[prop(into)] on_event: Callback<EditorEvent>,
) -> impl IntoView {
    let problem_id = unique_id();
    let is_text =
        message.with_untracked(|message| matches!(message.content, DraftContent::Text(_)));
    let ordinal = Memo::new(move |_| (place.get() + 1).to_string());
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
        text_view(
            message,
            ordinal,
            channels,
            problem,
            problem_id.clone(),
            on_event,
        )
    } else {
        image_view(message, channels, image_url, on_event)
    };
    let has_others = Memo::new(move |_| count.get() > 1);
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
                            <p class="message-editor__problem" id=problem_id.clone() role="alert">
                                {problem}
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
                            on_click=move || on_event.run(EditorEvent::Up)
                        />
                        <IconButton
                            icon=Icon::ArrowDown
                            label=named(Key::ComposeMoveDown)
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

fn text_view(
    message: Signal<DraftMessage>,
    ordinal: Memo<String>,
    channels: Signal<ChannelSet>,
    problem: Signal<Option<String>>,
    problem_id: String,
    on_event: Callback<EditorEvent>,
) -> AnyView {
    let count_id = unique_id();
    let field = NodeRef::<html::Textarea>::new();
    let text = Memo::new(move |_| {
        message.with(|message| match &message.content {
            DraftContent::Text(text) => text.clone(),
            DraftContent::Image(_) => String::new(),
        })
    });
    // An effect, because the field is left alone unless the text was changed by somebody else than the writer.
    Effect::new(move |_| {
        let text = text.get();
        if let Some(field) = field.get()
            && field.value() != text
        {
            field.set_value(&text);
        }
    });
    let nearest = Memo::new(move |_| text.with(|text| nearest(text, channels.get())));
    let state = move || {
        nearest
            .get()
            .and_then(|(_, length, limit, _)| match length {
                length if length > limit => Some("over"),
                length if length * 10 >= limit * 9 => Some("near"),
                _ => None,
            })
    };
    let counter = move || match nearest.get() {
        Some((_, length, limit, _)) => [number(length as u64), number(limit as u64)].join(" / "),
        None => number(text.with(|text| text.chars().count()) as u64),
    };
    let limit_words = move || {
        nearest.get().map(|(channel, _, limit, unit)| {
            let key = match unit {
                TextUnit::Char => Key::ComposeLimitChar,
                TextUnit::Utf16 => Key::ComposeLimitUtf16,
                TextUnit::Byte => Key::ComposeLimitByte,
            };
            t_with(
                key,
                &[
                    ("channel", &channel_name(channel)),
                    ("limit", &number(limit as u64)),
                ],
            )
        })
    };
    let described_by = {
        let count_id = count_id.clone();
        move || match problem.with(Option::is_some) {
            true => [problem_id.as_str(), &count_id].join(" "),
            false => count_id.clone(),
        }
    };
    view! {
        <div class="message-editor__field" data-text=move || text.get()>
            <textarea
                class="message-editor__text"
                rows="1"
                aria-label=move || t_with(Key::ComposeTextOf, &[("number", &ordinal.get())])
                aria-describedby=reactive(described_by)
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                placeholder=phrase(Key::ComposePlaceholder)
                node_ref=field
                on:input:target=move |event| on_event.run(EditorEvent::Text(event.target().value()))
            ></textarea>
        </div>
        <div class="message-editor__foot">
            <span
                class="message-editor__count"
                id=count_id
                data-state=state
                title=limit_words
            >
                {reactive(counter)}
                <span class="visually-hidden">{move || state().and_then(|_| limit_words())}</span>
            </span>
        </div>
    }
    .into_any()
}

fn image_view(
    message: Signal<DraftMessage>,
    channels: Signal<ChannelSet>,
    image_url: Callback<MediaId, String>,
    on_event: Callback<EditorEvent>,
) -> AnyView {
    let image = Memo::new(move |before: Option<&Option<DraftImage>>| {
        message.with(|message| match &message.content {
            DraftContent::Image(image) => Some(image.clone()),
            DraftContent::Text(_) => before.cloned().flatten(),
        })
    });
    let with = move |read: &dyn Fn(&DraftImage) -> String| {
        image.with(|image| image.as_ref().map(read).unwrap_or_default())
    };
    let address = Memo::new(move |_| {
        image.with(|image| image.as_ref().and_then(|image| address(image, image_url)))
    });
    let name = move || with(&|image| image.name.clone());
    let size = move || {
        with(&|image| match image.bytes {
            0 => String::new(),
            size => {
                let (width, height) = (number(image.width.into()), number(image.height.into()));
                let size = bytes(size);
                t_with(
                    Key::ComposeSize,
                    &[("width", &width), ("height", &height), ("size", &size)],
                )
            }
        })
    };
    // The percents move within the bar; only another kind of state is drawn anew.
    let kind = Memo::new(move |_| {
        image.with(|image| match image.as_ref().map(|image| &image.upload) {
            Some(UploadState::Sending(_)) => Some(UploadState::Sending(0)),
            other => other.cloned(),
        })
    });
    let percent = move || {
        image.with(|image| match image.as_ref().map(|image| &image.upload) {
            Some(UploadState::Sending(percent)) => *percent,
            _ => 0,
        })
    };
    let state = move || -> Option<AnyView> {
        Some(match kind.get()? {
            UploadState::Preparing => {
                view! { <span class="message-editor__state">{t(Key::ComposeImagePreparing)}</span> }
                    .into_any()
            }
            UploadState::Sending(_) => view! {
                <span class="message-editor__upload">
                    <span
                        class="message-editor__bar"
                        role="progressbar"
                        aria-label=reactive(name)
                        aria-valuenow=move || percent().to_string()
                        style:--part=move || percent().to_string()
                    ></span>
                    <span class="message-editor__state">
                        {move || {
                            t_with(Key::ComposeImageUploading, &[("percent", &percent().to_string())])
                        }}
                    </span>
                    <Button
                        kind=ButtonKind::Quiet
                        on_click=move || on_event.run(EditorEvent::CancelUpload)
                    >
                        {phrase(Key::UiCancel)}
                    </Button>
                </span>
            }
            .into_any(),
            UploadState::Failed(why) => view! {
                <span class="message-editor__upload">
                    <span class="message-editor__state" data-state="failed" role="alert">
                        {why}
                    </span>
                    <Button
                        icon=Icon::Refresh
                        on_click=move || on_event.run(EditorEvent::RetryUpload)
                    >
                        {phrase(Key::UiRetry)}
                    </Button>
                </span>
            }
            .into_any(),
            UploadState::Lost => view! {
                <span class="message-editor__state" data-state="failed">
                    {phrase(Key::ComposeImageLost)}
                </span>
            }
            .into_any(),
            UploadState::Done(_) => {
                let is_shrunk = image.with(|image| image.as_ref().is_some_and(|image| image.is_shrunk));
                let fits = move || {
                    let count = channels.get().iter().count() as u64;
                    let key = if is_shrunk { PluralKey::ComposeImageShrunk } else { PluralKey::ComposeImageFits };
                    (count > 0).then(|| t_count(key, count, &[]))
                };
                view! { <span class="message-editor__state">{reactive(fits)}</span> }.into_any()
            }
        })
    };
    view! {
        <div class="message-editor__image">
            {move || match address.get() {
                Some(address) => {
                    view! { <img class="message-editor__thumb" src=address alt="" /> }.into_any()
                }
                None => view! { <span class="message-editor__thumb"></span> }.into_any(),
            }}
            <div class="message-editor__facts">
                <span class="message-editor__name">{reactive(name)}</span>
                <span class="message-editor__size">{reactive(size)}</span>
                {reactive(state)}
            </div>
        </div>
    }
    .into_any()
}

/// Where the browser finds an image: here while it is at hand, else at the server.
pub fn address(image: &DraftImage, image_url: Callback<MediaId, String>) -> Option<String> {
    image.local_url.clone().or_else(|| match image.upload {
        UploadState::Done(media) => Some(image_url.run(media)),
        UploadState::Preparing
        | UploadState::Sending(_)
        | UploadState::Failed(_)
        | UploadState::Lost => None,
    })
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(content: DraftContent, problem: Option<&str>) -> AnyView {
        let message = RwSignal::new(DraftMessage { id: 1, content });
        let channels: ChannelSet = Channel::ALL.into_iter().take(4).collect();
        let on_event = move |event| {
            if let EditorEvent::Text(text) = event {
                message.update(|message| message.content = DraftContent::Text(text));
            }
        };
        view! {
            <MessageEditor
                message
                place=0_usize
                count=2_usize
                channels
                problem=problem.map(str::to_owned)
                image_url=|_| String::new()
                on_event=Callback::new(on_event)
            />
        }
        .into_any()
    }
    fn image(upload: UploadState) -> AnyView {
        let image = DraftImage {
            name: "coat-autumn.jpg".to_owned(),
            width: 1_600,
            height: 1_600,
            bytes: 412_000,
            is_shrunk: true,
            upload,
            local_url: None,
        };
        story(DraftContent::Image(image), None)
    }
    vec![
        Story::new("empty", || story(DraftContent::Text(String::new()), None)),
        Story::new("a text", || {
            story(
                DraftContent::Text(
                    "您好，秋季新品已到店 🍂 本週六日於信義門市試穿，即可獲得九折優惠！".to_owned(),
                ),
                None,
            )
        }),
        Story::new("near the limit of Instagram", || {
            story(DraftContent::Text("好".repeat(310)), None)
        }),
        Story::new("too long", || {
            story(
                DraftContent::Text("好".repeat(340)),
                Some("文字太長，Instagram 不接受"),
            )
        }),
        Story::new("being prepared", || image(UploadState::Preparing)),
        Story::new("on its way", || image(UploadState::Sending(42))),
        Story::new("refused", || {
            image(UploadState::Failed(
                "無法連線，請檢查網路後重試。".to_owned(),
            ))
        }),
        Story::new("cut off by a reload", || image(UploadState::Lost)),
        Story::new("uploaded", || {
            let media = "01905000-0000-7000-8000-000000000001"
                .parse()
                .expect("it is written as a UUID");
            image(UploadState::Done(media))
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_channel_is_counted() {
        let all: ChannelSet = Channel::ALL.into_iter().take(4).collect();
        assert_eq!(
            nearest("中", all).map(|found| (found.0, found.1)),
            Some((Channel::Instagram, 3))
        );
        assert_eq!(
            nearest("", all).map(|found| found.0),
            Some(Channel::Instagram)
        );
        let two: ChannelSet = [Channel::Line, Channel::Whatsapp].into_iter().collect();
        assert_eq!(
            nearest("中", two).map(|found| found.0),
            Some(Channel::Whatsapp)
        );
        // An emoji counts two for LINE, whose limit is not twice as large.
        assert_eq!(nearest("🍂", two).map(|found| found.0), Some(Channel::Line));
        assert_eq!(nearest("中", ChannelSet::EMPTY), None);
    }
}
