//! The messages of a broadcast, up to five, and what may still be added.

pub mod draft;
mod given_files;
mod misfits;
pub mod name_fallback;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::{MAX_MESSAGES, caption_limit};
use omocast_contract::{ChannelSet, Medium, Surface};
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlElement, HtmlInputElement};

use crate::components::error_text::channel_names;
use crate::components::message_bubble::MediaUrls;
use crate::components::message_editor::{EditorEvent, EditorProblem, MessageEditor, Offer};
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::picture::files_of;
use crate::ui::{
    Button, ButtonKind, Chip, Icon, IconButton, Row, Show, reactive, rows, use_toasts,
};
use draft::{ComposeDraft, DraftContent, DraftMessage};
use given_files::files_from_anywhere;
use misfits::{Misfits, misfits, misfits_view};
use name_fallback::NameFallback;

/// What can be added to a broadcast, and what stands for it.
const OFFERED: [(Medium, Icon); 5] = [
    (Medium::Text, Icon::Type),
    (Medium::Image, Icon::Image),
    (Medium::Video, Icon::Video),
    (Medium::File, Icon::File),
    (Medium::SavedReply, Icon::Bookmark),
];

/// What the browser's dialog offers first; what is taken is decided by what the file holds.
fn accepted(medium: Medium) -> &'static str {
    match medium {
        Medium::Image => "image/*",
        Medium::Video => "video/mp4",
        Medium::File => ".pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv,.zip",
        Medium::Text | Medium::Emoji | Medium::SavedReply => "",
    }
}

/// Where a problem is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Message(usize),
    /// What customers without a name are called.
    NameFallback,
}

/// Something wrong with a part of what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedProblem {
    pub place: Place,
    pub words: String,
    /// The chosen channels that do not take the message; empty where the message itself has to be mended.
    pub misfit: ChannelSet,
    /// Whether the words under a file are what does not fit, and not the file.
    pub is_caption: bool,
    /// Whether another, smaller upload would mend it.
    pub can_shrink: bool,
}

impl PlacedProblem {
    pub fn new(place: Place, words: String) -> Self {
        Self {
            place,
            words,
            misfit: ChannelSet::EMPTY,
            is_caption: false,
            can_shrink: false,
        }
    }
}

