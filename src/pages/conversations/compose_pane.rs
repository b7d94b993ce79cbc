//! Writing a broadcast to the customers that are chosen, and sending it.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use js_sys::{Math, Reflect};
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::{
    Audience, AudienceCount, BroadcastId, BroadcastRequest, ChannelSet, DraftProblem, MediaId,
    Problem, ProblemCode, Surface,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use crate::api::json::read;
use crate::api::{Api, ApiError, use_api};
use crate::components::channel_badge::ChannelBadge;
use crate::components::composer::draft::{
    ComposeDraft, DraftContent, DraftImage, DraftMessage, UploadState,
};
use crate::components::composer::{Composer, PlacedProblem, cancelled_words, refused_file};
use crate::components::confirm_broadcast::ConfirmBroadcast;
use crate::components::error_text::{draft_problem_text, error_text, problem_text, refusal_text};
use crate::components::preview_phone::PreviewPhone;
use crate::components::send_bar::SendBar;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::part::part;
use crate::picture::{prepare, strictest_limit};
use crate::session::use_me;
use crate::ui::{Icon, IconButton, Notice, Tone, reactive};

/// How long the selection must rest before its customers are counted.
const REST: Duration = Duration::from_millis(150);

part! {
    in compose:
    /// The composer's part of the app.
    pub fn compose() -> fn(RwSignal<Audience>, Callback<BroadcastId>, Callback<()>) -> AnyView {
        |audience, on_sent, on_back| view! { <ComposePane audience on_sent on_back /> }.into_any()
    }
}

/// The composer of a broadcast to `audience`.
#[component]
pub fn ComposePane(
    /// Who is chosen.
    #[prop(into)]
    audience: Signal<Audience>,
    /// It is on its way.
    on_sent: Callback<BroadcastId>,
    /// Back to choosing customers: on a phone, where both are a step of their own.
    on_back: Callback<()>,
) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let me = use_me();
    let stored_as = StoredValue::new(
        [
            "omocast.draft.",
            &me.as_ref().map(|me| me.id.to_string()).unwrap_or_default(),
        ]
        .concat(),
    );
    let draft = RwSignal::new(stored_as.with_value(|name| load(name)));
    let is_saved = RwSignal::new(false);
    // An effect, because the browser's storage is a thing outside that must follow the draft.
    Effect::new(move |_| {
        let stored = draft.with(|draft| stored_as.with_value(|name| save(name, draft)));
        is_saved.set(stored);
    });

    let counting = Counting::new(api, audience);
    let channels = Memo::new(move |_| {
        counting.count.with(|count| {
            count
                .as_ref()
                .map(AudienceCount::channels)
                .unwrap_or_default()
        })
    });
    let surface = surface();
    let uploads = Uploads::new(api, draft, channels);
    on_cleanup(move || uploads.stop_all());

    let refusal = RwSignal::new(None::<Refusal>);
    let found = Memo::new(move |_| draft.with(|draft| draft.problems(channels.get(), surface)));
    let problems = Signal::derive(move || placed_problems(&found.get(), draft, refusal));
    let audience_problem = Memo::new(move |_| {
        refusal.with(|refusal| {
            let refusal = refusal.as_ref()?;
            let is_here = refusal.is_about("audience") && refusal.audience == audience.get();
            is_here.then(|| refusal_text(&refusal.problem))
        })
    });
    let disabled_reason = Memo::new(move |_| {
        counting
            .refusal()
            .or_else(|| draft.with(|draft| draft_refusal(draft, &found.get())))
            .or_else(|| problems.with(|problems| first_named(problems)))
    });

    let is_asking = RwSignal::new(false);
    let is_sending = RwSignal::new(false);
    let send_error = RwSignal::new(None::<ApiError>);
    let ask = move || {
        send_error.set(None);
        // A window may have closed since it was counted.
        counting.recount();
        is_asking.set(true);
    };
    let send = move || {
        if is_sending.get_untracked() {
            return;
        }
        is_sending.set(true);
        send_error.set(None);
        let (api, sent) = (api.get_value(), draft.get_untracked());
        let request = BroadcastRequest {
            audience: audience.get_untracked(),
            messages: sent.outgoing(),
            surface,
        };
        spawn_local(async move {
            let answer = api.create_broadcast(&request, &sent.key).await;
            is_sending.try_set(false);
            match answer {
                Ok(broadcast) => {
                    stored_as.try_with_value(|name| forget(name));
                    is_asking.try_set(false);
                    refusal.try_set(None);
                    draft.try_set(fresh());
                    on_sent.try_run(broadcast.summary.id);
                }
                Err(ApiError::Problem(problem)) if Refusal::has_place(&problem) => {
                    is_asking.try_set(false);
                    let audience = request.audience;
                    refusal.try_set(Some(Refusal {
                        problem,
                        messages: sent.messages,
                        audience,
                    }));
                }
                Err(error) => {
                    if error.code() == Some(ProblemCode::IdempotencyKeyReused) {
                        // What was sent under this key is sent; what is written now is another broadcast.
                        draft.try_update(|draft| draft.key = new_key());
                    }
                    send_error.try_set(Some(error));
                }
            }
        });
    };

    let image_url = Callback::new(move |id: MediaId| api.with_value(|api: &Api| api.media_url(id)));
    let counted = Signal::derive(move || counting.count.get().unwrap_or_default());
    let message_count = Signal::derive(move || draft.with(|draft| draft.messages.len()));
    let sender = me
        .map(|me| [me.team, me.shops.into_iter().next().unwrap_or_default()].join(" "))
        .unwrap_or_default();
    let chips = move || {
        counting.count.get().map(|count| {
            count
                .reached
                .into_iter()
                .map(|count| {
                    view! {
                        <li class="compose-pane__channel">
                            <ChannelBadge channel=count.channel />
                            {move || number(count.customers)}
                        </li>
                    }
                })
                .collect_view()
        })
    };
    let is_draft_kept = move || is_saved.get() && !draft.with(ComposeDraft::is_blank);
    view! {
        <section class="compose-pane" aria-label=phrase(Key::ComposeTitle)>
            <div class="compose-pane__main">
                <header class="compose-pane__bar">
                    <span class="compose-pane__back">
                        <IconButton
                            icon=Icon::ChevronLeft
                            label=phrase(Key::ComposeBack)
                            on_click=on_back
                        />
                    </span>
                    <h1 class="compose-pane__title">{phrase(Key::ComposeTitle)}</h1>
                    <ul class="compose-pane__channels">{reactive(chips)}</ul>
                    <span class="compose-pane__saved" role="status">
                        {move || is_draft_kept().then(|| t(Key::ComposeDraftSaved))}
                    </span>
                </header>
                <div class="compose-pane__scroll">
                    <div class="compose-pane__messages">
                        <Composer
                            draft
                            channels
                            surface
                            problems
                            refused=uploads.refused
                            image_url
                            on_files=Callback::new(move |files| uploads.add(files))
                            on_cancel_upload=Callback::new(move |id| uploads.cancel(id))
                            on_retry_upload=Callback::new(move |id| uploads.start(id))
                        />
                    </div>
                </div>
                {move || {
                    audience_problem.get().map(|words| {
                        view! {
                            <div class="compose-pane__problem">
                                <Notice tone=Tone::Bad is_alert=true>{words}</Notice>
                            </div>
                        }
                    })
                }}
                <SendBar
                    count=counting.count
                    is_counting=counting.is_counting
                    error=Signal::derive(move || counting.error.get().as_ref().map(error_text))
                    on_retry=Callback::new(move |()| counting.recount())
                    disabled_reason
                    on_send=Callback::new(move |()| ask())
                />
            </div>
            <aside class="compose-pane__preview">
                <PreviewPhone draft channels sender image_url />
            </aside>
            <ConfirmBroadcast
                open=is_asking
                count=counted
                messages=message_count
                is_sending
                error=Signal::derive(move || send_error.get().as_ref().map(error_text))
                on_confirm=Callback::new(move |()| send())
                on_close=Callback::new(move |()| is_asking.set(false))
            />
        </section>
    }
    .into_any()
}

