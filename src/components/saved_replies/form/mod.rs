//! Writing a saved reply: what it is called, for whom it is, and its messages.

pub mod audience_field;
mod part;
pub mod reply_form;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::Me;
use omocast_contract::limit::{MAX_MESSAGES, MAX_SAVED_REPLY_TEXT, MAX_TITLE};
use omocast_contract::{ProblemCode, Surface};
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlElement, HtmlInputElement};

use crate::components::error_text::problem_text;
use crate::i18n::{Key, number, phrase, t_with};
use crate::picture::files_of;
use crate::ui::{
    Button, ButtonKind, Icon, Notice, Row, TextField, Tone, reactive, rows, unique_id,
};
use audience_field::AudienceField;
use part::part_view;
use reply_form::{FormProblem, PartContent, ReplyForm};

/// What is wanted.
#[derive(Clone)]
pub enum FormEvent {
    Files(Vec<File>),
    /// The upload of a message is to be tried again.
    Retry(u32),
    /// A message is to go, and its upload to stop.
    Remove(u32),
    /// Of one that somebody has changed meanwhile: what is written here counts.
    Overwrite,
    /// Of one that somebody has changed meanwhile: theirs counts.
    TakeTheirs,
    /// Of one that somebody has deleted meanwhile: it becomes a new one.
    SaveAsNew,
}

#[component]
pub fn SavedReplyForm(
    form: ReplyForm,
    /// Who writes it: the role decides for whom it may be.
    me: Me,
    #[prop(into)] surface: Signal<Surface>,
    /// The categories there are, to choose from.
    #[prop(into)]
    categories: Signal<Vec<String>>,
    on_event: Callback<FormEvent>,
) -> impl IntoView {
    let me = StoredValue::new(me);
    let problems = Memo::new(move |_| me.with_value(|me| form.problems(me)));
    // The server's word on a field, or else our own once it was tried.
    let said = move |field: &str| {
        let told = form.problem.with(|problem| match problem {
            Some(FormProblem::Other(Some(at), words)) if at == field => Some(words.clone()),
            _ => None,
        });
        told.or_else(|| {
            let found = problems.with(|problems| {
                let found = problems.iter().find(|(at, _)| at == field);
                found.map(|(_, code)| *code)
            });
            found
                .filter(|_| form.is_tried.get())
                .map(|code| reply_problem_text(field, code))
        })
    };
    let title = NodeRef::<html::Input>::new();
    // An effect, because the focus is a thing of the page: one begins with the title.
    Effect::new(move |_| {
        if let Some(title) = title.get() {
            // Fails on what is not shown, which needs no focus.
            let _ = title.focus();
        }
    });
    let root = NodeRef::<html::Div>::new();
    // An effect, for the same reason: what is missing is where one goes on.
    Effect::new(move |_| {
        if form.is_tried.get() {
            request_animation_frame(move || focus_first_invalid(root));
        }
    });
    let field_error = move |field: &'static str| Signal::derive(move || said(field));
    let picker = NodeRef::<html::Input>::new();
    let picked = move |event: ev::Targeted<ev::Event, HtmlInputElement>| {
        let input = event.target();
        let files = files_of(input.files());
        // So that the same file can be picked again.
        input.set_value("");
        if !files.is_empty() {
            on_event.run(FormEvent::Files(files));
        }
    };
    let full = Signal::derive(move || {
        form.parts.with(|parts| {
            let most = number(MAX_MESSAGES as u64);
            (parts.len() >= MAX_MESSAGES).then(|| t_with(Key::ComposeFull, &[("count", &most)]))
        })
    });
    let ids = Memo::new(move |_| {
        form.parts
            .with(|parts| parts.iter().map(|part| part.id).collect::<Vec<_>>())
    });
    let count = Memo::new(move |_| ids.with(Vec::len));
    let too_many = move || {
        let (count, most) = (count.get(), MAX_MESSAGES);
        (count > most).then(|| {
            let (count, most) = (number(count as u64), number(most as u64));
            t_with(Key::SavedTooMany, &[("count", &count), ("most", &most)])
        })
    };
    let list_id = unique_id();
    let suggestions = move || {
        let options = categories.get().into_iter();
        options
            .map(|name| {
                view! {
                    <button
                        type="button"
                        class="saved-replies__category"
                        on:click=move |_| form.category.set(name.clone())
                    >
                        {name.clone()}
                    </button>
                }
            })
            .collect_view()
    };
    let conflict = move || {
        let (words, first, second) = match form.problem.get()? {
            FormProblem::Changed => (
                Key::SavedChanged,
                (Key::SavedOverwrite, FormEvent::Overwrite),
                Some((Key::SavedTakeTheirs, FormEvent::TakeTheirs)),
            ),
            FormProblem::Gone => (
                Key::SavedGone,
                (Key::SavedSaveAsNew, FormEvent::SaveAsNew),
                None,
            ),
            FormProblem::Other(Some(_), _) => return None,
            FormProblem::Other(None, words) => {
                return Some(
                    view! { <Notice tone=Tone::Bad is_alert=true>{words}</Notice> }.into_any(),
                );
            }
        };
        let button = move |(words, event): (Key, FormEvent)| {
            view! {
                <Button on_click=move || on_event.run(event.clone())>{phrase(words)}</Button>
            }
        };
        Some(
            view! {
                <Notice tone=Tone::Warn is_alert=true>
                    <span class="saved-replies__question">{phrase(words)}</span>
                    {button(first)}
                    {second.map(button)}
                </Notice>
            }
            .into_any(),
        )
    };
    view! {
        <div class="saved-replies__form" node_ref=root>
            <TextField
                label=phrase(Key::SavedFieldTitle)
                value=form.title
                node_ref=title
                maxlength=MAX_TITLE as u32
                error=field_error("title")
            />
            <div class="saved-replies__group">
                <TextField
                    label=phrase(Key::SavedFieldCategory)
                    value=form.category
                    maxlength=MAX_TITLE as u32
                    error=field_error("category")
                />
                <div class="saved-replies__categories" id=list_id>{reactive(suggestions)}</div>
            </div>
            <AudienceField form me error=field_error("audience") />
            <fieldset class="saved-replies__group">
                <legend>{phrase(Key::ComposeMessages)}</legend>
                <ol class="saved-replies__parts">
                    {rows(move || {
                        let draw = |id: u32| {
                            Row::new(
                                id,
                                move || {
                                    let place = Memo::new(move |_| {
                                        ids.with(|ids| ids.iter().position(|known| *known == id)).unwrap_or(0)
                                    });
                                    let error = Signal::derive(move || {
                                        said(&["messages[", &place.get().to_string(), "]"].concat())
                                    });
                                    part_view(form, id, place, count, surface, error, on_event)
                                },
                            )
                        };
                        ids.get().into_iter().map(draw).collect()
                    })}
                </ol>
                {move || {
                    too_many()
                        .or_else(|| said("messages"))
                        .map(|words| view! { <p class="saved-replies__error" role="alert">{words}</p> })
                }}
                {move || {
                    let refused = form.refused.get();
                    (!refused.is_empty())
                        .then(|| {
                            let lines = refused
                                .into_iter()
                                .map(|words| view! { <li>{words}</li> })
                                .collect_view();
                            view! {
                                <div class="saved-replies__error" role="alert"><ul>{lines}</ul></div>
                            }
                        })
                }}
                <div class="saved-replies__add">
                    <Button
                        kind=ButtonKind::Quiet
                        icon=Icon::Type
                        disabled_reason=full
                        on_click=move || {
                            form.append(PartContent::Text(String::new()));
                        }
                    >
                        {phrase(Key::MediumText)}
                    </Button>
                    <Button
                        kind=ButtonKind::Quiet
                        icon=Icon::Upload
                        disabled_reason=full
                        on_click=move || {
                            if let Some(picker) = picker.get_untracked() {
                                picker.click();
                            }
                        }
                    >
                        {phrase(Key::SavedUpload)}
                    </Button>
                    <input
                        type="file"
                        class="visually-hidden"
                        multiple
                        tabindex="-1"
                        aria-label=phrase(Key::SavedUpload)
                        node_ref=picker
                        on:change:target=picked
                    />
                </div>
            </fieldset>
            {reactive(conflict)}
        </div>
    }
    .into_any()
}

