//! The body of a message that is an image, a video or a file: what it looks like, how far its upload is, its caption.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::MAX_CAPTION;
use omocast_contract::text::TextUnit;
use omocast_contract::variable::filled_length;
use omocast_contract::{FileType, Medium};

use super::{EditorEvent, Shared};
use crate::components::composer::draft::{DraftContent, DraftMedia, UploadState};
use crate::components::insert_tools::InsertTools;
use crate::components::message_bubble::MediaUrls;
use crate::components::rich_text::RichText;
use crate::i18n::{Key, PluralKey, bytes, number, phrase, t_count, t_with};
use crate::ui::{Button, ButtonKind, Icon, IconView, Show, reactive};

pub(super) fn media_view(shared: Shared) -> AnyView {
    let Shared {
        message,
        offer,
        problem,
        urls,
        on_event,
        ..
    } = shared;
    let media = Memo::new(move |before: Option<&Option<DraftMedia>>| {
        message.with(|message| match &message.content {
            DraftContent::Media(media) => Some(media.clone()),
            DraftContent::Text(_) => before.cloned().flatten(),
        })
    });
    let fits = Callback::new(move |is_shrunk: bool| {
        let count = offer.get().channels.iter().count() as u64;
        let key = if is_shrunk {
            PluralKey::ComposeShrunk
        } else {
            PluralKey::ComposeFits
        };
        (count > 0 && problem.with(Option::is_none)).then(|| t_count(key, count, &[]))
    });
    let can_shrink = Memo::new(move |_| {
        problem.with(|problem| problem.as_ref().is_some_and(|problem| problem.can_shrink))
    });
    // What is written already stays to be seen, and can be taken away, where captions are no longer offered.
    let has_caption = Memo::new(move |_| {
        offer.get().has_captions
            || media.with(|media| {
                media
                    .as_ref()
                    .is_some_and(|media| !media.caption.is_empty())
            })
    });
    view! {
        <UploadView
            media
            urls
            fits
            on_cancel=Callback::new(move |()| on_event.run(EditorEvent::CancelUpload))
            on_retry=Callback::new(move |()| on_event.run(EditorEvent::RetryUpload))
        >
            <Show when=can_shrink>
                <span class="message-editor__upload">
                    <Button
                        icon=Icon::Image
                        on_click=move || on_event.run(EditorEvent::RetryUpload)
                    >
                        {phrase(Key::ComposeShrink)}
                    </Button>
                </span>
            </Show>
        </UploadView>
        <Show when=has_caption>{caption_view(shared, media)}</Show>
    }
    .into_any()
}

/// What an upload looks like, and how far it is.
#[component]
pub fn UploadView(
    media: Memo<Option<DraftMedia>>,
    urls: MediaUrls,
    /// What is said of it once it is there; it is told whether an image was made smaller.
    fits: Callback<bool, Option<String>>,
    on_cancel: Callback<()>,
    on_retry: Callback<()>,
    /// What stands below that.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let with = move |read: fn(&DraftMedia) -> String| {
        media.with(|media| media.as_ref().map(read).unwrap_or_default())
    };
    let medium = Memo::new(move |_| {
        media.with(|media| media.as_ref().map_or(Medium::File, |media| media.medium))
    });
    let picture = Memo::new(move |_| {
        media.with(|media| media.as_ref().and_then(|media| picture_of(media, urls)))
    });
    let thumb = move || {
        let medium = medium.get();
        let picture = picture
            .get()
            .map(|address| view! { <img class="message-editor__picture" src=address alt="" /> });
        let icon = match medium {
            Medium::Video => Some(Icon::Video),
            Medium::File => Some(Icon::File),
            Medium::Image if picture.is_none() => Some(Icon::Image),
            Medium::Image | Medium::Text | Medium::Emoji | Medium::SavedReply => None,
        };
        view! {
            <span class="message-editor__thumb" data-medium=medium.as_str()>
                {picture} {icon.map(|icon| view! { <IconView icon /> })}
            </span>
        }
    };
    let name = move || with(|media| media.name.clone());
    // The percents move within the bar; only another kind of state is drawn anew.
    let kind = Memo::new(move |_| {
        media.with(|media| match media.as_ref().map(|media| &media.upload) {
            Some(UploadState::Sending(_)) => Some(UploadState::Sending(0)),
            other => other.cloned(),
        })
    });
    let percent = move || {
        media.with(|media| match media.as_ref().map(|media| &media.upload) {
            Some(UploadState::Sending(percent)) => *percent,
            _ => 0,
        })
    };
    let cancel = move || {
        view! {
            <Button
                kind=ButtonKind::Quiet
                on_click=on_cancel
            >
                {phrase(Key::ComposeStopUpload)}
            </Button>
        }
    };
    let state = move || -> Option<AnyView> {
        Some(match kind.get()? {
            UploadState::Preparing => view! {
                <span class="message-editor__upload">
                    <span class="message-editor__state">{phrase(Key::ComposePreparing)}</span>
                    {cancel()}
                </span>
            }
            .into_any(),
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
                            t_with(Key::ComposeUploading, &[("percent", &percent().to_string())])
                        }}
                    </span>
                    {cancel()}
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
                        on_click=on_retry
                    >
                        {phrase(Key::UiRetry)}
                    </Button>
                </span>
            }
            .into_any(),
            // Its problem says so.
            UploadState::Lost => return None,
            UploadState::Done(_) => {
                let is_shrunk =
                    media.with(|media| media.as_ref().is_some_and(|media| media.is_shrunk));
                let fits = move || fits.run(is_shrunk);
                view! { <span class="message-editor__state">{reactive(fits)}</span> }.into_any()
            }
        })
    };
    view! {
        <div class="message-editor__media">
            {reactive(thumb)}
            <div class="message-editor__facts">
                <span class="message-editor__name" title=reactive(name)>{reactive(name)}</span>
                <span class="message-editor__size">{move || with(size_of)}</span>
                {reactive(state)}
                {children.map(|children| children())}
            </div>
        </div>
    }
    .into_any()
}