/// The editor of a broadcast's messages.
#[component]
pub fn Composer(
    draft: RwSignal<ComposeDraft>,
    /// The channels of those who will get it.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    #[prop(into)] surface: Signal<Surface>,
    #[prop(into)] problems: Signal<Vec<PlacedProblem>>,
    /// Files that were not taken, in words.
    refused: RwSignal<Vec<String>>,
    /// The domains whose links are the brand's own.
    #[prop(into)]
    official_domains: Signal<Vec<String>>,
    urls: MediaUrls,
    /// Files were picked, dropped or pasted.
    #[prop(into)]
    on_files: Callback<Vec<File>>,
    /// The upload of a message is to stop.
    #[prop(into)]
    on_cancel_upload: Callback<u32>,
    /// The upload of a message is to be tried again.
    #[prop(into)]
    on_retry_upload: Callback<u32>,
    /// 預存回覆 are wanted.
    #[prop(into)]
    on_saved_replies: Callback<()>,
    /// The customers of these channels are to get nothing.
    #[prop(into)]
    on_drop_channels: Callback<ChannelSet>,
) -> impl IntoView {
    let toasts = use_toasts();
    // Without this composer there is nothing that a message could come back to.
    let removals = StoredValue::new(Vec::new());
    on_cleanup(move || {
        let removals = removals.try_update_value(std::mem::take);
        removals
            .into_iter()
            .flatten()
            .for_each(|toast| toasts.withdraw(toast));
    });
    let root = NodeRef::<html::Div>::new();
    let picker = NodeRef::<html::Input>::new();
    let dragged = RwSignal::new(None::<u32>);
    // The place before which the dragged message would come to stand.
    let gap = RwSignal::new(None::<usize>);
    let said = RwSignal::new(String::new());
    let is_dropping = files_from_anywhere(on_files);
    let ids = Memo::new(move |_| {
        draft.with(|draft| {
            draft
                .messages
                .iter()
                .map(|message| message.id)
                .collect::<Vec<_>>()
        })
    });
    let count = Memo::new(move |_| ids.with(Vec::len));
    let free = Memo::new(move |_| draft.with(ComposeDraft::free_slots));

    let move_to = move |id: u32, to: usize| {
        let focused = document()
            .active_element()
            .and_then(|element| element.dyn_into::<HtmlElement>().ok());
        if !draft
            .try_update(|draft| draft.move_to(id, to))
            .unwrap_or(false)
        {
            return;
        }
        said.set(t_now_with(Key::ComposeMoved, to + 1, count.get_untracked()));
        // Moving an element takes the focus from it.
        request_animation_frame(move || {
            if let Some(focused) = focused {
                let _ = focused.focus();
            }
        });
    };
    let remove = move |id: u32| {
        // First, so that what comes back by an undo is an upload that was stopped and can be tried again.
        on_cancel_upload.run(id);
        let Some(removed) = draft.try_update(|draft| draft.remove(id)).flatten() else {
            return;
        };
        let at = removed.at;
        let place = (at + 1).to_string();
        let toast = toasts.undo(
            untrack(|| t_with(Key::ComposeRemoved, &[("number", &place)])),
            move || {
                draft.try_update(move |draft| draft.put_back(removed));
            },
        );
        removals.update_value(|removals| removals.extend(toast));
        focus_soon(root, at.min(count.get_untracked().saturating_sub(1)));
    };
    // Takes away what does not fit: the message, or only the words under its file.
    let drop_misfits = move |misfits: &Misfits| {
        let before = draft.get_untracked();
        for &(at, is_caption) in &misfits.messages {
            let Some(message) = before.messages.get(at) else {
                continue;
            };
            let id = message.id;
            if !is_caption {
                on_cancel_upload.run(id);
            }
            draft.update(|draft| match draft.media_mut(id) {
                Some(media) if is_caption => media.caption.clear(),
                Some(_) | None => drop(draft.remove(id)),
            });
        }
        let dropped = misfits.messages.len() as u64;
        let toast = toasts.undo(
            untrack(|| t_count(PluralKey::ComposeMisfitsDropped, dropped, &[])),
            move || {
                draft.try_set(before.clone());
            },
        );
        removals.update_value(|removals| removals.extend(toast));
    };
    let on_event = move |id: u32, event: EditorEvent| {
        let place = draft.with_untracked(|draft| draft.place(id)).unwrap_or(0);
        match event {
            EditorEvent::Words(words) => draft.update(|draft| match draft.media_mut(id) {
                Some(media) => media.caption = words,
                None => draft.set_text(id, words),
            }),
            EditorEvent::Up => {
                if let Some(to) = place.checked_sub(1) {
                    move_to(id, to);
                }
            }
            EditorEvent::Down => move_to(id, place + 1),
            EditorEvent::Remove => remove(id),
            EditorEvent::CancelUpload => on_cancel_upload.run(id),
            EditorEvent::RetryUpload => on_retry_upload.run(id),
            EditorEvent::DragStart => dragged.set(Some(id)),
            EditorEvent::DragEnd => {
                dragged.set(None);
                gap.set(None);
            }
        }
    };
    let add_text = move || {
        let added = draft
            .try_update(|draft| draft.add(DraftContent::Text(String::new())))
            .flatten();
        if added.is_some() {
            focus_soon(root, count.get_untracked().saturating_sub(1));
        }
    };
    let add = move |medium: Medium| match medium {
        Medium::Text => add_text(),
        Medium::SavedReply => on_saved_replies.run(()),
        Medium::Image | Medium::Video | Medium::File | Medium::Emoji => {
            if let Some(picker) = picker.get_untracked() {
                picker.set_accept(accepted(medium));
                picker.click();
            }
        }
    };
    let picked = move |event: ev::Targeted<ev::Event, HtmlInputElement>| {
        let input = event.target();
        let files = files_of(input.files());
        // So that the same file can be picked again.
        input.set_value("");
        if !files.is_empty() {
            on_files.run(files);
        }
    };
    let drop = move |event: ev::DragEvent| {
        if let (Some(id), Some(gap)) = (dragged.get_untracked(), gap.get_untracked()) {
            event.prevent_default();
            let from = draft.with_untracked(|draft| draft.place(id)).unwrap_or(gap);
            move_to(id, if gap > from { gap - 1 } else { gap });
        }
    };
    let drag_over = move |event: ev::DragEvent| {
        if dragged.get_untracked().is_some() {
            event.prevent_default();
            gap.set(gap_at(root, f64::from(event.client_y())));
        }
    };
    let full = move |is_full: bool| {
        is_full.then(|| t_with(Key::ComposeFull, &[("count", &number(MAX_MESSAGES as u64))]))
    };
    let hidden_by = move |medium: Medium| medium.hidden_by(surface.get(), channels.get());
    let buttons = OFFERED
        .into_iter()
        .map(|(medium, icon)| {
            let is_offered = Memo::new(move |_| medium.is_offered(surface.get(), channels.get()));
            let reason = Signal::derive(move || {
                full(match medium {
                    Medium::Text => count.get() >= MAX_MESSAGES,
                    _ => free.get() == 0,
                })
            });
            view! {
                <Show when=is_offered>
                    <Button
                        kind=ButtonKind::Quiet
                        icon
                        disabled_reason=reason
                        on_click=move || add(medium)
                    >
                        {move || medium_text(medium)}
                    </Button>
                </Show>
            }
            .into_any()
        })
        .collect_view();
    let hints = move || {
        OFFERED
            .into_iter()
            .filter_map(|(medium, _)| {
                let hidden_by = hidden_by(medium);
                (!hidden_by.is_empty()).then(|| {
                    let words = hidden_words(medium, hidden_by);
                    view! { <span class="composer__hint">{words}</span> }
                })
            })
            .collect_view()
    };
    let count_text = Signal::derive(move || {
        [number(count.get() as u64), number(MAX_MESSAGES as u64)].join(" / ")
    });
    let offer = Memo::new(move |_| {
        let channels = channels.get();
        Offer {
            channels,
            has_emoji: Medium::Emoji.is_offered(surface.get(), channels),
            has_captions: !channels.is_empty()
                && channels
                    .iter()
                    .all(|channel| caption_limit(channel).is_some()),
        }
    });
    let misfits = Memo::new(move |_| problems.with(|problems| misfits(problems)));
    let misfit_notices = move || {
        misfits
            .get()
            .into_iter()
            .map(|misfits| misfits_view(misfits, channels, drop_misfits, on_drop_channels))
            .collect_view()
    };
    view! {
        <div
            class="composer"
            node_ref=root
            data-dropping=move || is_dropping.get().then_some("")
            on:dragover=drag_over
            on:drop=drop
        >
            <ol class="composer__list" aria-label=phrase(Key::ComposeMessages)>
                {rows(move || {
                    let draw = |id| Row::new(id, move || item_view(draft, id, gap, dragged, move |message, place| {
                            let problem = Signal::derive(move || {
                                let place = Place::Message(place.get());
                                problems.with(|problems| {
                                    let problem = problems.iter().find(|problem| problem.place == place)?;
                                    Some(EditorProblem {
                                        words: problem.words.clone(),
                                        can_shrink: problem.can_shrink,
                                    })
                                })
                            });
                            view! {
                                <MessageEditor
                                    message
                                    place
                                    count
                                    offer
                                    official_domains
                                    problem
                                    urls
                                    on_event=Callback::new(move |event| on_event(id, event))
                                />
                            }
                            .into_any()
                        }));
                    ids.get().into_iter().map(draw).collect()
                })}
            </ol>
            {reactive(misfit_notices)}
            <NameFallback draft problems />
            {move || {
                let refusals = refused.get();
                (!refusals.is_empty()).then(|| {
                    let lines = refusals.into_iter().map(|words| view! { <li>{words}</li> }).collect_view();
                    view! {
                        <div class="composer__refusal" role="alert">
                            <ul class="composer__refused">{lines}</ul>
                            <IconButton
                                icon=Icon::X
                                label=phrase(Key::UiClose)
                                on_click=move || refused.set(Vec::new())
                            />
                        </div>
                    }
                })
            }}
            <div class="composer__add">
                {buttons}
                <input
                    type="file"
                    class="visually-hidden"
                    multiple
                    tabindex="-1"
                    aria-label=phrase(Key::ComposeAddFiles)
                    node_ref=picker
                    on:change:target=picked
                />
                <span class="composer__space"></span>
                {move || {
                    is_dropping
                        .get()
                        .then(|| view! { <span class="composer__hint">{t(Key::ComposeDropHere)}</span> })
                }}
                <Chip text=count_text />
            </div>
            <p class="composer__hints">{reactive(hints)}</p>
            <span class="visually-hidden" role="status">{move || said.get()}</span>
        </div>
    }
    .into_any()
}

