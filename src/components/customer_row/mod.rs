//! A row of a list of customers: who, where, what is known of them, and why they may not be reached.
//!
//! Its DOM is made once for each slot of the windowed list and written to directly; `ui/windowed_list.rs` says why.
//! What a row is of, is a [`CustomerRow`]: an event in `event`, a bound customer in `bound`.

mod bound;
mod event;

use std::rc::Rc;

use leptos::prelude::*;
use omocast_contract::reach::{Reach, window};
use omocast_contract::{BroadcastKind, Channel, Reason, RowId, Timestamp};
use web_sys::{Document, Element, HtmlElement, Text};

use crate::components::channel_badge::channel_name;
use crate::i18n::{Key, Locale, PluralKey, locale, moment, t, t_count};
use crate::ui::avatar::initial;
use crate::ui::windowed_list::{RowSlot, RowTemplate, create, set_attribute};

#[cfg(feature = "preview")]
pub use bound::example_bound;
#[cfg(feature = "preview")]
pub use event::example_event;

/// What a list of customers is of.
pub trait CustomerRow: PartialEq + 'static {
    /// What is ticked.
    fn id(&self) -> RowId;
    /// The customer's name; empty when unknown.
    fn name(&self) -> &str;
    /// Where they are.
    fn channel(&self) -> Channel;
    /// When something was last said.
    fn last_at(&self) -> Timestamp;
    /// When the customer last wrote.
    fn last_inbound_at(&self) -> Option<Timestamp>;
    /// Whether they have blocked the account.
    fn is_blocked(&self) -> bool;
    /// The second line, in the reader's language.
    fn words(&self) -> String;
    /// The account's name: the second line where a template is sent.
    fn account(&self) -> &str;

    /// Messages that nobody has seen.
    fn unread(&self) -> u32 {
        0
    }

    /// Whether they can be chosen for such a broadcast.
    fn can_tick(&self, kind: BroadcastKind) -> bool {
        kind.goes_to(self.channel())
    }
}

/// The way from a row to the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chat {
    /// The row itself is the way: it has no 聊天 of its own.
    Row,
    /// The address.
    To(String),
    /// There is no conversation yet.
    Nowhere,
}

/// A row, and what of it costs something to make.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerItem<R> {
    /// The row.
    pub row: R,
    /// Where 聊天 leads.
    pub chat: Chat,
    /// When something was last said, in words.
    time: String,
    words: String,
}

impl<R: CustomerRow> CustomerItem<R> {
    /// Prepares a row.
    pub fn new(row: R, chat: Chat) -> Self {
        untrack(|| Self {
            time: moment(row.last_at()),
            words: row.words(),
            chat,
            row,
        })
    }
}

/// How a row stands to what the page is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowLook {
    /// Whether customers are being chosen, and whether this one is.
    pub tick: Option<bool>,
    /// What they are chosen for.
    pub kind: BroadcastKind,
    /// Whether its thread is shown.
    pub is_open: bool,
}

impl RowLook {
    fn is_for_template(self) -> bool {
        self.tick.is_some() && self.kind == BroadcastKind::Template
    }
}

/// Draws customers.
pub struct CustomerRowTemplate<R> {
    /// How a row stands; asked when it is drawn.
    pub look: Rc<dyn Fn(&R) -> RowLook>,
    /// What time it is.
    pub now: fn() -> Timestamp,
    /// Whether rows have 聊天.
    pub has_chat: bool,
}

/// What stands at the end of the second line, at most one thing: what counts most.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowChip {
    WebUnsupported,
    NotWhatsapp,
    Blocked,
    NeverWrote,
    WindowClosed,
    NoConversation,
}

impl RowChip {
    fn of<R: CustomerRow>(item: &CustomerItem<R>, look: RowLook, now: Timestamp) -> Option<Self> {
        let (row, is_selecting) = (&item.row, look.tick.is_some());
        if is_selecting && !row.channel().takes_broadcasts() {
            return Some(Self::WebUnsupported);
        }
        if is_selecting && !row.can_tick(look.kind) {
            return Some(Self::NotWhatsapp);
        }
        if row.is_blocked() {
            return Some(Self::Blocked);
        }
        if look.is_for_template() {
            // It needs no window.
            return None;
        }
        match window(row.channel(), row.last_inbound_at(), now) {
            Reach::Open if !is_selecting && item.chat == Chat::Nowhere => {
                Some(Self::NoConversation)
            }
            Reach::Open => None,
            Reach::Skipped(Reason::NeverWrote) => Some(Self::NeverWrote),
            Reach::Skipped(_) => Some(Self::WindowClosed),
        }
    }

