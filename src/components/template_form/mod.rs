//! The fields of a template: a value for each variable, an upload for each header that takes one.

pub mod draft;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::media_limit;
use omocast_contract::template::slot::{Part, Place, SlotId};
use omocast_contract::template::{HeaderKind, TemplateButton};
use omocast_contract::{Channel, Template};
use web_sys::{File, HtmlInputElement};

use crate::components::insert_tools::InsertTools;
use crate::components::message_bubble::MediaUrls;
use crate::components::message_editor::UploadView;
use crate::components::rich_text::RichText;
use crate::i18n::{Key, bytes, phrase, t, t_now, t_with};
use crate::ui::{
    Button, ButtonKind, Icon, Notice, Show, TextField, Tone, is_composing, reactive, unique_id,
};
use draft::TemplateDraft;

pub use omocast_contract::template::fill::TemplateField;

/// What is wrong with a field, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldProblem {
    pub at: TemplateField,
    pub words: String,
    /// Whether it only says that something is still to be filled in.
    pub is_blank_yet: bool,
}

/// What is wanted of an upload.
#[derive(Clone, Debug)]
pub enum UploadEvent {
    Picked(Place, File),
    Cancel(Place),
    Retry(Place),
}

/// What the fields share.
#[derive(Clone, Copy)]
struct Shared {
    draft: RwSignal<Option<TemplateDraft>>,
    problems: Signal<Vec<FieldProblem>>,
    has_emoji: Signal<bool>,
}

impl Shared {
    /// What is wrong at a place; that it is still blank only once somebody has been there.
    fn problem(self, at: TemplateField, was_visited: RwSignal<bool>) -> Signal<Option<String>> {
        Signal::derive(move || {
            let was_visited = was_visited.get();
            self.problems.with(|problems| {
                let mut here = problems.iter().filter(|problem| problem.at == at);
                here.find(|problem| was_visited || !problem.is_blank_yet)
                    .map(|problem| problem.words.clone())
            })
        })
    }
}

