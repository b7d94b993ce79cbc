//! The middle pane: the messages of one event, what can be done to it, and the reply. It owns what the customer pane shows too.

use leptos::prelude::*;
use omocast_contract::api::{EventRow, Thread};
use omocast_contract::limit::{MAX_MESSAGES, max_upload, media_limit};
use omocast_contract::live::LiveEvent;
use omocast_contract::message::Message;
use omocast_contract::reach::{Reach, window};
use omocast_contract::text::is_blank;
use omocast_contract::variable::fill_name;
use omocast_contract::{
    ChannelSet, EventAction, EventId, Medium, OutgoingMessage, ProblemCode, Reason,
    event::may_reply,
};
use wasm_bindgen_futures::spawn_local;

use super::conversations::Conversations;
use super::customer_pane::CustomerPane;
use super::events::EventList;
use super::news::follow_news;
use super::saved_replies::{SavedReplies, SavedRepliesOpen};
use super::surface::surface;

use crate::api::{Api, ApiError, use_api};
use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::customer_panel::event_status_key;
use crate::components::customer_row::shown_name;
use crate::components::error_text::{error_text, problem_text};
use crate::components::message_bubble::MediaUrls;
use crate::components::reason_text::reason_text;
use crate::components::reply_box::ReplyBox;
use crate::components::thread_view::ThreadView;
use crate::i18n::{self, Key, phrase, t_now, t_with};
use crate::part::part;
use crate::picture::{self, Picture};
use crate::route::navigate;
use crate::session::use_me;
use crate::ui::{
    Avatar, Button, Chip, EmptyState, ErrorPanel, Icon, IconButton, Show, Skeleton, reactive,
};

const DRAFT: &str = "omocast.reply.";

/// One event's thread, made anew for each event: nothing of one customer can be left over for another.
#[derive(Clone, Copy)]
struct ThreadModel {
    page: Conversations,
    list: EventList,
    id: EventId,
    api: StoredValue<Api>,
    thread: RwSignal<Option<Thread>>,
    error: RwSignal<Option<ApiError>>,
    is_loading_older: RwSignal<bool>,
}

impl ThreadModel {
    /// Loads the newest messages, at first and again when there may be newer ones.
    fn load(self) {
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.find_thread(self.id, None).await;
            let is_first = self.thread.try_with_untracked(Option::is_none);
            match answer {
                Ok(newest) => {
                    let was_unread = newest.event.unread > 0;
                    self.error.try_set(None);
                    self.thread.try_update(|thread| match thread {
                        Some(thread) => merge(thread, newest),
                        None => *thread = Some(newest),
                    });
                    // Reading it has changed its row.
                    if is_first == Some(true) && was_unread {
                        self.list.reload();
                    }
                }
                // What is shown already is still right; the stream tells when there is more.
                Err(_) if is_first == Some(false) => {}
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    /// Whether there is no such event, or none that the member sees.
    fn is_missing(self) -> bool {
        self.error.with(|error| {
            let code = error.as_ref().and_then(ApiError::code);
            code == Some(ProblemCode::NotFound)
        })
    }

    fn load_older(self) {
        let oldest = self.thread.with_untracked(|thread| {
            thread
                .as_ref()
                .and_then(|thread| Some(thread.messages.first()?.id))
        });
        if oldest.is_none() || self.is_loading_older.get_untracked() {
            return;
        }
        self.is_loading_older.set(true);
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.find_thread(self.id, oldest).await;
            self.is_loading_older.try_set(false);
            match answer {
                Ok(older) => {
                    self.thread.try_update(|thread| {
                        if let Some(thread) = thread {
                            thread.has_older = older.has_older;
                            thread.messages.splice(0..0, older.messages);
                        }
                    });
                }
                Err(error) => self.page.toasts.error(untrack(|| error_text(&error))),
            }
        });
    }