/// A phone is the seed's APP 版.
fn surface() -> Surface {
    let is_phone = window()
        .match_media("(width < 48rem)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches());
    if is_phone { Surface::App } else { Surface::Web }
}

/// What the server would not take, and what it was asked: once that is changed, the problem is no longer shown.
#[derive(Clone, PartialEq)]
struct Refusal {
    problem: Problem,
    messages: Vec<DraftMessage>,
    audience: Audience,
}

impl Refusal {
    fn is_about(&self, what: &str) -> bool {
        self.problem
            .field
            .as_deref()
            .is_some_and(|field| field.starts_with(what))
    }

    /// Whether there is a place in the composer where it is shown.
    fn has_place(problem: &Problem) -> bool {
        problem
            .field
            .as_deref()
            .is_some_and(|field| field.starts_with("audience") || message_of(field).is_some())
    }
}

/// The place in `messages[2]` or `messages[2].text`.
fn message_of(field: &str) -> Option<usize> {
    let (place, _) = field.strip_prefix("messages[")?.split_once(']')?;
    place.parse().ok()
}

/// What is shown at the messages. That a text is still empty is told by the button alone.
fn placed_problems(
    found: &[DraftProblem],
    draft: RwSignal<ComposeDraft>,
    refusal: RwSignal<Option<Refusal>>,
) -> Vec<PlacedProblem> {
    let mut placed: Vec<PlacedProblem> = found
        .iter()
        .filter(|problem| problem.message.is_some() && problem.code != ProblemCode::TextEmpty)
        .map(|problem| (problem.message, draft_problem_text(problem)))
        .collect();
    refusal.with(|refusal| {
        if let Some(refusal) = refusal
            && let Some(at) = refusal.problem.field.as_deref().and_then(message_of)
            && draft.with(|draft| draft.messages.get(at) == refusal.messages.get(at))
        {
            placed.push((Some(at), refusal_text(&refusal.problem)));
        }
    });
    placed
}

/// Why the draft can't be sent as it is.
fn draft_refusal(draft: &ComposeDraft, found: &[DraftProblem]) -> Option<String> {
    let empty = found
        .iter()
        .filter(|problem| problem.code == ProblemCode::TextEmpty);
    if empty.count() == draft.messages.len() {
        return Some(t(Key::ComposeNeedsMessage));
    }
    if draft.is_uploading() {
        return Some(t(Key::ComposeNeedsUpload));
    }
    if let Some(at) = draft.first_stranded() {
        return Some(named(at, &t(Key::ComposeImageLost)));
    }
    let problem = found.first()?;
    let words = draft_problem_text(problem);
    Some(
        problem
            .message
            .map_or(words.clone(), |at| named(at, &words)),
    )
}

fn first_named(problems: &[PlacedProblem]) -> Option<String> {
    problems
        .iter()
        .find_map(|(at, words)| at.map(|at| named(at, words)))
}

fn named(at: usize, problem: &str) -> String {
    t_with(
        Key::ComposeNeedsFix,
        &[("number", &(at + 1).to_string()), ("problem", problem)],
    )
}

/// Who of the audience will receive it, counted again whenever the selection comes to rest.
#[derive(Clone, Copy)]
struct Counting {
    api: StoredValue<Api>,
    audience: Signal<Audience>,
    count: RwSignal<Option<AudienceCount>>,
    error: RwSignal<Option<ApiError>>,
    is_counting: RwSignal<bool>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
}

impl Counting {
    fn new(api: StoredValue<Api>, audience: Signal<Audience>) -> Self {
        let counting = Self {
            api,
            audience,
            count: RwSignal::new(None),
            error: RwSignal::new(None),
            is_counting: RwSignal::new(false),
            latest: StoredValue::new(0),
        };
        let waiting = StoredValue::new(None::<TimeoutHandle>);
        let stop_waiting = move || {
            if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
                handle.clear();
            }
        };
        // An effect, because a changed selection asks the server.
        Effect::new(move |is_later: Option<()>| {
            audience.track();
            stop_waiting();
            if is_later.is_none() {
                counting.recount();
                return;
            }
            counting.is_counting.set(true);
            let handle = set_timeout_with_handle(move || counting.recount(), REST).ok();
            waiting.set_value(handle);
        });
        on_cleanup(stop_waiting);
        counting
    }

    fn recount(self) {
        let Some(audience) = self.audience.try_get_untracked() else {
            return;
        };
        let Some(asked) = self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        }) else {
            return;
        };
        if audience.check() == Err(ProblemCode::AudienceEmpty) {
            // Nobody is nobody: there is nothing to ask.
            self.answer(Ok(AudienceCount::default()));
            return;
        }
        self.is_counting.try_set(true);
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.count_audience(&audience).await;
            if self.latest.try_get_value() == Some(asked) {
                self.answer(answer);
            }
        });
    }

    fn answer(self, answer: Result<AudienceCount, ApiError>) {
        self.is_counting.try_set(false);
        match answer {
            Ok(count) => {
                self.count.try_set(Some(count));
                self.error.try_set(None);
            }
            Err(error) => {
                self.error.try_set(Some(error));
            }
        }
    }

    /// Why nothing can be sent to this audience, in words.
    fn refusal(self) -> Option<String> {
        if let Some(error) = self.error.get() {
            return Some(error_text(&error));
        }
        let code = self.count.with(|count| {
            let Some(count) = count else {
                return Some(None);
            };
            match (count.reached_total(), count.skipped_total()) {
                (0, 0) => Some(Some(ProblemCode::AudienceEmpty)),
                (0, _) => Some(Some(ProblemCode::AudienceUnreachable)),
                _ => None,
            }
        })?;
        Some(code.map_or_else(|| t(Key::ComposeCounting), problem_text))
    }
}

