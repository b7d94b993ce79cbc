//! Who will get it and who not, a line for each reason, which opens the list of them, with its way out.

use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::{AudienceCount, Channel, EventId, Reason};

use super::customers::customers;
use super::{CheckEvent, Opened};
use crate::components::channel_badge::channel_name;
use crate::components::reason_text::reason_text;
use crate::components::send_bar::skipped_words;
use crate::i18n::{Key, PluralKey, number, t, t_count, t_with};
use crate::ui::{
    Button, ButtonKind, Chip, Icon, IconView, Meter, Segment, Tone, reactive, unique_id,
};

/// What kind of news it is that customers are skipped for a reason.
fn reason_tone(reason: Reason) -> Tone {
    match reason {
        Reason::WindowClosed | Reason::NeverWrote | Reason::OptedOut => Tone::Warn,
        Reason::WebChannel
        | Reason::NotWhatsapp
        | Reason::EventEnded
        | Reason::NotOwner
        | Reason::NotBound
        | Reason::Duplicate => Tone::Neutral,
        _ => Tone::Bad,
    }
}

/// The skipped by reason, the most first.
fn by_reason(count: &AudienceCount) -> Vec<(Reason, Vec<ChannelCount>)> {
    let mut found: Vec<(Reason, Vec<ChannelCount>)> = Vec::new();
    for skipped in &count.skipped {
        let counted = ChannelCount {
            channel: skipped.channel,
            customers: skipped.customers,
        };
        match found
            .iter_mut()
            .find(|(reason, _)| *reason == skipped.reason)
        {
            Some((_, channels)) => channels.push(counted),
            None => found.push((skipped.reason, vec![counted])),
        }
    }
    found.sort_by_key(|(reason, channels)| (std::cmp::Reverse(sum(channels)), *reason));
    found
}

/// A channel with its number: 「LINE 808」.
fn channel_words(count: &ChannelCount) -> String {
    let (channel, customers) = (channel_name(count.channel), number(count.customers));
    t_with(
        Key::CheckChannel,
        &[("channel", &channel), ("count", &customers)],
    )
}

fn sum(channels: &[ChannelCount]) -> u64 {
    channels.iter().map(|count| count.customers).sum()
}

pub(super) fn groups(
    count: &AudienceCount,
    may_take_template: bool,
    may_leave_out: bool,
    opened: Signal<Vec<Opened>>,
    href_of: fn(EventId) -> String,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let skipped = by_reason(count);
    let reached = count.reached_total();
    let mut segments = vec![Segment {
        tone: Tone::Action,
        value: reached,
    }];
    segments.extend(skipped.iter().map(|(reason, channels)| Segment {
        tone: reason_tone(*reason),
        value: sum(channels),
    }));
    let label = {
        let (will_get, skipped) = (
            t_count(PluralKey::ComposeWillGet, reached, &[]),
            skipped_words(count),
        );
        [will_get, skipped].join("　")
    };
    let group = |shown| group(shown, opened, href_of, on_event);
    let will_get = group(Group {
        reason: None,
        tone: Tone::Action,
        name: t(Key::CheckWillGet),
        channels: count.reached.clone(),
        way_out: None,
        // Somebody has to be left.
        may_leave_out: may_leave_out && count.reached.len() > 1,
    });
    let others = skipped
        .into_iter()
        .map(|(reason, channels)| {
            let barred = channels
                .iter()
                .filter(|count| reason.is_no_bar_to_a_template(count.channel));
            let barred: u64 = barred.map(|count| count.customers).sum();
            let way_out = (may_take_template && barred > 0).then(|| {
                let words = move || t_with(Key::CheckTakeTemplate, &[("count", &number(barred))]);
                view! {
                    <Button
                        kind=ButtonKind::Quiet
                        on_click=move || on_event.run(CheckEvent::TakeTemplate)
                    >
                        {reactive(words)}
                    </Button>
                }
                .into_any()
            });
            group(Group {
                reason: Some(reason),
                tone: reason_tone(reason),
                name: reason_text(reason),
                channels,
                way_out,
                may_leave_out: false,
            })
        })
        .collect_view();
    view! {
        <Meter label segments />
        <ul class="broadcast-check__groups">{will_get} {others}</ul>
    }
    .into_any()
}

