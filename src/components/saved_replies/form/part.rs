//! One message of a saved reply: a text, or an upload.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::MAX_SAVED_REPLY_TEXT;
use omocast_contract::text::TextUnit;
use omocast_contract::variable::filled_length;
use omocast_contract::{ChannelSet, Medium, Surface};

use super::FormEvent;
use super::reply_form::{PartContent, PartUpload, ReplyForm};
use crate::components::insert_tools::InsertTools;
use crate::components::rich_text::RichText;
use crate::i18n::{Key, bytes, number, phrase, t, t_with};
use crate::ui::{Button, Icon, IconButton, IconView, reactive};

pub(super) fn part_view(
    form: ReplyForm,
    id: u32,
    place: Memo<usize>,
    count: Memo<usize>,
    surface: Signal<Surface>,
    error: Signal<Option<String>>,
    on_event: Callback<FormEvent>,
) -> AnyView {
    let is_text = form.parts.with_untracked(|parts| {
        let part = parts.iter().find(|part| part.id == id);
        part.is_some_and(|part| matches!(part.content, PartContent::Text(_)))
    });
    let numbered = move |key: Key| {
        Signal::derive(move || t_with(key, &[("number", &(place.get() + 1).to_string())]))
    };
    let swap = move |to: usize| {
        form.parts.update(|parts| {
            if let Some(from) = parts.iter().position(|part| part.id == id)
                && to < parts.len()
            {
                let part = parts.remove(from);
                parts.insert(to, part);
            }
        });
    };
    let body = if is_text {
        text_view(form, id, numbered(Key::ComposeTextOf), surface, error)
    } else {
        upload_view(form, id, on_event)
    };
    let at_top = Signal::derive(move || (place.get() == 0).then(|| t(Key::SavedAtTop)));
    let at_end =
        Signal::derive(move || (place.get() + 1 >= count.get()).then(|| t(Key::SavedAtEnd)));
    view! {
        <li class="saved-replies__part">
            <div class="saved-replies__part-body">
                {body}
                {move || {
                    error
                        .get()
                        .map(|words| view! { <p class="saved-replies__error" role="alert">{words}</p> })
                }}
            </div>
            <div class="saved-replies__part-tools">
                <IconButton
                    icon=Icon::ArrowUp
                    label=numbered(Key::ComposeMoveUp)
                    disabled_reason=at_top
                    on_click=move || swap(place.get_untracked().saturating_sub(1))
                />
                <IconButton
                    icon=Icon::ArrowDown
                    label=numbered(Key::ComposeMoveDown)
                    disabled_reason=at_end
                    on_click=move || swap(place.get_untracked() + 1)
                />
                <IconButton
                    icon=Icon::Trash
                    label=numbered(Key::ComposeRemove)
                    on_click=move || on_event.run(FormEvent::Remove(id))
                />
            </div>
        </li>
    }
    .into_any()
}

fn text_view(
    form: ReplyForm,
    id: u32,
    label: Signal<String>,
    surface: Signal<Surface>,
    error: Signal<Option<String>>,
) -> AnyView {
    let field = NodeRef::<html::Textarea>::new();
    let value = Signal::derive(move || {
        form.parts.with(|parts| {
            parts
                .iter()
                .find(|part| part.id == id)
                .and_then(|part| match &part.content {
                    PartContent::Text(text) => Some(text.clone()),
                    PartContent::Upload { .. } => None,
                })
                .unwrap_or_default()
        })
    });
    let write = move |written: String| {
        form.parts.update(|parts| {
            if let Some(part) = parts.iter_mut().find(|part| part.id == id) {
                part.content = PartContent::Text(written);
            }
        });
    };
    let used = move || {
        let used = value.with(|text| filled_length(text, TextUnit::Char)) as u64;
        [number(used), number(MAX_SAVED_REPLY_TEXT as u64)].join(" / ")
    };
    let has_emoji = Signal::derive(move || {
        // For whichever channels it will be used.
        Medium::Emoji.is_offered(surface.get(), ChannelSet::EMPTY)
    });
    view! {
        <RichText
            value
            label
            placeholder=phrase(Key::ComposePlaceholder)
            is_invalid=Signal::derive(move || error.with(Option::is_some))
            field
            on_input=Callback::new(write)
        />
        <div class="saved-replies__tools">
            <InsertTools field has_emoji />
            <span class="saved-replies__used">{reactive(used)}</span>
        </div>
    }
    .into_any()
}

fn upload_view(form: ReplyForm, id: u32, on_event: Callback<FormEvent>) -> AnyView {
    let upload = Memo::new(move |_| {
        form.parts.with(|parts| {
            let part = parts.iter().find(|part| part.id == id)?;
            match &part.content {
                PartContent::Upload { name, state } => Some((name.clone(), state.clone())),
                PartContent::Text(_) => None,
            }
        })
    });
    let content = move || {
        let (name, state) = upload.get()?;
        let (icon, state) = match state {
            PartUpload::Sending(percent) => (
                Icon::Upload,
                view! {
                    <span class="saved-replies__size" role="status">
                        {move || t_with(Key::SavedSending, &[("percent", &percent.to_string())])}
                    </span>
                }
                .into_any(),
            ),
            PartUpload::Failed(why) => (
                Icon::CircleAlert,
                view! {
                    <span class="saved-replies__error" role="alert">{why}</span>
                    <Button icon=Icon::Refresh on_click=move || on_event.run(FormEvent::Retry(id))>
                        {phrase(Key::UiRetry)}
                    </Button>
                }
                .into_any(),
            ),
            PartUpload::Done(media) => (
                match media.medium {
                    Medium::Image => Icon::Image,
                    Medium::Video => Icon::Video,
                    Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => Icon::File,
                },
                view! { <span class="saved-replies__size">{move || bytes(media.bytes)}</span> }
                    .into_any(),
            ),
        };
        Some(view! {
            <span class="saved-replies__file">
                <IconView icon />
                <span class="saved-replies__file-name">{name}</span>
                {state}
            </span>
        })
    };
    reactive(content).into_any()
}
