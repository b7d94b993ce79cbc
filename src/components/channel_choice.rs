//! Which channel: one, as a row of radio buttons.

use leptos::prelude::*;
use omocast_contract::Channel;

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::i18n::{Key, phrase};
use crate::ui::{Tooltip, reactive, unique_id};

/// One of the channels, or all of them where that is a choice.
#[component]
pub fn ChannelChoice(
    /// The channels there are to choose from.
    channels: Vec<Channel>,
    /// The chosen one; none for all of them, or while none is chosen.
    #[prop(into)]
    chosen: Signal<Option<Channel>>,
    /// Whether all of them together are a choice.
    #[prop(into)]
    has_all: Signal<bool>,
    /// Why a channel can't be chosen; none where it can.
    #[prop(into)]
    disabled_reason: Callback<Channel, Option<String>>,
    /// Another one is wanted; none for all of them.
    on_change: Callback<Option<Channel>>,
) -> impl IntoView {
    let name = unique_id();
    let option = move |channel: Option<Channel>| {
        let name = name.clone();
        let reason_id = unique_id();
        let reason =
            Signal::derive(move || channel.and_then(|channel| disabled_reason.run(channel)));
        let is_off = move || reason.with(Option::is_some);
        let described_by = {
            let reason_id = reason_id.clone();
            move || is_off().then(|| reason_id.clone())
        };
        let choice = view! {
            <label class="channel-choice__option">
                <input
                    class="channel-choice__radio"
                    type="radio"
                    name=name
                    prop:checked=move || chosen.get() == channel && (channel.is_some() || has_all.get())
                    aria-disabled=move || is_off().then_some("true")
                    aria-describedby=described_by
                    // A disabled one would leave the way of the keys, and its reason unheard.
                    on:click=move |event| {
                        if untrack(is_off) {
                            event.prevent_default();
                        }
                    }
                    on:change=move |_| {
                        if !untrack(is_off) {
                            on_change.run(channel);
                        }
                    }
                />
                {channel.map(|channel| view! { <ChannelBadge channel is_decoration=true /> })}
                <span>{move || match channel {
                    Some(channel) => channel_name(channel),
                    None => phrase(Key::BoundAllChannels).get(),
                }}</span>
            </label>
        };
        view! { <Tooltip text=reason id=reason_id>{choice}</Tooltip> }.into_any()
    };
    let all = {
        let option = option.clone();
        reactive(move || has_all.get().then(|| option(None)))
    };
    let each = channels
        .into_iter()
        .map(|channel| option(Some(channel)))
        .collect_view();
    view! {
        <div class="channel-choice" role="radiogroup" aria-label=phrase(Key::BoundChannel)>
            {all}
            {each}
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::i18n::t;
    use crate::ui::Story;

    fn story(first: Option<Channel>, has_all: bool, is_template: bool) -> AnyView {
        let chosen = RwSignal::new(first);
        let reason = move |channel| {
            (is_template && channel == Channel::Line).then(|| t(Key::BoundTemplateOnly))
        };
        view! {
            <ChannelChoice
                channels=vec![Channel::Line, Channel::Whatsapp]
                chosen
                has_all=Signal::stored(has_all)
                disabled_reason=Callback::new(reason)
                on_change=Callback::new(move |channel| chosen.set(channel))
            />
        }
        .into_any()
    }

    vec![
        Story::new("all of them", || story(None, true, false)),
        Story::new("one", || story(Some(Channel::Line), true, false)),
        Story::new("none is chosen yet", || story(None, false, false)),
        Story::new("one of them can't be chosen", || {
            story(Some(Channel::Whatsapp), false, true)
        }),
    ]
}
