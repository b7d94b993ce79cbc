//! The demo team's customers, made by their number: nothing is stored, so a hundred thousand cost no more than ten.

use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    AccountId, BroadcastId, Channel, CustomerId, DeliveryStatus, DraftId, EventId, MediaId,
    MemberId, MessageId, SavedReplyId, ShopId, TemplateId, Timestamp,
};

const MINUTE: i64 = 60_000;

/// Events of other views than the member's own, behind the member's own in the numbering.
pub(super) const OF_TEAM: u32 = 348;
pub(super) const PENDING: u32 = 57;
pub(super) const ENDED: u32 = 212;
/// Customers behind all events: added by their number, without an event.
pub(super) const NEVER_WROTE: u32 = 9;

pub(super) const TAGS: [&str; 6] = ["VIP", "新客", "生日月", "女裝", "大衣", "北區"];

const FAMILY: [&str; 20] = [
    "陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭", "謝", "洪", "郭", "邱",
    "曾", "廖", "賴", "周",
];
const GIVEN: [&str; 24] = [
    "怡君", "志明", "雅婷", "建宏", "淑芬", "俊傑", "佩玲", "家豪", "文彬", "雅文", "子涵", "偉倫",
    "美惠", "宗翰", "詩涵", "承恩", "品妤", "冠宇", "欣怡", "柏翰", "思妤", "彥廷", "郁婷", "宥廷",
];
const FOREIGN: [&str; 6] = [
    "Amy Chang",
    "Kevin Lo",
    "佐藤 美咲",
    "Emily Wu",
    "김서연",
    "Chris Tan",
];
const WROTE: [&str; 14] = [
    "請問新款風衣什麼時候到店？",
    "好的，謝謝你！",
    "這件有 S 號嗎？ 😊",
    "我週六下午過去試穿",
    "收到，感謝",
    "想詢問退換貨",
    "",
    "予約の件、ありがとうございます",
    "門市幾點關門？",
    "再麻煩幫我留一件",
    "太好看了吧",
    "Ok",
    "請問可以刷卡分期嗎？",
    "上次那件外套還有貨嗎？想要深灰色，如果有的話麻煩先幫我保留到週日",
];
const REPLIED: [&str; 6] = [
    "您好，已經幫您確認，門市還有現貨。",
    "好的，已幫您保留到週日晚上 9 點。",
    "謝謝您，歡迎週末到店試穿！",
    "目前 S 號剩下 2 件，需要幫您留嗎？",
    "可以分 3 期或 6 期，都沒有手續費。",
    "有任何問題都可以直接在這裡問我。",
];

