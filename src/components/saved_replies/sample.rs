//! One message of a saved reply as it is kept: the name of a customer is still a place to be filled in.

use leptos::prelude::*;
use omocast_contract::api::Media;
use omocast_contract::variable::{Segment, segments};
use omocast_contract::{MediaId, Medium, OutgoingMessage};

use crate::components::reason_text::medium_text;
use crate::i18n::{Key, bytes, phrase};
use crate::ui::{Icon, IconView};

#[component]
pub fn Sample(
    message: OutgoingMessage,
    /// What is known of its upload.
    media: Option<Media>,
    preview_url: Callback<MediaId, String>,
) -> impl IntoView {
    let words = message.words().map(|text| {
        segments(text)
            .into_iter()
            .map(|segment| match segment {
                Segment::Text(text) => text.to_owned().into_any(),
                Segment::CustomerName => view! {
                    <span class="saved-replies__variable">{phrase(Key::ComposeCustomerName)}</span>
                }
                .into_any(),
            })
            .collect_view()
    });
    let upload = media.map(|media| match media.medium {
        Medium::Image => view! {
            <img
                class="saved-replies__picture"
                src=preview_url.run(media.id)
                alt=media.name
                loading="lazy"
            />
        }
        .into_any(),
        Medium::Video => view! {
            <span class="saved-replies__film">
                <img
                    class="saved-replies__picture"
                    src=preview_url.run(media.id)
                    alt=""
                    loading="lazy"
                />
                <span class="saved-replies__file">
                    <IconView icon=Icon::Video />
                    <span class="saved-replies__file-name">{media.name}</span>
                    <span class="saved-replies__size">{move || bytes(media.bytes)}</span>
                </span>
            </span>
        }
        .into_any(),
        Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => view! {
            <span class="saved-replies__file">
                <IconView icon=Icon::File />
                <span class="saved-replies__file-name">{media.name}</span>
                <span class="saved-replies__size">{move || bytes(media.bytes)}</span>
            </span>
        }
        .into_any(),
    });
    let medium = message.medium();
    view! {
        <li class="saved-replies__sample" data-medium=medium.as_str()>
            <span class="visually-hidden">{move || medium_text(medium)}</span>
            {upload}
            {words.map(|words| view! { <p class="saved-replies__words">{words}</p> })}
        </li>
    }
    .into_any()
}