/// Images on their way to the server.
#[derive(Clone, Copy)]
struct Uploads {
    api: StoredValue<Api>,
    draft: RwSignal<ComposeDraft>,
    channels: Memo<ChannelSet>,
    /// Files that were not taken, in words.
    refused: RwSignal<Vec<String>>,
    jobs: StoredValue<HashMap<u32, Job>, LocalStorage>,
}

/// A file that was picked, kept so that its upload can be tried again.
struct Job {
    file: File,
    stop: Option<AbortHandle>,
    local_url: Option<String>,
}

impl Uploads {
    fn new(
        api: StoredValue<Api>,
        draft: RwSignal<ComposeDraft>,
        channels: Memo<ChannelSet>,
    ) -> Self {
        Self {
            api,
            draft,
            channels,
            refused: RwSignal::new(Vec::new()),
            jobs: StoredValue::new_local(HashMap::new()),
        }
    }

    /// Each file becomes a message of its own, as far as there is room.
    fn add(self, files: Vec<File>) {
        let mut refused = Vec::new();
        let mut left_out = 0;
        for file in files {
            if !file.type_().starts_with("image/") {
                refused.push(not_an_image(&file.name()));
                continue;
            }
            let image = DraftImage {
                name: file.name(),
                width: 0,
                height: 0,
                bytes: 0,
                is_shrunk: false,
                upload: UploadState::Preparing,
                local_url: None,
            };
            let added = self
                .draft
                .try_update(|draft| draft.add(DraftContent::Image(image)))
                .flatten();
            match added {
                Some(id) => {
                    let job = Job {
                        file,
                        stop: None,
                        local_url: None,
                    };
                    self.jobs.update_value(|jobs| drop(jobs.insert(id, job)));
                    self.start(id);
                }
                None => left_out += 1,
            }
        }
        if left_out > 0 {
            let most = omocast_contract::limit::MAX_MESSAGES.to_string();
            refused.push(untrack(|| {
                t_count(PluralKey::ComposeLeftOut, left_out, &[("most", &most)])
            }));
        }
        self.refused.set(refused);
    }

