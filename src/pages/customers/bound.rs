//! 綁定顧客: the member's own customers to talk and to broadcast to, and those of the team to look at.
//! A broadcast goes to one channel of them, which is chosen first.

use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt as _;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use omocast_contract::api::{BoundCustomerQuery, BoundCustomerRow};
use omocast_contract::limit::MAX_SEARCH_CHARS;
use omocast_contract::live::LiveEvent;
use omocast_contract::{BoundView, Channel, EventView, Filter, MemberId, Source};

use super::list::{CustomerList, Kind, Listed};
use super::list_pane::{ListPane, ListWords, none_kept};
use super::making::making;
use super::news::follow_news;
use super::picking::{Found, Picking};
use crate::api::use_api;
use crate::components::channel_badge::channel_name;
use crate::components::channel_choice::ChannelChoice;
use crate::components::customer_row::{Chat, CustomerItem};
use crate::components::error_text::problem_text;
use crate::i18n::{Key, PluralKey, phrase, t, t_count, t_now, t_with};
use crate::part::part;
use crate::route::{Mode, Route, Step, navigate, replace, use_route};
use crate::session::{use_me, use_session};
use crate::ui::{EmptyState, Icon, Show, Tab, Tabs, TextField, TextKind, reactive};

/// A search begins when nothing was typed for this long.
const SEARCH_AFTER: Duration = Duration::from_millis(250);

part! {
    in desk:
    /// The bound customers' part of the app.
    pub fn bound() -> fn() -> AnyView {
        || view! { <BoundPage /> }.into_any()
    }
}

#[component]
fn BoundPage() -> impl IntoView {
    let route = use_route();
    let session = use_session();
    let Some(me) = use_me() else {
        return ().into_any();
    };
    let role = me.role;
    if !role.sees_bound(BoundView::Mine) {
        return view! { <EmptyState icon=Icon::Users title=phrase(Key::BoundNoView) /> }.into_any();
    }
    let place = Memo::new(move |before: Option<&(BoundView, Option<Mode>)>| {
        match route.get() {
            Route::Bound { view, mode } => (view, mode),
            // Another page is about to take this one's place.
            _ => before.copied().unwrap_or((BoundView::Mine, None)),
        }
    });
    let view = Memo::new(move |_| place.get().0);
    let may_broadcast = Memo::new(move |_| session.may_broadcast().is_ok());
    let mode = Memo::new(move |_| {
        let (view, mode) = place.get();
        mode.filter(|_| view.may_pick().is_ok() && may_broadcast.get())
    });
    let page = Picking::new(me.id, Source::BoundCustomers, mode, move |mode| {
        Route::Bound {
            view: view.get_untracked(),
            mode,
        }
    });
    if let Some(mode) = mode.get_untracked() {
        page.keep_to(mode.kind);
    }
    // An effect, because an address may ask for what the member does not have.
    Effect::new(move |_| {
        let (view, asked) = place.get();
        if !role.sees_bound(view) {
            replace(Route::BOUND);
        } else if asked.is_some() && mode.get().is_none() {
            replace(Route::Bound { view, mode: None });
        }
    });
    let list = bound_list(page, view, me.id);
    let is_selecting = page.is_selecting;
    let step = move || match page.step() {
        Some(Step::Compose | Step::Preview) => "compose",
        Some(Step::Select) | None => "list",
    };
    let work = move || {
        if is_selecting.get() {
            making(page)
        } else {
            ().into_any()
        }
    };
    let words = ListWords {
        title: Key::BoundTitle,
        label: Key::BoundLabel,
        partly_failed: Key::BoundPartlyFailed,
    };
    let begin_refusal = Signal::derive(move || view.get().may_pick().err().map(problem_text));
    let search = search_of(page);
    view! {
        <div
            class="customers"
            data-step=reactive(step)
            data-selecting=move || is_selecting.get().then_some("true")
            data-alone=move || (!is_selecting.get()).then_some("true")
        >
            <ListPane
                page
                list=list.state()
                words
                rows=list.view("bound-customers", phrase(words.label), page)
                begin_refusal
                tabs=move || role.sees_bound(BoundView::Team).then(|| view! { <BoundTabs view /> })
                above=move || view! { <Above page search /> }
                empty=Callback::new(move |filter: Filter| empty(view.get(), &filter))
                first=ViewFn::from(|| {
                    view! {
                        <EmptyState
                            icon=Icon::MessageCircle
                            title=phrase(Key::BoundChooseChannel)
                            hint=phrase(Key::BoundChooseChannelHint)
                        />
                    }
                })
            />
            {reactive(work)}
        </div>
    }
    .into_any()
}

