//! The saved replies (預存回覆) in a dialog: found, used, written and deleted from one place.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::api::{Media, SavedReplyQuery};
use omocast_contract::limit::{max_upload, media_limit};
use omocast_contract::{
    Channel, ChannelSet, Medium, OutgoingMessage, ProblemCode, SavedReply, SavedReplyId, Surface,
};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use crate::api::{ApiError, use_api};
use crate::components::error_text::{error_text, problem_text};
use crate::components::saved_replies::form::reply_form::{
    FormProblem, PartContent, PartUpload, ReplyForm,
};
use crate::components::saved_replies::form::{FormEvent, SavedReplyForm};
use crate::components::saved_replies::{
    FoundReplies, ReplyEvent, SavedReplyBrowser, refusal_words,
};
use crate::i18n::{Key, phrase, t, t_now, t_with};
use crate::session::use_me;
use crate::ui::{Button, ButtonKind, Dialog, Icon, use_toasts};
use crate::upload::{identify, make_ready};

/// It is searched when nothing was entered for this long.
const REST: Duration = Duration::from_millis(200);

/// What the dialog is opened for.
#[derive(Clone, Debug, PartialEq)]
pub enum SavedRepliesOpen {
    /// To use one.
    List,
    /// 存成預存回覆: to keep these.
    New {
        messages: Vec<OutgoingMessage>,
        media: Vec<Media>,
    },
}