    fn act(self, action: EventAction, is_busy: RwSignal<bool>) {
        is_busy.set(true);
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.act_on_event(self.id, action).await;
            is_busy.try_set(false);
            match answer {
                Ok(event) => {
                    let name = shown_name(&event.name);
                    self.take(event);
                    self.tell(action, &name, is_busy);
                }
                Err(error) => self.page.toasts.error(untrack(|| error_text(&error))),
            }
        });
    }

    fn take(self, event: EventRow) {
        self.thread.try_update(|thread| {
            if let Some(thread) = thread {
                thread.event = event;
            }
        });
        self.list.reload();
    }

    fn tell(self, action: EventAction, name: &str, is_busy: RwSignal<bool>) {
        let toasts = self.page.toasts;
        match action {
            EventAction::Follow => toasts.show(t_now(Key::ThreadFollowed)),
            EventAction::Reopen => toasts.show(t_now(Key::ThreadReopened)),
            EventAction::End => {
                let text = untrack(|| t_with(Key::ThreadEnded, &[("name", name)]));
                let (api, list, id) = (self.api.get_value(), self.list, self.id);
                toasts.undo(text, move || {
                    if is_busy.try_get_untracked().is_some() {
                        return self.act(EventAction::Reopen, is_busy);
                    }
                    // Another event is shown by now.
                    let api = api.clone();
                    spawn_local(async move {
                        match api.act_on_event(id, EventAction::Reopen).await {
                            Ok(_) => list.reload(),
                            Err(error) => toasts.error(untrack(|| error_text(&error))),
                        }
                    });
                });
            }
        }
    }

    fn append(self, message: Message) {
        self.thread.try_update(|thread| {
            if let Some(thread) = thread
                && !thread.messages.iter().any(|known| known.id == message.id)
            {
                thread.messages.push(message);
            }
        });
        self.list.reload();
    }
}

/// Takes over the newest messages and keeps the older ones that were loaded.
/// If the two do not meet, more has come than a page holds: then the older ones must be asked for again.
fn merge(thread: &mut Thread, newest: Thread) {
    let meets = newest.messages.first().and_then(|first| {
        thread
            .messages
            .iter()
            .position(|known| known.id == first.id)
    });
    let (mut messages, has_older) = match meets {
        Some(at) => (std::mem::take(&mut thread.messages), Some(at)),
        None => (Vec::new(), None),
    };
    let has_older = has_older.map_or(newest.has_older, |at| {
        messages.truncate(at);
        if at == 0 {
            newest.has_older
        } else {
            thread.has_older
        }
    });
    messages.extend(newest.messages);
    *thread = Thread {
        event: newest.event,
        customer: newest.customer,
        messages,
        has_older,
    };
}

part! {
    in desk:
    /// The thread's part of the app.
    pub fn thread() -> fn(Conversations, EventList, EventId) -> AnyView {
        |page, list, id| view! { <ThreadPanes page list id /> }.into_any()
    }
}

/// The thread and its customer.
#[component]
pub fn ThreadPanes(page: Conversations, list: EventList, id: EventId) -> impl IntoView {
    let model = ThreadModel {
        page,
        list,
        id,
        api: StoredValue::new(use_api()),
        thread: RwSignal::new(None),
        error: RwSignal::new(None),
        is_loading_older: RwSignal::new(false),
    };
    model.load();
    follow_news(
        move |news| match news {
            LiveEvent::EventChanged { event } => *event == id,
            LiveEvent::Missed => true,
            LiveEvent::BroadcastProgress { .. } | LiveEvent::BoundCustomersChanged => false,
        },
        move || model.load(),
    );
    let is_known = Memo::new(move |_| model.thread.with(Option::is_some));
    let body = move || {
        if is_known.get() {
            view! { <KnownThread model /> }.into_any()
        } else if model.is_missing() {
            view! {
                <Bar page />
                <div class="thread-pane__state">
                    <EmptyState
                        icon=Icon::MessageSquare
                        title=phrase(Key::ThreadNotFound)
                        hint=phrase(Key::ThreadNotFoundHint)
                    >
                        <Button on_click=move || navigate(page.route(None, None))>
                            {phrase(Key::ThreadNotFoundLink)}
                        </Button>
                    </EmptyState>
                </div>
            }
            .into_any()
        } else if let Some(error) = model.error.get() {
            let text = Signal::derive(move || error_text(&error));
            let on_retry = Callback::new(move |()| {
                model.error.set(None);
                model.load();
            });
            view! {
                <Bar page />
                <div class="thread-pane__state"><ErrorPanel error=text on_retry /></div>
            }
            .into_any()
        } else {
            view! {
                <Bar page />
                <div class="thread-pane__state"><Skeleton rows=5 /></div>
            }
            .into_any()
        }
    };
    view! {
        <section class="thread-pane" aria-label=phrase(Key::ThreadMessages)>
            {reactive(body)}
        </section>
        <Show when=move || !model.is_missing()>
            <CustomerPane page thread=model.thread />
        </Show>
    }
}

