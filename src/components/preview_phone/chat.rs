//! The messages in a customer's app: who stands next to what, which pictures stand together, where a text is cut.

use leptos::prelude::*;
use omocast_contract::limit::text_limit;
use omocast_contract::link::find_links;
use omocast_contract::text::{TextUnit, is_blank, length};
use omocast_contract::variable::fill_name;
use omocast_contract::{Channel, ChannelSet, Medium, Surface};

use super::spoken;
use crate::components::composer::draft::{ComposeDraft, DraftContent, DraftMedia};
use crate::components::composer::hidden_words;
use crate::components::message_bubble::MediaUrls;
use crate::components::message_editor::{clock_of, file_type_name, picture_of};
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, bytes, t};
use crate::ui::{Icon, IconView};

/// How many pictures in a row the app shows as one grid; none where each stands alone.
fn grid_from(channel: Channel) -> Option<usize> {
    match channel {
        Channel::Facebook => Some(2),
        Channel::Whatsapp => Some(4),
        Channel::Line | Channel::Instagram | Channel::Web => None,
    }
}

/// What the app shows of the messages, to a customer of this name.
pub(super) fn chat_view(
    draft: &ComposeDraft,
    surface: Surface,
    channel: Channel,
    name: &str,
    urls: MediaUrls,
) -> Vec<AnyView> {
    let fill = |words: &str| fill_name(words, name, &draft.name_fallback);
    groups(draft, channel)
        .into_iter()
        .map(|group| match group.as_slice() {
            [DraftContent::Text(text)] => text_view(&fill(text), channel),
            [DraftContent::Media(media)] if !media.medium.is_supported(surface, channel) => {
                let words = hidden_words(media.medium, ChannelSet::from_iter([channel]));
                view! { <p class="preview-phone__note">{words}</p> }.into_any()
            }
            [DraftContent::Media(media)] => media_view(media, &fill(&media.caption), urls),
            pictures => {
                let pictures = pictures
                    .iter()
                    .filter_map(|content| match content {
                        DraftContent::Media(media) => Some(picture_view(media, urls)),
                        DraftContent::Text(_) => None,
                    })
                    .collect_view();
                view! { <div class="preview-phone__grid">{pictures}</div> }.into_any()
            }
        })
        .collect()
}

/// The messages, with pictures that the app shows as one standing together.
fn groups(draft: &ComposeDraft, channel: Channel) -> Vec<Vec<&DraftContent>> {
    let mut groups: Vec<Vec<&DraftContent>> = Vec::new();
    let shown = draft.messages.iter().map(|message| &message.content);
    for content in shown.filter(|content| !is_empty(content)) {
        match groups.last_mut() {
            Some(group)
                if is_plain_picture(content) && group.iter().all(|c| is_plain_picture(c)) =>
            {
                group.push(content);
            }
            _ => groups.push(vec![content]),
        }
    }
    let is_grid = |count: usize| grid_from(channel).is_some_and(|least| count >= least);
    groups
        .into_iter()
        .flat_map(|group| {
            if is_grid(group.len()) {
                vec![group]
            } else {
                group.into_iter().map(|content| vec![content]).collect()
            }
        })
        .collect()
}

fn is_empty(content: &DraftContent) -> bool {
    matches!(content, DraftContent::Text(text) if is_blank(text))
}

fn is_plain_picture(content: &DraftContent) -> bool {
    matches!(content, DraftContent::Media(media) if media.medium == Medium::Image && media.caption.is_empty())
}

fn text_view(text: &str, channel: Channel) -> AnyView {
    let (kept, cut) = cut(text, channel);
    let cut = (!cut.is_empty()).then(|| {
        let cut = cut.to_owned();
        view! {
            <span class="preview-phone__cut" title=t(Key::PreviewCut)>{cut}</span>
        }
    });
    let is_cut = cut.is_some();
    view! {
        <p class="preview-phone__bubble" data-cut=is_cut.then_some("")>
            {words_view(kept)} {cut}
        </p>
        {is_cut.then(|| view! { <p class="preview-phone__note">{t(Key::PreviewCut)}</p> })}
    }
    .into_any()
}

/// The words with their links as the app shows them.
fn words_view(words: &str) -> Vec<AnyView> {
    let mut parts = Vec::new();
    let mut at = 0;
    for link in find_links(words) {
        parts.push(words[at..link.start].to_owned().into_any());
        let url = link.url.to_owned();
        parts.push(view! { <span class="preview-phone__link">{url}</span> }.into_any());
        at = link.end;
    }
    parts.push(words[at..].to_owned().into_any());
    parts
}

