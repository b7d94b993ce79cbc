//! The button that opens the emoji, and what it opens: groups, a search in the reader's language, and what was picked last.
//!
//! Nothing of it is drawn or fetched before it is opened.

use std::sync::Arc;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use crate::emoji::{self, Emoji, EmojiSet};
use crate::i18n::{Key, PluralKey, locale, phrase, t, t_count};
use crate::ui::{
    Button, Icon, IconView, Notice, Show, Skeleton, TextField, TextKind, Tone, Tooltip,
    is_composing, reactive, unique_id,
};

/// Emoji in a row of the grid.
const COLUMNS: usize = 8;
/// More are found by another word.
const MAX_FOUND: usize = 160;

/// The groups of Unicode that the build keeps, in its order: what stands for each, and its name.
const GROUPS: [(&str, Key); 9] = [
    ("😀", Key::EmojiFaces),
    ("👋", Key::EmojiPeople),
    ("🐻", Key::EmojiNature),
    ("🍎", Key::EmojiFood),
    ("🚗", Key::EmojiTravel),
    ("⚽", Key::EmojiActivities),
    ("💡", Key::EmojiObjects),
    ("🔣", Key::EmojiSymbols),
    ("🏁", Key::EmojiFlags),
];

/// Which emoji are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Recent,
    Group(usize),
}

/// The emoji, as far as they are there.
#[derive(Clone)]
enum Loaded {
    Loading,
    Known(Arc<EmojiSet>),
    Failed,
}

#[component]
pub fn EmojiPicker(
    /// One was picked. Its holder inserts it, and takes the focus if it wants it.
    #[prop(into)]
    on_pick: Callback<String>,
    /// Why none can be inserted now; none when one can.
    #[prop(optional, into)]
    disabled_reason: Option<Signal<Option<String>>>,
) -> impl IntoView {
    let id = unique_id();
    let reason_id = unique_id();
    let panel = NodeRef::<html::Div>::new();
    let trigger = NodeRef::<html::Button>::new();
    let is_open = RwSignal::new(false);
    let reason = disabled_reason.unwrap_or_default();
    let is_off = move || reason.with(Option::is_some);
    let toggled = move |event: ev::Event| {
        let is_shown = event
            .dyn_ref::<web_sys::ToggleEvent>()
            .is_some_and(|event| event.new_state() == "open");
        is_open.set(is_shown);
    };
    let press = move |event: ev::MouseEvent| {
        if untrack(is_off) {
            // It would open the panel.
            event.prevent_default();
        }
    };
    let close = move || {
        if let Some(Some(panel)) = panel.try_get_untracked() {
            // Fails when it is closed already.
            let _ = panel.hide_popover();
        }
    };
    let leave = move || {
        close();
        // Not every browser gave the button the focus when it was pressed.
        if let Some(Some(trigger)) = trigger.try_get_untracked() {
            // Fails on what is not shown, which needs no focus.
            let _ = trigger.focus();
        }
    };
    let choose = Callback::new(move |(picked, is_kept_open): (String, bool)| {
        emoji::remember(&picked);
        if !is_kept_open {
            // First, because closing gives the focus back to the button.
            close();
        }
        on_pick.run(picked);
    });
    let described_by = {
        let reason_id = reason_id.clone();
        move || is_off().then(|| reason_id.clone())
    };
    let button = view! {
        <button
            type="button"
            class="icon-button"
            aria-label=phrase(Key::EmojiTitle)
            title=move || (!is_off()).then(|| t(Key::EmojiTitle))
            aria-haspopup="dialog"
            aria-expanded=move || if is_open.get() { "true" } else { "false" }
            aria-disabled=move || is_off().then_some("true")
            aria-describedby=reactive(described_by)
            popovertarget=id.clone()
            node_ref=trigger
            on:click=press
        >
            <IconView icon=Icon::Smile />
        </button>
    }
    .into_any();
    view! {
        <span class="emoji-picker">
            {if disabled_reason.is_some() {
                view! { <Tooltip id=reason_id text=reason>{button}</Tooltip> }.into_any()
            } else {
                button
            }}
            <div
                class="emoji-picker__panel"
                popover="auto"
                role="dialog"
                aria-label=phrase(Key::EmojiTitle)
                id=id
                node_ref=panel
                on:toggle=toggled
            >
                <Show when=is_open>
                    <Panel choose on_close=Callback::new(move |()| leave()) />
                </Show>
            </div>
        </span>
    }
    .into_any()
}

