//! An event as a row: what was said last.

use leptos::prelude::*;
use omocast_contract::api::EventRow;
use omocast_contract::{Channel, Medium, RowId, Timestamp};

use super::CustomerRow;
use crate::components::reason_text::medium_text;
use crate::i18n::{Key, t_with};

impl CustomerRow for EventRow {
    fn id(&self) -> RowId {
        self.id.into()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn last_at(&self) -> Timestamp {
        self.last_message_at
    }

    fn last_inbound_at(&self) -> Option<Timestamp> {
        self.last_inbound_at
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    fn words(&self) -> String {
        last_medium(self).unwrap_or_else(|| self.last_text.clone())
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn unread(&self) -> u32 {
        self.unread
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