#[component]
pub fn SavedReplies(
    /// None while it is closed.
    open: RwSignal<Option<SavedRepliesOpen>>,
    #[prop(into)] channels: Signal<ChannelSet>,
    #[prop(into)] surface: Signal<Surface>,
    /// How many messages there is room for.
    #[prop(into)]
    free_slots: Signal<usize>,
    /// These messages are to be used; with what is known of their uploads.
    on_apply: Callback<(Vec<OutgoingMessage>, Vec<Media>)>,
) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let toasts = use_toasts();
    let me = StoredValue::new(use_me());
    let search = RwSignal::new(String::new());
    let category = RwSignal::new(None::<String>);
    let found = RwSignal::new(FoundReplies::default());
    let next = StoredValue::new(None::<String>);
    let asked = StoredValue::new(0_u64);
    let chosen = RwSignal::new(None::<SavedReply>);
    // What has become of one meanwhile; for as long as the same one is looked at.
    let news = RwSignal::new(None::<(Option<SavedReplyId>, String)>);
    let shown_news = Signal::derive(move || {
        let looked_at = chosen.with(|chosen| chosen.as_ref().map(|saved| saved.id));
        let news = news.get()?;
        (news.0 == looked_at).then_some(news.1)
    });
    let form = ReplyForm::default();
    // Stays when the dialog is closed: what is written is not lost by it.
    let is_editing = RwSignal::new(false);
    let is_saving = RwSignal::new(false);
    let files = StoredValue::new_local(HashMap::<u32, (File, Option<AbortHandle>)>::new());

    let load = move |is_more: bool| {
        let Some(number) = asked.try_update_value(|asked| {
            *asked += 1;
            *asked
        }) else {
            return;
        };
        let query = SavedReplyQuery {
            search: search.get_untracked().trim().to_owned(),
            category: category.get_untracked(),
            after: next.get_value().filter(|_| is_more),
        };
        found.update(|found| {
            found.is_loading = true;
            found.error = None;
        });
        let api = api.get_value();
        spawn_local(async move {
            let answer = api.list_saved_replies(&query).await;
            if asked.try_get_value() != Some(number) {
                return;
            }
            found.try_update(|found| {
                found.is_loading = false;
                match answer {
                    Ok(page) => {
                        next.try_set_value(page.next.clone());
                        found.has_more = page.next.is_some();
                        found.categories = page.categories;
                        if is_more {
                            found.rows.extend(page.rows);
                        } else {
                            found.rows = page.rows;
                        }
                    }
                    Err(error) => found.error = Some(untrack(|| error_text(&error))),
                }
            });
        });
    };
    // An effect, because an opened dialog asks the server.
    Effect::new(move |_| match open.get() {
        None => {}
        Some(SavedRepliesOpen::List) => {
            chosen.set(None);
            news.set(None);
            load(false);
        }
        Some(SavedRepliesOpen::New { messages, media }) => {
            form.begin(&messages, &media);
            is_editing.set(true);
            load(false);
        }
    });
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let stop_waiting = move || {
        if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
            handle.clear();
        }
    };
    // An effect, because what is entered asks the server when it comes to rest.
    Effect::new(move |is_later: Option<()>| {
        search.track();
        category.track();
        stop_waiting();
        if is_later.is_some() && open.with_untracked(Option::is_some) {
            waiting.set_value(set_timeout_with_handle(move || load(false), REST).ok());
        }
    });
    let stop_uploads = move || {
        files.try_update_value(|files| {
            for (_, (_, stop)) in files.drain() {
                stop.inspect(AbortHandle::abort);
            }
        });
    };
    on_cleanup(move || {
        stop_waiting();
        stop_uploads();
    });

    let upload = move |id: u32| {
        let file = files.with_value(|files| files.get(&id).map(|(file, _)| file.clone()));
        let Some(file) = file else { return };
        form.settle(id, PartUpload::Sending(0));
        let api = api.get_value();
        let (task, stop) = abortable(async move {
            let settled = match send_file(&api, &file, form, id).await {
                Ok(media) => PartUpload::Done(media),
                Err(why) => PartUpload::Failed(why),
            };
            form.settle(id, settled);
        });
        files.update_value(|files| {
            if let Some((_, running)) = files.get_mut(&id) {
                *running = Some(stop);
            }
        });
        spawn_local(async move {
            // Stopped by the writer, or by leaving the page.
            let _ = task.await;
        });
    };
    let add_files = move |picked: Vec<File>| {
        form.refused.set(Vec::new());
        for file in picked {
            let name = file.name();
            let state = PartUpload::Sending(0);
            match form.append(PartContent::Upload {
                name: name.clone(),
                state,
            }) {
                Some(id) => {
                    files.update_value(|files| drop(files.insert(id, (file, None))));
                    upload(id);
                }
                None => {
                    let why = untrack(|| problem_text(ProblemCode::TooManyMessages));
                    form.refused
                        .update(|refused| refused.push([name.as_str(), "：", &why].concat()));
                }
            }
        }
    };
    let close_form = move || {
        stop_uploads();
        is_editing.try_set(false);
        form.problem.try_set(None);
    };
    let save = move || {
        let Some(me) = me.get_value() else { return };
        form.is_tried.set(true);
        form.problem.set(None);
        if untrack(|| form.is_uploading() || !form.problems(&me).is_empty()) {
            return;
        }
        is_saving.set(true);
        let (api, edit, id) = (
            api.get_value(),
            untrack(|| form.to_edit()),
            form.id.get_untracked(),
        );
        spawn_local(async move {
            let answer = match id {
                Some(id) => api.update_saved_reply(id, &edit).await,
                None => api.create_saved_reply(&edit).await,
            };
            is_saving.try_set(false);
            match answer {
                Ok(saved) => {
                    close_form();
                    chosen.try_set(Some(saved));
                    toasts.show(t_now(Key::SavedSaved));
                    load(false);
                }
                Err(error) => {
                    form.problem.try_set(Some(form_problem(&error)));
                }
            }
        });
    };
    let find_theirs = move |use_it: Callback<SavedReply>| {
        let Some(id) = form.id.get_untracked() else {
            return;
        };
        let api = api.get_value();
        spawn_local(async move {
            let answer = api.find_saved_reply(id).await;
            let problem = answer.as_ref().err().map(form_problem);
            form.problem.try_set(problem);
            if let Ok(theirs) = answer {
                use_it.try_run(theirs);
            }
        });
    };
    let overwrite = Callback::new(move |theirs: SavedReply| {
        form.version.set(theirs.version);
        save();
    });
    let take_theirs = Callback::new(move |theirs: SavedReply| form.edit(&theirs));
    let on_form = move |event: FormEvent| match event {
        FormEvent::Files(picked) => add_files(picked),
        FormEvent::Retry(id) => upload(id),
        FormEvent::Remove(id) => {
            let removed = files.try_update_value(|files| files.remove(&id)).flatten();
            if let Some((_, Some(stop))) = removed {
                stop.abort();
            }
            form.remove(id);
        }
        FormEvent::Overwrite => find_theirs(overwrite),
        FormEvent::TakeTheirs => find_theirs(take_theirs),
        FormEvent::SaveAsNew => {
            form.id.set(None);
            form.version.set(0);
            save();
        }
    };
    let delete = move |saved: SavedReply| {
        let api = api.get_value();
        spawn_local(async move {
            match api.delete_saved_reply(saved.id).await {
                Ok(()) => toasts.show(t_now(Key::SavedDeleted)),
                // Somebody was quicker.
                Err(error) if error.code() == Some(ProblemCode::NotFound) => {}
                Err(error) => return toasts.error(untrack(|| error_text(&error))),
            }
            chosen.try_set(None);
            load(false);
        });
    };
    let on_event = move |event: ReplyEvent| match event {
        ReplyEvent::Retry => load(false),
        ReplyEvent::More => load(true),
        ReplyEvent::Edit(saved) => {
            form.edit(&saved);
            is_editing.set(true);
        }
        ReplyEvent::Delete(saved) => delete(saved),
    };
    let refusal = Signal::derive(move || {
        chosen.with(|chosen| match chosen {
            None => Some(t(Key::SavedChoose)),
            Some(saved) => refusal_words(
                &saved.messages,
                channels.get(),
                surface.get(),
                free_slots.get(),
            ),
        })
    });
    // Somebody may have changed or deleted it since it was found.
    let is_applying = RwSignal::new(false);
    let apply = move || {
        let Some(saved) = chosen.get_untracked() else {
            return;
        };
        is_applying.set(true);
        let api = api.get_value();
        spawn_local(async move {
            let answer = api.find_saved_reply(saved.id).await;
            if is_applying.try_set(false).is_some() {
                return;
            }
            let tell = move |now: Option<SavedReply>, words: Key| {
                let title = [("title", saved.title.as_str())];
                let words = untrack(|| t_with(words, &title));
                news.set(Some((now.as_ref().map(|saved| saved.id), words)));
                chosen.set(now);
                load(false);
            };
            match answer {
                Ok(now) if now.version != saved.version => tell(Some(now), Key::SavedNewsChanged),
                Err(error) if error.code() == Some(ProblemCode::NotFound) => {
                    tell(None, Key::SavedNewsGone);
                }
                // Where nobody can be asked, what was found is what there is.
                Ok(_) | Err(_) => {
                    open.set(None);
                    on_apply.run((saved.messages, saved.media));
                }
            }
        });
    };
    let begin = move || {
        form.begin(&[], &[]);
        is_editing.set(true);
    };
    let uploading = Signal::derive(move || form.is_uploading().then(|| t(Key::SavedUploading)));
    let footer = move || {
        move || {
            if is_editing.get() {
                view! {
                    <Button kind=ButtonKind::Quiet on_click=close_form>
                        {phrase(Key::UiCancel)}
                    </Button>
                    <Button
                        kind=ButtonKind::Primary
                        busy=is_saving
                        disabled_reason=uploading
                        on_click=save
                    >
                        {phrase(Key::SavedSave)}
                    </Button>
                }
                .into_any()
            } else {
                view! {
                    <Button icon=Icon::Plus on_click=begin>{phrase(Key::SavedNew)}</Button>
                    <Button
                        kind=ButtonKind::Primary
                        busy=is_applying
                        disabled_reason=refusal
                        on_click=apply
                    >
                        {phrase(Key::SavedApply)}
                    </Button>
                }
                .into_any()
            }
        }
    };
    let title = Signal::derive(move || {
        t(match (is_editing.get(), form.id.get()) {
            (false, _) => Key::SavedTitle,
            (true, None) => Key::SavedNew,
            (true, Some(_)) => Key::SavedEdit,
        })
    });
    let preview_url = Callback::new(move |id| api.with_value(|api| api.preview_url(id)));
    let categories = Signal::derive(move || found.with(|found| found.categories.clone()));
    let shops = Signal::derive(move || {
        me.with_value(|me| me.as_ref().map(|me| me.shops.clone()).unwrap_or_default())
    });
    view! {
        <Dialog
            open=Signal::derive(move || open.with(Option::is_some))
            title
            on_close=Callback::new(move |()| open.set(None))
            is_kept_open=true
            footer
        >
            {move || match me.get_value().filter(|_| is_editing.get()) {
                Some(me) => {
                    view! {
                        <SavedReplyForm form me surface categories on_event=Callback::new(on_form) />
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <SavedReplyBrowser
                            found
                            search
                            category
                            chosen
                            news=shown_news
                            channels
                            surface
                            free_slots
                            shops
                            preview_url
                            on_event=Callback::new(on_event)
                        />
                    }
                        .into_any()
                }
            }}
        </Dialog>
    }
    .into_any()
}

