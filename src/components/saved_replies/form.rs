//! Writing a saved reply: what it is called, for whom it is, and its messages.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::{Me, Media};
use omocast_contract::limit::{MAX_MESSAGES, MAX_SAVED_REPLY_TEXT, MAX_TITLE};
use omocast_contract::saved_reply::{SavedReplyProblem, Viewer, check_saved_reply};
use omocast_contract::variable::CUSTOMER_NAME;
use omocast_contract::{
    MediaId, Medium, OutgoingMessage, ProblemCode, Role, SavedReply, SavedReplyAudience,
    SavedReplyEdit, SavedReplyId, ShopId, Surface,
};
use web_sys::{File, HtmlInputElement};

use crate::components::emoji_picker::EmojiPicker;
use crate::components::error_text::problem_text;
use crate::components::reason_text::role_text;
use crate::components::rich_text::RichText;
use crate::i18n::{Key, bytes, number, phrase, t, t_with};
use crate::picture::files_of;
use crate::ui::caret::insert_at_caret;
use crate::ui::{
    Button, ButtonKind, Checkbox, Icon, IconButton, IconView, Mark, Notice, Row, TextField, Tone,
    reactive, rows, unique_id,
};

/// One message of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The same wherever it is moved.
    pub id: u32,
    pub content: PartContent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartContent {
    Text(String),
    Upload { name: String, state: PartUpload },
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq)]
pub enum PartUpload {
    /// Being made ready or on its way, in percent.
    Sending(u8),
    /// In words; the file is still at hand.
    Failed(String),
    Done(Media),
}

/// Why it could not be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum FormProblem {
    /// Somebody has changed it meanwhile.
    Changed,
    /// Somebody has deleted it meanwhile.
    Gone,
    /// Something else, in words, at a field if the server named one.
    Other(Option<String>, String),
}

/// What is being written.
#[derive(Clone, Copy)]
pub struct ReplyForm {
    /// None for a new one.
    pub id: RwSignal<Option<SavedReplyId>>,
    pub version: RwSignal<u64>,
    pub title: RwSignal<String>,
    pub category: RwSignal<String>,
    pub audience: RwSignal<SavedReplyAudience>,
    pub parts: RwSignal<Vec<Part>>,
    last_part: RwSignal<u32>,
    /// Whether it was tried to be kept: from then on what is missing is said.
    pub is_tried: RwSignal<bool>,
    pub problem: RwSignal<Option<FormProblem>>,
    /// Files that were not taken, in words.
    pub refused: RwSignal<Vec<String>>,
}

impl Default for ReplyForm {
    fn default() -> Self {
        Self {
            id: RwSignal::new(None),
            version: RwSignal::new(0),
            title: RwSignal::new(String::new()),
            category: RwSignal::new(String::new()),
            audience: RwSignal::new(SavedReplyAudience::OnlyMe),
            parts: RwSignal::new(Vec::new()),
            last_part: RwSignal::new(0),
            is_tried: RwSignal::new(false),
            problem: RwSignal::new(None),
            refused: RwSignal::new(Vec::new()),
        }
    }
}

impl ReplyForm {
    /// Begins with these messages, or with an empty text.
    pub fn begin(self, messages: &[OutgoingMessage], media: &[Media]) {
        self.id.set(None);
        self.version.set(0);
        self.title.set(String::new());
        self.category.set(String::new());
        self.audience.set(SavedReplyAudience::OnlyMe);
        self.fill(messages, media);
    }

    /// Begins with one that there is.
    pub fn edit(self, saved: &SavedReply) {
        self.id.set(Some(saved.id));
        self.version.set(saved.version);
        self.title.set(saved.title.clone());
        self.category.set(saved.category.clone());
        self.audience.set(saved.audience.clone());
        self.fill(&saved.messages, &saved.media);
    }

    fn fill(self, messages: &[OutgoingMessage], media: &[Media]) {
        self.is_tried.set(false);
        self.problem.set(None);
        self.refused.set(Vec::new());
        self.parts.set(Vec::new());
        for message in messages {
            let upload = message.media();
            let upload = upload.and_then(|id| media.iter().find(|media| media.id == id));
            if let Some(media) = upload {
                self.append(PartContent::Upload {
                    name: media.name.clone(),
                    state: PartUpload::Done(media.clone()),
                });
            }
            // Captions are for one channel alone: here the words are a message of their own.
            if let Some(words) = message.words() {
                self.append(PartContent::Text(words.to_owned()));
            }
        }
        if messages.is_empty() {
            self.append(PartContent::Text(String::new()));
        }
    }

