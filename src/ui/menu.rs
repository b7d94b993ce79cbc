//! A button that opens a list of things to do. The arrow keys, Home, End and letters move in it, Esc closes it.
//!
//! The browser's `popover` lays it over everything, closes it with a click elsewhere and gives the focus back.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{Icon, IconView, Show, unique_id};
use crate::i18n::lower_case;

/// One thing to do.
#[derive(Clone)]
pub struct MenuItem {
    label: String,
    icon: Option<Icon>,
    heading: Option<String>,
    is_checked: Option<bool>,
    is_danger: bool,
    disabled_reason: Option<String>,
    on_select: Callback<()>,
}

impl MenuItem {
    pub fn new(label: impl Into<String>, on_select: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            label: label.into(),
            icon: None,
            heading: None,
            is_checked: None,
            is_danger: false,
            disabled_reason: None,
            on_select: Callback::new(move |()| on_select()),
        }
    }

    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Begins a group with these words over it.
    #[must_use]
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = Some(heading.into());
        self
    }

    /// Makes it one of a choice.
    #[must_use]
    pub fn checked(mut self, is_checked: bool) -> Self {
        self.is_checked = Some(is_checked);
        self
    }

    /// Says by its colour that it takes something away.
    #[must_use]
    pub fn danger(mut self) -> Self {
        self.is_danger = true;
        self
    }

    /// Can't be chosen now, for this reason.
    #[must_use]
    pub fn disabled(mut self, reason: Option<String>) -> Self {
        self.disabled_reason = reason;
        self
    }
}

#[component]
pub fn Menu(
    /// What the button is for, in words.
    #[prop(into)]
    label: Signal<String>,
    #[prop(default = Icon::More)] icon: Icon,
    /// Made when the menu opens, and again when what they read changes.
    #[prop(into)]
    items: Signal<Vec<MenuItem>>,
    /// What stands over the items, such as who is signed in.
    #[prop(optional)]
    header: Option<ChildrenFn>,
    /// The button, for whoever gives it the focus.
    #[prop(optional)]
    button: NodeRef<html::Button>,
    /// What the button shows, in place of the icon.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let id = unique_id();
    let list = NodeRef::<html::Div>::new();
    let is_open = RwSignal::new(false);
    let toggled = move |event: ev::Event| {
        let is_shown = event
            .dyn_ref::<web_sys::ToggleEvent>()
            .is_some_and(|event| event.new_state() == "open");
        is_open.set(is_shown);
        if is_shown {
            // The items are drawn by the signal just set.
            request_animation_frame(move || {
                move_focus(list, "Home");
            });
        }
    };
    let press = move |key: ev::KeyboardEvent| {
        let name = key.key();
        if name == "Tab" {
            close(list);
        } else if move_focus(list, &name) {
            key.prevent_default();
        }
    };
    let open_by_key = move |key: ev::KeyboardEvent| {
        if key.key() == "ArrowDown"
            && let Some(list) = list.get_untracked()
        {
            key.prevent_default();
            // Fails when it is open already.
            let _ = list.show_popover();
        }
    };
    let content = match children {
        Some(children) => children().into_any(),
        None => view! { <IconView icon /> }.into_any(),
    };
    view! {
        <span class="menu">
            <button
                type="button"
                class="icon-button"
                aria-label=move || label.get()
                title=move || label.get()
                aria-haspopup="menu"
                aria-expanded=move || if is_open.get() { "true" } else { "false" }
                popovertarget=id.clone()
                node_ref=button
                on:keydown=open_by_key
            >
                {content}
            </button>
            <div class="menu__panel" popover="auto" id=id node_ref=list on:toggle=toggled on:keydown=press>
                <Show when=is_open>
                    {header.clone().map(|header| view! { <div class="menu__header">{header()}</div> })}
                    <div class="menu__items" role="menu" aria-label=move || label.get()>
                        {move || groups(items.get()).into_iter().map(|group| group_view(group, list)).collect_view()}
                    </div>
                </Show>
            </div>
        </span>
    }
    .into_any()
}

/// A group begins at each item that has a heading.
fn groups(items: Vec<MenuItem>) -> Vec<Vec<MenuItem>> {
    let mut groups: Vec<Vec<MenuItem>> = Vec::new();
    for item in items {
        match groups.last_mut() {
            Some(group) if item.heading.is_none() => group.push(item),
            Some(_) | None => groups.push(vec![item]),
        }
    }
    groups
}