/// What the channel takes of a text, and the rest.
fn cut(text: &str, channel: Channel) -> (&str, &str) {
    let (limit, unit) = text_limit(channel);
    if length(text, unit) <= limit {
        return (text, "");
    }
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, character)| {
            used += match unit {
                TextUnit::Char => 1,
                TextUnit::Utf16 => character.len_utf16(),
                TextUnit::Byte => character.len_utf8(),
            };
            used > limit
        })
        .map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

fn media_view(media: &DraftMedia, caption: &str, urls: MediaUrls) -> AnyView {
    let caption = (!is_blank(caption)).then(|| {
        view! { <p class="preview-phone__caption">{words_view(caption)}</p> }
    });
    let has_caption = caption.is_some();
    let body = match media.medium {
        Medium::Image => picture_view(media, urls),
        Medium::Video => {
            let length = (media.seconds > 0).then(|| {
                view! { <span class="preview-phone__length">{clock_of(media.seconds)}</span> }
            });
            view! {
                <span class="preview-phone__video">
                    {picture_view(media, urls)}
                    <span class="preview-phone__play" aria-hidden="true"><IconView icon=Icon::Play /></span>
                    {length}
                </span>
            }
            .into_any()
        }
        Medium::File | Medium::Text | Medium::Emoji | Medium::SavedReply => {
            let kind = media.file_type.map(file_type_name).unwrap_or_default();
            let about = [kind, &bytes(media.bytes)].join(" · ");
            let about = about.trim_start_matches(" · ").to_owned();
            view! {
                <span class="preview-phone__file">
                    <span class="preview-phone__file-icon"><IconView icon=Icon::File /></span>
                    <span class="preview-phone__file-name">{media.name.clone()}</span>
                    <span class="preview-phone__file-about">{about}</span>
                </span>
            }
            .into_any()
        }
    };
    view! {
        <div
            class="preview-phone__media"
            data-medium=media.medium.as_str()
            data-caption=has_caption.then_some("")
        >
            {body} {caption}
        </div>
    }
    .into_any()
}

fn picture_view(media: &DraftMedia, urls: MediaUrls) -> AnyView {
    let alt = spoken(&medium_text(media.medium), &media.name);
    match picture_of(media, urls) {
        Some(address) => {
            view! { <img class="preview-phone__picture" src=address alt=alt /> }.into_any()
        }
        None => view! { <span class="preview-phone__picture" role="img" aria-label=alt></span> }
            .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(caption: &str) -> DraftContent {
        DraftContent::Media(DraftMedia {
            caption: caption.to_owned(),
            ..DraftMedia::picked(Medium::Image, "coat.jpg".to_owned(), 1)
        })
    }

    fn text(words: &str) -> DraftContent {
        DraftContent::Text(words.to_owned())
    }

    #[track_caller]
    fn check(channel: Channel, contents: &[DraftContent], expected: &[usize]) {
        let mut draft = ComposeDraft::default();
        for content in contents {
            draft.add(content.clone());
        }
        let sizes: Vec<_> = groups(&draft, channel).iter().map(Vec::len).collect();
        assert_eq!(sizes, expected);
    }

    #[test]
    fn pictures_in_a_row_stand_together_where_the_app_does_so() {
        let contents = [picture(""), picture(""), text("好"), picture("")];
        check(Channel::Facebook, &contents, &[2, 1, 1]);
        check(Channel::Line, &contents, &[1, 1, 1, 1]);
        let four = [picture(""), picture(""), picture(""), picture("")];
        check(Channel::Whatsapp, &four, &[4]);
        check(Channel::Whatsapp, &four[..3], &[1, 1, 1]);
        check(
            Channel::Whatsapp,
            &[picture(""), picture("好"), picture(""), picture("")],
            &[1, 1, 1, 1],
        );
    }

    #[test]
    fn an_empty_text_is_no_bubble() {
        check(Channel::Line, &[text(" "), text("好")], &[1]);
    }

    #[test]
    fn a_text_is_cut_where_the_channel_counts_to() {
        let long = "中".repeat(334);
        let (kept, rest) = cut(&long, Channel::Instagram);
        assert_eq!((kept.chars().count(), rest), (333, "中"));
        assert_eq!(cut("好", Channel::Instagram), ("好", ""));
        let leaves = "🍂".repeat(2_501);
        assert_eq!(cut(&leaves, Channel::Line).1, "🍂");
    }
}