fn form_problem(error: &ApiError) -> FormProblem {
    match error.code() {
        Some(ProblemCode::SavedReplyChanged) => FormProblem::Changed,
        Some(ProblemCode::NotFound) => FormProblem::Gone,
        _ => {
            let field = match error {
                ApiError::Problem(problem) => problem.field.clone(),
                ApiError::SignedOut | ApiError::Offline(_) | ApiError::BadReply(_) => None,
            };
            let known = ["title", "category", "audience", "messages"];
            let has_place = |field: &String| known.iter().any(|known| field.starts_with(known));
            FormProblem::Other(field.filter(has_place), untrack(|| error_text(error)))
        }
    }
}

/// Makes a file ready and sends it; why it was not taken, in words.
async fn send_file(
    api: &crate::api::Api,
    file: &File,
    form: ReplyForm,
    id: u32,
) -> Result<Media, String> {
    let words = |code| untrack(|| problem_text(code));
    let medium = identify(file).await.map_err(words)?.medium;
    // An image becomes small enough for every channel; nothing else can.
    let most = match medium {
        Medium::Image => media_limit(medium, Channel::Whatsapp).unwrap_or(max_upload(medium)),
        Medium::Video | Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => {
            max_upload(medium)
        }
    };
    if medium != Medium::Image && file.size() as u64 > most {
        return Err(words(ProblemCode::UploadTooLarge));
    }
    let parcel = make_ready(file, medium, most)
        .await
        .map_err(|_| words(ProblemCode::NotAnImage))?;
    let progress = move |part: f64| form.settle(id, PartUpload::Sending((part * 100.0) as u8));
    api.upload_media(parcel.file, &parcel.name, parcel.preview, progress)
        .await
        .map_err(|error| untrack(|| error_text(&error)))
}
