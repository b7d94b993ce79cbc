//! A customer's phone with an app open: who writes, what they see, and as which customer one looks at it.

use leptos::ev;
use leptos::prelude::*;
use omocast_contract::Channel;
use web_sys::HtmlSelectElement;

use crate::components::channel_badge::channel_name;
use crate::i18n::{Key, phrase, t};
use crate::ui::{Avatar, Show, reactive, unique_id};

/// A customer to whom the preview speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Their name; empty for one without.
    pub name: String,
    /// The account that writes to them.
    pub account: String,
}

/// The screen.
#[component]
pub fn PhoneScreen(
    /// The app; none while nobody is chosen.
    channel: Signal<Option<Channel>>,
    /// Customers to look at it as.
    samples: Signal<Vec<Sample>>,
    /// Who writes, where no customer is known yet.
    sender: Signal<String>,
    /// What a customer of this name sees; nothing while nothing is written.
    chat: Callback<String, Vec<AnyView>>,
) -> impl IntoView {
    let chosen = RwSignal::new(0_usize);
    let sample = Memo::new(move |_| {
        samples.with(|samples| {
            samples
                .get(chosen.get())
                .or_else(|| samples.first())
                .cloned()
        })
    });
    let account = Signal::derive(move || {
        sample
            .with(|sample| sample.as_ref().map(|sample| sample.account.clone()))
            .filter(|account| !account.is_empty())
            .unwrap_or_else(|| sender.get())
    });
    let bubbles = move || {
        let name = sample
            .with(|sample| sample.as_ref().map(|sample| sample.name.clone()))
            .unwrap_or_default();
        let drawn = chat.run(name);
        if drawn.is_empty() {
            view! { <p class="preview-phone__empty">{t(Key::PreviewEmpty)}</p> }.into_any()
        } else {
            view! {
                <p class="preview-phone__day">{t(Key::PreviewToday)}</p>
                {drawn}
            }
            .into_any()
        }
    };
    view! {
        <div class="preview-phone__screen" data-channel=move || channel.get().map(Channel::as_str)>
            <header class="preview-phone__top">
                <Avatar name=account />
                <span class="preview-phone__account">{move || account.get()}</span>
                <span class="preview-phone__app">{move || channel.get().map(channel_name)}</span>
            </header>
            <div class="preview-phone__chat" tabindex="0" role="group" aria-label=phrase(Key::PreviewMessages)>
                {reactive(bubbles)}
            </div>
        </div>
        <SampleChoice samples chosen />
    }
    .into_any()
}

/// As which customer one looks at it.
#[component]
fn SampleChoice(samples: Signal<Vec<Sample>>, chosen: RwSignal<usize>) -> impl IntoView {
    let id = unique_id();
    let label_id = id.clone();
    let has_choice = Memo::new(move |_| samples.with(|samples| samples.len() > 1));
    let options = move || {
        samples
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, sample)| {
                let words = if sample.name.is_empty() {
                    t(Key::PreviewNoName)
                } else {
                    sample.name
                };
                view! {
                    <option value=at.to_string() selected=move || chosen.get() == at>{words}</option>
                }
            })
            .collect_view()
    };
    // Other customers may be fewer.
    let count = Memo::new(move |_| samples.with(Vec::len));
    Effect::new(move |_| {
        if chosen.get_untracked() >= count.get() {
            chosen.set(0);
        }
    });
    let options = StoredValue::new(options);
    let choose = move |event: ev::Targeted<ev::Event, HtmlSelectElement>| {
        chosen.set(event.target().value().parse().unwrap_or(0));
    };
    view! {
        <Show when=has_choice>
            <div class="preview-phone__customer">
                <label for=label_id.clone()>{phrase(Key::PreviewCustomer)}</label>
                <select
                    class="preview-phone__select"
                    id=id.clone()
                    on:change:target=choose
                >
                    {options.with_value(|options| reactive(*options))}
                </select>
            </div>
        </Show>
    }
    .into_any()
}
