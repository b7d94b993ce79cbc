//! The messages of a conversation, newest at the bottom.
//!
//! The scroller is a column in reverse: its origin is the bottom, so that it stays there when messages arrive or images grow,
//! and what is being read stays where it is when older messages are put above. No script measures anything.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::message::{Message, MessageOrigin};
use omocast_contract::{MessageId, Reason, Timestamp};

use crate::components::message_bubble::{MediaUrls, MessageBubble};
use crate::i18n::{Key, day_heading, day_of, phrase};
use crate::ui::{Button, Icon, Row, Show, rows};

/// How far from the bottom, in pixels, still counts as being there.
const NEAR_BOTTOM: i32 = 48;

/// The messages.
#[component]
pub fn ThreadView(
    /// Oldest first.
    #[prop(into)]
    messages: Signal<Vec<Message>>,
    /// The customer's name, as it is shown.
    #[prop(into)]
    customer: Signal<String>,
    /// Whether there are older ones.
    #[prop(into)]
    has_older: Signal<bool>,
    /// Whether older ones are on their way.
    #[prop(into)]
    is_loading_older: Signal<bool>,
    /// Older ones are wanted.
    on_load_older: Callback<()>,
    urls: MediaUrls,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let is_at_bottom = RwSignal::new(true);
    let has_new = RwSignal::new(false);
    let entries = Memo::new(move |_| messages.with(|messages| entries(messages)));
    let newest =
        Memo::new(move |_| messages.with(|messages| messages.last().map(|message| message.id)));
    // An effect, because what is new depends on what was there before and on where the reader is.
    Effect::new(move |before: Option<Option<MessageId>>| {
        let now = newest.get();
        if before.is_some_and(|before| before.is_some() && before != now) {
            let is_own = messages.with_untracked(|messages| {
                messages
                    .last()
                    .is_some_and(|message| message.origin != MessageOrigin::Inbound)
            });
            if is_own {
                to_bottom(scroller);
            } else if !is_at_bottom.get_untracked() {
                has_new.set(true);
            }
        }
        now
    });
    let on_scroll = move |_| {
        let Some(scroller) = scroller.get_untracked() else {
            return;
        };
        let is_near = -scroller.scroll_top() < NEAR_BOTTOM;
        if is_at_bottom.get_untracked() != is_near {
            is_at_bottom.set(is_near);
        }
        if is_near && has_new.get_untracked() {
            has_new.set(false);
        }
    };
    view! {
        <div class="thread-view">
            <div
                class="thread-view__scroller"
                node_ref=scroller
                on:scroll=on_scroll
                tabindex="0"
                role="log"
                aria-label=phrase(Key::ThreadMessages)
            >
                <div class="thread-view__messages">
                    <Show when=has_older>
                        <div class="thread-view__older">
                            <Button
                                on_click=on_load_older
                                busy=is_loading_older
                            >
                                {phrase(Key::ThreadLoadOlder)}
                            </Button>
                        </div>
                    </Show>
                    <Show when=move || messages.with(Vec::is_empty)>
                        <p class="thread-view__empty">{phrase(Key::ThreadEmpty)}</p>
                    </Show>
                    {rows(move || {
                        let draw = |entry: Entry| {
                            Row::new(entry.key(), move || entry_view(entry.clone(), customer, urls))
                        };
                        entries.get().into_iter().map(draw).collect()
                    })}
                </div>
            </div>
            <Show when=has_new>
                <div class="thread-view__new">
                    <Button icon=Icon::ArrowDown on_click=move || to_bottom(scroller)>
                        {phrase(Key::ThreadNewMessages)}
                    </Button>
                </div>
            </Show>
        </div>
    }
}

fn entry_view(entry: Entry, customer: Signal<String>, urls: MediaUrls) -> AnyView {
    match entry {
        Entry::Day(_, at) => {
            view! { <h2 class="thread-view__day">{move || day_heading(at)}</h2> }.into_any()
        }
        Entry::Message(message) => {
            view! { <MessageBubble message customer=customer.get_untracked() urls /> }.into_any()
        }
    }
}

fn to_bottom(scroller: NodeRef<html::Div>) {
    if let Some(scroller) = scroller.get_untracked() {
        scroller.set_scroll_top(0);
    }
}

/// What stands in the column.
#[derive(Clone, PartialEq)]
enum Entry {
    Day(i64, Timestamp),
    Message(Message),
}

impl Entry {
    /// By this an entry is known again. What became of a message belongs to it, so that a new status is drawn.
    fn key(&self) -> String {
        match self {
            Self::Day(day, _) => day.to_string(),
            Self::Message(message) => {
                let id = message.id.to_string();
                match &message.origin {
                    MessageOrigin::Inbound => id,
                    MessageOrigin::Outbound { status, reason, .. } => [
                        id.as_str(),
                        status.as_str(),
                        reason.map_or("", Reason::as_str),
                    ]
                    .join(" "),
                }
            }
        }
    }
}

fn entries(messages: &[Message]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(messages.len() + 4);
    let mut last = None;
    for message in messages {
        let day = day_of(message.at);
        if last != Some(day) {
            last = Some(day);
            entries.push(Entry::Day(day, message.at));
        }
        entries.push(Entry::Message(message.clone()));
    }
    entries
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::components::message_bubble::{example_message, example_text};
    use crate::ui::Story;

    fn story(count: u64, has_older: bool) -> AnyView {
        let messages = (0..count)
            .map(|n| {
                let origin = if n % 3 == 1 {
                    MessageOrigin::Outbound {
                        sender: "林佩珊".to_owned(),
                        broadcast: None,
                        status: omocast_contract::DeliveryStatus::Read,
                        reason: None,
                    }
                } else {
                    MessageOrigin::Inbound
                };
                example_message(n, origin, example_text("請問可以刷卡分期嗎？"))
            })
            .collect::<Vec<_>>();
        view! {
            <div class="gallery__list">
                <ThreadView
                    messages=Signal::stored(messages)
                    customer="陳怡君"
                    has_older
                    is_loading_older=false
                    on_load_older=Callback::new(|()| ())
                    urls=MediaUrls::none()
                />
            </div>
        }
        .into_any()
    }

    vec![
        Story::new("several days, and older ones", || story(60, true)),
        Story::new("a few", || story(2, false)),
        Story::new("none", || story(0, false)),
    ]
}