/// Those who will get it, or those who are skipped for one reason.
struct Group {
    reason: Option<Reason>,
    tone: Tone,
    name: String,
    channels: Vec<ChannelCount>,
    way_out: Option<AnyView>,
    /// Whether each of its channels can be left out.
    may_leave_out: bool,
}

fn group(
    group: Group,
    opened: Signal<Vec<Opened>>,
    href_of: fn(EventId) -> String,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let Group {
        reason,
        tone,
        name,
        channels,
        way_out,
        may_leave_out,
    } = group;
    let icon = match tone {
        Tone::Action | Tone::Good => Icon::CircleCheck,
        Tone::Warn => Icon::Clock,
        Tone::Bad => Icon::TriangleAlert,
        Tone::Neutral => Icon::Users,
    };
    let each: Vec<String> = channels.iter().map(channel_words).collect();
    let opened = Memo::new(move |_| {
        let found = opened.with(|all| all.iter().find(|group| group.reason == reason).cloned());
        found.unwrap_or_default()
    });
    let is_open = Memo::new(move |_| opened.with(|opened| opened.is_open));
    let id = unique_id();
    let list = {
        let (id, label) = (id.clone(), name.clone());
        let on_more = Callback::new(move |()| on_event.run(CheckEvent::LoadMore(reason)));
        let channels = match may_leave_out {
            true => channels.clone(),
            false => Vec::new(),
        };
        move || {
            let (id, label) = (id.clone(), label.clone());
            is_open.get().then(|| {
                view! {
                    {ways_to_leave_out(&channels, on_event)}
                    {customers(opened, id, label, href_of, on_more)}
                }
            })
        }
    };
    view! {
        <li class="broadcast-check__group" data-tone=tone.as_str()>
            <div class="broadcast-check__line">
                <button
                    type="button"
                    class="broadcast-check__toggle"
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    aria-controls=move || is_open.get().then(|| id.clone())
                    on:click=move |_| on_event.run(CheckEvent::Toggle(reason))
                >
                    <IconView icon />
                    <span class="broadcast-check__words">
                        <span>{name}</span>
                        <span class="broadcast-check__channels">{each.join(" · ")}</span>
                    </span>
                    <strong class="broadcast-check__number">{number(sum(&channels))}</strong>
                    <span class="broadcast-check__arrow">
                        <IconView icon=Icon::ChevronDown />
                    </span>
                </button>
                {way_out}
            </div>
            {reactive(list)}
        </li>
    }
    .into_any()
}

/// A chip for each channel whose customers can be left out.
fn ways_to_leave_out(channels: &[ChannelCount], on_event: Callback<CheckEvent>) -> Option<AnyView> {
    if channels.is_empty() {
        return None;
    }
    let chips = channels.iter().map(|count| {
        let (channel, text) = (count.channel, channel_words(count));
        let leave_out = move || on_event.run(CheckEvent::LeaveOut(channel));
        view! { <Chip text on_remove=leave_out /> }
    });
    let ways = view! { <div class="broadcast-check__ways">{chips.collect_view()}</div> };
    Some(ways.into_any())
}

/// The button that leaves the customers of a channel out.
pub(super) fn leave_out(channel: Channel, on_event: Callback<CheckEvent>) -> AnyView {
    let words = move || t_with(Key::CheckLeaveOut, &[("channel", &channel_name(channel))]);
    view! {
        <Button on_click=move || on_event.run(CheckEvent::LeaveOut(channel))>
            {reactive(words)}
        </Button>
    }
    .into_any()
}
