//! The messages of a broadcast, up to five, and what may still be added.

pub mod draft;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::MAX_MESSAGES;
use omocast_contract::{ChannelSet, MediaId, Medium, Surface};
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, File, HtmlElement, HtmlInputElement};

use crate::components::error_text::channel_names;
use crate::components::message_editor::{EditorEvent, MessageEditor};
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, number, phrase, t, t_now, t_with};
use crate::picture::files_of;
use crate::ui::{
    Button, ButtonKind, Chip, Icon, IconButton, Row, Show, reactive, rows, use_toasts,
};
use draft::{ComposeDraft, DraftContent, DraftMessage};

/// What can be added to a broadcast.
const OFFERED: [Medium; 2] = [Medium::Text, Medium::Image];

/// A problem with one message, or with the whole, in words.
pub type PlacedProblem = (Option<usize>, String);

/// The editor of a broadcast's messages.
#[component]
pub fn Composer(
    draft: RwSignal<ComposeDraft>,
    /// The channels of those who will get it.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    #[prop(into)] surface: Signal<Surface>,
    #[prop(into)] problems: Signal<Vec<PlacedProblem>>,
    /// Files that were no image or that did not fit in, in words.
    refused: RwSignal<Vec<String>>,
    /// Where the browser finds an uploaded image.
    #[prop(into)]
    image_url: Callback<MediaId, String>,
    /// Files were picked, dropped or pasted.
    #[prop(into)]
    on_files: Callback<Vec<File>>,
    /// The upload of a message is to stop.
    #[prop(into)]
    on_cancel_upload: Callback<u32>,
    /// The upload of a message is to be tried again.
    #[prop(into)]
    on_retry_upload: Callback<u32>,
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
    let is_dropping = RwSignal::new(false);
    let dragged = RwSignal::new(None::<u32>);
    // The place before which the dragged message would come to stand.
    let gap = RwSignal::new(None::<usize>);
    let said = RwSignal::new(String::new());
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
        let Some((at, message)) = draft.try_update(|draft| draft.remove(id)).flatten() else {
            return;
        };
        let place = (at + 1).to_string();
        let toast = toasts.undo(
            untrack(|| t_with(Key::ComposeRemoved, &[("number", &place)])),
            move || {
                let message = message.clone();
                draft.try_update(move |draft| draft.put_back(at, message));
            },
        );
        removals.update_value(|removals| removals.extend(toast));
        focus_soon(root, at.min(count.get_untracked().saturating_sub(1)));
    };
    let on_event = move |id: u32, event: EditorEvent| {
        let place = draft.with_untracked(|draft| draft.place(id)).unwrap_or(0);
        match event {
            EditorEvent::Text(text) => draft.update(|draft| draft.set_text(id, text)),
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
    let pick = move || {
        if let Some(picker) = picker.get_untracked() {
            picker.click();
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
        is_dropping.set(false);
        if let (Some(id), Some(gap)) = (dragged.get_untracked(), gap.get_untracked()) {
            event.prevent_default();
            let from = draft.with_untracked(|draft| draft.place(id)).unwrap_or(gap);
            move_to(id, if gap > from { gap - 1 } else { gap });
            return;
        }
        let files = files_of(event.data_transfer().and_then(|data| data.files()));
        if !files.is_empty() {
            event.prevent_default();
            on_files.run(files);
        }
    };
    let drag_over = move |event: ev::DragEvent| {
        if dragged.get_untracked().is_some() {
            event.prevent_default();
            gap.set(gap_at(root, f64::from(event.client_y())));
        } else if event.data_transfer().is_some_and(|data| has_files(&data)) {
            event.prevent_default();
            is_dropping.set(true);
        }
    };
    let paste = move |event: ev::ClipboardEvent| {
        let files = files_of(event.clipboard_data().and_then(|data| data.files()));
        if !files.is_empty() {
            event.prevent_default();
            on_files.run(files);
        }
    };
    let full = Signal::derive(move || {
        (count.get() >= MAX_MESSAGES)
            .then(|| t_with(Key::ComposeFull, &[("count", &number(MAX_MESSAGES as u64))]))
    });
    let hidden_by = move |medium: Medium| medium.hidden_by(surface.get(), channels.get());
    let hints = move || {
        OFFERED
            .into_iter()
            .filter_map(|medium| {
                let hidden_by = hidden_by(medium);
                (!hidden_by.is_empty()).then(|| {
                    let (medium, names) = (medium_text(medium), channel_names(hidden_by.iter()));
                    let words = t_with(
                        Key::ComposeHiddenBy,
                        &[("medium", &medium), ("channels", &names)],
                    );
                    view! { <span class="composer__hint">{words}</span> }
                })
            })
            .collect_view()
    };
    let count_text = Signal::derive(move || {
        [number(count.get() as u64), number(MAX_MESSAGES as u64)].join(" / ")
    });
    view! {
        <div
            class="composer"
            node_ref=root
            data-dropping=move || is_dropping.get().then_some("")
            on:dragover=drag_over
            on:dragleave=move |_| is_dropping.set(false)
            on:drop=drop
            on:paste=paste
        >
            <ol class="composer__list" aria-label=phrase(Key::ComposeMessages)>
                {rows(move || {
                    let draw = |id| Row::new(id, move || item_view(draft, id, gap, dragged, move |message, place| {
                            let problem = Signal::derive(move || {
                                let place = place.get();
                                problems.with(|problems| {
                                    problems
                                        .iter()
                                        .find(|(at, _)| *at == Some(place))
                                        .map(|(_, words)| words.clone())
                                })
                            });
                            view! {
                                <MessageEditor
                                    message
                                    place
                                    count
                                    channels
                                    problem
                                    image_url
                                    on_event=Callback::new(move |event| on_event(id, event))
                                />
                            }
                            .into_any()
                        }));
                    ids.get().into_iter().map(draw).collect()
                })}
            </ol>
            {move || {
                let refusals = refused.get();
                (!refusals.is_empty()).then(|| {
                    let lines = refusals.into_iter().map(|words| view! { <li>{words}</li> }).collect_view();
                    view! {
                        <div class="composer__refusal">
                            <ul class="composer__refused" role="alert">{lines}</ul>
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
                <Show when=move || hidden_by(Medium::Text).is_empty()>
                    <Button
                        kind=ButtonKind::Quiet
                        icon=Icon::Type
                        disabled_reason=full
                        on_click=add_text
                    >
                        {move || medium_text(Medium::Text)}
                    </Button>
                </Show>
                <Show when=move || hidden_by(Medium::Image).is_empty()>
                    <Button
                        kind=ButtonKind::Quiet
                        icon=Icon::Image
                        disabled_reason=full
                        on_click=pick
                    >
                        {move || medium_text(Medium::Image)}
                    </Button>
                </Show>
                <input
                    type="file"
                    class="visually-hidden"
                    accept="image/*"
                    multiple
                    tabindex="-1"
                    aria-label=move || medium_text(Medium::Image)
                    node_ref=picker
                    on:change:target=picked
                />
                <span class="composer__space"></span>
                {reactive(hints)}
                {move || {
                    is_dropping
                        .get()
                        .then(|| view! { <span class="composer__hint">{t(Key::ComposeDropHere)}</span> })
                }}
                <Chip text=count_text />
            </div>
            <span class="visually-hidden" role="status">{move || said.get()}</span>
        </div>
    }
    .into_any()
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

fn has_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind == "Files")
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

/// The words for an upload that the writer stopped.
pub fn cancelled_words() -> String {
    t_now(Key::ComposeUploadCancelled)
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Channel;

    use crate::ui::{Story, ToastHost, provide_toasts};

    fn story(
        texts: &[&str],
        channels: &[Channel],
        problems: Vec<PlacedProblem>,
        refused: &[&str],
    ) -> AnyView {
        provide_toasts();
        let mut draft = ComposeDraft::new("story-key".to_owned());
        for text in texts {
            draft.add(DraftContent::Text((*text).to_owned()));
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
                image_url=|_| String::new()
                on_files=|_| ()
                on_cancel_upload=|_| ()
                on_retry_upload=|_| ()
            />
            <ToastHost />
        }
        .into_any()
    }
    vec![
        Story::new("empty", || story(&[], &[Channel::Line], Vec::new(), &[])),
        Story::new("two of five", || {
            story(
                &[
                    "您好，秋季新品已到店 🍂",
                    "預約試穿：https://shop.example.com/fitting",
                ],
                &[Channel::Line, Channel::Whatsapp],
                Vec::new(),
                &[],
            )
        }),
        Story::new("full, with a problem and a refused file", || {
            story(
                &["一", "二", "三", "四", "五"],
                &Channel::ALL[..4],
                vec![(Some(1), "文字太長，Instagram 不接受".to_owned())],
                &["report.pdf：這不是 JPEG 或 PNG 圖片。"],
            )
        }),
        Story::new("a channel that takes nothing", || {
            story(&[], &[Channel::Web], Vec::new(), &[])
        }),
    ]
}
