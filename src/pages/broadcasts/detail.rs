//! One broadcast: how far it has come, what was sent, and who did not get it and why.

use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::api::RecipientQuery;
use omocast_contract::live::LiveEvent;
use omocast_contract::{
    Broadcast, BroadcastId, BroadcastStatus, CustomerId, ProblemCode, Progress, Recipient, Standing,
};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError, use_api};
use crate::components::broadcast_contents::BroadcastContents;
use crate::components::error_text::error_text;
use crate::components::message_bubble::MediaUrls;
use crate::components::progress_figures::{figures_of, is_told};
use crate::components::progress_meter::ProgressMeter;
use crate::components::reason_text::standing_text;
use crate::components::recipient_table::RecipientTable;
use crate::components::status_chip::BroadcastStatusChip;
use crate::i18n::{Key, date_time, phrase, t, t_with};
use crate::live::use_live;
use crate::route::{Route, navigate};
use crate::ui::{
    Button, EmptyState, ErrorPanel, Icon, IconButton, LinkButton, Notice, Show, Skeleton, Tab,
    Tabs, Tone, reactive, unique_id,
};

/// While it is being sent, the recipients on screen are asked for again this often at most.
const PACE: Duration = Duration::from_secs(1);

/// Rows that are kept up to date while it is being sent; those further down stay as they were loaded.
const FOLLOWED_ROWS: usize = 200;

const ALL: &str = "all";

/// The page of one broadcast.
#[component]
pub fn BroadcastPage(id: BroadcastId) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let page = Page {
        id,
        api,
        broadcast: RwSignal::new(None),
        error: RwSignal::new(None),
        status: RwSignal::new(BroadcastStatus::Sending),
        progress: RwSignal::new(Progress::default()),
        recipients: Recipients::new(id, api),
    };
    page.load();
    page.recipients.load();
    use_live().on(move |event| page.follow(&event));
    on_cleanup(move || page.recipients.stop_waiting());

    let title = move || {
        page.broadcast.with(|broadcast| match broadcast {
            Some(broadcast) if broadcast.summary.title.is_empty() => t(Key::BroadcastsUntitled),
            Some(broadcast) => broadcast.summary.title.clone(),
            None => t(Key::BroadcastsTitle),
        })
    };
    let is_there = Memo::new(move |_| page.broadcast.with(Option::is_some));
    let content = move || {
        if is_there.get() {
            return page
                .broadcast
                .get()
                .map(|broadcast| content(page, &broadcast))
                .into_any();
        }
        match page.error.get() {
            None => view! { <Skeleton rows=6 /> }.into_any(),
            Some(error) if error.code() == Some(ProblemCode::NotFound) => view! {
                <EmptyState icon=Icon::CircleHelp title=phrase(Key::BroadcastNotFound)>
                    <LinkButton href=Route::Broadcasts.href()>{phrase(Key::BroadcastBack)}</LinkButton>
                </EmptyState>
            }
            .into_any(),
            Some(error) => view! {
                <ErrorPanel
                    error=Signal::derive(move || error_text(&error))
                    on_retry=move || page.load()
                />
            }
            .into_any(),
        }
    };
    view! {
        <section class="pane broadcast">
            <header class="pane__bar">
                <IconButton
                    icon=Icon::ChevronLeft
                    label=phrase(Key::BroadcastBack)
                    on_click=|| navigate(Route::Broadcasts)
                />
                <div class="broadcast__heading">
                    <h1 class="broadcast__title">{reactive(title)}</h1>
                    <Show when=is_there>
                        <BroadcastStatusChip status=page.status />
                    </Show>
                </div>
            </header>
            <div class="pane__scroll">{reactive(content)}</div>
        </section>
    }
    .into_any()
}

#[derive(Clone, Copy)]
struct Page {
    id: BroadcastId,
    api: StoredValue<Api>,
    broadcast: RwSignal<Option<Broadcast>>,
    error: RwSignal<Option<ApiError>>,
    status: RwSignal<BroadcastStatus>,
    progress: RwSignal<Progress>,
    recipients: Recipients,
}

