//! A list in which one is found by its name and its category: of saved replies, and of templates.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::MAX_SEARCH_CHARS;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::i18n::{Key, phrase};
use crate::ui::{
    Button, ButtonKind, ErrorPanel, Icon, Row, Show, Skeleton, TextField, TextKind, is_composing,
    reactive, rows as keyed_rows,
};

/// How the list stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundList {
    pub is_empty: bool,
    /// Whether it is on its way.
    pub is_loading: bool,
    pub has_more: bool,
    /// Why it could not be loaded, in words.
    pub error: Option<String>,
}

/// The search, the categories and the rows, each of which is a button of the class `finder__row`.
#[component]
pub fn Finder(
    #[prop(into)] list: Signal<FoundList>,
    search: RwSignal<String>,
    #[prop(into)] search_label: Signal<String>,
    /// Only this category; none for all.
    category: RwSignal<Option<String>>,
    #[prop(into)] categories: Signal<Vec<String>>,
    /// Whether one begins in the search.
    #[prop(optional)]
    takes_focus: bool,
    /// What the rows are.
    #[prop(into)]
    label: Signal<String>,
    /// That the search and the category leave nothing.
    #[prop(into)]
    none: Signal<String>,
    rows: Callback<(), Vec<Row>>,
    /// What is shown where there is nothing at all.
    empty: Callback<(), AnyView>,
    on_retry: Callback<()>,
    on_more: Callback<()>,
) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let field = NodeRef::<html::Input>::new();
    // An effect, because the focus is a thing of the page: one opens it to search.
    Effect::new(move |_| {
        if takes_focus && let Some(field) = field.get() {
            // Fails on what is not shown, which needs no focus.
            let _ = field.focus();
        }
    });
    let press = move |key: ev::KeyboardEvent| {
        if !is_composing(&key) && move_focus(root, &key.key()) {
            key.prevent_default();
        }
    };
    let state = Memo::new(move |_| {
        list.with(|list| match &list.error {
            Some(why) => Shown::Failed(why.clone()),
            None if !list.is_empty => Shown::Rows,
            None if list.is_loading => Shown::Loading,
            None => Shown::Nothing,
        })
    });
    let is_filtered =
        move || search.with(|search| !search.trim().is_empty()) || category.with(Option::is_some);
    let body = move || match state.get() {
        Shown::Loading => view! { <Skeleton rows=5 /> }.into_any(),
        Shown::Failed(why) => view! { <ErrorPanel error=why on_retry /> }.into_any(),
        Shown::Nothing if untrack(is_filtered) => {
            view! { <p class="finder__none">{move || none.get()}</p> }.into_any()
        }
        Shown::Nothing => untrack(|| empty.run(())),
        Shown::Rows => view! {
            <ul class="finder__rows" aria-label=move || label.get()>
                {keyed_rows(move || rows.run(()))}
            </ul>
            <Show when=Signal::derive(move || list.with(|list| list.has_more))>
                <Button
                    kind=ButtonKind::Quiet
                    busy=Signal::derive(move || list.with(|list| list.is_loading))
                    on_click=on_more
                >
                    {phrase(Key::SavedMore)}
                </Button>
            </Show>
        }
        .into_any(),
    };
    view! {
        <div class="finder" node_ref=root on:keydown=press>
            <TextField
                label=search_label
                is_label_hidden=true
                placeholder=search_label
                kind=TextKind::Search
                icon=Icon::Search
                value=search
                maxlength=MAX_SEARCH_CHARS as u32
                node_ref=field
            />
            <Categories categories category />
            <div class="finder__list">{reactive(body)}</div>
        </div>
    }
    .into_any()
}

/// What stands in the place of the list.
#[derive(Clone, PartialEq)]
enum Shown {
    Loading,
    Failed(String),
    Nothing,
    Rows,
}