    /// Starts, or starts again.
    fn start(self, id: u32) {
        let Some(file) = self
            .jobs
            .with_value(|jobs| jobs.get(&id).map(|job| job.file.clone()))
        else {
            self.settle(id, UploadState::Lost);
            return;
        };
        self.settle(id, UploadState::Preparing);
        let most = strictest_limit(self.channels.get_untracked());
        let (task, stop) = abortable(self.upload(id, file, most));
        self.jobs.update_value(|jobs| {
            if let Some(job) = jobs.get_mut(&id) {
                job.stop = Some(stop);
            }
        });
        spawn_local(async move {
            // Stopped by the writer, or by leaving the page.
            let _ = task.await;
        });
    }

    async fn upload(self, id: u32, file: File, most: u64) {
        let name = file.name();
        let Ok(picture) = prepare(&file, most).await else {
            self.refuse(id, &name);
            return;
        };
        let local_url = web_sys::Url::create_object_url_with_blob(&picture.file).ok();
        self.jobs.try_update_value(|jobs| {
            if let Some(job) = jobs.get_mut(&id)
                && let Some(old) = std::mem::replace(&mut job.local_url, local_url.clone())
            {
                revoke(&old);
            }
        });
        self.change(id, |image| {
            image.name.clone_from(&picture.name);
            (image.width, image.height) = (picture.width, picture.height);
            image.bytes = picture.file.size() as u64;
            image.is_shrunk = picture.is_shrunk;
            image.local_url = local_url;
            image.upload = UploadState::Sending(0);
        });
        let Some(api) = self.api.try_get_value() else {
            return;
        };
        let progress = move |part: f64| {
            let percent = (part * 100.0) as u8;
            self.change(id, |image| {
                if matches!(image.upload, UploadState::Sending(before) if before != percent) {
                    image.upload = UploadState::Sending(percent);
                }
            });
        };
        match api
            .upload_media(picture.file, &picture.name, picture.preview, progress)
            .await
        {
            Ok(media) => self.change(id, |image| {
                image.bytes = media.bytes;
                image.upload = UploadState::Done(media.id);
            }),
            Err(error) if error.code() == Some(ProblemCode::NotAnImage) => self.refuse(id, &name),
            Err(error) => self.settle(id, UploadState::Failed(untrack(|| error_text(&error)))),
        }
    }