fn caption_view(shared: Shared, media: Memo<Option<DraftMedia>>) -> AnyView {
    let Shared {
        ordinal,
        offer,
        official_domains,
        problem,
        problem_id,
        on_event,
        ..
    } = shared;
    let field = NodeRef::<html::Textarea>::new();
    let caption = Memo::new(move |_| {
        media.with(|media| {
            media
                .as_ref()
                .map(|media| media.caption.clone())
                .unwrap_or_default()
        })
    });
    let counter = move || {
        let length = caption.with(|caption| filled_length(caption, TextUnit::Char));
        (length > 0).then(|| [number(length as u64), number(MAX_CAPTION as u64)].join(" / "))
    };
    let described_by = Signal::derive(move || {
        let has_problem = problem.with(Option::is_some);
        if has_problem {
            problem_id.get_value()
        } else {
            String::new()
        }
    });
    let has_emoji = Memo::new(move |_| offer.get().has_emoji);
    view! {
        <div class="message-editor__caption">
            <RichText
                value=caption
                label=Signal::derive(move || t_with(Key::ComposeCaptionOf, &[("number", &ordinal.get())]))
                placeholder=phrase(Key::ComposeCaption)
                described_by
                official_domains
                field
                on_input=Callback::new(move |words| on_event.run(EditorEvent::Words(words)))
            />
            <div class="message-editor__foot">
                <InsertTools field has_emoji />
                <span class="message-editor__links"></span>
                <span class="message-editor__count">{reactive(counter)}</span>
            </div>
        </div>
    }
    .into_any()
}

/// 「1,600 × 1,600 · 412 KB」, 「0:32 · 12 MB」, 「PDF · 2.4 MB」
fn size_of(media: &DraftMedia) -> String {
    if media.bytes == 0 {
        return String::new();
    }
    let size = bytes(media.bytes);
    let first = match media.medium {
        Medium::Image if media.width > 0 => {
            [number(media.width.into()), number(media.height.into())].join(" × ")
        }
        Medium::Video if media.seconds > 0 => clock_of(media.seconds),
        Medium::File => media
            .file_type
            .map(file_type_name)
            .unwrap_or_default()
            .to_owned(),
        Medium::Image | Medium::Video | Medium::Text | Medium::Emoji | Medium::SavedReply => {
            String::new()
        }
    };
    if first.is_empty() {
        size
    } else {
        [first, size].join(" · ")
    }
}

/// 1:05
pub fn clock_of(seconds: u32) -> String {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{minutes}:{seconds:02}")
}

/// The same in every language.
pub fn file_type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Pdf => "PDF",
        FileType::Word => "Word",
        FileType::Excel => "Excel",
        FileType::PowerPoint => "PowerPoint",
        FileType::Text => "TXT",
        FileType::Csv => "CSV",
        FileType::Zip => "ZIP",
    }
}

/// Where the browser finds what an image or a video looks like: here while it is at hand, else at the server.
pub fn picture_of(media: &DraftMedia, urls: MediaUrls) -> Option<String> {
    let here = match media.medium {
        Medium::Image => media.local_url.as_ref(),
        Medium::Video => media.local_preview.as_ref(),
        Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => return None,
    };
    here.cloned().or_else(|| {
        let id = media.media()?;
        match media.medium {
            _ if media.has_preview => Some(urls.preview.run(id)),
            Medium::Image => Some(urls.file.run(id)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_s_length_is_told_in_minutes() {
        assert_eq!(clock_of(5), "0:05");
        assert_eq!(clock_of(125), "2:05");
    }
}
