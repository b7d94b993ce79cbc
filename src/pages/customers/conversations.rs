//! 對話: a list of events, a thread, a customer; or the list, and a broadcast to those chosen in it.

use leptos::prelude::*;
use omocast_contract::api::EventCounts;
use omocast_contract::{EventId, EventView, Source};

use super::events::{self, EventList, ViewTabs};
use super::list_pane::{ListPane, ListWords};
use super::making::making;
use super::picking::Picking;
use super::thread_pane;
use crate::i18n::{Key, phrase, t};
use crate::part;
use crate::route::{Mode, Route, Step, replace, use_route};
use crate::session::{use_me, use_session};
use crate::ui::{EmptyState, Icon, Toasts, reactive};

/// What the panes share.
#[derive(Clone, Copy)]
pub struct Conversations {
    pub(super) view: Memo<EventView>,
    pub(super) event: Memo<Option<EventId>>,
    pub(super) picking: Picking,
    pub(super) counts: RwSignal<Option<EventCounts>>,
    /// On a phone: whether the customer is shown in place of the thread.
    pub(super) is_customer_shown: RwSignal<bool>,
    pub(super) toasts: Toasts,
}

impl Conversations {
    pub(super) fn route(&self, event: Option<EventId>, mode: Option<Mode>) -> Route {
        Route::Conversations {
            view: self.view.get_untracked(),
            event,
            mode,
        }
    }
}

#[component]
pub fn ConversationsPage() -> impl IntoView {
    let route = use_route();
    let session = use_session();
    let Some(me) = use_me() else {
        return ().into_any();
    };
    let role = me.role;
    let place = Memo::new(
        move |before: Option<&(EventView, Option<EventId>, Option<Mode>)>| match route.get() {
            Route::Conversations { view, event, mode } => (view, event, mode),
            // Another page is about to take this one's place.
            _ => before.copied().unwrap_or((EventView::Mine, None, None)),
        },
    );
    let view = Memo::new(move |_| place.get().0);
    let may_broadcast = Memo::new(move |_| session.may_broadcast().is_ok());
    let mode = Memo::new(move |_| {
        let (view, _, mode) = place.get();
        mode.filter(|_| view == EventView::Mine && may_broadcast.get())
    });
    let picking = Picking::new(me.id, Source::MyEvents, mode, move |mode| {
        Route::Conversations {
            view: view.get_untracked(),
            event: None,
            mode,
        }
    });
    let is_selecting = picking.is_selecting;
    let page = Conversations {
        view,
        event: Memo::new(move |_| place.get().1),
        picking,
        counts: RwSignal::new(None),
        is_customer_shown: RwSignal::new(false),
        toasts: picking.toasts,
    };
    // An effect, because an address may ask for what the member does not have.
    Effect::new(move |_| {
        let (view, event, mode) = place.get();
        if mode.is_some() && !is_selecting.get() {
            replace(Route::Conversations {
                view,
                event,
                mode: None,
            });
        }
        if !role.sees(view)
            && let Some(view) = EventView::ALL.into_iter().find(|&view| role.sees(view))
        {
            replace(Route::Conversations {
                view,
                event: None,
                mode: None,
            });
        }
    });
    if !EventView::ALL.into_iter().any(|view| role.sees(view)) {
        return view! { <EmptyState icon=Icon::MessageSquare title=phrase(Key::EventsNoView) /> }
            .into_any();
    }
    let list = EventList::new(page);
    let step = move || match picking.step() {
        Some(Step::Select) => "list",
        Some(Step::Compose | Step::Preview) => "compose",
        None if page.event.get().is_none() => "list",
        None if page.is_customer_shown.get() => "customer",
        None => "thread",
    };
    let work = move || {
        if is_selecting.get() {
            return making(picking);
        }
        reactive(move || match page.event.get() {
            Some(id) => part::place(
                || Box::pin(thread_pane::thread()),
                move |draw| draw(page, list, id),
            ),
            None => view! {
                <section class="customers__none">
                    <EmptyState
                        icon=Icon::MessageSquare
                        title=phrase(Key::ThreadNone)
                        hint=phrase(Key::ThreadNoneHint)
                    />
                </section>
            }
            .into_any(),
        })
        .into_any()
    };
    let words = ListWords {
        title: Key::NavConversations,
        label: Key::EventsLabel,
        partly_failed: Key::EventsAllLoadedFailed,
    };
    let rows = list.rows.view("events", phrase(words.label), picking);
    let begin_refusal = Signal::derive(move || {
        (view.get() != EventView::Mine).then(|| t(Key::EventsBroadcastOnlyMine))
    });
    view! {
        <div class="customers" data-step=reactive(step) data-selecting=move || is_selecting.get().then_some("true")>
            <ListPane
                page=picking
                list=list.rows.state()
                words
                rows
                begin_refusal
                tabs=move || view! { <ViewTabs page /> }
                empty=Callback::new(move |filter| events::empty(page, &filter))
            />
            {reactive(work)}
        </div>
    }
    .into_any()
}
