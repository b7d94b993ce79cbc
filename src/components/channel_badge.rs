//! The small square that says on which channel a customer is. Only here do the channels' own colours appear.

use leptos::prelude::*;
use omocast_contract::Channel;

use crate::i18n::{Key, t};

/// A channel's name. The platforms' names are the same in every language.
pub fn channel_name(channel: Channel) -> String {
    match channel {
        Channel::Line => "LINE".to_owned(),
        Channel::Facebook => "Facebook".to_owned(),
        Channel::Instagram => "Instagram".to_owned(),
        Channel::Whatsapp => "WhatsApp".to_owned(),
        Channel::Web => t(Key::ChannelWeb),
    }
}

/// The badge of a channel.
#[component]
pub fn ChannelBadge(
    /// The channel.
    channel: Channel,
    /// Whether the name stands beside it anyway, so that the badge need not say it.
    #[prop(optional)]
    is_decoration: bool,
) -> impl IntoView {
    view! {
        <span
            class="channel-badge"
            data-channel=channel.as_str()
            role=(!is_decoration).then_some("img")
            aria-hidden=is_decoration.then_some("true")
            aria-label=move || (!is_decoration).then(|| channel_name(channel))
        ></span>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    vec![
        Story::new("every channel", || {
            let badges = Channel::ALL.map(|channel| view! { <ChannelBadge channel /> });
            view! { <div class="gallery__row">{badges}</div> }.into_any()
        }),
        Story::new("with the name beside it", || {
            let badges = Channel::ALL.map(|channel| {
                view! {
                    <span>
                        <ChannelBadge channel is_decoration=true /> " " {move || channel_name(channel)}
                    </span>
                }
            });
            view! { <div class="gallery__row">{badges}</div> }.into_any()
        }),
    ]
}