/// 「Instagram 不支援影片」
pub fn hidden_words(medium: Medium, channels: ChannelSet) -> String {
    let (medium, names) = (medium_text(medium), channel_names(channels.iter()));
    t_with(
        Key::ComposeHiddenBy,
        &[("medium", &medium), ("channels", &names)],
    )
}

fn t_now_with(key: Key, place: usize, count: usize) -> String {
    let (place, count) = (place.to_string(), count.to_string());
    untrack(|| t_with(key, &[("number", &place), ("count", &count)]))
}

/// A message's place in the list: it stays the same element wherever it is moved.
fn item_view(
    draft: RwSignal<ComposeDraft>,
    id: u32,
    gap: RwSignal<Option<usize>>,
    dragged: RwSignal<Option<u32>>,
    editor: impl Fn(Signal<DraftMessage>, Signal<usize>) -> AnyView,
) -> AnyView {
    let place = Memo::new(move |before: Option<&usize>| {
        draft
            .with(|draft| draft.place(id))
            .or(before.copied())
            .unwrap_or(0)
    });
    let message = Memo::new(move |before: Option<&DraftMessage>| {
        draft
            .with(|draft| draft.find(id).cloned())
            // It is about to go: it shows what it showed.
            .or_else(|| before.cloned())
            .unwrap_or(DraftMessage {
                id,
                content: DraftContent::Text(String::new()),
            })
    });
    let drop_mark = move || {
        let gap = gap.get()?;
        let (place, last) = (
            place.get(),
            draft.with(|draft| draft.messages.len()).saturating_sub(1),
        );
        if gap == place {
            Some("before")
        } else {
            (gap > last && place == last).then_some("after")
        }
    };
    view! {
        <li
            class="composer__item"
            data-drop=reactive(drop_mark)
            data-dragged=move || (dragged.get() == Some(id)).then_some("")
        >
            {editor(message.into(), place.into())}
        </li>
    }
    .into_any()
}

