//! The conversations: a list, a thread, a customer; or a list, and a broadcast to those chosen in it.
//!
//! Where one is stands in the address ([`Route::Conversations`]); what the funnel keeps and who is ticked is one [`Audience`],
//! which is the list's filter and the broadcast's audience alike, so that the two cannot differ.

pub mod compose_pane;
pub mod customer_pane;
pub mod drafts;
pub mod list_pane;
pub mod saved_replies;
mod selection;
mod surface;
pub mod test_send;
pub mod thread_pane;

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use omocast_contract::api::EventCounts;
use omocast_contract::{
    Audience, BroadcastId, BroadcastKind, EventId, EventView, Filter, Pick, Source,
};

use crate::i18n::{Key, phrase, t_now};
use crate::live::use_live;
use crate::part;
use crate::route::{Mode, Route, Step, navigate, replace, use_route};
use crate::session::{use_me, use_session};
use crate::ui::{EmptyState, Icon, Toasts, reactive, use_toasts};

use list_pane::{EventList, ListPane};
use selection::KeptSelection;

/// Where 群發訊息 begins.
const SELECT: Mode = Mode::begin(BroadcastKind::Messages);

/// News of the server are followed at most this often.
const PACE: Duration = Duration::from_millis(500);

/// What the panes share.
#[derive(Clone, Copy)]
pub struct Conversations {
    view: Memo<EventView>,
    event: Memo<Option<EventId>>,
    is_selecting: Memo<bool>,
    /// What the list keeps, and who is ticked.
    audience: RwSignal<Audience>,
    /// What the list has found; none until its first page is there.
    found: RwSignal<Option<Found>>,
    counts: RwSignal<Option<EventCounts>>,
    /// On a phone: whether the step after choosing is shown.
    is_composing: Memo<bool>,
    /// Where the preview is a step of its own: whether it is shown.
    is_previewing: Memo<bool>,
    /// On a phone: whether the customer is shown in place of the thread.
    is_customer_shown: RwSignal<bool>,
    toasts: Toasts,
}

/// How many events a list has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Found {
    total: u64,
    selectable: u64,
}

impl Conversations {
    fn route(&self, event: Option<EventId>, mode: Option<Mode>) -> Route {
        Route::Conversations {
            view: self.view.get_untracked(),
            event,
            mode,
        }
    }

    /// Narrows the list otherwise. The ticks were for other rows, so they go; with a way back.
    fn change_filter(&self, filter: Filter) {
        let before = self.audience.get_untracked();
        if before.filter == filter {
            return;
        }
        let has_ticks = before.pick != Pick::default();
        self.audience.set(Audience {
            source: Source::MyEvents,
            filter,
            pick: Pick::default(),
        });
        if has_ticks {
            let audience = self.audience;
            self.toasts.undo(t_now(Key::SelectFilterChanged), move || {
                audience.try_set(before.clone());
            });
        }
    }

    fn enter_selection(&self) {
        navigate(self.route(None, Some(SELECT)));
    }

    /// Leaves selection mode; if somebody is ticked, with a way back.
    fn leave_selection(&self) {
        let before = self.audience.get_untracked();
        let has_ticks = before.pick != Pick::default();
        navigate(self.route(None, None));
        if has_ticks {
            self.audience
                .update(|audience| audience.pick = Pick::default());
            let (audience, back) = (self.audience, self.route(None, Some(SELECT)));
            self.toasts.undo(t_now(Key::SelectLeft), move || {
                if audience.try_set(before.clone()).is_none() {
                    navigate(back.clone());
                }
            });
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
    let is_selecting = Memo::new(move |_| {
        let (view, _, mode) = place.get();
        mode.is_some() && view == EventView::Mine && may_broadcast.get()
    });
    let selection = KeptSelection::of(me.id);
    let audience = RwSignal::new(if is_selecting.get_untracked() {
        selection.load()
    } else {
        Audience::default()
    });
    // An effect, because the browser's storage must follow the selection.
    Effect::new(move |_| {
        if is_selecting.get() {
            audience.with(|audience| selection.keep(audience));
        } else {
            selection.forget();
        }
    });
    let page = Conversations {
        view,
        event: Memo::new(move |_| place.get().1),
        is_selecting,
        audience,
        found: RwSignal::new(None),
        counts: RwSignal::new(None),
        is_composing: Memo::new(move |_| {
            place.get().2.is_some_and(|mode| mode.step != Step::Select)
        }),
        is_previewing: Memo::new(move |_| {
            place.get().2.is_some_and(|mode| mode.step == Step::Preview)
        }),
        is_customer_shown: RwSignal::new(false),
        toasts: use_toasts(),
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
    let step = move || {
        if is_selecting.get() {
            if page.is_composing.get() {
                "compose"
            } else {
                "list"
            }
        } else if page.event.get().is_none() {
            "list"
        } else if page.is_customer_shown.get() {
            "customer"
        } else {
            "thread"
        }
    };
    let work = move || {
        if is_selecting.get() {
            let on_sent = Callback::new(move |id: BroadcastId| {
                page.audience.set(Audience::default());
                selection.forget();
                navigate(Route::Broadcast(id));
            });
            let on_step = Callback::new(move |step: Step| {
                let to = page.route(None, Some(SELECT.at(step)));
                // The way forth is one that the browser's own way back leads back.
                if step == Step::Preview {
                    navigate(to);
                } else {
                    replace(to);
                }
            });
            view! {
                <div class="conversations__work">
                    {part::place(
                        || Box::pin(compose_pane::compose()),
                        move |draw| draw(page.audience, page.is_previewing, on_sent, on_step),
                    )}
                </div>
            }
            .into_any()
        } else {
            reactive(move || match page.event.get() {
                Some(id) => part::place(
                    || Box::pin(thread_pane::thread()),
                    move |draw| draw(page, list, id),
                ),
                None => view! {
                    <section class="conversations__none">
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
        }
    };
    view! {
        <div class="conversations" data-step=reactive(step) data-selecting=move || is_selecting.get().then_some("true")>
            <ListPane page list />
            {reactive(work)}
        </div>
    }
    .into_any()
}

/// Calls `follow` when the server tells of news that `concerns` is true of, at once and then at most every [`PACE`].
fn follow_news(
    concerns: impl Fn(Option<EventId>) -> bool + 'static,
    follow: impl Fn() + Clone + 'static,
) {
    use omocast_contract::live::LiveEvent;

    let waiting: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let is_wanted = StoredValue::new(false);
    use_live().on(move |news| {
        let event = match news {
            LiveEvent::EventChanged { event } => Some(event),
            LiveEvent::Missed => None,
            LiveEvent::BroadcastProgress { .. } | LiveEvent::BoundCustomersChanged => return,
        };
        if !concerns(event) {
            return;
        }
        if waiting.with_value(Option::is_some) {
            is_wanted.set_value(true);
            return;
        }
        follow();
        pace(waiting, is_wanted, follow.clone());
    });
    on_cleanup(move || {
        if let Some(Some(timeout)) = waiting.try_update_value(Option::take) {
            timeout.clear();
        }
    });
}

fn pace(
    waiting: StoredValue<Option<TimeoutHandle>>,
    is_wanted: StoredValue<bool>,
    follow: impl Fn() + Clone + 'static,
) {
    let timeout = set_timeout_with_handle(
        move || {
            waiting.set_value(None);
            if is_wanted.try_update_value(std::mem::take) == Some(true) {
                follow();
                pace(waiting, is_wanted, follow.clone());
            }
        },
        PACE,
    );
    waiting.set_value(timeout.ok());
}
