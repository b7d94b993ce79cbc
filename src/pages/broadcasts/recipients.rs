//! The recipients of a broadcast, by how far they have come, and why no further.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::RecipientQuery;
use omocast_contract::{BroadcastId, CustomerId, Progress, Recipient, Standing};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use crate::api::{Api, ApiError};
use crate::components::error_text::error_text;
use crate::components::outcome_list::Outcome;
use crate::components::progress_figures::is_told;
use crate::components::reason_text::standing_text;
use crate::components::recipient_table::RecipientTable;
use crate::i18n::{Key, phrase, t};
use crate::route::Route;
use crate::ui::{
    Button, Chip, EmptyState, ErrorPanel, Icon, Notice, Show, Skeleton, Tab, Tabs, Tone, reactive,
    unique_id,
};

/// Rows that are kept up to date while it is being sent; those further down stay as they were loaded.
const FOLLOWED_ROWS: usize = 200;

const ALL: &str = "all";

/// The recipients of the chosen tab that are loaded.
#[derive(Clone, Copy)]
pub(super) struct Recipients {
    id: BroadcastId,
    api: StoredValue<Api>,
    tab: RwSignal<Option<Standing>>,
    /// Of the tab, only those of whom this became.
    outcome: RwSignal<Option<Outcome>>,
    /// None until the first page of the tab is there.
    rows: RwSignal<Option<Vec<Recipient>>>,
    next: RwSignal<Option<CustomerId>>,
    error: RwSignal<Option<ApiError>>,
    is_loading: RwSignal<bool>,
    /// Where they are shown.
    place: NodeRef<html::Section>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
}

impl Recipients {
    pub(super) fn new(id: BroadcastId, api: StoredValue<Api>) -> Self {
        Self {
            id,
            api,
            tab: RwSignal::new(None),
            outcome: RwSignal::new(None),
            rows: RwSignal::new(None),
            next: RwSignal::new(None),
            error: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            place: NodeRef::new(),
            latest: StoredValue::new(0),
        }
    }

    fn choose(self, tab: Option<Standing>, outcome: Option<Outcome>) {
        if (self.tab.get_untracked(), self.outcome.get_untracked()) == (tab, outcome) {
            return;
        }
        self.tab.set(tab);
        self.outcome.set(outcome);
        self.rows.set(None);
        self.next.set(None);
        self.load();
    }

    /// Shows those of one outcome, where one is then at work.
    pub(super) fn open(self, outcome: Outcome) {
        self.choose(Some(outcome.standing()), Some(outcome));
        // By then the tab is drawn.
        request_animation_frame(move || self.focus_tab());
    }

    fn focus_tab(self) {
        let tab = self
            .place
            .try_get_untracked()
            .flatten()
            .and_then(|place| place.query_selector("[aria-selected=true]").ok()?)
            .and_then(|tab| tab.dyn_into::<HtmlElement>().ok());
        if let Some(tab) = tab {
            // Fails on what is not shown.
            let _ = tab.focus();
        }
    }

    fn has_focus(self) -> bool {
        let place = self.place.try_get_untracked().flatten();
        let active = document().active_element();
        place.is_some_and(|place| place.contains(active.as_deref()))
    }

    fn ask(self) -> Option<u64> {
        self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        })
    }

    /// Loads the first page.
    pub(super) fn load(self) {
        self.fetch(None, 1);
    }

    /// Loads the page after what is there.
    fn load_more(self) {
        if !self.is_loading.get_untracked() {
            self.fetch(self.next.get_untracked(), 1);
        }
    }

    /// Loads again what is on screen.
    pub(super) fn refresh(self) {
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

    /// Loads pages after one customer until there are `wanted` rows, or no more.
    fn fetch(self, from: Option<CustomerId>, wanted: usize) {
        let (Some(asked), Some(api)) = (self.ask(), self.api.try_get_value()) else {
            return;
        };
        let (standing, outcome) = (self.tab.get_untracked(), self.outcome.get_untracked());
        self.is_loading.set(true);
        spawn_local(async move {
            let mut rows = Vec::new();
            let mut after = from;
            let answer = loop {
                match api
                    .list_recipients(
                        self.id,
                        RecipientQuery {
                            standing,
                            reason: outcome.and_then(|outcome| outcome.reason),
                            got: outcome.map(|outcome| outcome.part.map_or(0, |part| part.got)),
                            of: outcome.and_then(|outcome| outcome.part.map(|part| part.of)),
                            after,
                        },
                    )
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
        let has_focus = self.has_focus();
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
        if has_focus {
            // The row that had the focus may have left the tab.
            request_animation_frame(move || {
                if !self.has_focus() {
                    self.focus_tab();
                }
            });
        }
    }
}

/// Their tabs, and those of the chosen one.
pub(super) fn recipients_view(recipients: Recipients, progress: Signal<Progress>) -> AnyView {
    let Recipients {
        tab,
        outcome,
        rows,
        next,
        error,
        is_loading,
        ..
    } = recipients;
    let panel = unique_id();
    let tabs = Signal::derive(move || {
        let progress = progress.get();
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
            view! { <ErrorPanel error=words on_retry=move || recipients.load() /> }.into_any()
        }
        Shown::Nobody => {
            view! { <EmptyState icon=Icon::Users title=phrase(Key::RecipientsEmpty) /> }.into_any()
        }
        Shown::Rows => {
            let href_of = |view, event| {
                let route = Route::Conversations {
                    view,
                    event: Some(event),
                    mode: None,
                };
                route.href()
            };
            view! { <RecipientTable recipients=loaded href_of /> }.into_any()
        }
    };
    let is_narrowed = Memo::new(move |_| outcome.with(Option::is_some));
    let why = Signal::derive(move || outcome.get().map(Outcome::why).unwrap_or_default());
    let is_broken = Memo::new(move |_| state.get() == Shown::Rows && error.with(Option::is_some));
    view! {
        <section
            class="broadcast__recipients"
            aria-label=phrase(Key::RecipientsTitle)
            node_ref=recipients.place
        >
            <div class="broadcast__tabs">
                <Tabs
                    label=phrase(Key::RecipientsTitle)
                    tabs
                    selected
                    panel=panel.clone()
                    on_select=Callback::new(move |id: String| {
                        recipients.choose(Standing::parse(&id), None);
                    })
                />
            </div>
            <Show when=is_narrowed>
                <div class="broadcast__narrowed">
                    <Chip
                        tone=Tone::Action
                        text=why
                        on_remove=move || {
                            recipients.choose(tab.get_untracked(), None);
                            recipients.focus_tab();
                        }
                    />
                </div>
            </Show>
            <div role="tabpanel" id=panel aria-label=phrase(Key::RecipientsTitle)>
                {reactive(table)}
            </div>
            <Show when=is_broken>
                <Notice tone=Tone::Bad is_alert=true>{move || words.get()}</Notice>
            </Show>
            <Show when=has_next>
                <div class="broadcast__more">
                    <Button busy=is_loading on_click=move || recipients.load_more()>
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
