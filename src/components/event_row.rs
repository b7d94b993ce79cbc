//! A row of the list of events: who, where, what was said last, and why they may not be reached.
//!
//! Its DOM is made once for each slot of the windowed list and written to directly; `ui/windowed_list.rs` says why.

use std::rc::Rc;

use leptos::prelude::*;
use omocast_contract::api::EventRow;
use omocast_contract::reach::{Reach, window};
use omocast_contract::{Channel, Medium, Reason, Timestamp};
use web_sys::{Document, Element, HtmlElement, Text};

use crate::components::channel_badge::channel_name;
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, Locale, PluralKey, locale, moment, t, t_count, t_with};
use crate::ui::avatar::initial;
use crate::ui::windowed_list::{RowSlot, RowTemplate, create, set_attribute};

/// An event, and what its row shows that costs something to make.
#[derive(Clone, Debug, PartialEq)]
pub struct EventItem {
    /// The event.
    pub event: EventRow,
    /// When its last message was written, in words.
    pub time: String,
}

impl EventItem {
    /// Prepares a row.
    pub fn new(event: EventRow) -> Self {
        Self {
            time: untrack(|| moment(event.last_message_at)),
            event,
        }
    }
}

/// How a row stands to what the page is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowLook {
    /// Whether customers are being chosen, and whether this one is.
    pub tick: Option<bool>,
    /// Whether its thread is shown.
    pub is_open: bool,
}

/// Draws events.
pub struct EventRowTemplate {
    /// How an event's row stands; asked when it is drawn.
    pub look: Rc<dyn Fn(&EventRow) -> RowLook>,
    /// What time it is.
    pub now: fn() -> Timestamp,
}

/// What stands at the end of the second line, at most one thing: what counts most.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowChip {
    WebUnsupported,
    Blocked,
    NeverWrote,
    WindowClosed,
}

impl RowChip {
    fn of(event: &EventRow, is_selecting: bool, now: Timestamp) -> Option<Self> {
        if is_selecting && !event.channel.takes_broadcasts() {
            return Some(Self::WebUnsupported);
        }
        if event.is_blocked {
            return Some(Self::Blocked);
        }
        match window(event.channel, event.last_inbound_at, now) {
            Reach::Open => None,
            Reach::Skipped(Reason::NeverWrote) => Some(Self::NeverWrote),
            Reach::Skipped(_) => Some(Self::WindowClosed),
        }
    }

    fn text(self) -> String {
        untrack(|| {
            t(match self {
                Self::WebUnsupported => Key::EventsWebUnsupported,
                Self::Blocked => Key::EventsBlocked,
                Self::NeverWrote => Key::EventsNeverWrote,
                Self::WindowClosed => Key::EventsWindowClosed,
            })
        })
    }

    fn tone(self) -> &'static str {
        match self {
            Self::WebUnsupported => "quiet",
            Self::Blocked => "bad",
            Self::NeverWrote | Self::WindowClosed => "warn",
        }
    }
}

struct EventSlot {
    look: Rc<dyn Fn(&EventRow) -> RowLook>,
    now: fn() -> Timestamp,
    row: HtmlElement,
    cell: HtmlElement,
    badge: HtmlElement,
    initial: Text,
    name: Text,
    time: Text,
    text: Text,
    unread: Chip,
    chip: Chip,
    shown: Option<Shown>,
}

/// What the slot shows; a field that is the same is not written again.
struct Shown {
    item: Rc<EventItem>,
    look: RowLook,
    chip: Option<RowChip>,
    locale: Locale,
}

/// A span with a text that is not always there.
struct Chip {
    element: HtmlElement,
    text: Text,
}

impl Chip {
    fn show(&self, text: Option<&str>) {
        self.element.set_hidden(text.is_none());
        self.text.set_data(text.unwrap_or_default());
    }
}

impl RowTemplate<EventItem> for EventRowTemplate {
    fn create(&self, element: &HtmlElement) -> Box<dyn RowSlot<EventItem>> {
        let document = document();
        let span = |parent: &Element, class: &str| part(&document, parent, "span", class);
        let cell = part(&document, element, "div", "event-row");
        set_attribute(&cell, "role", "gridcell");
        let check = span(&cell, "event-row__check");
        set_attribute(&check, "aria-hidden", "true");
        let avatar = span(&cell, "event-row__avatar");
        let initial = span(&avatar, "event-row__initial");
        set_attribute(&initial, "aria-hidden", "true");
        let badge = span(&avatar, "channel-badge");
        set_attribute(&badge, "role", "img");
        let body = span(&cell, "event-row__body");
        let top = span(&body, "event-row__line");
        let name = span(&top, "event-row__name");
        let time = span(&top, "event-row__time");
        let bottom = span(&body, "event-row__line");
        let text = span(&bottom, "event-row__text");
        let chip = span(&bottom, "event-row__chip");
        let unread = span(&bottom, "event-row__unread");
        let into = |parent: HtmlElement| {
            let text = document.create_text_node("");
            let _ = parent.append_child(&text);
            text
        };
        let hidden = |element: HtmlElement| {
            element.set_hidden(true);
            Chip {
                text: into(element.clone()),
                element,
            }
        };
        Box::new(EventSlot {
            look: self.look.clone(),
            now: self.now,
            row: element.clone(),
            badge,
            initial: into(initial),
            name: into(name),
            time: into(time),
            text: into(text),
            unread: hidden(unread),
            chip: hidden(chip),
            cell,
            shown: None,
        })
    }
}

