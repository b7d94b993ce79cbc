//! The lists of events: mine, the team's, pending, ended, with how many each has.

use std::rc::Rc;

use futures::FutureExt as _;
use leptos::prelude::*;
use omocast_contract::api::{EventQuery, EventRow};
use omocast_contract::live::LiveEvent;
use omocast_contract::{EventView, Filter};
use wasm_bindgen_futures::spawn_local;

use super::conversations::Conversations;
use super::list::{CustomerList, Kind, Listed};
use super::news::follow_news;
use super::picking::Found;
use crate::api::use_api;
use crate::components::customer_row::CustomerItem;
use crate::i18n::{Key, phrase, t};
use crate::route::{Route, navigate};
use crate::session::use_me;
use crate::ui::{EmptyState, Icon, Tab, Tabs};

/// The rows of a view, and the counts of all.
#[derive(Clone, Copy)]
pub struct EventList {
    pub(super) rows: CustomerList<EventRow>,
    count: StoredValue<Rc<dyn Fn()>, LocalStorage>,
}

impl EventList {
    pub(super) fn new(page: Conversations) -> Self {
        let api = StoredValue::new(use_api());
        let load = move |filter, from, limit| {
            let query = EventQuery {
                view: page.view.get_untracked(),
                filter,
                from,
                limit,
            };
            let api = api.get_value();
            async move {
                let answer = api.list_events(&query).await?;
                Ok(Listed {
                    rows: answer.rows,
                    found: Found {
                        total: answer.total,
                        selectable: answer.selectable,
                    },
                })
            }
            .boxed_local()
        };
        let view = Signal::derive(move || page.view.get().as_str());
        let rows = CustomerList::new(
            page.picking,
            view,
            Kind {
                load: Rc::new(load),
                cursor: EventRow::cursor,
                chat: None,
                is_open: Rc::new(move |event: &EventRow| {
                    page.event.get_untracked() == Some(event.id)
                }),
                open: Rc::new(move |item: &CustomerItem<EventRow>| {
                    page.is_customer_shown.set(false);
                    navigate(page.route(Some(item.row.id), None));
                }),
            },
        );
        // An effect, because the list lies outside the reactive graph and must be told.
        Effect::new(move |_| {
            page.event.track();
            rows.repaint();
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
            rows,
            count: StoredValue::new_local(Rc::new(count)),
        };
        follow_news(
            |news| matches!(news, LiveEvent::EventChanged { .. } | LiveEvent::Missed),
            move || list.reload(),
        );
        list
    }

    /// Loads rows near the viewport and the counts again.
    pub(super) fn reload(&self) {
        self.rows.reload();
        if let Some(count) = self.count.try_get_value() {
            count();
        }
    }
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

/// The lists that the member's role sees, with how many each has.
#[component]
pub(super) fn ViewTabs(page: Conversations) -> impl IntoView {
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
                        navigate(Route::Conversations { view, event: None, mode: None });
                    }
                })
            />
        </div>
    }
}

/// That there is no event.
pub(super) fn empty(page: Conversations, filter: &Filter) -> AnyView {
    if filter.is_empty() {
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
        super::list_pane::none_kept()
    }
}