/// Numbers that look arbitrary and are the same every time.
pub(super) fn scatter(number: u32, salt: u32) -> u32 {
    let mut x = number.wrapping_mul(0x9e37_79b9) ^ salt.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

fn pick<T: Copy>(list: &[T], number: u32) -> T {
    list[number as usize % list.len()]
}

macro_rules! ids {
    ($($name:ident: $id:ident = $kind:literal;)+) => {$(
        pub(super) fn $name(number: u64) -> $id {
            format!(concat!("0190", $kind, "000-0000-7000-8000-{:012x}"), number)
                .parse()
                .expect("twelve hexadecimal digits end a UUID")
        }
    )+};
}

ids! {
    event_id: EventId = "1";
    customer_id: CustomerId = "2";
    message_id: MessageId = "3";
    broadcast_id: BroadcastId = "4";
    media_id: MediaId = "5";
    member_id: MemberId = "6";
    account_id: AccountId = "7";
    shop_id: ShopId = "8";
    saved_reply_id: SavedReplyId = "9";
    draft_id: DraftId = "a";
    template_id: TemplateId = "b";
}

/// The number an id was made of.
pub(super) fn number_of(id: u128) -> u64 {
    (id & 0xffff_ffff_ffff) as u64
}

/// The message of an event at a place, and back.
pub(super) fn message_number(event: u32, at: u32) -> u64 {
    (u64::from(event) << 16) | u64::from(at)
}

/// Where a customer is: on one of these, mostly LINE, or on the web.
pub(super) fn channel(number: u32, among: &[Channel]) -> Channel {
    let usual = match number {
        n if n % 31 == 5 => return Channel::Web,
        0 | 2 | 3 | 7 => Channel::Line,
        1 | 4 | 6 => Channel::Whatsapp,
        n if scatter(n, 1) % 10 < 3 => Channel::Whatsapp,
        _ => Channel::Line,
    };
    // No list is made here: this is asked of each of a hundred thousand.
    let is_other = |channel: &&Channel| !matches!(channel, Channel::Line | Channel::Whatsapp);
    let others = among.iter().filter(is_other).count();
    let is_moved = matches!(number, 2 | 3) || number > 7 && scatter(number, 30).is_multiple_of(4);
    if is_moved && others > 0 {
        let at = if number > 7 {
            scatter(number, 31)
        } else {
            number
        };
        let mut others_of = among.iter().filter(is_other);
        others_of
            .nth(at as usize % others)
            .copied()
            .unwrap_or(usual)
    } else if among.contains(&usual) || among.is_empty() {
        usual
    } else {
        pick(among, scatter(number, 32))
    }
}

pub(super) fn name(number: u32) -> String {
    match number {
        0 => "陳怡君".to_owned(),
        1 => "林志明".to_owned(),
        2 => "Amy Chang".to_owned(),
        3 => "王淑芬".to_owned(),
        4 => "黃建宏".to_owned(),
        6 => "張雅婷".to_owned(),
        7 => "佐藤 美咲".to_owned(),
        n if n % 31 == 5 => format!("訪客 {}", 8_841 + n / 31),
        // The customer whose name the platform never told.
        n if n % 211 == 40 => String::new(),
        n if scatter(n, 2).is_multiple_of(19) => pick(&FOREIGN, scatter(n, 3)).to_owned(),
        n => format!(
            "{}{}",
            pick(&FAMILY, scatter(n, 4)),
            pick(&GIVEN, scatter(n, 5))
        ),
    }
}

pub(super) fn tags(number: u32) -> Vec<String> {
    let bits = scatter(number, 6);
    TAGS.iter()
        .enumerate()
        .filter(|(at, _)| bits >> (at * 4) & 0xf < 3)
        .map(|(_, tag)| (*tag).to_owned())
        .collect()
}

/// The phone number: of all on WhatsApp, of some on LINE.
pub(super) fn phone(number: u32, channel: Channel) -> Option<String> {
    let is_known = match channel {
        Channel::Whatsapp => true,
        Channel::Line => scatter(number, 22) % 10 < 6,
        Channel::Facebook | Channel::Instagram | Channel::Web => false,
    };
    is_known.then(|| format!("+8869{:08}", scatter(number, 20) % 100_000_000))
}

pub(super) fn is_blocked(number: u32, channel: Channel) -> bool {
    channel == Channel::Line && number % 97 == 11
}

/// When the last message was written: the newest a minute ago, most within a day, the rest within twelve.
pub(super) fn last_message_at(place: u32, of: u32, now: Timestamp) -> Timestamp {
    let of = i64::from(of.max(1));
    let place = i64::from(place);
    let recent = of * 88 / 100;
    let age = if place < recent {
        place * 22 * HOUR / recent.max(1)
    } else {
        23 * HOUR + (place - recent) * 270 * HOUR / (of - recent).max(1)
    };
    now.plus(-MINUTE - age)
}

/// Hours by which the customer's last message is older than the last one: some were answered long after.
pub(super) fn inbound_lag(number: u32) -> i64 {
    if number % 17 == 4 {
        26 * HOUR
    } else if number % 3 == 1 {
        4 * MINUTE
    } else {
        0
    }
}

pub(super) fn last_text(number: u32) -> &'static str {
    if inbound_lag(number) > 0 {
        pick(&REPLIED, scatter(number, 7))
    } else if number < 14 {
        WROTE[number as usize]
    } else {
        pick(&WROTE, scatter(number, 8))
    }
}

pub(super) fn unread(number: u32) -> u32 {
    if inbound_lag(number) == 0 && number < 40 && number.is_multiple_of(3) {
        number % 4 + 1
    } else {
        0
    }
}

/// How many messages an event has.
pub(super) fn message_count(number: u32) -> u32 {
    if number.is_multiple_of(9) {
        40 + scatter(number, 9) % 60
    } else {
        3 + scatter(number, 9) % 12
    }
}

/// The message of an event at a place, the oldest at 0.
pub(super) fn message(
    number: u32,
    at: u32,
    channel: Channel,
    last_at: Timestamp,
    sender: &str,
) -> Message {
    let count = message_count(number);
    let lag = inbound_lag(number);
    let from_end = i64::from(count - 1 - at);
    let is_inbound = if lag > 0 {
        from_end != 0 && scatter(number, at) % 5 < 3 || from_end == 1
    } else {
        from_end == 0 || scatter(number, at) % 5 < 3
    };
    let before = if lag > 0 && from_end > 0 {
        lag - 6 * MINUTE
    } else {
        0
    };
    let text = if from_end == 0 {
        last_text(number)
    } else if is_inbound {
        pick(&WROTE, scatter(number, at + 100))
    } else {
        pick(&REPLIED, scatter(number, at + 200))
    };
    Message {
        id: message_id(message_number(number, at)),
        at: last_at.plus(-before - from_end * 6 * MINUTE - from_end * from_end * MINUTE),
        origin: if is_inbound {
            MessageOrigin::Inbound
        } else {
            MessageOrigin::Outbound {
                sender: sender.to_owned(),
                broadcast: None,
                status: if channel.tells_read() {
                    DeliveryStatus::Read
                } else {
                    DeliveryStatus::Sent
                },
                reason: None,
            }
        },
        content: match text {
            "" => MessageContent::Image {
                media: Some(media_id(1)),
                caption: None,
            },
            _ if is_inbound && from_end != 0 && scatter(number, at + 300).is_multiple_of(23) => {
                MessageContent::Unsupported {
                    kind: "sticker".to_owned(),
                }
            }
            text => MessageContent::Text {
                text: text.to_owned(),
            },
        },
    }
}

pub(super) fn account(channel: Channel) -> &'static str {
    match channel {
        Channel::Line => "ATELIER 信義門市",
        Channel::Facebook => "ATELIER",
        Channel::Instagram => "atelier.tw",
        Channel::Whatsapp => "ATELIER +886 2 5555 0143",
        Channel::Web => "atelier.example.com",
    }
}