impl RowSlot<EventItem> for EventSlot {
    fn show(&mut self, row: Option<&Rc<EventItem>>) {
        let Some(item) = row else {
            return self.show_unknown();
        };
        let event = &item.event;
        let look = (self.look)(event);
        let chip = RowChip::of(event, look.tick.is_some(), (self.now)());
        let locale = untrack(locale);
        let is_known = self.shown.is_some();
        // In another language everything is written again.
        let before = self.shown.as_ref().filter(|shown| shown.locale == locale);
        let was = before.map(|shown| &*shown.item);
        if !is_known {
            let _ = self.cell.remove_attribute("data-state");
        }
        if was.is_none_or(|was| was.event.name != event.name) {
            let name = shown_name(&event.name);
            self.initial.set_data(&initial(&name).unwrap_or_default());
            self.name.set_data(&name);
        }
        if was.is_none_or(|was| was.time != item.time) {
            self.time.set_data(&item.time);
        }
        if was.is_none_or(|was| {
            was.event.last_text != event.last_text || was.event.last_medium != event.last_medium
        }) {
            match last_medium(event) {
                Some(words) => self.text.set_data(&words),
                None => self.text.set_data(&event.last_text),
            }
        }
        if was.is_none_or(|was| was.event.channel != event.channel) {
            set_attribute(&self.badge, "data-channel", event.channel.as_str());
            set_attribute(
                &self.badge,
                "aria-label",
                &untrack(|| channel_name(event.channel)),
            );
        }
        if was.is_none_or(|was| was.event.unread != event.unread) {
            if event.unread > 0 {
                let count = u64::from(event.unread);
                self.unread.show(Some(&unread_text(count)));
                let said = untrack(|| t_count(PluralKey::EventsUnread, count, &[]));
                set_attribute(&self.unread.element, "aria-label", &said);
                set_attribute(&self.cell, "data-unread", "true");
            } else {
                self.unread.show(None);
                let _ = self.cell.remove_attribute("data-unread");
            }
        }
        if before.is_none_or(|before| before.chip != chip) {
            self.chip.show(chip.map(RowChip::text).as_deref());
            if let Some(chip) = chip {
                set_attribute(&self.chip.element, "data-tone", chip.tone());
            }
        }
        let tick = tick_of(look, event.channel);
        let was_tick = before.map(|before| tick_of(before.look, before.item.event.channel));
        if was_tick != Some(tick) {
            set_or_remove(&self.cell, "data-tick", tick);
            let selected = tick.filter(|&tick| tick != OFF);
            set_or_remove(&self.row, "aria-selected", selected);
            set_or_remove(
                &self.row,
                "aria-disabled",
                (tick == Some(OFF)).then_some("true"),
            );
        }
        if before.is_none_or(|before| before.look.is_open != look.is_open) {
            set_or_remove(&self.row, "aria-current", look.is_open.then_some("true"));
        }
        self.shown = Some(Shown {
            item: item.clone(),
            look,
            chip,
            locale,
        });
    }
}

impl EventSlot {
    fn show_unknown(&mut self) {
        if self.shown.take().is_some() {
            for text in [&self.initial, &self.name, &self.time, &self.text] {
                text.set_data("");
            }
            self.unread.show(None);
            self.chip.show(None);
            for name in ["aria-selected", "aria-disabled", "aria-current"] {
                let _ = self.row.remove_attribute(name);
            }
            for name in ["data-tick", "data-unread"] {
                let _ = self.cell.remove_attribute(name);
            }
        }
        set_attribute(&self.cell, "data-state", "unknown");
    }
}

/// A last message that is more than its words: what it is, and its caption or the file's name.
fn last_medium(event: &EventRow) -> Option<String> {
    let medium = match event.last_medium {
        Medium::Text | Medium::Emoji | Medium::SavedReply => return None,
        Medium::Image | Medium::Video | Medium::File => event.last_medium,
    };
    Some(untrack(|| {
        let medium = medium_text(medium);
        if event.last_text.is_empty() {
            return medium;
        }
        let words = [("medium", medium.as_str()), ("words", &event.last_text)];
        t_with(Key::EventsMediumWords, &words)
    }))
}

