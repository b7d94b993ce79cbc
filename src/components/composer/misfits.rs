//! Messages that some of the chosen channels do not take, and the two ways out.

use leptos::prelude::*;
use omocast_contract::ChannelSet;

use super::{Place, PlacedProblem};
use crate::components::error_text::channel_names;
use crate::i18n::{Key, list, t_with};
use crate::ui::{Button, Notice, Show, Tone};

/// Messages that the same channels do not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfits {
    pub(super) channels: ChannelSet,
    /// Their places, in their order; and whether only the words under the file are meant.
    pub(super) messages: Vec<(usize, bool)>,
}

pub(super) fn misfits(problems: &[PlacedProblem]) -> Vec<Misfits> {
    let mut found: Vec<Misfits> = Vec::new();
    for problem in problems {
        let Place::Message(at) = problem.place else {
            continue;
        };
        if problem.misfit.is_empty() {
            continue;
        }
        let message = (at, problem.is_caption);
        match found
            .iter_mut()
            .find(|known| known.channels == problem.misfit)
        {
            Some(known) => known.messages.push(message),
            None => found.push(Misfits {
                channels: problem.misfit,
                messages: vec![message],
            }),
        }
    }
    found
}

/// Which messages some of the channels do not take, and the two ways out: without the messages, or without the channels.
pub(super) fn misfits_view(
    misfits: Misfits,
    channels: Signal<ChannelSet>,
    on_drop_messages: impl Fn(&Misfits) + Send + Sync + 'static,
    on_drop_channels: Callback<ChannelSet>,
) -> AnyView {
    let refusing = misfits.channels;
    let places: Vec<String> = misfits
        .messages
        .iter()
        .map(|(at, _)| (at + 1).to_string())
        .collect();
    let is_caption = misfits.messages.iter().all(|(_, is_caption)| *is_caption);
    let with = {
        let places = places.clone();
        move |key: Key| {
            let (places, names) = (list(&places), channel_names(refusing.iter()));
            t_with(key, &[("numbers", &places), ("channels", &names)])
        }
    };
    let (words, drop_words, leave_out_words) = (with.clone(), with.clone(), with);
    let drop_key = if is_caption {
        Key::ComposeDropCaptions
    } else {
        Key::ComposeDropMisfits
    };
    // Without them nobody would be left.
    let has_others = move || {
        channels
            .get()
            .iter()
            .any(|channel| !refusing.contains(channel))
    };
    let has_others = Memo::new(move |_| has_others());
    let leave_out_words = Signal::derive(move || leave_out_words(Key::ComposeDropChannels));
    view! {
        <Notice tone=Tone::Warn is_alert=true>
            <span>{move || words(Key::ComposeMisfits)}</span>
            <span class="composer__ways">
                <Button on_click=move || on_drop_messages(&misfits)>
                    {move || drop_words(drop_key)}
                </Button>
                <Show when=has_others>
                    <Button on_click=move || on_drop_channels.run(refusing)>
                        {move || leave_out_words.get()}
                    </Button>
                </Show>
            </span>
        </Notice>
    }
    .into_any()
}