/// The form; it is drawn for one template.
#[component]
pub fn TemplateForm(
    template: Template,
    /// What is written; its template is `template`.
    draft: RwSignal<Option<TemplateDraft>>,
    #[prop(into)] problems: Signal<Vec<FieldProblem>>,
    /// Whether emoji are offered: a phone's keyboard has its own.
    #[prop(into)]
    has_emoji: Signal<bool>,
    urls: MediaUrls,
    on_upload: Callback<UploadEvent>,
) -> impl IntoView {
    let shared = Shared {
        draft,
        problems,
        has_emoji,
    };
    if template.has_nothing_to_edit() {
        return view! {
            <p class="template-form__nothing">{phrase(Key::TemplateNothingToEdit)}</p>
        }
        .into_any();
    }
    let mut parts: Vec<(Place, Vec<AnyView>)> = Vec::new();
    for slot in template.media_slots() {
        let field = media_field(shared, slot.place, slot.kind, urls, on_upload);
        parts.push((slot.place, vec![field]));
    }
    for (place, text) in template.texts() {
        let fields: Vec<AnyView> = text
            .variables()
            .into_iter()
            .map(|name| {
                let slot = SlotId {
                    place,
                    name: name.to_owned(),
                };
                value_field(shared, &template, slot, text.sample(name).to_owned())
            })
            .collect();
        if !fields.is_empty() {
            parts.push((place, fields));
        }
    }
    // Card by card, as the preview shows them.
    parts.sort_by_key(|(place, _)| place.card);
    let parts: Vec<AnyView> = parts
        .into_iter()
        .map(|(place, fields)| {
            let label = place_label(&template, place);
            let at = TemplateField::Text(place);
            let problem = shared.problem(at, RwSignal::new(true));
            view! {
                <div class="template-form__part" role="group" aria-label=reactive(move || label.text())>
                    {fields}
                    {move || {
                        problem
                            .get()
                            .map(|words| view! { <Notice tone=Tone::Bad is_alert=true>{words}</Notice> })
                    }}
                </div>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="template-form" role="group" aria-label=phrase(Key::TemplateFields)>
            {parts} <Fallback shared />
        </div>
    }
    .into_any()
}

/// What a place is called.
#[derive(Clone)]
pub struct PlaceLabel {
    card: Option<usize>,
    part: Part,
    button: String,
}

/// What a place of a template is called; its buttons have their own words.
pub fn place_label(template: &Template, place: Place) -> PlaceLabel {
    let buttons: &[TemplateButton] = match place.card {
        None => &template.buttons,
        Some(at) => template.cards.get(at).map_or(&[], |card| &card.buttons),
    };
    let button = match place.part {
        Part::Button(at) => buttons.get(at).map(TemplateButton::text),
        Part::Header | Part::Body => None,
    };
    PlaceLabel {
        card: place.card,
        part: place.part,
        button: button.unwrap_or_default().to_owned(),
    }
}

impl PlaceLabel {
    /// 「第 2 張卡片內文」. Reactive on the locale.
    pub fn text(&self) -> String {
        let part = match self.part {
            Part::Header => t(Key::TemplateHeader),
            Part::Body => t(Key::TemplateBody),
            Part::Button(_) => t_with(Key::TemplateButton, &[("text", &self.button)]),
        };
        let Some(card) = self.card else {
            return part;
        };
        let card = t_with(Key::TemplateCard, &[("number", &(card + 1).to_string())]);
        t_with(Key::TemplateInCard, &[("card", &card), ("part", &part)])
    }

    /// 「內文 {{1}}」
    pub fn with_variable(&self, name: &str) -> String {
        let name = ["{{", name, "}}"].concat();
        t_with(
            Key::TemplateVariable,
            &[("part", &self.text()), ("name", &name)],
        )
    }
}

fn value_field(shared: Shared, template: &Template, slot: SlotId, sample: String) -> AnyView {
    let Shared { draft, .. } = shared;
    let label = {
        let (place, name) = (place_label(template, slot.place), slot.name.clone());
        Signal::derive(move || place.with_variable(&name))
    };
    let value = {
        let slot = slot.clone();
        Memo::new(move |_| {
            draft.with(|draft| {
                let value = draft.as_ref().and_then(|draft| draft.values.get(&slot));
                value.cloned().unwrap_or_default()
            })
        })
    };
    let write = {
        let slot = slot.clone();
        Callback::new(move |value: String| {
            draft.update(|draft| {
                if let Some(draft) = draft {
                    draft.values.insert(slot.clone(), value);
                }
            });
        })
    };
    let url = url_of(template, slot.place);
    let hint = move || {
        let link = url
            .as_ref()
            .map(|url| t_with(Key::TemplateLink, &[("url", url)]));
        let sample =
            (!sample.is_empty()).then(|| t_with(Key::TemplateSample, &[("sample", &sample)]));
        let parts: Vec<String> = link.into_iter().chain(sample).collect();
        parts.join(" · ")
    };
    let is_link = matches!(slot.place.part, Part::Button(_));
    let was_visited = RwSignal::new(false);
    let error = shared.problem(TemplateField::Value(slot), was_visited);
    let (hint_id, error_id) = (unique_id(), unique_id());
    let described_by = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        Signal::derive(move || match error.with(Option::is_some) {
            true => [error_id.as_str(), &hint_id].join(" "),
            false => hint_id.clone(),
        })
    };
    let field = NodeRef::<html::Textarea>::new();
    let focus = move |_| {
        if let Some(field) = field.get_untracked() {
            // Fails on what is not shown, which needs no focus.
            let _ = field.focus();
        }
    };
    let press = |key: ev::KeyboardEvent| {
        // A value is one line.
        if key.key() == "Enter" && !is_composing(&key) {
            key.prevent_default();
        }
    };
    let tools = (!is_link).then(|| view! { <InsertTools field has_emoji=shared.has_emoji /> });
    view! {
        <div class="template-form__field" on:focusout=move |_| was_visited.set(true)>
            // Those who listen hear it from the field.
            <span class="template-form__label" aria-hidden="true" on:click=focus>
                {move || label.get()}
            </span>
            <div
                class="template-form__value"
                data-problem=move || error.with(Option::is_some).then_some("")
                on:keydown=press
            >
                <RichText
                    value
                    label
                    placeholder=Signal::stored(String::new())
                    described_by
                    is_invalid=Signal::derive(move || error.with(Option::is_some))
                    field
                    on_input=write
                />
            </div>
            {move || {
                error
                    .get()
                    .map(|words| {
                        view! {
                            <p class="template-form__error" role="alert" id=error_id.clone()>
                                {words}
                            </p>
                        }
                    })
            }}
            <div class="template-form__foot">
                <p class="template-form__hint" id=hint_id>{reactive(hint)}</p>
                {tools}
            </div>
        </div>
    }
    .into_any()
}

/// The address whose end is filled in.
fn url_of(template: &Template, place: Place) -> Option<String> {
    if !matches!(place.part, Part::Button(_)) {
        return None;
    }
    let texts = template.texts();
    let found = texts.into_iter().find(|(known, _)| *known == place);
    found.map(|(_, text)| text.pattern.clone())
}

fn media_field(
    shared: Shared,
    place: Place,
    kind: HeaderKind,
    urls: MediaUrls,
    on_upload: Callback<UploadEvent>,
) -> AnyView {
    let media = Memo::new(move |_| {
        shared
            .draft
            .with(|draft| draft.as_ref()?.media.get(&place).cloned())
    });
    let has_media = Memo::new(move |_| media.with(Option::is_some));
    let words = move || {
        let own = t(match kind {
            HeaderKind::Image => Key::TemplateHeaderImage,
            HeaderKind::Video => Key::TemplateHeaderVideo,
            HeaderKind::Document => Key::TemplateHeaderDocument,
        });
        let Some(card) = place.card else {
            return own;
        };
        let card = t_with(Key::TemplateCard, &[("number", &(card + 1).to_string())]);
        t_with(Key::TemplateInCard, &[("card", &card), ("part", &own)])
    };
    let upload = move || {
        t(match (has_media.get(), kind) {
            (true, _) => Key::TemplateUploadOther,
            (false, HeaderKind::Image) => Key::TemplateUploadImage,
            (false, HeaderKind::Video) => Key::TemplateUploadVideo,
            (false, HeaderKind::Document) => Key::TemplateUploadDocument,
        })
    };
    let takes = move || {
        let most = bytes(media_limit(kind.medium(), Channel::Whatsapp).unwrap_or_default());
        let key = match kind {
            HeaderKind::Image => Key::TemplateTakesImage,
            HeaderKind::Video => Key::TemplateTakesVideo,
            HeaderKind::Document => Key::TemplateTakesDocument,
        };
        t_with(key, &[("most", &most)])
    };
    let accept = match kind {
        HeaderKind::Image => "image/*",
        HeaderKind::Video => "video/mp4",
        HeaderKind::Document => ".pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt",
    };
    let picker = NodeRef::<html::Input>::new();
    let was_visited = RwSignal::new(false);
    let problem = shared.problem(TemplateField::Media(place), was_visited);
    let picked = move |event: ev::Targeted<ev::Event, HtmlInputElement>| {
        let input = event.target();
        let file = input.files().and_then(|files| files.get(0));
        // The same file can be picked again.
        input.set_value("");
        was_visited.set(true);
        if let Some(file) = file {
            on_upload.run(UploadEvent::Picked(place, file));
        }
    };
    let nothing = Callback::new(|_: bool| None::<String>);
    view! {
        <div class="template-form__media">
            <p class="template-form__label">{reactive(words)}</p>
            <Show when=has_media>
                <UploadView
                    media
                    urls
                    fits=nothing
                    on_cancel=Callback::new(move |()| on_upload.run(UploadEvent::Cancel(place)))
                    on_retry=Callback::new(move |()| on_upload.run(UploadEvent::Retry(place)))
                />
            </Show>
            <div class="template-form__foot">
                <p class="template-form__hint">{reactive(takes)}</p>
                <Button
                    icon=Icon::Upload
                    kind=ButtonKind::Plain
                    on_click=move || {
                        if let Some(picker) = picker.get_untracked() {
                            picker.click();
                        }
                    }
                >
                    {reactive(upload)}
                </Button>
                <input
                    type="file"
                    class="visually-hidden"
                    tabindex="-1"
                    accept=accept
                    aria-label=reactive(words)
                    node_ref=picker
                    on:change:target=picked
                />
            </div>
            {move || {
                problem
                    .get()
                    .map(|words| view! { <p class="template-form__error" role="alert">{words}</p> })
            }}
        </div>
    }
    .into_any()
}

/// What customers without a name are called, where a value uses the name.
#[component]
fn Fallback(shared: Shared) -> impl IntoView {
    let Shared { draft, .. } = shared;
    let uses_name = Memo::new(move |_| {
        draft.with(|draft| draft.as_ref().is_some_and(TemplateDraft::uses_name))
    });
    let kept = Memo::new(move |_| {
        draft
            .with(|draft| draft.as_ref().map(|draft| draft.name_fallback.clone()))
            .unwrap_or_default()
    });
    let write = move |word: String| {
        draft.update(|draft| {
            if let Some(draft) = draft {
                draft.name_fallback = word;
            }
        });
    };
    let word = RwSignal::new(kept.get_untracked());
    // Effects, because the field and the draft are each changed by others: the writer, and what is restored.
    Effect::new(move |_| {
        let kept = kept.get();
        if word.with_untracked(|word| *word != kept) {
            word.set(kept);
        }
    });
    Effect::new(move |is_later: Option<()>| {
        let word = word.get();
        if is_later.is_some() && kept.with_untracked(|kept| *kept != word) {
            write(word);
        }
    });
    Effect::new(move |_| {
        if uses_name.get() && kept.with_untracked(String::is_empty) {
            write(t_now(Key::ComposeFallbackDefault));
        }
    });
    let error = shared.problem(TemplateField::NameFallback, RwSignal::new(true));
    view! {
        <Show when=uses_name>
            <div class="template-form__fallback">
                <TextField label=phrase(Key::ComposeFallback) value=word error />
            </div>
        </Show>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::{MediaId, ProblemCode};

    use crate::components::composer::draft::{DraftMedia, UploadState};
    use crate::components::error_text::problem_text;
    use crate::components::template_preview::example::examples;
    use crate::ui::Story;

    fn story(
        at: usize,
        upload: Option<UploadState>,
        write: fn(&mut TemplateDraft),
        problems: &[(&str, ProblemCode)],
    ) -> AnyView {
        let Some(template) = examples().into_iter().nth(at) else {
            return ().into_any();
        };
        let mut written = TemplateDraft::of(template.clone());
        for slot in template.media_slots() {
            if let Some(state) = upload.clone() {
                let media = DraftMedia {
                    upload: state,
                    ..DraftMedia::picked(slot.kind.medium(), "大衣.jpg".to_owned(), 412_000)
                };
                written.media.insert(slot.place, media);
            }
        }
        write(&mut written);
        let problems: Vec<FieldProblem> = problems
            .iter()
            .filter_map(|(slot, code)| {
                Some(FieldProblem {
                    at: TemplateField::Value(slot.parse().ok()?),
                    words: problem_text(*code),
                    is_blank_yet: false,
                })
            })
            .collect();
        view! {
            <TemplateForm
                template
                draft=RwSignal::new(Some(written))
                problems
                has_emoji=true
                urls=MediaUrls::none()
                on_upload=Callback::new(|_| ())
            />
        }
        .into_any()
    }
    fn with_name(draft: &mut TemplateDraft) {
        if let Some(slot) = draft.template.slots().first().map(|slot| slot.id.clone()) {
            draft.values.insert(slot, "{{customer_name}}".to_owned());
        }
    }
    vec![
        Story::new("nothing filled in", || story(0, None, |_| (), &[])),
        Story::new("the customer's name", || story(1, None, with_name, &[])),
        Story::new("an upload on its way", || {
            story(0, Some(UploadState::Sending(42)), |_| (), &[])
        }),
        Story::new("an upload that broke off", || {
            let why = "無法連線，請檢查網路後重試。".to_owned();
            story(0, Some(UploadState::Failed(why)), |_| (), &[])
        }),
        Story::new("an upload that is there", || {
            let id: MediaId = "01905000-0000-7000-8000-000000000001"
                .parse()
                .expect("it is a UUID");
            story(4, Some(UploadState::Done(id)), |_| (), &[])
        }),
        Story::new("problems", || {
            story(
                0,
                None,
                |_| (),
                &[
                    ("body.1", ProblemCode::TemplateValueNotOneLine),
                    ("body.2", ProblemCode::TemplateValueHasLink),
                    ("buttons[1].1", ProblemCode::TemplateLinkInvalid),
                ],
            )
        }),
        Story::new("a carousel", || story(3, None, |_| (), &[])),
        Story::new("nothing to fill in", || story(2, None, |_| (), &[])),
    ]
}