/// The elements of the messages, in their order.
fn items(root: NodeRef<html::Div>) -> Vec<web_sys::Element> {
    let Some(root) = root.try_get_untracked().flatten() else {
        return Vec::new();
    };
    let Some(list) = root.first_element_child() else {
        return Vec::new();
    };
    let items = list.children();
    (0..items.length())
        .filter_map(|at| items.item(at))
        .collect()
}

/// Before which message something dropped at this height belongs.
fn gap_at(root: NodeRef<html::Div>, y: f64) -> Option<usize> {
    let items = items(root);
    let above = items.iter().take_while(|item| {
        let place = item.get_bounding_client_rect();
        place.top() + place.height() / 2.0 < y
    });
    Some(above.count())
}

/// Puts the focus into the message at a place once it is drawn, or on the first button for adding one.
fn focus_soon(root: NodeRef<html::Div>, at: usize) {
    request_animation_frame(move || {
        let in_item = items(root).get(at).cloned();
        let scope = in_item.or_else(|| {
            root.try_get_untracked()
                .flatten()
                .map(|root| root.unchecked_into())
        });
        let control = scope.and_then(|scope: web_sys::Element| {
            let found = scope.query_selector("textarea").ok().flatten();
            found.or_else(|| scope.query_selector("button").ok().flatten())
        });
        if let Some(control) = control.and_then(|control| control.dyn_into::<HtmlElement>().ok()) {
            let _ = control.focus();
        }
    });
}