fn bound_list(
    page: Picking,
    view: Memo<BoundView>,
    me: MemberId,
) -> CustomerList<BoundCustomerRow> {
    let api = StoredValue::new(use_api());
    let load = move |filter, from, limit| {
        let query = BoundCustomerQuery {
            view: view.get_untracked(),
            filter,
            from,
            limit,
        };
        let api = api.get_value();
        async move {
            let answer = api.list_bound_customers(&query).await?;
            Ok(Listed {
                rows: answer.rows,
                found: Found {
                    total: answer.total,
                    selectable: answer.total,
                },
            })
        }
        .boxed_local()
    };
    let conversation = move |row: &BoundCustomerRow| {
        let view = if row.binding.member == me {
            EventView::Mine
        } else {
            EventView::Team
        };
        row.event.map(|event| Route::Conversations {
            view,
            event: Some(event),
            mode: None,
        })
    };
    let list = CustomerList::new(
        page,
        Signal::derive(move || view.get().as_str()),
        Kind {
            load: Rc::new(load),
            cursor: BoundCustomerRow::cursor,
            chat: Some(Rc::new(move |row: &BoundCustomerRow| {
                conversation(row).map_or(Chat::Nowhere, |route| Chat::To(route.href()))
            })),
            is_open: Rc::new(|_| false),
            open: Rc::new(move |item: &CustomerItem<BoundCustomerRow>| {
                match conversation(&item.row) {
                    Some(route) => navigate(route),
                    None => page.toasts.show(t_now(Key::BoundNoConversationHint)),
                }
            }),
        },
    );
    follow_news(
        |news| matches!(news, LiveEvent::BoundCustomersChanged | LiveEvent::Missed),
        move || list.reload(),
    );
    list
}

/// What is searched for: as it is typed, and as the list has it.
fn search_of(page: Picking) -> RwSignal<String> {
    let name = Memo::new(move |_| page.audience.with(|audience| audience.filter.name.clone()));
    let search = RwSignal::new(name.get_untracked());
    // Effects: an undo changes what is searched for, and what is typed counts after a while.
    Effect::new(move |_| {
        let name = name.get();
        if search.with_untracked(|search| search.trim() != name) {
            search.set(name);
        }
    });
    let waiting: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let stop_waiting = move || {
        if let Some(Some(timeout)) = waiting.try_update_value(Option::take) {
            timeout.clear();
        }
    };
    Effect::new(move |_| {
        let wanted = search.with(|search| search.trim().to_owned());
        stop_waiting();
        if wanted != name.get_untracked() {
            let find = move || {
                page.change_filter(Filter {
                    name: wanted.clone(),
                    ..untrack(|| page.filter())
                });
            };
            waiting.set_value(set_timeout_with_handle(find, SEARCH_AFTER).ok());
        }
    });
    on_cleanup(stop_waiting);
    search
}

fn empty(view: BoundView, filter: &Filter) -> AnyView {
    if filter.narrowed(Source::BoundCustomers) > 0 {
        return none_kept();
    }
    let title = match (view, filter.channels.first().copied()) {
        (_, Some(channel)) => Signal::derive(move || {
            t_with(
                Key::BoundEmptyChannel,
                &[("channel", &channel_name(channel))],
            )
        }),
        (BoundView::Mine, None) => phrase(Key::BoundEmptyMine),
        (BoundView::Team, None) => phrase(Key::BoundEmptyTeam),
    };
    view! { <EmptyState icon=Icon::Users title hint=phrase(Key::BoundEmptyHint) /> }.into_any()
}

/// 我的名單 and 團隊名單.
#[component]
fn BoundTabs(view: Memo<BoundView>) -> impl IntoView {
    let tabs = move || {
        BoundView::ALL
            .into_iter()
            .map(|view| {
                let words = match view {
                    BoundView::Mine => Key::BoundViewMine,
                    BoundView::Team => Key::BoundViewTeam,
                };
                Tab::new(view.as_str(), t(words))
            })
            .collect::<Vec<_>>()
    };
    view! {
        <div class="list-pane__tabs">
            <Tabs
                label=phrase(Key::BoundViews)
                tabs=Signal::derive(tabs)
                selected=Signal::derive(move || view.get().as_str().to_owned())
                on_select=Callback::new(move |id: String| {
                    if let Some(view) = BoundView::parse(&id) {
                        navigate(Route::Bound { view, mode: None });
                    }
                })
            />
        </div>
    }
    .into_any()
}

/// The channel, the search, and how many there are.
#[component]
fn Above(page: Picking, search: RwSignal<String>) -> impl IntoView {
    let channels: Vec<_> = Channel::ALL
        .into_iter()
        .filter(|channel| channel.has_bindings())
        .collect();
    let is_looking = Memo::new(move |_| !page.is_selecting.get());
    let refusal = move |channel| {
        let is_for = page.is_selecting.get() && !page.kind().goes_to(channel);
        is_for.then(|| t(Key::BoundTemplateOnly))
    };
    let count = move || {
        let found = page.found.get();
        found.map(|found| t_count(PluralKey::BoundCount, found.total, &[]))
    };
    let count = StoredValue::new(count);
    view! {
        <div class="bound">
            <ChannelChoice
                channels
                chosen=Signal::derive(move || page.channel())
                has_all=is_looking
                disabled_reason=Callback::new(refusal)
                on_change=Callback::new(move |channel| page.change_channel(channel))
            />
            <div class="bound__search">
                <TextField
                    label=phrase(Key::BoundSearch)
                    is_label_hidden=true
                    placeholder=phrase(Key::BoundSearch)
                    value=search
                    kind=TextKind::Search
                    icon=Icon::Search
                    maxlength=MAX_SEARCH_CHARS as u32
                />
            </div>
            // While customers are chosen, the bar of 全選 tells.
            <Show when=is_looking>
                <p class="bound__count" role="status" aria-live="polite">
                    {move || count.with_value(|count| count())}
                </p>
            </Show>
        </div>
    }
    .into_any()
}