impl Page {
    fn load(self) {
        self.error.try_set(None);
        let Some(api) = self.api.try_get_value() else {
            return;
        };
        spawn_local(async move {
            match api.find_broadcast(self.id).await {
                Ok(broadcast) => {
                    self.stand(broadcast.summary.status, broadcast.summary.progress);
                    self.broadcast.try_set(Some(broadcast));
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    fn stand(self, status: BroadcastStatus, progress: Progress) {
        self.status.try_set(status);
        self.progress.try_set(progress);
    }

    fn follow(self, event: &LiveEvent) {
        match event {
            LiveEvent::BroadcastProgress {
                broadcast,
                status,
                progress,
            } if *broadcast == self.id => {
                self.stand(*status, *progress);
                self.recipients.refresh_soon();
            }
            LiveEvent::Missed => {
                self.load();
                self.recipients.refresh_soon();
            }
            LiveEvent::BroadcastProgress { .. }
            | LiveEvent::EventChanged { .. }
            | LiveEvent::BoundCustomersChanged => {}
        }
    }
}

/// The recipients of the chosen tab that are loaded.
#[derive(Clone, Copy)]
struct Recipients {
    id: BroadcastId,
    api: StoredValue<Api>,
    tab: RwSignal<Option<Standing>>,
    /// None until the first page of the tab is there.
    rows: RwSignal<Option<Vec<Recipient>>>,
    next: RwSignal<Option<CustomerId>>,
    error: RwSignal<Option<ApiError>>,
    is_loading: RwSignal<bool>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Recipients {
    fn new(id: BroadcastId, api: StoredValue<Api>) -> Self {
        Self {
            id,
            api,
            tab: RwSignal::new(None),
            rows: RwSignal::new(None),
            next: RwSignal::new(None),
            error: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            latest: StoredValue::new(0),
            waiting: StoredValue::new(None),
        }
    }

    fn choose(self, tab: Option<Standing>) {
        if self.tab.get_untracked() == tab {
            return;
        }
        self.tab.set(tab);
        self.rows.set(None);
        self.next.set(None);
        self.load();
    }

    fn ask(self) -> Option<u64> {
        self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        })
    }

    /// Loads the first page.
    fn load(self) {
        self.fetch(None, 1);
    }

    /// Loads the page after what is there.
    fn load_more(self) {
        if !self.is_loading.get_untracked() {
            self.fetch(self.next.get_untracked(), 1);
        }
    }

    /// Loads again what is on screen.
    fn refresh(self) {
        let Some(shown) = self
            .rows
            .try_with_untracked(|rows| rows.as_ref().map_or(1, Vec::len))
        else {
            return;
        };
        // A page that is being loaded is as new as can be, and is not to be let go.
        if self.is_loading.try_get_untracked() == Some(false) {
            self.fetch(None, shown.min(FOLLOWED_ROWS));
        }
    }

    fn refresh_soon(self) {
        if self.waiting.try_with_value(Option::is_some) != Some(false) {
            return;
        }
        let wake = move || {
            self.waiting.try_update_value(|waiting| *waiting = None);
            self.refresh();
        };
        let handle = set_timeout_with_handle(wake, PACE).ok();
        self.waiting.set_value(handle);
    }

    fn stop_waiting(self) {
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }

    /// Loads pages after one customer until there are `wanted` rows, or no more.
    fn fetch(self, from: Option<CustomerId>, wanted: usize) {
        let (Some(asked), Some(api)) = (self.ask(), self.api.try_get_value()) else {
            return;
        };
        let standing = self.tab.get_untracked();
        self.is_loading.set(true);
        spawn_local(async move {
            let mut rows = Vec::new();
            let mut after = from;
            let answer = loop {
                match api
                    .list_recipients(self.id, RecipientQuery { standing, after })
                    .await
                {
                    Ok(page) => {
                        rows.extend(page.rows);
                        after = page.next;
                        if after.is_none() || rows.len() >= wanted {
                            break Ok(());
                        }
                    }
                    Err(error) => break Err(error),
                }
            };
            if self.latest.try_get_value() != Some(asked) {
                return;
            }
            self.is_loading.try_set(false);
            match answer {
                Ok(()) => {
                    self.error.try_set(None);
                    self.take(from.is_some(), rows, after);
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    fn take(self, is_more: bool, new: Vec<Recipient>, next: Option<CustomerId>) {
        let is_whole = self.rows.try_update(|rows| match rows {
            Some(rows) if is_more => {
                rows.extend(new);
                true
            }
            // Rows further down than what was asked for again stay as they were.
            Some(rows) if next.is_some() && rows.len() > new.len() => {
                let last = new.last().map(|row| row.customer);
                let rest: Vec<Recipient> = rows
                    .drain(..)
                    .filter(|row| Some(row.customer) > last)
                    .collect();
                *rows = new;
                rows.extend(rest);
                false
            }
            rows => {
                *rows = Some(new);
                true
            }
        });
        if is_whole == Some(true) {
            self.next.try_set(next);
        }
    }
}

fn content(page: Page, broadcast: &Broadcast) -> AnyView {
    let summary = &broadcast.summary;
    let (sender, at) = (summary.sender.clone(), summary.created_at);
    let sent_by = move || {
        t_with(
            Key::BroadcastSentBy,
            &[("sender", &sender), ("time", &date_time(at))],
        )
    };
    let urls = MediaUrls {
        file: Callback::new(move |id| page.api.with_value(|api| api.media_url(id))),
        preview: Callback::new(move |id| page.api.with_value(|api| api.preview_url(id))),
    };
    view! {
        <div class="broadcast__page">
            <p class="broadcast__sent-by">{reactive(sent_by)}</p>
            <ProgressMeter progress=page.progress />
            {figures_of(broadcast, page.progress.into())}
            <BroadcastContents
                messages=broadcast.messages.clone()
                template=broadcast.template.clone()
                media=broadcast.media.clone()
                name_fallback=broadcast.name_fallback.clone()
                links=broadcast.links
                urls
            />
            {recipients(page)}
        </div>
    }
    .into_any()
}

fn recipients(page: Page) -> AnyView {
    let Recipients {
        tab,
        rows,
        next,
        error,
        is_loading,
        ..
    } = page.recipients;
    let panel = unique_id();
    let tabs = Signal::derive(move || {
        let progress = page.progress.get();
        let chosen = tab.get();
        let all = Tab::new(ALL, t(Key::RecipientsAll)).count(Some(progress.total()));
        let others = Standing::ALL
            .into_iter()
            // The chosen tab stays when the last one has left it.
            .filter(|&standing| is_told(standing, &progress) || chosen == Some(standing))
            .map(|standing| {
                Tab::new(standing.as_str(), standing_text(standing))
                    .count(Some(progress.of(standing)))
            });
        std::iter::once(all).chain(others).collect::<Vec<_>>()
    });
    let selected = Signal::derive(move || tab.get().map_or(ALL, Standing::as_str).to_owned());
    let state = Memo::new(move |_| {
        match (
            rows.with(|rows| rows.as_ref().map(Vec::len)),
            error.with(Option::is_some),
        ) {
            (None, true) => Shown::Failed,
            (None, false) => Shown::Loading,
            (Some(0), _) => Shown::Nobody,
            (Some(_), _) => Shown::Rows,
        }
    });
    let words = Signal::derive(move || error.get().as_ref().map(error_text).unwrap_or_default());
    let loaded = Signal::derive(move || rows.get().unwrap_or_default());
    let has_next = Memo::new(move |_| next.with(Option::is_some));
    let table = move || match state.get() {
        Shown::Loading => view! { <Skeleton rows=5 /> }.into_any(),
        Shown::Failed => {
            view! { <ErrorPanel error=words on_retry=move || page.recipients.load() /> }.into_any()
        }
        Shown::Nobody => {
            view! { <EmptyState icon=Icon::Users title=phrase(Key::RecipientsEmpty) /> }.into_any()
        }
        Shown::Rows => view! { <RecipientTable recipients=loaded /> }.into_any(),
    };
    let is_broken = Memo::new(move |_| state.get() == Shown::Rows && error.with(Option::is_some));
    view! {
        <section class="broadcast__recipients" aria-label=phrase(Key::RecipientsTitle)>
            <div class="broadcast__tabs">
                <Tabs
                    label=phrase(Key::RecipientsTitle)
                    tabs
                    selected
                    panel=panel.clone()
                    on_select=Callback::new(move |id: String| {
                        page.recipients.choose(Standing::parse(&id));
                    })
                />
            </div>
            <div role="tabpanel" id=panel aria-label=phrase(Key::RecipientsTitle)>
                {reactive(table)}
            </div>
            <Show when=is_broken>
                <Notice tone=Tone::Bad is_alert=true>{move || words.get()}</Notice>
            </Show>
            <Show when=has_next>
                <div class="broadcast__more">
                    <Button busy=is_loading on_click=move || page.recipients.load_more()>
                        {phrase(Key::BroadcastsLoadMore)}
                    </Button>
                </div>
            </Show>
        </section>
    }
    .into_any()
}

#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Loading,
    Failed,
    Nobody,
    Rows,
}