/// The categories there are, as a choice; nothing while there is none.
#[component]
fn Categories(
    categories: Signal<Vec<String>>,
    category: RwSignal<Option<String>>,
) -> impl IntoView {
    let all = Memo::new(move |_| categories.get());
    let choice = move |value: Option<String>, label: Signal<String>| {
        let own = value.clone();
        let is_chosen = Memo::new(move |_| category.with(|category| *category == own));
        view! {
            <button
                type="button"
                class="finder__category"
                aria-pressed=move || if is_chosen.get() { "true" } else { "false" }
                on:click=move |_| category.set(value.clone())
            >
                {move || label.get()}
            </button>
        }
    };
    let choices = move || {
        let all = all.get();
        (!all.is_empty()).then(|| {
            let each = all
                .into_iter()
                .map(|name| choice(Some(name.clone()), Signal::stored(name)))
                .collect_view();
            view! {
                <div class="finder__categories" role="group" aria-label=phrase(Key::SavedCategory)>
                    {choice(None, phrase(Key::SavedAll))} {each}
                </div>
            }
        })
    };
    reactive(choices)
}

/// The arrow keys go through the rows, and from the search into them.
fn move_focus(root: NodeRef<html::Div>, key: &str) -> bool {
    let step = match key {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        _ => return false,
    };
    let Some(found) = root
        .get_untracked()
        .and_then(|root| root.query_selector_all(".finder__row").ok())
    else {
        return false;
    };
    let rows: Vec<HtmlElement> = (0..found.length())
        .filter_map(|at| found.item(at)?.dyn_into().ok())
        .collect();
    let active = document().active_element();
    let now = rows
        .iter()
        .position(|row| active.as_ref() == Some(row.as_ref()));
    let next = match now {
        None if step > 0 => 0,
        None => return false,
        Some(now) => now as i32 + step,
    };
    usize::try_from(next)
        .ok()
        .and_then(|next| rows.get(next))
        .is_some_and(|row| row.focus().is_ok())
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::{EmptyState, Story};

    fn story(list: FoundList, searched: &str) -> AnyView {
        let draw = |number: u32| {
            Row::new(number, move || {
                view! {
                    <li>
                        <button type="button" class="finder__row" aria-pressed="false">
                            <span class="finder__title">{format!("範本 {number}")}</span>
                            <span class="finder__time">"昨天"</span>
                            <span class="finder__about">"秋季新品已到店，歡迎試穿"</span>
                        </button>
                    </li>
                }
                .into_any()
            })
        };
        view! {
            <Finder
                list=Signal::stored(list)
                search=RwSignal::new(searched.to_owned())
                search_label=phrase(Key::SavedSearch)
                category=RwSignal::new(None)
                categories=vec!["行銷".to_owned(), "門市資訊".to_owned()]
                label=phrase(Key::SavedTitle)
                none=phrase(Key::SavedNone)
                rows=Callback::new(move |()| (1..5).map(draw).collect())
                empty=Callback::new(|()| view! { <EmptyState title="還沒有範本" /> }.into_any())
                on_retry=Callback::new(|()| ())
                on_more=Callback::new(|()| ())
            />
        }
        .into_any()
    }
    vec![
        Story::new("some rows, and more", || {
            let has_more = true;
            story(
                FoundList {
                    has_more,
                    ..FoundList::default()
                },
                "",
            )
        }),
        Story::new("loading", || {
            story(
                FoundList {
                    is_empty: true,
                    is_loading: true,
                    ..FoundList::default()
                },
                "",
            )
        }),
        Story::new("nothing at all", || {
            story(
                FoundList {
                    is_empty: true,
                    ..FoundList::default()
                },
                "",
            )
        }),
        Story::new("nothing of that name", || {
            story(
                FoundList {
                    is_empty: true,
                    ..FoundList::default()
                },
                "大衣",
            )
        }),
        Story::new("could not be loaded", || {
            story(
                FoundList {
                    is_empty: true,
                    error: Some("無法連線，請檢查網路後重試。".to_owned()),
                    ..FoundList::default()
                },
                "",
            )
        }),
    ]
}