/// The head of the pane, on a phone with the way back to the list.
#[component]
fn Bar(page: Conversations, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    view! {
        <header class="thread-pane__bar">
            <span class="thread-pane__back">
                <IconButton
                    icon=Icon::ChevronLeft
                    label=phrase(Key::UiBack)
                    on_click=move || navigate(page.route(None, None))
                />
            </span>
            {children.map(|children| children())}
        </header>
    }
}

#[component]
fn KnownThread(model: ThreadModel) -> impl IntoView {
    let event = Memo::new(move |before: Option<&Option<EventRow>>| {
        // The thread is never taken away once it is known.
        model
            .thread
            .with(|thread| thread.as_ref().map(|thread| thread.event.clone()))
            .or_else(|| before.cloned().flatten())
    });
    let of_event = move |read: fn(&EventRow) -> String| {
        Signal::derive(move || event.with(|event| event.as_ref().map(read).unwrap_or_default()))
    };
    let name = of_event(|event| shown_name(&event.name));
    let messages = Signal::derive(move || {
        model.thread.with(|thread| {
            thread
                .as_ref()
                .map(|thread| thread.messages.clone())
                .unwrap_or_default()
        })
    });
    let has_older = Signal::derive(move || {
        model
            .thread
            .with(|thread| thread.as_ref().is_some_and(|thread| thread.has_older))
    });
    let about = move || {
        event.get().map(|event| {
            let status = event_status_key(event.status);
            let channel = event.channel;
            view! {
                <span class="thread-pane__about">
                    <ChannelBadge channel is_decoration=true />
                    <span class="thread-pane__channel">{move || channel_name(channel)}</span>
                    <span class="thread-pane__account">"· " {event.account}</span>
                    <Chip text=phrase(status) />
                </span>
            }
        })
    };
    view! {
        <Bar page=model.page>
            <Avatar name />
            <div class="thread-pane__who">
                <h1 class="thread-pane__name">{move || name.get()}</h1>
                {reactive(about)}
            </div>
            <Actions model event />
            <span class="thread-pane__more">
                <IconButton
                    icon=Icon::User
                    label=phrase(Key::ThreadShowCustomer)
                    on_click=move || model.page.is_customer_shown.update(|is_shown| *is_shown = !*is_shown)
                />
            </span>
        </Bar>
        <ThreadView
            messages
            customer=name
            has_older
            is_loading_older=model.is_loading_older
            on_load_older=Callback::new(move |()| model.load_older())
            urls=MediaUrls {
                file: Callback::new(move |id| model.api.with_value(|api| api.media_url(id))),
                preview: Callback::new(move |id| model.api.with_value(|api| api.preview_url(id))),
            }
        />
        <Reply model event />
    }
}

