//! A checkbox with its label; it can be mixed, where it stands for many of which some are ticked.

use leptos::html;
use leptos::prelude::*;

use super::{Tooltip, reactive, unique_id};

/// What a checkbox shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    #[default]
    Off,
    Mixed,
    On,
}

impl From<bool> for Mark {
    fn from(is_on: bool) -> Self {
        if is_on { Self::On } else { Self::Off }
    }
}

#[component]
pub fn Checkbox(
    #[prop(into)] mark: Signal<Mark>,
    /// What is ticked, in words.
    #[prop(into)]
    label: Signal<String>,
    /// Whether the label is only heard: where what is ticked stands beside it.
    #[prop(optional)]
    is_label_hidden: bool,
    /// Why it can't be changed now; none when it can.
    #[prop(optional, into)]
    disabled_reason: Option<Signal<Option<String>>>,
    /// Told what it should become.
    #[prop(into)]
    on_change: Callback<bool>,
    /// The element, for whoever gives it the focus.
    #[prop(optional)]
    node_ref: NodeRef<html::Input>,
) -> impl IntoView {
    let reason_id = unique_id();
    let reason = disabled_reason.unwrap_or_default();
    let is_off = move || reason.with(Option::is_some);
    let described_by = {
        let reason_id = reason_id.clone();
        move || is_off().then(|| reason_id.clone())
    };
    // An effect, because `indeterminate` and `checked` are the element's own and change with every click on it.
    let show = move |mark: Mark| {
        if let Some(input) = node_ref.get() {
            input.set_indeterminate(mark == Mark::Mixed);
            input.set_checked(mark == Mark::On);
        }
    };
    Effect::new(move |_| show(mark.get()));
    let checkbox = view! {
        <label class="checkbox">
            <input
                node_ref=node_ref
                type="checkbox"
                class="checkbox__box"
                aria-disabled=move || is_off().then_some("true")
                aria-describedby=reactive(described_by)
                on:click=move |event| {
                    if untrack(is_off) {
                        event.prevent_default();
                    }
                }
                on:change=move |_| {
                    on_change.run(mark.get_untracked() != Mark::On);
                    // Who was told may have decided otherwise.
                    if let Some(mark) = mark.try_get_untracked() {
                        untrack(|| show(mark));
                    }
                }
            />
            <span class=if is_label_hidden {
                "visually-hidden"
            } else {
                "checkbox__label"
            }>{move || label.get()}</span>
        </label>
    }
    .into_any();
    if disabled_reason.is_some() {
        view! { <Tooltip id=reason_id text=reason>{checkbox}</Tooltip> }.into_any()
    } else {
        checkbox
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("states", || {
            let mark = RwSignal::new(Mark::Mixed);
            let on_change = Callback::new(move |is_on: bool| mark.set(is_on.into()));
            view! {
                <div class="gallery__row">
                    <Checkbox mark label="全選" on_change />
                    <Checkbox mark=Mark::On label="陳怡君" on_change />
                    <Checkbox mark=Mark::Off label="王淑芬" on_change />
                    <Checkbox mark=Mark::Off label="只聽得到" is_label_hidden=true on_change />
                </div>
            }
            .into_any()
        }),
        Story::new("disabled, with the reason", || {
            view! {
                <Checkbox
                    mark=Mark::Off
                    label="訪客 8841"
                    disabled_reason=Some("網頁渠道不支援".to_owned())
                    on_change=Callback::new(|_| ())
                />
            }
            .into_any()
        }),
    ]
}