const OFF: &str = "off";

fn tick_of(look: RowLook, channel: Channel) -> Option<&'static str> {
    look.tick.map(|is_ticked| {
        if !channel.takes_broadcasts() {
            OFF
        } else if is_ticked {
            "true"
        } else {
            "false"
        }
    })
}

fn set_or_remove(element: &Element, name: &str, value: Option<&str>) {
    match value {
        Some(value) => set_attribute(element, name, value),
        None => {
            let _ = element.remove_attribute(name);
        }
    }
}

fn unread_text(count: u64) -> String {
    if count > 99 {
        "99+".to_owned()
    } else {
        count.to_string()
    }
}

/// The customer's name, or what stands in for one that is not known.
pub fn shown_name(name: &str) -> String {
    if name.trim().is_empty() {
        untrack(|| t(Key::EventsUnknownName))
    } else {
        name.to_owned()
    }
}

fn part(document: &Document, parent: &Element, tag: &str, class: &str) -> HtmlElement {
    let element = create(document, tag, class).expect("span and div are elements of HTML");
    let _ = parent.append_child(&element);
    element
}

/// An event for stories and tests: the `n`th of a list.
#[cfg(feature = "preview")]
pub fn example_event(n: u64) -> EventRow {
    use omocast_contract::{AccountId, CustomerId, EventId, EventStatus, MemberId};
    const NAMES: [&str; 6] = ["陳怡君", "林志明", "Amy Chang", "", "黃建宏", "訪客 8841"];
    let channel = [
        Channel::Line,
        Channel::Whatsapp,
        Channel::Instagram,
        Channel::Line,
        Channel::Facebook,
        Channel::Web,
    ][n as usize % 6];
    // UUIDs that sort as the numbers do.
    let text = format!("01900000-0000-7000-8000-{n:012x}");
    let now = crate::i18n::now();
    EventRow {
        id: text.parse::<EventId>().expect("it is a UUID"),
        customer: text.parse::<CustomerId>().expect("it is a UUID"),
        name: NAMES[n as usize % 6].to_owned(),
        channel,
        account: "ATELIER 信義門市".to_owned(),
        account_id: text.parse::<AccountId>().expect("it is a UUID"),
        status: EventStatus::InProgress,
        owner: Some("林佩珊".to_owned()),
        owner_id: text.parse::<MemberId>().ok(),
        last_text: match n % 7 {
            2 => String::new(),
            5 => "秋季型錄.pdf".to_owned(),
            _ => "請問新款風衣什麼時候到店？我想先預約試穿".to_owned(),
        },
        last_medium: match n % 7 {
            2 => Medium::Image,
            4 => Medium::Video,
            5 => Medium::File,
            _ => Medium::Text,
        },
        last_message_at: now.plus(-(n as i64) * 3_600_000),
        last_inbound_at: (n % 9 != 1).then(|| now.plus(-(n as i64) * 7_200_000 - 60_000)),
        unread: [0, 2, 0, 0, 120, 0][n as usize % 6],
        is_blocked: n % 8 == 3,
        tags: Vec::new(),
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use crate::ui::windowed_list::{ListHandle, Page, WindowedList};
    use futures::FutureExt as _;

    fn story(look: fn(&EventRow) -> RowLook, is_answered: bool) -> AnyView {
        let list = ListHandle::new(
            Rc::new(move |_| {
                let answer = is_answered.then(|| Page {
                    rows: (0..8).map(|n| EventItem::new(example_event(n))).collect(),
                    total: 8,
                });
                match answer {
                    Some(page) => futures::future::ready(Some(page)).boxed_local(),
                    None => futures::future::pending().boxed_local(),
                }
            }),
            EventRowTemplate {
                look: Rc::new(look),
                now: crate::i18n::now,
            },
            |_| (),
        );
        view! {
            <div class="gallery__list">
                <WindowedList list id="story-events" label=crate::i18n::phrase(Key::EventsLabel) />
            </div>
        }
        .into_any()
    }

    vec![
        Story::new(
            "every channel, unread, blocked, over 24 hours, nameless",
            || story(|_| RowLook::default(), true),
        ),
        Story::new("selection mode", || {
            story(
                |event| RowLook {
                    tick: Some(event.id.0.as_u128() % 2 == 0),
                    is_open: false,
                },
                true,
            )
        }),
        Story::new("its thread is shown", || {
            story(
                |event| RowLook {
                    tick: None,
                    is_open: event.name == "林志明",
                },
                true,
            )
        }),
        Story::new("not known yet", || story(|_| RowLook::default(), false)),
    ]
}