/// What may be done to the event, by the contract's rule.
#[component]
fn Actions(model: ThreadModel, event: Memo<Option<EventRow>>) -> impl IntoView {
    let is_busy = RwSignal::new(false);
    let me = use_me().map(|me| me.id);
    let allowed = Memo::new(move |_| {
        let event = event.get();
        let all = [EventAction::Follow, EventAction::End, EventAction::Reopen];
        all.into_iter()
            .filter(|action| {
                event.as_ref().zip(me).is_some_and(|(event, me)| {
                    action.apply(event.status, event.owner_id, me).is_ok()
                })
            })
            .collect::<Vec<_>>()
    });
    move || {
        allowed
            .get()
            .into_iter()
            .map(|action| {
                let (icon, words) = match action {
                    EventAction::Follow => (Icon::UserCheck, Key::ThreadFollow),
                    EventAction::End => (Icon::Check, Key::ThreadEnd),
                    EventAction::Reopen => (Icon::RotateCcw, Key::ThreadReopen),
                };
                view! {
                    <Button icon busy=is_busy on_click=move || model.act(action, is_busy)>
                        {phrase(words)}
                    </Button>
                }
            })
            .collect_view()
    }
}

/// Why the member may not write to the customer now.
fn refusal(event: &EventRow, me: omocast_contract::MemberId) -> Option<String> {
    if let Err(code) = may_reply(event.status, event.owner_id, me) {
        return Some(problem_text(code));
    }
    if event.is_blocked {
        return Some(problem_text(ProblemCode::CustomerBlocked));
    }
    match window(event.channel, event.last_inbound_at, i18n::now()) {
        Reach::Open => None,
        Reach::Skipped(Reason::WindowClosed) => Some(problem_text(ProblemCode::WindowClosed)),
        Reach::Skipped(reason) => Some(reason_text(reason)),
    }
}