/// The words of a refusal to take a file.
pub fn refused_file(name: &str, problem: &str) -> String {
    if name.is_empty() {
        return problem.to_owned();
    }
    untrack(|| {
        t_with(
            Key::ComposeRefusedFile,
            &[("name", name), ("problem", problem)],
        )
    })
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::variable::CUSTOMER_NAME;
    use omocast_contract::{Channel, FileType};

    use crate::ui::{Story, ToastHost, provide_toasts};
    use draft::{DraftMedia, UploadState};

    fn story(
        contents: Vec<DraftContent>,
        channels: &[Channel],
        problems: Vec<PlacedProblem>,
        refused: &[&str],
    ) -> AnyView {
        provide_toasts();
        let mut draft = ComposeDraft::default();
        for content in contents {
            draft.add(content);
        }
        let set: ChannelSet = channels.iter().copied().collect();
        let refused: Vec<String> = refused.iter().map(|&words| words.to_owned()).collect();
        view! {
            <Composer
                draft=RwSignal::new(draft)
                channels=set
                surface=Surface::Web
                problems
                refused=RwSignal::new(refused)
                official_domains=vec!["shop.example.com".to_owned()]
                urls=MediaUrls::none()
                on_files=|_| ()
                on_cancel_upload=|_| ()
                on_retry_upload=|_| ()
                on_saved_replies=|()| ()
                on_drop_channels=|_| ()
            />
            <ToastHost />
        }
        .into_any()
    }
    fn texts(texts: &[&str]) -> Vec<DraftContent> {
        texts
            .iter()
            .map(|&text| DraftContent::Text(text.to_owned()))
            .collect()
    }
    fn upload(medium: Medium, name: &str, bytes: u64) -> DraftContent {
        let id = "01905000-0000-7000-8000-000000000001"
            .parse()
            .expect("it is written as a UUID");
        DraftContent::Media(DraftMedia {
            upload: UploadState::Done(id),
            file_type: (medium == Medium::File).then_some(FileType::Pdf),
            ..DraftMedia::picked(medium, name.to_owned(), bytes)
        })
    }
    vec![
        Story::new("empty", || {
            story(texts(&[""]), &[Channel::Line], Vec::new(), &[])
        }),
        Story::new("of every medium, for Facebook and WhatsApp", || {
            let mut contents = texts(&["預約試穿：https://shop.example.com/fitting"]);
            contents.extend([
                upload(Medium::Image, "coat-autumn.jpg", 412_000),
                upload(Medium::Video, "fitting-room.mp4", 12_300_000),
                upload(Medium::File, "秋季型錄.pdf", 2_450_000),
            ]);
            story(
                contents,
                &[Channel::Facebook, Channel::Whatsapp],
                Vec::new(),
                &[],
            )
        }),
        Story::new("the customer's name, with what others are called", || {
            story(
                texts(&[&[CUSTOMER_NAME, " 您好，秋季新品已到店 🍂"].concat()]),
                &[Channel::Line],
                Vec::new(),
                &[],
            )
        }),
        Story::new("messages that a channel does not take", || {
            let problem = |at, words: &str| PlacedProblem {
                misfit: [Channel::Instagram].into_iter().collect(),
                ..PlacedProblem::new(Place::Message(at), words.to_owned())
            };
            let mut contents = texts(&["您好"]);
            contents.extend([
                upload(Medium::Video, "fitting-room.mp4", 12_300_000),
                upload(Medium::File, "秋季型錄.pdf", 2_450_000),
            ]);
            story(
                contents,
                &[Channel::Facebook, Channel::Instagram],
                vec![
                    problem(1, "Instagram 不支援影片"),
                    problem(2, "Instagram 不支援檔案"),
                ],
                &[],
            )
        }),
        Story::new("full, with a problem and refused files", || {
            let words = "文字太長，Instagram 不接受".to_owned();
            story(
                texts(&["一", "二", "三", "四", "五"]),
                &Channel::ALL[..4],
                vec![PlacedProblem::new(Place::Message(1), words)],
                &[
                    "coat.jpg：這不是 JPEG 或 PNG 圖片。",
                    "一次最多 5 則訊息，沒有加入：a.jpg、b.jpg、c.jpg",
                ],
            )
        }),
        Story::new("a channel that takes nothing", || {
            story(Vec::new(), &[Channel::Web], Vec::new(), &[])
        }),
    ]
}

#[cfg(test)]
mod tests {
    use omocast_contract::Channel;

    use super::*;

    #[test]
    fn messages_that_the_same_channels_refuse_are_told_of_together() {
        let set = |channels: &[Channel]| channels.iter().copied().collect::<ChannelSet>();
        let (line, instagram) = (set(&[Channel::Line]), set(&[Channel::Instagram]));
        let problem = |at, misfit, is_caption| PlacedProblem {
            misfit,
            is_caption,
            ..PlacedProblem::new(Place::Message(at), String::new())
        };
        let problems = [
            problem(0, instagram, false),
            problem(1, ChannelSet::EMPTY, false),
            problem(2, line, true),
            problem(3, instagram, false),
            PlacedProblem::new(Place::NameFallback, String::new()),
        ];
        let found: Vec<_> = misfits(&problems)
            .into_iter()
            .map(|misfits| (misfits.channels, misfits.messages))
            .collect();
        assert_eq!(
            found,
            [
                (instagram, vec![(0, false), (3, false)]),
                (line, vec![(2, true)])
            ]
        );
    }
}
