//! Tabs: one of a few views at a time. The arrow keys, Home and End move between them.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{Icon, IconView};
use crate::i18n::number;

/// One tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// What `selected` and `on_select` call it.
    pub id: String,
    pub label: String,
    /// How many there are behind it.
    pub count: Option<u64>,
    pub icon: Option<Icon>,
}

impl Tab {
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            count: None,
            icon: None,
        }
    }

    #[must_use]
    pub fn count(mut self, count: Option<u64>) -> Self {
        self.count = count;
        self
    }

    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }
}

#[component]
pub fn Tabs(
    /// What the tabs divide, in words.
    #[prop(into)]
    label: Signal<String>,
    #[prop(into)] tabs: Signal<Vec<Tab>>,
    #[prop(into)] selected: Signal<String>,
    #[prop(into)] on_select: Callback<String>,
    /// The id of the element (`role="tabpanel"`) that shows the chosen view.
    #[prop(optional, into)]
    panel: Option<String>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let step = move |event: ev::KeyboardEvent| {
        let ids: Vec<String> =
            tabs.with_untracked(|tabs| tabs.iter().map(|tab| tab.id.clone()).collect());
        let now = selected.with_untracked(|now| ids.iter().position(|id| id == now));
        let Some(next) = target(&event.key(), now.unwrap_or(0), ids.len()) else {
            return;
        };
        event.prevent_default();
        on_select.run(ids[next].clone());
        // The tabs may be drawn anew by what was just told, so the focus moves when that is done.
        request_animation_frame(move || focus(list, next));
    };
    view! {
        <div
            class="tabs"
            role="tablist"
            aria-label=move || label.get()
            node_ref=list
            on:keydown=step
        >
            {move || {
                tabs.get()
                    .into_iter()
                    .map(|Tab { id, label, count, icon }| {
                        let (this, chosen) = (id.clone(), id);
                        let is_selected = Memo::new(move |_| selected.with(|now| *now == this));
                        view! {
                            <button
                                type="button"
                                class="tabs__tab"
                                role="tab"
                                aria-selected=move || if is_selected.get() { "true" } else { "false" }
                                aria-controls=panel.clone()
                                tabindex=move || if is_selected.get() { "0" } else { "-1" }
                                on:click=move |_| on_select.run(chosen.clone())
                            >
                                {icon.map(|icon| view! { <IconView icon /> })}
                                <span class="tabs__label">{label}</span>
                                {count.map(|count| view! { <span class="tabs__count">{move || number(count)}</span> })}
                            </button>
                        }
                    })
                    .collect_view()
            }}
        </div>
    }
    .into_any()
}

/// Which tab a key goes to.
fn target(key: &str, now: usize, count: usize) -> Option<usize> {
    if count == 0 {
        return None;
    }
    match key {
        "ArrowRight" => Some((now + 1) % count),
        "ArrowLeft" => Some((now + count - 1) % count),
        "Home" => Some(0),
        "End" => Some(count - 1),
        _ => None,
    }
}

fn focus(list: NodeRef<html::Div>, index: usize) {
    let tab = list
        .try_get_untracked()
        .flatten()
        .and_then(|list| list.children().item(index as u32))
        .and_then(|tab| tab.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(tab) = tab {
        // Fails on what is not shown, which needs no focus.
        let _ = tab.focus();
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("views with counts", || {
            let selected = RwSignal::new("mine".to_owned());
            let tabs = vec![
                Tab::new("mine", "我的").count(Some(1_204)),
                Tab::new("team", "團隊").count(Some(86)),
                Tab::new("pending", "待處理").count(Some(12)),
                Tab::new("ended", "已結束"),
            ];
            view! {
                <Tabs
                    label="事件"
                    tabs
                    selected
                    panel="tabs-story"
                    on_select=Callback::new(move |id| selected.set(id))
                />
                <div role="tabpanel" id="tabs-story" aria-label="事件">
                    {move || selected.get()}
                </div>
            }
            .into_any()
        }),
        Story::new("with icons", || {
            let selected = RwSignal::new("b".to_owned());
            let tabs = vec![
                Tab::new("a", "訊息").icon(Icon::MessageCircle),
                Tab::new("b", "預覽").icon(Icon::Eye),
            ];
            view! {
                <Tabs
                    label="步驟"
                    tabs
                    selected
                    on_select=Callback::new(move |id| selected.set(id))
                />
            }
            .into_any()
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_go_round() {
        assert_eq!(target("ArrowRight", 2, 3), Some(0));
        assert_eq!(target("ArrowLeft", 0, 3), Some(2));
        assert_eq!(target("Home", 2, 3), Some(0));
        assert_eq!(target("End", 0, 3), Some(2));
        assert_eq!(target("a", 0, 3), None);
        assert_eq!(target("ArrowLeft", 0, 0), None);
    }
}
