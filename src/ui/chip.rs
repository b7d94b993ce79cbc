//! A short word about a thing: a tag, a status, a condition that can be taken off.

use leptos::prelude::*;

use super::{Icon, IconView, Tone};
use crate::i18n::{Key, t_with};

#[component]
pub fn Chip(
    #[prop(optional, into)] tone: Signal<Tone>,
    #[prop(optional, into)] icon: Option<Icon>,
    /// The words.
    #[prop(into)]
    text: Signal<String>,
    /// Makes it removable.
    #[prop(optional, into)]
    on_remove: Option<Callback<()>>,
) -> impl IntoView {
    let remove = on_remove.map(|on_remove| {
        view! {
            <button
                type="button"
                class="chip__remove"
                aria-label=move || text.with(|text| t_with(Key::UiRemoveNamed, &[("name", text)]))
                on:click=move |_| on_remove.run(())
            >
                <IconView icon=Icon::X />
            </button>
        }
    });
    view! {
        <span class="chip" data-tone=move || tone.get().as_str()>
            {icon.map(|icon| view! { <IconView icon /> })}
            <span class="chip__text">{move || text.get()}</span>
            {remove}
        </span>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::{Show, Story};
    vec![
        Story::new("tones", || {
            view! {
                <div class="gallery__row">
                    <Chip text="網頁渠道不支援" />
                    <Chip tone=Tone::Action text="標籤：VIP" />
                    <Chip tone=Tone::Good icon=Icon::Check text="已送達" />
                    <Chip tone=Tone::Warn icon=Icon::Clock text="已逾 24 小時" />
                    <Chip tone=Tone::Bad icon=Icon::CircleX text="發送失敗" />
                </div>
            }
            .into_any()
        }),
        Story::new("removable", || {
            let is_there = RwSignal::new(true);
            view! {
                <Show when=is_there fallback=|| "已移除">
                    <Chip tone=Tone::Action text="7 天內互動" on_remove=move || is_there.set(false) />
                </Show>
            }
            .into_any()
        }),
        Story::new("long words", || {
            view! {
                <div class="gallery__narrow">
                    <Chip text="一個很長很長很長很長很長很長很長很長很長很長的標籤名稱" />
                </div>
            }
            .into_any()
        }),
    ]
}