    /// Adds a message; none when there are five already.
    pub fn append(self, content: PartContent) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let id = self.last_part.try_update(|last| {
            *last += 1;
            *last
        })?;
        self.parts
            .try_update(|parts| parts.push(Part { id, content }))?;
        Some(id)
    }

    pub fn is_full(self) -> bool {
        self.parts
            .try_with_untracked(|parts| parts.len() >= MAX_MESSAGES)
            .unwrap_or(true)
    }

    /// Changes how far an upload is.
    pub fn settle(self, id: u32, settled: PartUpload) {
        self.parts.try_update(|parts| {
            let part = parts.iter_mut().find(|part| part.id == id);
            if let Some(Part {
                content: PartContent::Upload { state, .. },
                ..
            }) = part
            {
                *state = settled;
            }
        });
    }

    pub fn remove(self, id: u32) {
        self.parts
            .try_update(|parts| parts.retain(|part| part.id != id));
    }

    /// Whether an upload is not finished.
    pub fn is_uploading(self) -> bool {
        self.parts.with(|parts| {
            parts.iter().any(|part| match &part.content {
                PartContent::Text(_) => false,
                PartContent::Upload { state, .. } => !matches!(state, PartUpload::Done(_)),
            })
        })
    }

    /// What is sent to keep it.
    pub fn to_edit(self) -> SavedReplyEdit {
        let message = |part: &Part| match &part.content {
            PartContent::Text(text) => Some(OutgoingMessage::Text { text: text.clone() }),
            PartContent::Upload { state, .. } => match state {
                PartUpload::Done(media) => OutgoingMessage::of_upload(media.medium, media.id),
                PartUpload::Sending(_) | PartUpload::Failed(_) => None,
            },
        };
        SavedReplyEdit {
            version: self.version.get(),
            title: self.title.get().trim().to_owned(),
            category: self.category.get().trim().to_owned(),
            audience: self.audience.get(),
            messages: self
                .parts
                .with(|parts| parts.iter().filter_map(message).collect()),
        }
    }

    fn find(self, id: MediaId) -> Option<Media> {
        self.parts.with(|parts| {
            parts.iter().find_map(|part| match &part.content {
                PartContent::Upload {
                    state: PartUpload::Done(media),
                    ..
                } if media.id == id => Some(media.clone()),
                PartContent::Upload { .. } | PartContent::Text(_) => None,
            })
        })
    }

    /// What the contract finds wrong with it.
    pub fn problems(self, me: &Me) -> Vec<(String, ProblemCode)> {
        let edit = self.to_edit();
        let shops = shop_ids(me);
        let mut problems: Vec<(String, ProblemCode)> = Vec::new();
        if let Err(code) = edit.audience.may_be_offered_by(viewer(me, &shops)) {
            problems.push(("audience".to_owned(), code));
        }
        let found = check_saved_reply(&edit, |id| self.find(id).map(|media| media.facts()));
        let place = |problem: SavedReplyProblem| (problem.field(), problem.code());
        problems.extend(found.into_iter().map(place));
        problems
    }
}

fn shop_ids(me: &Me) -> Vec<ShopId> {
    me.shops.iter().map(|shop| shop.id).collect()
}

fn viewer<'a>(me: &Me, shops: &'a [ShopId]) -> Viewer<'a> {
    Viewer {
        member: me.id,
        role: me.role,
        shops,
    }
}

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
        <div class="saved-replies__form">
            <TextField
                label=phrase(Key::SavedFieldTitle)
                value=form.title
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
                    said("messages")
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
                            view! { <ul class="saved-replies__error" role="alert">{lines}</ul> }
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