#[component]
fn Panel(choose: Callback<(String, bool)>, on_close: Callback<()>) -> impl IntoView {
    let loaded = RwSignal::new(Loaded::Loading);
    let load = move || {
        loaded.set(Loaded::Loading);
        let locale = untrack(locale);
        spawn_local(async move {
            let answer = emoji::load(locale).await;
            loaded.try_set(answer.map_or(Loaded::Failed, Loaded::Known));
        });
    };
    load();
    let field = NodeRef::<html::Input>::new();
    let grid = NodeRef::<html::Div>::new();
    let search = RwSignal::new(String::new());
    // As they were when it was opened: what one is about to press must not move.
    let recent = StoredValue::new(emoji::recent());
    let has_recent = recent.with_value(|recent| !recent.is_empty());
    let tab = RwSignal::new(if has_recent {
        Tab::Recent
    } else {
        Tab::Group(0)
    });
    let is_searching = Memo::new(move |_| search.with(|search| !search.trim().is_empty()));
    let found = Memo::new(move |_| {
        loaded.with(|loaded| match loaded {
            Loaded::Known(set) if is_searching.get() => search.with(|search| set.search(search)),
            Loaded::Known(set) => match tab.get() {
                Tab::Recent => recent.with_value(|recent| {
                    let known = recent.iter().filter_map(|text| set.find(text));
                    known.cloned().collect()
                }),
                Tab::Group(at) => set.groups.get(at).cloned().unwrap_or_default(),
            },
            Loaded::Loading | Loaded::Failed => Vec::new(),
        })
    });
    // An effect, because the focus is a thing of the page: one opens it to search.
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // Fails on what is not shown, which needs no focus.
            let _ = field.focus();
        }
    });
    let choose_first = move || {
        let first = found.with_untracked(|found| found.first().map(|emoji| emoji.text.clone()));
        if let Some(first) = first.filter(|_| is_searching.get_untracked()) {
            choose.run((first, false));
        }
    };
    let press = move |key: ev::KeyboardEvent| {
        if is_composing(&key) {
            return;
        }
        let name = key.key();
        if name == "Escape" {
            // Here and not by the browser alone, so that a dialog around it stays.
            key.prevent_default();
            key.stop_propagation();
            on_close.run(());
            return;
        }
        let is_in_field = field
            .get_untracked()
            .is_some_and(|field| key.target() == Some(field.into()));
        let is_moved = if is_in_field {
            name == "ArrowDown" && focus_cell(grid, 0)
        } else {
            let is_far = key.ctrl_key() || key.meta_key();
            move_in_grid(grid, field, &name, is_far)
        };
        if is_moved {
            key.prevent_default();
        }
    };
    let click = move |event: ev::MouseEvent| {
        let cell = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|target| target.closest("[role=gridcell]").ok().flatten());
        if let Some(picked) = cell.and_then(|cell| cell.text_content()) {
            choose.run((picked, event.shift_key()));
        }
    };
    let content = move || match loaded.get() {
        Loaded::Loading => view! { <Skeleton rows=4 /> }.into_any(),
        Loaded::Failed => view! {
            <Notice tone=Tone::Bad is_alert=true>
                <span>{phrase(Key::EmojiFailed)}</span>
                <Button icon=Icon::Refresh on_click=load>{phrase(Key::UiRetry)}</Button>
            </Notice>
        }
        .into_any(),
        Loaded::Known(_) => found.with(|found| {
            if found.is_empty() {
                view! { <p class="emoji-picker__none">{phrase(Key::EmojiNone)}</p> }.into_any()
            } else {
                let is_cut = is_searching.get_untracked() && found.len() > MAX_FOUND;
                let most = if is_cut { MAX_FOUND } else { found.len() };
                rows_view(&found[..most])
            }
        }),
    };
    let said = move || {
        is_searching
            .get()
            .then(|| t_count(PluralKey::EmojiFound, found.with(Vec::len) as u64, &[]))
    };
    view! {
        <div class="emoji-picker__body" on:keydown=press>
            <TextField
                label=phrase(Key::EmojiSearch)
                is_label_hidden=true
                placeholder=phrase(Key::EmojiSearch)
                kind=TextKind::Search
                icon=Icon::Search
                value=search
                on_enter=choose_first
                node_ref=field
            />
            <Groups tab has_recent is_searching search />
            <div
                class="emoji-picker__grid"
                role="grid"
                aria-label=phrase(Key::EmojiTitle)
                node_ref=grid
                on:click=click
                on:focusin=move |event: ev::FocusEvent| keep_tab_stop(grid, &event)
            >
                {reactive(content)}
            </div>
            <span class="visually-hidden" role="status">{reactive(said)}</span>
        </div>
    }
    .into_any()
}

