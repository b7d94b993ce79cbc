//! The left pane: which events, the funnel, the rows; in selection mode 全選 and how many are chosen.

use std::rc::Rc;

use futures::FutureExt as _;
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::{EventQuery, EventRow, PageStart};
use omocast_contract::{EventView, Filter, ProblemCode};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use super::thread_pane::thread;
use super::{Conversations, Found, follow_news};
use crate::api::{ApiError, use_api};
use crate::components::error_text::{error_text, problem_text};
use crate::components::event_row::{EventItem, EventRowTemplate, RowLook};
use crate::components::filter_chips::FilterChips;
use crate::components::filter_dialog::{FilterDialog, TagChoice};
use crate::components::select_bar::{SelectBar, toggled_all};
use crate::i18n::{self, Key, PluralKey, locale, number, phrase, t, t_count, t_with};
use crate::part::{self, part};
use crate::route::{Route, Step, navigate};
use crate::session::use_me;
use crate::ui::windowed_list::{
    Gesture, ListHandle, ListStatus, Load, PAGE_ROWS, Page, PageRequest, WindowedList,
};
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorPanel, Icon, IconButton, Menu, MenuItem, Notice, Show,
    Tab, Tabs, Tone, reactive,
};

/// The rows, and what went wrong when they were loaded.
#[derive(Clone, Copy)]
pub struct EventList {
    handle: ListHandle<EventItem>,
    error: RwSignal<Option<ApiError>>,
    count: StoredValue<Rc<dyn Fn()>, LocalStorage>,
}

impl EventList {
    pub(super) fn new(page: Conversations) -> Self {
        let api = StoredValue::new(use_api());
        let error = RwSignal::new(None);
        let load: Load<EventItem> = Rc::new(move |request: PageRequest<EventItem>| {
            let from = match request.after {
                Some(row) => PageStart::After(row.event.cursor()),
                None if request.first == 0 => PageStart::First,
                None => PageStart::Row(request.first),
            };
            let view = page.view.get_untracked();
            let query = EventQuery {
                view,
                filter: page
                    .audience
                    .with_untracked(|audience| audience.filter.clone()),
                from,
                limit: PAGE_ROWS as u32,
            };
            let api = api.get_value();
            async move {
                match api.list_events(&query).await {
                    Ok(answer) => {
                        page.found.try_set(Some(Found {
                            total: answer.total,
                            selectable: answer.selectable,
                        }));
                        Some(Page {
                            rows: answer.rows.into_iter().map(EventItem::new).collect(),
                            total: answer.total,
                        })
                    }
                    Err(cause) => {
                        error.try_set(Some(cause));
                        None
                    }
                }
            }
            .boxed_local()
        });
        let template = EventRowTemplate {
            look: Rc::new(move |event: &EventRow| RowLook {
                tick: page.is_selecting.get_untracked().then(|| {
                    page.audience
                        .with_untracked(|audience| audience.picks(event.id))
                }),
                is_open: page.event.get_untracked() == Some(event.id),
            }),
            now: i18n::now,
        };
        // The rows of a range are asked of the list, which is made with this.
        let own: StoredValue<Option<ListHandle<EventItem>>> = StoredValue::new(None);
        let anchor = StoredValue::new(None::<u64>);
        let handle = ListHandle::new(load, template, move |gesture| {
            if !page.is_selecting.get_untracked() {
                if let Gesture::Open { row, .. } = gesture {
                    page.is_customer_shown.set(false);
                    navigate(page.route(Some(row.event.id), None));
                }
                return;
            }
            match gesture {
                Gesture::Open {
                    index,
                    row,
                    is_range,
                } => {
                    let start = anchor.get_value().filter(|_| is_range);
                    let rows = start
                        .and_then(|start| own.get_value()?.rows_between(start, index))
                        .unwrap_or_default();
                    tick(page, &row, &rows);
                    anchor.set_value(Some(index));
                }
                Gesture::Tick { index, row } => {
                    tick(page, &row, &[]);
                    anchor.set_value(Some(index));
                }
                Gesture::All => toggle_all(page),
            }
        });
        own.set_value(Some(handle));
        // Effects, because the list lies outside the reactive graph and must be told.
        Effect::new(move |before: Option<(EventView, Filter)>| {
            let now = (
                page.view.get(),
                page.audience.with(|audience| audience.filter.clone()),
            );
            if before.is_some_and(|before| before != now) {
                anchor.set_value(None);
                page.found.set(None);
                error.set(None);
                handle.reset();
            }
            now
        });
        Effect::new(move |_| {
            page.audience.track();
            page.event.track();
            page.is_selecting.track();
            handle.repaint();
        });
        Effect::new(move |is_later: Option<()>| {
            let _ = locale();
            if is_later.is_some() {
                handle.repaint();
                handle.reload();
            }
        });
        let count = move || {
            let api = api.get_value();
            spawn_local(async move {
                // Without the counts the tabs just have none.
                if let Ok(counts) = api.count_events().await {
                    page.counts.try_set(Some(counts));
                }
            });
        };
        count();
        let list = Self {
            handle,
            error,
            count: StoredValue::new_local(Rc::new(count)),
        };
        follow_news(|_| true, move || list.reload());
        list
    }