/// For whom it is: as far as the member's role may offer it.
#[component]
fn AudienceField(
    form: ReplyForm,
    me: StoredValue<Me>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let shops = me.with_value(shop_ids);
    let may = |audience: &SavedReplyAudience| {
        me.with_value(|me| audience.may_be_offered_by(viewer(me, &shops)).is_ok())
    };
    let everyone = SavedReplyAudience::Everyone;
    let roles = SavedReplyAudience::Roles {
        roles: vec![Role::SalesManager, Role::SalesRep],
    };
    let own_shops = SavedReplyAudience::Shops {
        shops: shops.clone(),
    };
    let kinds: Vec<(Key, SavedReplyAudience)> = [
        (Key::SavedForMe, SavedReplyAudience::OnlyMe),
        (Key::SavedForShops, own_shops),
        (Key::SavedForRoles, roles),
        (Key::SavedForEveryone, everyone),
    ]
    .into_iter()
    .filter(|(_, audience)| may(audience))
    .collect();
    let name = unique_id();
    let choices = kinds
        .into_iter()
        .map(|(words, audience)| {
            let kind = std::mem::discriminant(&audience);
            let is_chosen = Memo::new(move |_| {
                form.audience
                    .with(|audience| std::mem::discriminant(audience) == kind)
            });
            view! {
                <label class="saved-replies__radio">
                    <input
                        type="radio"
                        name=name.clone()
                        prop:checked=is_chosen
                        on:change=move |_| form.audience.set(audience.clone())
                    />
                    {phrase(words)}
                </label>
            }
        })
        .collect_view();
    let details = move || match form.audience.with(std::mem::discriminant) {
        kind if kind
            == std::mem::discriminant(&SavedReplyAudience::Roles { roles: Vec::new() }) =>
        {
            let boxes = Role::ALL
                .into_iter()
                .map(|role| {
                    let label = Signal::derive(move || role_text(role));
                    choice(
                        label,
                        move |audience| match audience {
                            SavedReplyAudience::Roles { roles } => Some(position(roles, &role)),
                            _ => None,
                        },
                        form,
                        move |audience, is_on| {
                            if let SavedReplyAudience::Roles { roles } = audience {
                                put(roles, role, is_on);
                            }
                        },
                    )
                })
                .collect_view();
            Some(view! { <div class="saved-replies__boxes">{boxes}</div> }.into_any())
        }
        kind if kind
            == std::mem::discriminant(&SavedReplyAudience::Shops { shops: Vec::new() }) =>
        {
            let boxes = me
                .with_value(|me| me.shops.clone())
                .into_iter()
                .map(|shop| {
                    let id = shop.id;
                    choice(
                        Signal::stored(shop.name),
                        move |audience| match audience {
                            SavedReplyAudience::Shops { shops } => Some(position(shops, &id)),
                            _ => None,
                        },
                        form,
                        move |audience, is_on| {
                            if let SavedReplyAudience::Shops { shops } = audience {
                                put(shops, id, is_on);
                            }
                        },
                    )
                })
                .collect_view();
            Some(view! { <div class="saved-replies__boxes">{boxes}</div> }.into_any())
        }
        _ => None,
    };
    view! {
        <fieldset class="saved-replies__group">
            <legend>{phrase(Key::SavedFieldAudience)}</legend>
            <div class="saved-replies__radios">{choices}</div>
            {reactive(details)}
            {move || {
                error
                    .get()
                    .map(|words| view! { <p class="saved-replies__error" role="alert">{words}</p> })
            }}
        </fieldset>
    }
}

fn position<T: PartialEq>(list: &[T], wanted: &T) -> bool {
    list.contains(wanted)
}

fn put<T: PartialEq>(list: &mut Vec<T>, wanted: T, is_on: bool) {
    list.retain(|known| *known != wanted);
    if is_on {
        list.push(wanted);
    }
}

fn choice(
    label: Signal<String>,
    is_on: impl Fn(&SavedReplyAudience) -> Option<bool> + Send + Sync + 'static,
    form: ReplyForm,
    change: impl Fn(&mut SavedReplyAudience, bool) + Send + Sync + 'static,
) -> AnyView {
    let mark = Signal::derive(move || Mark::from(form.audience.with(&is_on).unwrap_or(false)));
    let on_change = move |is_on: bool| form.audience.update(|audience| change(audience, is_on));
    view! { <Checkbox mark label on_change /> }.into_any()
}

fn part_view(
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
    let insert = move |text: &str| {
        if let Some(field) = field.get_untracked() {
            insert_at_caret(&field, text);
        }
    };
    let used = move || {
        let used = value.with(|text| text.chars().count()) as u64;
        [number(used), number(MAX_SAVED_REPLY_TEXT as u64)].join(" / ")
    };
    let has_emoji = move || surface.get() == Surface::Web;
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
            {move || {
                has_emoji()
                    .then(|| {
                        view! { <EmojiPicker on_pick=Callback::new(move |emoji: String| insert(&emoji)) /> }
                    })
            }}
            <Button kind=ButtonKind::Quiet icon=Icon::User on_click=move || insert(CUSTOMER_NAME)>
                {phrase(Key::ComposeCustomerName)}
            </Button>
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

/// One that is being written, with everything that can be wrong with it.
#[cfg(feature = "preview")]
pub(super) fn story() -> AnyView {
    use omocast_contract::Plan;
    use omocast_contract::member::Shop;

    use super::{story_id, story_replies};

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