    fn cancel(self, id: u32) {
        let stop = self
            .jobs
            .try_update_value(|jobs| jobs.get_mut(&id).and_then(|job| job.stop.take()))
            .flatten();
        if let Some(stop) = stop {
            stop.abort();
        }
        self.change(id, |image| match image.upload {
            UploadState::Preparing | UploadState::Sending(_) => {
                image.upload = UploadState::Failed(cancelled_words());
            }
            UploadState::Failed(_) | UploadState::Lost | UploadState::Done(_) => {}
        });
    }

    fn stop_all(self) {
        self.jobs.try_update_value(|jobs| {
            for (_, job) in jobs.drain() {
                if let Some(stop) = job.stop {
                    stop.abort();
                }
                if let Some(url) = job.local_url {
                    revoke(&url);
                }
            }
        });
    }

    /// The file is no image: its message goes, and the refusal stands beside the others.
    fn refuse(self, id: u32, name: &str) {
        self.draft.try_update(|draft| drop(draft.remove(id)));
        self.jobs.try_update_value(|jobs| drop(jobs.remove(&id)));
        self.refused
            .try_update(|refused| refused.push(not_an_image(name)));
    }

    fn settle(self, id: u32, state: UploadState) {
        self.change(id, |image| image.upload = state);
    }

    fn change(self, id: u32, change: impl FnOnce(&mut DraftImage)) {
        self.draft.try_update(|draft| {
            if let Some(image) = draft.image_mut(id) {
                change(image);
            }
        });
    }
}

fn not_an_image(name: &str) -> String {
    refused_file(name, &untrack(|| problem_text(ProblemCode::NotAnImage)))
}

fn revoke(url: &str) {
    // Fails only for what is no such address.
    let _ = web_sys::Url::revoke_object_url(url);
}

/// A new Idempotency-Key.
fn new_key() -> String {
    let crypto = window().crypto().ok();
    let has_uuid = |crypto: &web_sys::Crypto| {
        Reflect::has(crypto, &JsValue::from_str("randomUUID")).unwrap_or(false)
    };
    match crypto {
        Some(crypto) if has_uuid(&crypto) => crypto.random_uuid(),
        // A page that was not loaded over HTTPS has no randomUUID.
        _ => (0..4)
            .map(|_| format!("{:08x}", (Math::random() * f64::from(u32::MAX)) as u32))
            .collect(),
    }
}

/// A new broadcast: most begin with a text.
fn fresh() -> ComposeDraft {
    let mut draft = ComposeDraft::new(new_key());
    draft.add(DraftContent::Text(String::new()));
    draft
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn load(name: &str) -> ComposeDraft {
    storage()
        .and_then(|storage| storage.get_item(name).ok().flatten())
        .and_then(|json| read::<ComposeDraft>(&json).ok())
        .map_or_else(fresh, ComposeDraft::restored)
}

/// Keeps the draft; false where this browser keeps nothing.
fn save(name: &str, draft: &ComposeDraft) -> bool {
    let Some(storage) = storage() else {
        return false;
    };
    if draft.is_blank() {
        return storage.remove_item(name).is_ok();
    }
    serde_json::to_string(draft).is_ok_and(|json| storage.set_item(name, &json).is_ok())
}

fn forget(name: &str) {
    if let Some(storage) = storage() {
        // Fails only where nothing was kept.
        let _ = storage.remove_item(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_its_message() {
        assert_eq!(message_of("messages[1]"), Some(1));
        assert_eq!(message_of("messages[0].text"), Some(0));
        assert_eq!(message_of("messages"), None);
        assert_eq!(message_of("audience"), None);
    }

    #[test]
    fn only_a_problem_with_a_place_leaves_the_dialog() {
        let at = |field: &str| Problem::new(ProblemCode::TextEmpty).at(field);
        assert!(Refusal::has_place(&at("messages[1]")) && Refusal::has_place(&at("audience")));
        assert!(!Refusal::has_place(&at("messages")));
        assert!(!Refusal::has_place(&Problem::new(ProblemCode::Internal)));
    }
}
