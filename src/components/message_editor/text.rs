//! The body of a text message: the field, what can be put in, its links, and how much of the room is used.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::limit::text_limit;
use omocast_contract::link::count_links;
use omocast_contract::text::TextUnit;
use omocast_contract::variable::filled_length;
use omocast_contract::{Channel, ChannelSet, OutgoingMessage};

use super::{EditorEvent, Shared};
use crate::components::channel_badge::channel_name;
use crate::components::composer::draft::DraftContent;
use crate::components::insert_tools::InsertTools;
use crate::components::rich_text::RichText;
use crate::i18n::{Key, PluralKey, number, phrase, t_count, t_with};
use crate::ui::{Chip, Tone, reactive, unique_id};

/// The channel whose limit is nearest to what is written, what it counts there, its limit and what it counts.
/// None while nobody is chosen.
fn nearest(text: &str, channels: ChannelSet) -> Option<(Channel, usize, usize, TextUnit)> {
    channels
        .iter()
        .map(|channel| {
            let (limit, unit) = text_limit(channel);
            (channel, filled_length(text, unit), limit, unit)
        })
        // How full: a/b > c/d without a division. The smaller limit where both are empty.
        .max_by(|a, b| (a.1 * b.2).cmp(&(b.1 * a.2)).then(b.2.cmp(&a.2)))
}

pub(super) fn text_view(shared: Shared) -> AnyView {
    let Shared {
        message,
        ordinal,
        offer,
        official_domains,
        problem,
        problem_id,
        on_event,
        ..
    } = shared;
    let count_id = unique_id();
    let field = NodeRef::<html::Textarea>::new();
    let text = Memo::new(move |_| {
        message.with(|message| match &message.content {
            DraftContent::Text(text) => text.clone(),
            DraftContent::Media(_) => String::new(),
        })
    });
    let nearest = Memo::new(move |_| text.with(|text| nearest(text, offer.get().channels)));
    let state = move || {
        nearest
            .get()
            .and_then(|(_, length, limit, _)| match length {
                length if length > limit => Some("over"),
                length if length * 10 >= limit * 9 => Some("near"),
                _ => None,
            })
    };
    let counter = move || match nearest.get() {
        Some((_, length, limit, _)) => [number(length as u64), number(limit as u64)].join(" / "),
        None => number(text.with(|text| filled_length(text, TextUnit::Char)) as u64),
    };
    let limit_words = move || {
        nearest.get().map(|(channel, _, limit, unit)| {
            let key = match unit {
                TextUnit::Char => Key::ComposeLimitChar,
                TextUnit::Utf16 => Key::ComposeLimitUtf16,
                TextUnit::Byte => Key::ComposeLimitByte,
            };
            t_with(
                key,
                &[
                    ("channel", &channel_name(channel)),
                    ("limit", &number(limit as u64)),
                ],
            )
        })
    };
    let described_by = {
        let count_id = count_id.clone();
        Signal::derive(move || match problem.with(Option::is_some) {
            true => [problem_id.get_value().as_str(), &count_id].join(" "),
            false => count_id.clone(),
        })
    };
    let links = Memo::new(move |_| {
        let message = OutgoingMessage::Text { text: text.get() };
        official_domains.with(|official| count_links(&[message], official))
    });
    let chips = move || {
        let links = links.get();
        let chip = |key: PluralKey, count: u32, tone: Tone| {
            let words = Signal::derive(move || t_count(key, count.into(), &[]));
            (count > 0).then(|| view! { <Chip text=words tone /> }.into_any())
        };
        [
            chip(PluralKey::ComposeLinksOfficial, links.official, Tone::Good),
            chip(PluralKey::ComposeLinksOther, links.other, Tone::Neutral),
        ]
    };
    let has_emoji = Memo::new(move |_| offer.get().has_emoji);
    view! {
        <div class="message-editor__field">
            <RichText
                value=text
                label=Signal::derive(move || t_with(Key::ComposeTextOf, &[("number", &ordinal.get())]))
                placeholder=phrase(Key::ComposePlaceholder)
                described_by
                is_invalid=Signal::derive(move || problem.with(Option::is_some))
                official_domains
                field
                on_input=Callback::new(move |text| on_event.run(EditorEvent::Words(text)))
            />
        </div>
        <div class="message-editor__foot">
            <InsertTools field has_emoji />
            <span class="message-editor__links">{reactive(chips)}</span>
            <span
                class="message-editor__count"
                id=count_id
                data-state=state
                title=limit_words
            >
                {reactive(counter)}
                <span class="visually-hidden">{move || state().and_then(|_| limit_words())}</span>
            </span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use omocast_contract::variable::CUSTOMER_NAME;

    use super::*;

    #[test]
    fn the_fullest_channel_is_counted() {
        let all: ChannelSet = Channel::ALL.into_iter().take(4).collect();
        assert_eq!(
            nearest("中", all).map(|found| (found.0, found.1)),
            Some((Channel::Instagram, 3))
        );
        assert_eq!(
            nearest("", all).map(|found| found.0),
            Some(Channel::Instagram)
        );
        let two: ChannelSet = [Channel::Line, Channel::Whatsapp].into_iter().collect();
        assert_eq!(
            nearest("中", two).map(|found| found.0),
            Some(Channel::Whatsapp)
        );
        // An emoji counts two for LINE, whose limit is not twice as large.
        assert_eq!(nearest("🍂", two).map(|found| found.0), Some(Channel::Line));
        assert_eq!(nearest("中", ChannelSet::EMPTY), None);
    }

    #[test]
    fn the_customer_s_name_counts_at_its_longest() {
        let one: ChannelSet = [Channel::Whatsapp].into_iter().collect();
        assert_eq!(nearest(CUSTOMER_NAME, one).map(|found| found.1), Some(40));
    }
}