    /// Loads rows near the viewport and the counts again.
    pub(super) fn reload(&self) {
        self.handle.reload();
        if let Some(count) = self.count.try_get_value() {
            count();
        }
    }

    fn retry(&self) {
        self.error.set(None);
        self.handle.retry();
    }
}

/// Ticks or unticks a row, and all of a range as that row.
fn tick(page: Conversations, row: &Rc<EventItem>, range: &[Rc<EventItem>]) {
    if !row.event.channel.takes_broadcasts() {
        return;
    }
    page.audience.update(|audience| {
        audience.toggle(row.event.id);
        let is_picked = audience.picks(row.event.id);
        for other in range {
            let id = other.event.id;
            if other.event.channel.takes_broadcasts() && audience.picks(id) != is_picked {
                audience.toggle(id);
            }
        }
    });
}

fn toggle_all(page: Conversations) {
    let selectable = page
        .found
        .get_untracked()
        .map_or(0, |found| found.selectable);
    page.audience
        .update(|audience| audience.pick = toggled_all(audience, selectable));
}

fn view_key(view: EventView) -> Key {
    match view {
        EventView::Mine => Key::EventsViewMine,
        EventView::Team => Key::EventsViewTeam,
        EventView::Pending => Key::EventsViewPending,
        EventView::Ended => Key::EventsViewEnded,
    }
}

fn empty_key(view: EventView) -> Key {
    match view {
        EventView::Mine => Key::EventsEmptyMine,
        EventView::Team => Key::EventsEmptyTeam,
        EventView::Pending => Key::EventsEmptyPending,
        EventView::Ended => Key::EventsEmptyEnded,
    }
}

