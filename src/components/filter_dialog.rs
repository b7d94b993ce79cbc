//! The funnel (篩選): channels, name, tags; of bound customers shops and tags. What is entered counts when it is applied; how many match is told before.

use std::time::Duration;

use leptos::ev;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use omocast_contract::limit::MAX_SEARCH_CHARS;
use omocast_contract::{Channel, Filter, Shop, Source, TagMatch, Waba, WabaId};
use wasm_bindgen::JsCast;

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::i18n::{Key, PluralKey, lower_case, phrase, t_count};
use crate::ui::{
    Button, ButtonKind, Checkbox, Dialog, Icon, Mark, Notice, Row, Show, Skeleton, TextField,
    TextKind, Tone, is_composing, reactive, rows,
};

/// Matches are counted when nothing was entered for this long.
const COUNT_AFTER: Duration = Duration::from_millis(200);
/// More tags than this are found by searching.
const TAGS_SHOWN: usize = 200;

/// The tags there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChoice {
    /// On their way.
    Loading,
    /// All of them.
    Known(Vec<String>),
    /// They could not be loaded.
    Failed,
}

/// The dialog.
#[component]
pub fn FilterDialog(
    /// Whether it is shown.
    is_open: RwSignal<bool>,
    /// What the list keeps now.
    #[prop(into)]
    filter: Signal<Filter>,
    /// Which list it narrows: channel and search of bound customers have places of their own.
    #[prop(optional)]
    source: Source,
    /// The shops there are.
    #[prop(optional)]
    shops: Vec<Shop>,
    /// The tags there are.
    #[prop(into)]
    tags: Signal<TagChoice>,
    /// How many match what is entered; none while it is counted.
    #[prop(into)]
    matches: Signal<Option<u64>>,
    /// The WhatsApp Business accounts to choose one of; empty where that is no question.
    #[prop(optional, into)]
    wabas: Signal<Vec<Waba>>,
    /// It was opened: the tags are wanted.
    on_open: Callback<()>,
    /// Something was entered: how many match?
    on_draft: Callback<Filter>,
    /// The filter is to be applied.
    on_apply: Callback<Filter>,
) -> impl IntoView {
    let is_searched_here = source == Source::MyEvents;
    let draft = RwSignal::new(Filter::default());
    let name = RwSignal::new(String::new());
    let search = RwSignal::new(String::new());
    let entered = move || {
        let mut filter = draft.get();
        filter.name = name.get().trim().to_owned();
        filter
    };
    // Effects: opening takes over what the list keeps, and what is entered is counted after a while.
    Effect::new(move |_| {
        if is_open.get() {
            let filter = filter.get_untracked();
            name.set(filter.name.clone());
            search.set(String::new());
            draft.set(filter);
            on_open.run(());
        }
    });
    let waiting: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let stop_waiting = move || {
        if let Some(Some(timeout)) = waiting.try_update_value(Option::take) {
            timeout.clear();
        }
    };
    Effect::new(move |_| {
        let filter = entered();
        stop_waiting();
        if is_open.get() {
            let count = move || on_draft.run(filter.clone());
            waiting.set_value(set_timeout_with_handle(count, COUNT_AFTER).ok());
        }
    });
    on_cleanup(stop_waiting);
    let apply = move || on_apply.run(untrack(entered));
    let clear = move || {
        draft.update(|draft| *draft = draft.cleared(source));
        if is_searched_here {
            name.set(String::new());
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let is_button = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlButtonElement>().ok())
            .is_some();
        if event.key() == "Enter" && !is_button && !is_composing(&event) {
            event.prevent_default();
            apply();
        }
    };
    let footer = move || {
        view! {
            <span class="filter-dialog__matches" role="status" aria-live="polite">
                {move || matches.get().map(|count| t_count(PluralKey::FilterMatches, count, &[]))}
            </span>
            <Button kind=ButtonKind::Quiet on_click=clear>
                {phrase(Key::FilterClear)}
            </Button>
            <Button kind=ButtonKind::Primary on_click=apply>
                {phrase(Key::FilterApply)}
            </Button>
        }
    };
    view! {
        <Dialog
            open=is_open
            title=phrase(Key::FilterTitle)
            on_close=Callback::new(move |()| is_open.set(false))
            footer
        >
            <div class="filter-dialog" on:keydown=on_key>
                {is_searched_here
                    .then(|| {
                        view! {
                            <TextField
                                label=phrase(Key::FilterName)
                                value=name
                                kind=TextKind::Search
                                icon=Icon::Search
                                maxlength=MAX_SEARCH_CHARS as u32
                            />
                            <Channels draft />
                        }
                    })}
                {(shops.len() > 1).then(|| view! { <Shops draft shops=shops.clone() /> })}
                <Wabas draft wabas />
                <TagField draft search tags />
            </div>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Channels(draft: RwSignal<Filter>) -> impl IntoView {
    let boxes = Channel::ALL
        .into_iter()
        .map(|channel| {
            let mark = Memo::new(move |_| draft.with(|draft| draft.channels.contains(&channel)));
            let toggle = move |is_on: bool| {
                draft.update(|draft| {
                    draft.channels.retain(|&other| other != channel);
                    if is_on {
                        draft.channels.push(channel);
                        draft.channels.sort_unstable();
                    }
                });
            };
            view! {
                <div class="filter-dialog__choice">
                    <Checkbox
                        mark=Signal::derive(move || Mark::from(mark.get()))
                        label=Signal::derive(move || channel_name(channel))
                        on_change=toggle
                    />
                    <ChannelBadge channel is_decoration=true />
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset class="filter-dialog__group">
            <legend>{phrase(Key::FilterChannels)}</legend>
            <div class="filter-dialog__channels">{boxes}</div>
        </fieldset>
    }
}

/// Of which WhatsApp Business account: all, or one, because a template is known to one alone.
#[component]
fn Wabas(draft: RwSignal<Filter>, wabas: Signal<Vec<Waba>>) -> impl IntoView {
    let choice = move |id: Option<WabaId>, name: Signal<String>| {
        let own = id.clone();
        let is_chosen = Memo::new(move |_| draft.with(|draft| draft.waba == own));
        view! {
            <label class="filter-dialog__radio">
                <input
                    type="radio"
                    name="waba"
                    prop:checked=is_chosen
                    on:change=move |_| draft.update(|draft| draft.waba.clone_from(&id))
                />
                {move || name.get()}
            </label>
        }
    };
    let group = move || {
        let wabas = wabas.get();
        (!wabas.is_empty()).then(|| {
            let each = wabas
                .into_iter()
                .map(|waba| choice(Some(waba.id), Signal::stored(waba.name)))
                .collect_view();
            view! {
                <fieldset class="filter-dialog__group">
                    <legend>{phrase(Key::FilterWaba)}</legend>
                    <div class="filter-dialog__matching">
                        {choice(None, phrase(Key::FilterWabaAll))} {each}
                    </div>
                </fieldset>
            }
        })
    };
    reactive(group)
}

#[component]
fn Shops(draft: RwSignal<Filter>, shops: Vec<Shop>) -> impl IntoView {
    let boxes = shops
        .into_iter()
        .map(|Shop { id, name }| {
            let mark = Memo::new(move |_| draft.with(|draft| draft.shops.contains(&id)));
            let toggle = move |is_on: bool| {
                draft.update(|draft| {
                    draft.shops.retain(|&other| other != id);
                    if is_on {
                        draft.shops.push(id);
                    }
                });
            };
            view! {
                <Checkbox
                    mark=Signal::derive(move || Mark::from(mark.get()))
                    label=name
                    on_change=toggle
                />
            }
        })
        .collect_view();
    view! {
        <fieldset class="filter-dialog__group">
            <legend>{phrase(Key::FilterShops)}</legend>
            <div class="filter-dialog__channels">{boxes}</div>
        </fieldset>
    }
}

#[component]
fn TagField(
    draft: RwSignal<Filter>,
    search: RwSignal<String>,
    tags: Signal<TagChoice>,
) -> impl IntoView {
    let choice = move || match tags.get() {
        TagChoice::Loading => view! { <Skeleton rows=2 /> }.into_any(),
        TagChoice::Failed => {
            view! { <Notice tone=Tone::Bad>{phrase(Key::FilterTagsFailed)}</Notice> }.into_any()
        }
        TagChoice::Known(tags) => {
            let found = move || {
                let wanted = search.with(|search| lower_case(search.trim()));
                tags.iter()
                    .filter(|tag| lower_case(tag).contains(&wanted))
                    .take(TAGS_SHOWN)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            view! { <TagList draft found=Signal::derive(found) /> }.into_any()
        }
    };
    let matching = [
        (TagMatch::Any, Key::FilterMatchAny),
        (TagMatch::All, Key::FilterMatchAll),
        (TagMatch::None, Key::FilterMatchNone),
    ]
    .into_iter()
    .map(|(matching, words)| {
        view! {
            <label class="filter-dialog__radio">
                <input
                    type="radio"
                    name="tag-match"
                    prop:checked=move || draft.with(|draft| draft.tags.matching == matching)
                    on:change=move |_| draft.update(|draft| draft.tags.matching = matching)
                />
                {phrase(words)}
            </label>
        }
    })
    .collect_view();
    view! {
        <fieldset class="filter-dialog__group">
            <legend>{phrase(Key::FilterTags)}</legend>
            <div
                class="filter-dialog__matching"
                role="radiogroup"
                aria-label=phrase(Key::FilterMatching)
            >
                {matching}
            </div>
            <TextField
                label=phrase(Key::FilterSearchTags)
                is_label_hidden=true
                placeholder=phrase(Key::FilterSearchTags)
                value=search
                kind=TextKind::Search
                icon=Icon::Search
            />
            <div class="filter-dialog__tags">{reactive(choice)}</div>
        </fieldset>
    }
}

#[component]
fn TagList(draft: RwSignal<Filter>, found: Signal<Vec<String>>) -> impl IntoView {
    view! {
        {rows(move || {
            let draw = |tag: String| Row::new(tag.clone(), move || tag_choice(draft, tag.clone()));
            found.get().into_iter().map(draw).collect()
        })}
        <Show when=move || found.with(Vec::is_empty)>
            <p class="filter-dialog__none">{phrase(Key::FilterNoTags)}</p>
        </Show>
    }
}

fn tag_choice(draft: RwSignal<Filter>, tag: String) -> AnyView {
    let (own, label) = (tag.clone(), tag.clone());
    let mark = Memo::new(move |_| draft.with(|draft| draft.tags.tags.contains(&own)));
    let toggle = move |is_on: bool| {
        draft.update(|draft| {
            draft.tags.tags.retain(|other| *other != tag);
            if is_on {
                draft.tags.tags.push(tag.clone());
            }
        });
    };
    view! {
        <div class="filter-dialog__choice">
            <Checkbox mark=Signal::derive(move || Mark::from(mark.get())) label on_change=toggle />
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(tags: TagChoice, matches: Option<u64>) -> AnyView {
        story_of(Source::MyEvents, tags, matches, &[])
    }

    fn story_of(
        source: Source,
        tags: TagChoice,
        matches: Option<u64>,
        accounts: &[&str],
    ) -> AnyView {
        let shop = |n: u32, name: &str| Shop {
            id: format!("01900000-0000-7000-8000-{n:012x}")
                .parse()
                .expect("it is a UUID"),
            name: name.to_owned(),
        };
        let shops = match source {
            Source::MyEvents => Vec::new(),
            Source::BoundCustomers => vec![shop(1, "信義門市"), shop(2, "中山門市")],
        };
        let wabas: Vec<Waba> = accounts
            .iter()
            .map(|&name| Waba {
                id: WabaId(name.to_owned()),
                name: name.to_owned(),
            })
            .collect();
        let is_open = RwSignal::new(false);
        let filter = RwSignal::new(Filter::default());
        view! {
            <Button on_click=move || is_open.set(true)>{phrase(Key::EventsFilter)}</Button>
            <FilterDialog
                is_open
                filter
                source
                shops
                tags=Signal::stored(tags)
                matches=Signal::stored(matches)
                wabas
                on_open=Callback::new(|()| ())
                on_draft=Callback::new(|_| ())
                on_apply=Callback::new(move |entered| {
                    filter.set(entered);
                    is_open.set(false);
                })
            />
        }
        .into_any()
    }

    vec![
        Story::new("some tags", || {
            let tags = ["VIP", "新客", "生日月", "女裝", "大衣", "北區"];
            story(
                TagChoice::Known(tags.map(str::to_owned).to_vec()),
                Some(1_244),
            )
        }),
        Story::new("of bound customers, with their shops", || {
            let tags = TagChoice::Known(vec!["VIP".to_owned(), "新客".to_owned()]);
            story_of(Source::BoundCustomers, tags, Some(86), &[])
        }),
        Story::new("chosen for a template, of two accounts", || {
            let (accounts, tags) = (["ATELIER 台灣", "ATELIER Hong Kong"], Vec::new());
            story_of(
                Source::MyEvents,
                TagChoice::Known(tags),
                Some(312),
                &accounts,
            )
        }),
        Story::new("many tags", || {
            story(
                TagChoice::Known((1..300).map(|n| format!("標籤 {n}")).collect()),
                Some(1),
            )
        }),
        Story::new("loading", || story(TagChoice::Loading, None)),
        Story::new("the tags did not load", || story(TagChoice::Failed, None)),
    ]
}