/// The groups to choose from: each shown by an emoji of it.
#[component]
fn Groups(
    tab: RwSignal<Tab>,
    has_recent: bool,
    is_searching: Memo<bool>,
    search: RwSignal<String>,
) -> impl IntoView {
    let recent = has_recent.then_some((Tab::Recent, "🕘", Key::EmojiRecent));
    let groups = GROUPS
        .into_iter()
        .enumerate()
        .map(|(at, (glyph, name))| (Tab::Group(at), glyph, name));
    let tabs: Vec<Tab> = recent
        .into_iter()
        .chain(groups.clone())
        .map(|(tab, ..)| tab)
        .collect();
    let list = NodeRef::<html::Div>::new();
    let choose = move |wanted: Tab| {
        search.set(String::new());
        tab.set(wanted);
    };
    let step = move |key: ev::KeyboardEvent| {
        let now = tabs.iter().position(|known| *known == tab.get_untracked());
        let (now, count) = (now.unwrap_or(0), tabs.len());
        let next = match key.key().as_str() {
            "ArrowRight" => (now + 1) % count,
            "ArrowLeft" => (now + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        key.prevent_default();
        key.stop_propagation();
        choose(tabs[next]);
        let button = list
            .get_untracked()
            .and_then(|list| list.children().item(next as u32));
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            // Fails on what is not shown, which needs no focus.
            let _ = button.focus();
        }
    };
    let buttons = recent
        .into_iter()
        .chain(groups)
        .map(|(this, glyph, name)| {
            let is_chosen = Memo::new(move |_| !is_searching.get() && tab.get() == this);
            view! {
                <button
                    type="button"
                    class="emoji-picker__group"
                    role="tab"
                    aria-label=phrase(name)
                    title=phrase(name)
                    aria-selected=move || if is_chosen.get() { "true" } else { "false" }
                    tabindex=move || if tab.get() == this { "0" } else { "-1" }
                    on:click=move |_| choose(this)
                >
                    <span aria-hidden="true">{glyph}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <div
            class="emoji-picker__groups"
            role="tablist"
            aria-label=phrase(Key::EmojiGroups)
            node_ref=list
            on:keydown=step
        >
            {buttons}
        </div>
    }
    .into_any()
}

/// The grid's rows. The cells have no handlers of their own: there are hundreds of them.
fn rows_view(shown: &[Emoji]) -> AnyView {
    shown
        .chunks(COLUMNS)
        .enumerate()
        .map(|(row, chunk)| {
            let cells = chunk
                .iter()
                .enumerate()
                .map(|(column, emoji)| {
                    let is_first = row == 0 && column == 0;
                    view! {
                        <button
                            type="button"
                            class="emoji-picker__cell"
                            role="gridcell"
                            tabindex=if is_first { "0" } else { "-1" }
                            aria-label=emoji.name.clone()
                            title=emoji.name.clone()
                        >
                            {emoji.text.clone()}
                        </button>
                    }
                })
                .collect_view();
            view! { <div class="emoji-picker__row" role="row">{cells}</div> }
        })
        .collect_view()
        .into_any()
}

fn cells(grid: NodeRef<html::Div>) -> Vec<HtmlElement> {
    let Some(found) = grid
        .try_get_untracked()
        .flatten()
        .and_then(|grid| grid.query_selector_all("[role=gridcell]").ok())
    else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.item(at)?.dyn_into().ok())
        .collect()
}

fn focus_cell(grid: NodeRef<html::Div>, at: usize) -> bool {
    cells(grid).get(at).is_some_and(|cell| cell.focus().is_ok())
}

/// Moves as a key asks; false when it means nothing here.
fn move_in_grid(
    grid: NodeRef<html::Div>,
    field: NodeRef<html::Input>,
    key: &str,
    is_far: bool,
) -> bool {
    let cells = cells(grid);
    let active = document().active_element();
    let Some(now) = cells
        .iter()
        .position(|cell| active.as_ref() == Some(cell.as_ref()))
    else {
        return false;
    };
    match target(key, is_far, now, cells.len()) {
        Target::Cell(at) => cells[at].focus().is_ok(),
        Target::Search => field
            .get_untracked()
            .is_some_and(|field| field.focus().is_ok()),
        Target::Nothing => false,
    }
}

/// Where a key goes from a cell.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Cell(usize),
    /// From the first row upwards.
    Search,
    Nothing,
}

fn target(key: &str, is_far: bool, now: usize, count: usize) -> Target {
    let last = count.saturating_sub(1);
    let row = now - now % COLUMNS;
    Target::Cell(match key {
        "ArrowRight" => (now + 1).min(last),
        "ArrowLeft" => now.saturating_sub(1),
        "ArrowDown" => {
            if now + COLUMNS <= last {
                now + COLUMNS
            } else if row + COLUMNS <= last {
                last
            } else {
                now
            }
        }
        "ArrowUp" if now < COLUMNS => return Target::Search,
        "ArrowUp" => now - COLUMNS,
        "Home" if is_far => 0,
        "End" if is_far => last,
        "Home" => row,
        "End" => (row + COLUMNS - 1).min(last),
        _ => return Target::Nothing,
    })
}

/// Tab comes back to the cell where it was.
fn keep_tab_stop(grid: NodeRef<html::Div>, event: &ev::FocusEvent) {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let before = grid
        .get_untracked()
        .and_then(|grid| grid.query_selector("[tabindex='0']").ok().flatten())
        .and_then(|cell| cell.dyn_into::<HtmlElement>().ok());
    if let (Some(before), Some(target)) = (before, target) {
        before.set_tab_index(-1);
        target.set_tab_index(0);
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    vec![
        Story::new("beside a text", || {
            let text = RwSignal::new("秋季新品已到店".to_owned());
            view! {
                <div class="gallery__row">
                    <output>{move || text.get()}</output>
                    <EmojiPicker on_pick=Callback::new(move |picked: String| {
                        text.update(|text| text.push_str(&picked));
                    }) />
                </div>
            }
            .into_any()
        }),
        Story::new("disabled, with the reason", || {
            view! {
                <EmojiPicker
                    on_pick=|_| ()
                    disabled_reason=Some("事件已結束".to_owned())
                />
            }
            .into_any()
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, now: usize, count: usize, expected: Target) {
        assert_eq!(target(key, false, now, count), expected, "{key} from {now}");
    }

    #[test]
    fn arrow_keys_move_by_cell_and_by_row() {
        check("ArrowRight", 7, 20, Target::Cell(8));
        check("ArrowLeft", 8, 20, Target::Cell(7));
        check("ArrowDown", 3, 20, Target::Cell(11));
        check("ArrowUp", 11, 20, Target::Cell(3));
    }

    #[test]
    fn at_the_edges_they_stay_or_go_to_the_search() {
        check("ArrowLeft", 0, 20, Target::Cell(0));
        check("ArrowRight", 19, 20, Target::Cell(19));
        check("ArrowUp", 5, 20, Target::Search);
        // The last row is short.
        check("ArrowDown", 14, 20, Target::Cell(19));
        check("ArrowDown", 17, 20, Target::Cell(17));
    }

    #[test]
    fn home_and_end_stay_in_the_row_unless_held_with_ctrl() {
        check("Home", 11, 20, Target::Cell(8));
        check("End", 17, 20, Target::Cell(19));
        assert_eq!(target("Home", true, 11, 20), Target::Cell(0));
        assert_eq!(target("End", true, 3, 20), Target::Cell(19));
        check("a", 3, 20, Target::Nothing);
    }
}