/// The pane.
#[component]
pub fn ListPane(page: Conversations, list: EventList) -> impl IntoView {
    let is_filtering = RwSignal::new(false);
    // Once it was wanted, the funnel stays.
    let was_filtering =
        Memo::new(move |was: Option<&bool>| was == Some(&true) || is_filtering.get());
    let filter = Memo::new(move |_| page.audience.with(|audience| audience.filter.clone()));
    let active = Memo::new(move |_| filter.with(|filter| filter.active()));
    let selectable = Signal::derive(move || page.found.get().map(|found| found.selectable));
    let filter_label = Signal::derive(move || match active.get() {
        0 => t(Key::EventsFilter),
        active => t_with(
            Key::EventsFilterActive,
            &[("count", &number(active as u64))],
        ),
    });
    let funnel = move || {
        view! {
            <IconButton
                icon=Icon::Filter
                label=filter_label
                dot=Signal::derive(move || match active.get() {
                    0 => None,
                    active => Some(number(active as u64)),
                })
                on_click=move || is_filtering.set(true)
            />
        }
    };
    let all = NodeRef::<html::Input>::new();
    let more = NodeRef::<html::Button>::new();
    // An effect, because the focus is the browser's, and what had it goes with the old head.
    Effect::new(move |before: Option<bool>| {
        let is_selecting = page.is_selecting.get();
        if before.is_some_and(|before| before != is_selecting) {
            // By then the new head is drawn.
            request_animation_frame(move || focus_head(is_selecting, all, more));
        }
        is_selecting
    });
    let head = move || {
        if page.is_selecting.get() {
            view! {
                <header class="list-pane__bar">
                    <h1 class="list-pane__title">{phrase(Key::SelectTitle)}</h1>
                    {funnel()}
                    <IconButton
                        icon=Icon::X
                        label=phrase(Key::SelectLeave)
                        on_click=move || page.leave_selection()
                    />
                </header>
                <SelectBar
                    audience=page.audience
                    selectable=selectable
                    on_toggle_all=Callback::new(move |()| toggle_all(page))
                    all
                />
            }
            .into_any()
        } else {
            view! {
                <header class="list-pane__bar">
                    <h1 class="list-pane__title">{phrase(Key::NavConversations)}</h1>
                    {funnel()}
                    <BroadcastMenu page button=more />
                </header>
                <ViewTabs page />
            }
            .into_any()
        }
    };
    let state = move || {
        let status = list.handle.status.get();
        let has_failed = list.handle.has_failed.get();
        match (status, list.error.get()) {
            (ListStatus::Loading, Some(error)) if has_failed => {
                let text = Signal::derive(move || error_text(&error));
                let on_retry = Callback::new(move |()| list.retry());
                view! { <div class="list-pane__state"><ErrorPanel error=text on_retry /></div> }
                    .into_any()
            }
            (_, Some(error)) if has_failed => view! {
                <Notice tone=Tone::Bad>
                    {phrase(Key::EventsAllLoadedFailed)} " " {move || error_text(&error)}
                    <Button kind=ButtonKind::Quiet on_click=move || list.retry()>
                        {phrase(Key::UiRetry)}
                    </Button>
                </Notice>
            }
            .into_any(),
            (ListStatus::Empty, _) => {
                view! { <div class="list-pane__state"><EmptyList page filter /></div> }.into_any()
            }
            (ListStatus::Loading | ListStatus::Shown, _) => ().into_any(),
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let is_escape =
            event.key() == "Escape" && !event.is_composing() && !event.default_prevented();
        if is_escape && page.is_selecting.get_untracked() && !is_filtering.get_untracked() {
            event.prevent_default();
            page.leave_selection();
        }
    };
    // Somebody is about to click here: what a click opens is on its way by then.
    let is_prepared = StoredValue::new(false);
    let prepare_parts = move || {
        if !is_prepared.get_value() {
            is_prepared.set_value(true);
            part::prepare(Box::pin(thread()));
        }
    };
    view! {
        <section
            class="list-pane"
            aria-label=phrase(Key::EventsLabel)
            on:keydown=on_key
            on:pointerenter=move |_| prepare_parts()
            on:focusin=move |_| prepare_parts()
        >
            {reactive(head)}
            <FilterChips filter on_change=Callback::new(move |filter| page.change_filter(filter)) />
            <div class="list-pane__list">
                <WindowedList
                    list=list.handle
                    id="events"
                    label=phrase(Key::EventsLabel)
                    is_multiselectable=page.is_selecting
                />
                {reactive(state)}
            </div>
            <Show when=page.is_selecting>
                <NextBar page selectable />
            </Show>
            <Show when=was_filtering>
                <div class="list-pane__funnel">
                    {part::place(|| Box::pin(filtering()), move |draw| draw(page, is_filtering))}
                </div>
            </Show>
        </section>
    }
}

/// Choosing begins at 全選 and ends where it began, at ⋯.
fn focus_head(is_selecting: bool, all: NodeRef<html::Input>, more: NodeRef<html::Button>) {
    let place: Option<HtmlElement> = if is_selecting {
        all.try_get_untracked().flatten().map(Into::into)
    } else {
        more.try_get_untracked().flatten().map(Into::into)
    };
    if let Some(place) = place {
        // Fails on what is not shown, which needs no focus.
        let _ = place.focus();
    }
}

/// On a phone: how many, and on to the message.
#[component]
fn NextBar(page: Conversations, selectable: Signal<Option<u64>>) -> impl IntoView {
    let picked = Memo::new(move |_| {
        let selectable = selectable.get().unwrap_or(0);
        page.audience.with(|audience| audience.picked(selectable))
    });
    let reason = Signal::derive(move || {
        (picked.get() == 0).then(|| problem_text(ProblemCode::AudienceEmpty))
    });
    view! {
        <footer class="list-pane__next">
            // The bar above says it to those who do not see this.
            <span class="list-pane__count" aria-hidden="true">
                {move || t_count(PluralKey::UiPeople, picked.get(), &[])}
            </span>
            <Button
                kind=ButtonKind::Primary
                disabled_reason=reason
                on_click=move || navigate(page.route(None, Some(super::SELECT.at(Step::Compose))))
            >
                {phrase(Key::SelectNext)}
            </Button>
        </footer>
    }
}

#[component]
fn EmptyList(page: Conversations, filter: Memo<Filter>) -> impl IntoView {
    move || {
        if filter.with(Filter::is_empty) {
            let key = empty_key(page.view.get());
            view! {
                <EmptyState
                    icon=Icon::MessageSquare
                    title=phrase(key)
                    hint=phrase(Key::EventsEmptyHint)
                />
            }
            .into_any()
        } else {
            view! {
                <EmptyState
                    icon=Icon::Filter
                    title=phrase(Key::EventsEmptyFiltered)
                    hint=phrase(Key::EventsEmptyFilteredHint)
                />
            }
            .into_any()
        }
    }
}

/// ⋯: only for those who may broadcast, or could with another plan.
#[component]
fn BroadcastMenu(page: Conversations, button: NodeRef<html::Button>) -> impl IntoView {
    let may = use_me().map(|me| me.role.may_broadcast(me.plan))?;
    if may == Err(ProblemCode::RoleMayNotBroadcast) {
        return None;
    }
    let items = move || {
        let reason = match may {
            Err(code) => Some(problem_text(code)),
            Ok(()) if page.view.get() != EventView::Mine => Some(t(Key::EventsBroadcastOnlyMine)),
            Ok(()) => None,
        };
        let item = MenuItem::new(t(Key::EventsBroadcast), move || page.enter_selection());
        vec![item.icon(Icon::Send).disabled(reason)]
    };
    Some(view! {
        <Menu label=phrase(Key::UiMore) items=Signal::derive(items) button />
    })
}

/// The lists that the member's role sees, with how many each has.
#[component]
fn ViewTabs(page: Conversations) -> impl IntoView {
    let role = use_me().map(|me| me.role);
    let tabs = move || {
        EventView::ALL
            .into_iter()
            .filter(|&view| role.is_some_and(|role| role.sees(view)))
            .map(|view| {
                let count = page.counts.get().and_then(|counts| counts.of(view));
                Tab::new(view.as_str(), t(view_key(view))).count(count)
            })
            .collect::<Vec<_>>()
    };
    view! {
        <div class="list-pane__tabs">
            <Tabs
                label=phrase(Key::EventsViews)
                tabs=Signal::derive(tabs)
                selected=Signal::derive(move || page.view.get().as_str().to_owned())
                on_select=Callback::new(move |id: String| {
                    if let Some(view) = EventView::parse(&id) {
                        let event = None;
                        navigate(Route::Conversations { view, event, mode: None });
                    }
                })
            />
        </div>
    }
}

part! {
    in desk:
    /// The funnel's part of the app.
    fn filtering() -> fn(Conversations, RwSignal<bool>) -> AnyView {
        |page, is_open| view! { <Funnel page is_open /> }.into_any()
    }
}

/// The dialog of the funnel, with the tags and the number of matches it needs.
#[component]
fn Funnel(page: Conversations, is_open: RwSignal<bool>) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let tags = RwSignal::new(TagChoice::Loading);
    let matches = RwSignal::new(None::<u64>);
    let asked = StoredValue::new(0_u32);
    let load_tags = move || {
        let api = api.get_value();
        tags.set(TagChoice::Loading);
        spawn_local(async move {
            tags.try_set(match api.list_tags().await {
                Ok(answer) => TagChoice::Known(answer.tags),
                Err(_) => TagChoice::Failed,
            });
        });
    };
    // Only the answer to the last question counts.
    let count = move |filter: Filter| {
        asked.update_value(|asked| *asked += 1);
        let question = asked.get_value();
        let query = EventQuery {
            view: page.view.get_untracked(),
            filter,
            from: PageStart::First,
            limit: 1,
        };
        let api = api.get_value();
        matches.set(None);
        spawn_local(async move {
            let answer = api.list_events(&query).await;
            if asked.try_get_value() == Some(question)
                && let Ok(answer) = answer
            {
                matches.try_set(Some(answer.total));
            }
        });
    };
    let on_apply = Callback::new(move |filter| {
        is_open.set(false);
        page.change_filter(filter);
    });
    view! {
        <FilterDialog
            is_open
            filter=Signal::derive(move || page.audience.with(|audience| audience.filter.clone()))
            tags
            matches
            on_open=Callback::new(move |()| load_tags())
            on_draft=Callback::new(count)
            on_apply
        />
    }
}