#[component]
fn Reply(model: ThreadModel, event: Memo<Option<EventRow>>) -> impl IntoView {
    let key = [DRAFT, &model.id.to_string()].concat();
    let text = RwSignal::new(stored(&key).unwrap_or_default());
    let is_sending = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let upload = RwSignal::new(None::<f64>);
    let me = use_me().map(|me| me.id);
    // An effect, because the browser's storage must follow what is written: it survives a reload.
    Effect::new(move |is_later: Option<()>| {
        let text = text.get();
        if is_later.is_some() {
            store(&key, &text);
        }
    });
    // The window closes by the clock.
    let minute = RwSignal::new(0_u32);
    if let Ok(interval) = set_interval_with_handle(
        move || {
            minute.try_update(|minute| *minute += 1);
        },
        std::time::Duration::from_secs(30),
    ) {
        on_cleanup(move || interval.clear());
    }
    let refused = Memo::new(move |_| {
        minute.track();
        event.with(|event| {
            event
                .as_ref()
                .zip(me)
                .and_then(|(event, me)| refusal(event, me))
        })
    });
    let channel = Signal::derive(move || {
        event.with(|event| {
            event
                .as_ref()
                .map_or(omocast_contract::Channel::Web, |event| event.channel)
        })
    });
    let send = move |message: OutgoingMessage| {
        let is_text = matches!(message, OutgoingMessage::Text { .. });
        let sent = text.get_untracked();
        is_sending.set(true);
        error.set(None);
        let api = model.api.get_value();
        spawn_local(async move {
            let answer = api.send_reply(model.id, &message).await;
            is_sending.try_set(false);
            match answer {
                Ok(message) => {
                    // What was written meanwhile stays.
                    if is_text && text.try_with_untracked(|text| *text == sent) == Some(true) {
                        text.try_set(String::new());
                    }
                    model.append(message);
                }
                Err(cause) => {
                    error.try_set(Some(cause));
                }
            }
        });
    };
    let on_image = move |file: web_sys::File| {
        error.set(None);
        upload.set(Some(0.0));
        let api = model.api.get_value();
        let most = media_limit(Medium::Image, channel.get_untracked())
            .unwrap_or(max_upload(Medium::Image));
        spawn_local(async move {
            let progress = move |part| {
                upload.try_set(Some(part));
            };
            let answer = match picture::prepare(&file, most).await {
                Ok(Picture {
                    file,
                    preview,
                    name,
                    ..
                }) => api.upload_media(file, &name, Some(preview), progress).await,
                Err(_) => Err(ApiError::Problem(ProblemCode::NotAnImage.into())),
            };
            upload.try_set(None);
            match answer {
                Ok(media) if upload.try_get_untracked().is_some() => {
                    send(OutgoingMessage::Image {
                        media: media.id,
                        caption: None,
                    });
                }
                Ok(_) => {}
                Err(cause) => {
                    error.try_set(Some(cause));
                }
            }
        });
    };
    let is_busy = Signal::derive(move || is_sending.get() || upload.with(Option::is_some));
    // A saved reply of one text is written on; one of more messages waits, and is sent in its order.
    let waiting = RwSignal::new(Vec::<OutgoingMessage>::new());
    let saved_replies = RwSignal::new(None::<SavedRepliesOpen>);
    let apply = move |messages: Vec<OutgoingMessage>| {
        error.set(None);
        let name = event.with_untracked(|event| {
            event
                .as_ref()
                .map(|event| event.name.clone())
                .unwrap_or_default()
        });
        match messages.as_slice() {
            [OutgoingMessage::Text { text: words }] => text.update(|text| {
                if !text.is_empty() {
                    text.push('\n');
                }
                // A customer without a name: then the place to be filled in stays and says so.
                if is_blank(&name) {
                    text.push_str(words);
                } else {
                    text.push_str(&fill_name(words, &name, ""));
                }
            }),
            _ => waiting.set(messages),
        }
    };
    let send_waiting = move || {
        is_sending.set(true);
        error.set(None);
        let api = model.api.get_value();
        spawn_local(async move {
            while let Some(next) = waiting
                .try_with_untracked(|waiting| waiting.first().cloned())
                .flatten()
            {
                match api.send_reply(model.id, &next).await {
                    Ok(message) => {
                        waiting.try_update(|waiting| drop(waiting.remove(0)));
                        model.append(message);
                    }
                    // The rest waits until it is tried again or given up.
                    Err(cause) => {
                        error.try_set(Some(cause));
                        break;
                    }
                }
            }
            is_sending.try_set(false);
        });
    };
    let on_waiting = move |is_to_be_sent: bool| {
        if is_to_be_sent {
            send_waiting();
        } else {
            waiting.set(Vec::new());
        }
    };
    // Made when it is first wanted: the first visit needs none of it.
    let is_wanted = Memo::new(move |was: Option<&bool>| {
        was.copied().unwrap_or(false) || saved_replies.with(Option::is_some)
    });
    let dialog = move || {
        is_wanted.get().then(|| {
            let channels = Signal::derive(move || ChannelSet::from_iter([channel.get()]));
            let on_apply = Callback::new(move |(messages, _)| apply(messages));
            view! {
                <SavedReplies
                    open=saved_replies
                    channels
                    surface=surface()
                    free_slots=MAX_MESSAGES
                    on_apply
                />
            }
        })
    };
    view! {
        {reactive(dialog)}
        <ReplyBox
            text
            channel
            refusal=refused
            is_sending=is_busy
            error=Signal::derive(move || error.get().as_ref().map(error_text))
            upload
            on_send=Callback::new(move |text| send(OutgoingMessage::Text { text }))
            on_image=Callback::new(on_image)
            on_saved_replies=Callback::new(move |()| saved_replies.set(Some(SavedRepliesOpen::List)))
            waiting=Signal::derive(move || waiting.with(Vec::len))
            on_waiting=Callback::new(on_waiting)
        />
    }
}

fn stored(key: &str) -> Option<String> {
    window_storage()?.get_item(key).ok()?
}

fn store(key: &str, text: &str) {
    // A full or forbidden storage only means that a reload loses the text.
    if let Some(storage) = window_storage() {
        let _ = if text.is_empty() {
            storage.remove_item(key)
        } else {
            storage.set_item(key, text)
        };
    }
}

fn window_storage() -> Option<web_sys::Storage> {
    leptos::prelude::window().local_storage().ok().flatten()
}