fn group_view(mut group: Vec<MenuItem>, list: NodeRef<html::Div>) -> AnyView {
    let heading = group.first_mut().and_then(|item| item.heading.take());
    let items = group
        .into_iter()
        .map(|item| item_view(item, list))
        .collect_view();
    let Some(heading) = heading else {
        return items.into_any();
    };
    let heading_id = unique_id();
    view! {
        <div class="menu__group" role="group" aria-labelledby=heading_id.clone()>
            <p class="menu__heading" role="presentation" id=heading_id.clone()>
                {heading}
            </p>
            {items}
        </div>
    }
    .into_any()
}

fn item_view(item: MenuItem, list: NodeRef<html::Div>) -> AnyView {
    let reason_id = unique_id();
    let is_off = item.disabled_reason.is_some();
    let on_select = item.on_select;
    let choose = move |_| {
        if !is_off {
            close(list);
            on_select.run(());
        }
    };
    view! {
        <button
            type="button"
            class="menu__item"
            role=if item.is_checked.is_some() { "menuitemradio" } else { "menuitem" }
            tabindex="-1"
            aria-checked=item.is_checked.map(|is_checked| if is_checked { "true" } else { "false" })
            aria-disabled=is_off.then_some("true")
            aria-describedby=is_off.then(|| reason_id.clone())
            data-danger=item.is_danger.then_some("")
            on:click=choose
        >
            {item.icon.map(|icon| view! { <IconView icon /> })}
            <span class="menu__label">{item.label}</span>
            {(item.is_checked == Some(true)).then(|| view! { <IconView icon=Icon::Check /> })}
        </button>
        {item
            .disabled_reason
            .map(|reason| {
                view! {
                    <p class="menu__reason" role="presentation" id=reason_id>
                        {reason}
                    </p>
                }
            })}
    }
    .into_any()
}

fn close(list: NodeRef<html::Div>) {
    if let Some(Some(list)) = list.try_get_untracked() {
        // Fails when it is closed already.
        let _ = list.hide_popover();
    }
}

/// Moves the focus as a key asks; false when the key means nothing here.
fn move_focus(list: NodeRef<html::Div>, key: &str) -> bool {
    let Some(Some(list)) = list.try_get_untracked() else {
        return false;
    };
    let Ok(found) = list.query_selector_all("[role^=menuitem]") else {
        return false;
    };
    let items: Vec<web_sys::HtmlElement> = (0..found.length())
        .filter_map(|index| found.item(index)?.dyn_into().ok())
        .collect();
    let active = document().active_element();
    let now = items
        .iter()
        .position(|item| active.as_ref() == Some(item.as_ref()));
    let count = items.len();
    let mut letters = key.chars();
    let next = match key {
        "ArrowDown" => Some(now.map_or(0, |now| (now + 1) % count.max(1))),
        "ArrowUp" => Some(now.map_or(count, |now| now + count).saturating_sub(1) % count.max(1)),
        "Home" => Some(0),
        "End" => count.checked_sub(1),
        _ => match (letters.next(), letters.next()) {
            // A letter goes to the next item that begins with it.
            (Some(letter), None) if letter != ' ' => {
                let start = now.map_or(0, |now| now + 1);
                let wanted = lower_case(&letter.to_string());
                (0..count).map(|step| (start + step) % count).find(|index| {
                    let text = items[*index].text_content().unwrap_or_default();
                    lower_case(text.trim()).starts_with(&wanted)
                })
            }
            _ => None,
        },
    };
    let Some(item) = next.and_then(|next| items.get(next)) else {
        return false;
    };
    // Fails on what is not shown, which needs no focus.
    let _ = item.focus();
    true
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("of a list", || {
            let chosen = RwSignal::new(String::new());
            let items = Signal::derive(move || {
                vec![
                    MenuItem::new("群發訊息", move || chosen.set("群發訊息".into()))
                        .icon(Icon::Send),
                    MenuItem::new("全部結束", move || chosen.set("全部結束".into()))
                        .icon(Icon::Check)
                        .danger(),
                    MenuItem::new("群發訊息範本", || ())
                        .icon(Icon::File)
                        .disabled(Some("僅限 OMO 方案".into())),
                ]
            });
            view! {
                <div class="gallery__row">
                    <Menu label="更多" items />
                    <output>{move || chosen.get()}</output>
                </div>
            }
            .into_any()
        }),
        Story::new("choices", || {
            let theme = RwSignal::new(0);
            let items = Signal::derive(move || {
                ["跟隨系統", "淺色", "深色"]
                    .into_iter()
                    .enumerate()
                    .map(|(index, name)| {
                        let item = MenuItem::new(name, move || theme.set(index))
                            .checked(theme.get() == index);
                        if index == 0 {
                            item.heading("外觀")
                        } else {
                            item
                        }
                    })
                    .collect()
            });
            view! { <Menu label="外觀" icon=Icon::Palette items /> }.into_any()
        }),
    ]
}
