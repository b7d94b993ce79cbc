//! The left pane: the funnel, the rows; in selection mode 全選 and how many are chosen. One for every list of customers.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::{BroadcastKind, Filter, ProblemCode};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use super::list::{ListState, Matches};
use super::picking::Picking;
use super::thread_pane::thread;
use crate::api::use_api;
use crate::components::error_text::{error_text, problem_text};
use crate::components::filter_chips::FilterChips;
use crate::components::filter_dialog::{FilterDialog, TagChoice};
use crate::components::select_bar::SelectBar;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::part::{self, part};
use crate::route::Step;
use crate::session::use_me;
use crate::ui::windowed_list::ListStatus;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorPanel, Icon, IconButton, Menu, MenuItem, Notice, Show,
    Tone, reactive,
};

/// The words of a list.
#[derive(Clone, Copy)]
pub struct ListWords {
    pub(super) title: Key,
    /// What the rows are, for those who do not see them.
    pub(super) label: Key,
    /// That some rows could not be loaded.
    pub(super) partly_failed: Key,
}

/// The pane.
#[component]
pub fn ListPane(
    page: Picking,
    list: ListState,
    words: ListWords,
    /// The rows.
    rows: AnyView,
    /// Why no broadcast can begin here; none where one can.
    #[prop(into)]
    begin_refusal: Signal<Option<String>>,
    /// What stands over the rows while nobody is being chosen.
    #[prop(into)]
    tabs: ViewFn,
    /// What always stands over the rows.
    #[prop(optional, into)]
    above: ViewFn,
    /// What stands in place of no rows.
    empty: Callback<Filter, AnyView>,
    /// What stands in place of the rows until something is chosen first.
    #[prop(optional, into)]
    first: Option<ViewFn>,
) -> impl IntoView {
    let source = page.source;
    let is_filtering = RwSignal::new(false);
    // Once it was wanted, the funnel stays.
    let was_filtering =
        Memo::new(move |was: Option<&bool>| was == Some(&true) || is_filtering.get());
    let filter = Memo::new(move |_| page.filter());
    let active = Memo::new(move |_| filter.with(|filter| filter.narrowed(source)));
    let selectable = Signal::derive(move || page.selectable());
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
                        on_click=move || page.leave()
                    />
                </header>
                {above.run()}
                <SelectBar
                    audience=page.audience
                    selectable=selectable
                    disabled_reason=Signal::derive(move || {
                        page.lacks_channel().then(|| problem_text(ProblemCode::ChannelNotChosen))
                    })
                    on_toggle_all=Callback::new(move |()| page.toggle_all())
                    all
                />
            }
            .into_any()
        } else {
            view! {
                <header class="list-pane__bar">
                    <h1 class="list-pane__title">{phrase(words.title)}</h1>
                    {funnel()}
                    <BroadcastMenu page refusal=begin_refusal button=more />
                </header>
                {tabs.run()}
                {above.run()}
            }
            .into_any()
        }
    };
    let state = move || {
        if let Some(first) = first
            .as_ref()
            .filter(|_| page.is_selecting.get() && page.lacks_channel())
        {
            return view! { <div class="list-pane__state">{first.run()}</div> }.into_any();
        }
        let has_failed = list.has_failed.get();
        match (list.status.get(), list.error.get()) {
            (ListStatus::Loading, Some(error)) if has_failed => {
                let text = Signal::derive(move || error_text(&error));
                view! {
                    <div class="list-pane__state">
                        <ErrorPanel error=text on_retry=list.on_retry />
                    </div>
                }
                .into_any()
            }
            (_, Some(error)) if has_failed => view! {
                <Notice tone=Tone::Bad>
                    {phrase(words.partly_failed)} " " {move || error_text(&error)}
                    <Button kind=ButtonKind::Quiet on_click=list.on_retry>
                        {phrase(Key::UiRetry)}
                    </Button>
                </Notice>
            }
            .into_any(),
            (ListStatus::Empty, _) => {
                let empty = reactive(move || empty.run(filter.get()));
                view! { <div class="list-pane__state">{empty}</div> }.into_any()
            }
            (ListStatus::Loading | ListStatus::Shown, _) => ().into_any(),
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let is_escape =
            event.key() == "Escape" && !event.is_composing() && !event.default_prevented();
        if is_escape && page.is_selecting.get_untracked() && !is_filtering.get_untracked() {
            event.prevent_default();
            page.leave();
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
            aria-label=phrase(words.label)
            on:keydown=on_key
            on:pointerenter=move |_| prepare_parts()
            on:focusin=move |_| {
                prepare_parts();
                // As `making` does, the other way round.
                if untrack(|| page.step()).is_some_and(|step| step != Step::Select) {
                    page.go_to(Step::Select);
                }
            }
        >
            {reactive(head)}
            <FilterChips
                filter
                source
                shops=use_me().map(|me| me.shops).unwrap_or_default()
                wabas=page.wabas
                on_change=Callback::new(move |filter| page.change_filter(filter))
            />
            <div class="list-pane__list">
                {rows}
                {reactive(state)}
            </div>
            <Show when=page.is_selecting>
                <NextBar page selectable />
            </Show>
            <Show when=was_filtering>
                <div class="list-pane__funnel">
                    {part::place(
                        || Box::pin(filtering()),
                        move |draw| draw(page, list.matches, is_filtering),
                    )}
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
fn NextBar(page: Picking, selectable: Signal<Option<u64>>) -> impl IntoView {
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
                busy=page.is_next_wanted
                on_click=move || page.go_on()
            >
                {phrase(Key::SelectNext)}
            </Button>
        </footer>
    }
}

/// That the funnel keeps nobody.
pub(super) fn none_kept() -> AnyView {
    view! {
        <EmptyState
            icon=Icon::Filter
            title=phrase(Key::EventsEmptyFiltered)
            hint=phrase(Key::EventsEmptyFilteredHint)
        />
    }
    .into_any()
}

/// ⋯: only for those who may broadcast, or could with another plan.
#[component]
fn BroadcastMenu(
    page: Picking,
    /// Why no broadcast can begin here.
    refusal: Signal<Option<String>>,
    button: NodeRef<html::Button>,
) -> impl IntoView {
    let may = use_me().map(|me| me.role.may_broadcast(me.plan))?;
    if may == Err(ProblemCode::RoleMayNotBroadcast) {
        return None;
    }
    let items = move || {
        let reason = match may {
            Err(code) => Some(problem_text(code)),
            Ok(()) => refusal.get(),
        };
        let item = |words, icon, kind| {
            MenuItem::new(t(words), move || page.begin(kind))
                .icon(icon)
                .disabled(reason.clone())
        };
        vec![
            item(Key::EventsBroadcast, Icon::Send, BroadcastKind::Messages),
            item(Key::EventsTemplate, Icon::File, BroadcastKind::Template),
        ]
    };
    Some(view! {
        <Menu label=phrase(Key::UiMore) items=Signal::derive(items) button />
    })
}

part! {
    in desk:
    /// The funnel's part of the app.
    fn filtering() -> fn(Picking, Matches, RwSignal<bool>) -> AnyView {
        |page, counting, is_open| view! { <Funnel page counting is_open /> }.into_any()
    }
}

/// The dialog of the funnel, with the tags and the number of matches it needs.
#[component]
fn Funnel(page: Picking, counting: Matches, is_open: RwSignal<bool>) -> impl IntoView {
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
        let answer = counting.with_value(|counting| counting(filter));
        matches.set(None);
        spawn_local(async move {
            let answer = answer.await;
            if asked.try_get_value() == Some(question) && answer.is_some() {
                matches.try_set(answer);
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
            filter=Signal::derive(move || page.filter())
            source=page.source
            shops=use_me().map(|me| me.shops).unwrap_or_default()
            tags
            matches
            wabas=Signal::derive(move || match page.kind() {
                BroadcastKind::Template => page.wabas.get(),
                BroadcastKind::Messages => Vec::new(),
            })
            on_open=Callback::new(move |()| load_tags())
            on_draft=Callback::new(count)
            on_apply
        />
    }
}