fn focus_first_invalid(root: NodeRef<html::Div>) {
    let invalid = root
        .try_get_untracked()
        .flatten()
        .and_then(|root| root.query_selector("[aria-invalid='true']").ok()?)
        .and_then(|field| field.dyn_into::<HtmlElement>().ok());
    if let Some(field) = invalid {
        // Fails on what is not shown, which needs no focus.
        let _ = field.focus();
    }
}

/// The words for what is wrong, where the contract's general ones would mislead.
fn reply_problem_text(field: &str, code: ProblemCode) -> String {
    match (field, code) {
        (_, ProblemCode::TextTooLong) => {
            let most = number(MAX_SAVED_REPLY_TEXT as u64);
            t_with(Key::SavedTextTooLong, &[("most", &most)])
        }
        (_, code) => problem_text(code),
    }
}

/// One that is being written, with everything that can be wrong with it.
#[cfg(feature = "preview")]
pub(super) fn story() -> AnyView {
    use omocast_contract::member::Shop;
    use omocast_contract::{Plan, Role};

    use super::{story_id, story_replies};
    use reply_form::PartUpload;

    let form = ReplyForm::default();
    if let Some(saved) = story_replies().first() {
        form.edit(saved);
    }
    form.title.set(String::new());
    form.append(PartContent::Upload {
        name: "試穿.mp4".to_owned(),
        state: PartUpload::Sending(42),
    });
    form.append(PartContent::Upload {
        name: "秋冬型錄.pdf".to_owned(),
        state: PartUpload::Failed("無法連線，請檢查網路後重試。".to_owned()),
    });
    form.is_tried.set(true);
    form.problem.set(Some(FormProblem::Changed));
    let me = Me {
        id: story_id(90),
        name: "林佩珊".to_owned(),
        email: String::new(),
        role: Role::Admin,
        team: "ATELIER".to_owned(),
        plan: Plan::Omo,
        time_zone: "Asia/Taipei".to_owned(),
        shops: vec![Shop {
            id: story_id(1),
            name: "信義門市".to_owned(),
        }],
        official_domains: Vec::new(),
    };
    view! {
        <SavedReplyForm
            form
            me
            surface=Signal::stored(Surface::Web)
            categories=Signal::stored(vec!["行銷".to_owned(), "門市資訊".to_owned()])
            on_event=Callback::new(move |event| {
                if let FormEvent::Remove(id) = event {
                    form.remove(id);
                }
            })
        />
    }
    .into_any()
}