    fn text(self) -> String {
        untrack(|| {
            t(match self {
                Self::WebUnsupported => Key::EventsWebUnsupported,
                Self::NotWhatsapp => Key::EventsNotWhatsapp,
                Self::Blocked => Key::EventsBlocked,
                Self::NeverWrote => Key::EventsNeverWrote,
                Self::WindowClosed => Key::EventsWindowClosed,
                Self::NoConversation => Key::BoundNoConversation,
            })
        })
    }

    fn tone(self) -> &'static str {
        match self {
            Self::WebUnsupported | Self::NotWhatsapp | Self::NoConversation => "quiet",
            Self::Blocked => "bad",
            Self::NeverWrote | Self::WindowClosed => "warn",
        }
    }
}

struct CustomerSlot<R> {
    look: Rc<dyn Fn(&R) -> RowLook>,
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
    chat: Option<ChatLink>,
    shown: Option<Shown<R>>,
}

/// What the slot shows; a field that is the same is not written again.
struct Shown<R> {
    item: Rc<CustomerItem<R>>,
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

/// 聊天 of a row. The focus stays on the list, where Enter does the same.
struct ChatLink {
    link: HtmlElement,
    words: Text,
}

impl ChatLink {
    fn show(&self, chat: &Chat) {
        self.words.set_data(&untrack(|| t(Key::BoundChat)));
        let href = match chat {
            Chat::To(href) => Some(href.as_str()),
            Chat::Row | Chat::Nowhere => None,
        };
        set_or_remove(&self.link, "href", href);
        let reason = (*chat == Chat::Nowhere).then(|| untrack(|| t(Key::BoundNoConversationHint)));
        set_or_remove(&self.link, "title", reason.as_deref());
        let disabled = reason.is_some().then_some("true");
        set_or_remove(&self.link, "aria-disabled", disabled);
    }
}

impl<R: CustomerRow> RowTemplate<CustomerItem<R>> for CustomerRowTemplate<R> {
    fn create(&self, element: &HtmlElement) -> Box<dyn RowSlot<CustomerItem<R>>> {
        let document = document();
        let span = |parent: &Element, class: &str| part(&document, parent, "span", class);
        let cell = part(&document, element, "div", "customer-row");
        set_attribute(&cell, "role", "gridcell");
        let check = span(&cell, "customer-row__check");
        set_attribute(&check, "aria-hidden", "true");
        let avatar = span(&cell, "customer-row__avatar");
        let initial = span(&avatar, "customer-row__initial");
        set_attribute(&initial, "aria-hidden", "true");
        let badge = span(&avatar, "channel-badge");
        set_attribute(&badge, "role", "img");
        let body = span(&cell, "customer-row__body");
        let top = span(&body, "customer-row__line");
        let name = span(&top, "customer-row__name");
        let time = span(&top, "customer-row__time");
        let bottom = span(&body, "customer-row__line");
        let text = span(&bottom, "customer-row__text");
        let chip = span(&bottom, "customer-row__chip");
        let unread = span(&bottom, "customer-row__unread");
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
        let chat = self.has_chat.then(|| {
            let link = part(&document, &cell, "a", "customer-row__chat");
            set_attribute(&link, "role", "link");
            set_attribute(&link, "tabindex", "-1");
            ChatLink {
                words: into(link.clone()),
                link,
            }
        });
        Box::new(CustomerSlot {
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
            chat,
            cell,
            shown: None,
        })
    }
}

impl<R: CustomerRow> RowSlot<CustomerItem<R>> for CustomerSlot<R> {
    fn show(&mut self, row: Option<&Rc<CustomerItem<R>>>) {
        let Some(item) = row else {
            return self.show_unknown();
        };
        let row = &item.row;
        let look = (self.look)(row);
        let chip = RowChip::of(item, look, (self.now)());
        let locale = untrack(locale);
        let is_known = self.shown.is_some();
        // In another language everything is written again.
        let before = self.shown.as_ref().filter(|shown| shown.locale == locale);
        let was = before.map(|shown| &*shown.item);
        if !is_known {
            let _ = self.cell.remove_attribute("data-state");
        }
        if was.is_none_or(|was| was.row.name() != row.name()) {
            let name = shown_name(row.name());
            self.initial.set_data(&initial(&name).unwrap_or_default());
            self.name.set_data(&name);
        }
        if was.is_none_or(|was| was.time != item.time) {
            self.time.set_data(&item.time);
        }
        let is_for_template = look.is_for_template();
        let was_for_template = before.is_some_and(|before| before.look.is_for_template());
        if was_for_template != is_for_template
            || was.is_none_or(|was| was.words != item.words || was.row.account() != row.account())
        {
            // Of which account a customer is decides who gets the same template.
            self.text
                .set_data(match is_for_template && row.can_tick(look.kind) {
                    true => row.account(),
                    false => &item.words,
                });
        }
        if was.is_none_or(|was| was.row.channel() != row.channel()) {
            set_attribute(&self.badge, "data-channel", row.channel().as_str());
            let name = untrack(|| channel_name(row.channel()));
            set_attribute(&self.badge, "aria-label", &name);
        }
        if was.is_none_or(|was| was.row.unread() != row.unread()) {
            if row.unread() > 0 {
                let count = u64::from(row.unread());
                self.unread.show(Some(&unread_text(count)));
                let said = untrack(|| t_count(PluralKey::EventsUnread, count, &[]));
                set_attribute(&self.unread.element, "aria-label", &said);
                set_attribute(&self.cell, "data-unread", "true");
            } else {
                self.unread.show(None);
                let _ = self.cell.remove_attribute("data-unread");
            }
        }
        if let Some(link) = &self.chat
            && was.is_none_or(|was| was.chat != item.chat)
        {
            link.show(&item.chat);
        }
        if before.is_none_or(|before| before.chip != chip) {
            self.chip.show(chip.map(RowChip::text).as_deref());
            if let Some(chip) = chip {
                set_attribute(&self.chip.element, "data-tone", chip.tone());
            }
        }
        let tick = tick_of(look, row.can_tick(look.kind));
        let was_tick = before.map(|before| {
            let look = before.look;
            tick_of(look, before.item.row.can_tick(look.kind))
        });
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

impl<R> CustomerSlot<R> {
    fn show_unknown(&mut self) {
        if self.shown.take().is_some() {
            for text in [&self.initial, &self.name, &self.time, &self.text] {
                text.set_data("");
            }
            self.unread.show(None);
            self.chip.show(None);
            if let Some(link) = &self.chat {
                link.show(&Chat::Row);
            }
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

const OFF: &str = "off";

fn tick_of(look: RowLook, can_tick: bool) -> Option<&'static str> {
    look.tick.map(|is_ticked| {
        if !can_tick {
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
    let element = create(document, tag, class).expect("span, div and a are elements of HTML");
    let _ = parent.append_child(&element);
    element
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    use crate::ui::windowed_list::{ListHandle, Page, WindowedList};
    use futures::FutureExt as _;
    use omocast_contract::api::{BoundCustomerRow, EventRow};

    fn story<R: CustomerRow>(
        rows: Option<fn() -> Vec<CustomerItem<R>>>,
        look: fn(&R) -> RowLook,
    ) -> AnyView {
        let list = ListHandle::new(
            Rc::new(move |_| {
                let answer = rows.map(|rows| Page {
                    total: rows().len() as u64,
                    rows: rows(),
                });
                match answer {
                    Some(page) => futures::future::ready(Some(page)).boxed_local(),
                    None => futures::future::pending().boxed_local(),
                }
            }),
            CustomerRowTemplate {
                look: Rc::new(look),
                now: crate::i18n::now,
                has_chat: rows.is_none_or(|rows| rows()[0].chat != Chat::Row),
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

    fn events() -> Vec<CustomerItem<EventRow>> {
        let row = |n| CustomerItem::new(example_event(n), Chat::Row);
        (0..8).map(row).collect()
    }

    fn bound(of_team: bool) -> Vec<CustomerItem<BoundCustomerRow>> {
        let rows = (0..8).map(|n| example_bound(n, of_team));
        let chat = |row: &BoundCustomerRow| match row.event {
            Some(_) => Chat::To(crate::route::Route::BOUND.href()),
            None => Chat::Nowhere,
        };
        rows.map(|row| {
            let chat = chat(&row);
            CustomerItem::new(row, chat)
        })
        .collect()
    }

    fn is_even<R: CustomerRow>(row: &R) -> RowLook {
        RowLook {
            tick: Some(row.id().0.as_u128().is_multiple_of(2)),
            ..RowLook::default()
        }
    }

    vec![
        Story::new(
            "events: every channel, unread, blocked, over 24 hours, nameless",
            || story(Some(events), |_| RowLook::default()),
        ),
        Story::new("events: selection mode", || story(Some(events), is_even)),
        Story::new("events: chosen for a template", || {
            story(Some(events), |event| RowLook {
                tick: Some(event.channel == Channel::Whatsapp),
                kind: BroadcastKind::Template,
                is_open: false,
            })
        }),
        Story::new("events: its thread is shown", || {
            story(Some(events), |event| RowLook {
                is_open: event.name == "林志明",
                ..RowLook::default()
            })
        }),
        Story::new("bound customers: one without a conversation", || {
            story(Some(|| bound(false)), |_| RowLook::default())
        }),
        Story::new("bound customers: selection mode", || {
            story(Some(|| bound(false)), is_even)
        }),
        Story::new("bound customers of the team, with their sellers", || {
            story(Some(|| bound(true)), |_| RowLook::default())
        }),
        Story::new("not known yet", || {
            story::<EventRow>(None, |_| RowLook::default())
        }),
    ]
}
