//! The demo's customers: who they are, on which account, whom they ask for and what they say.
//! Everything follows from a customer's number, so that each start makes the same people.

use crate::team::{
    DemoAccount, FACEBOOK, INSTAGRAM, INSTAGRAM_OUTLET, LINE, WEB, WHATSAPP_HONG_KONG,
    WHATSAPP_TAIPEI, WHATSAPP_ZHONGSHAN,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const FAMILY: [&str; 24] = [
    "陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭", "謝", "洪", "郭", "邱",
    "曾", "廖", "賴", "徐", "周", "葉", "蘇", "江",
];
const GIVEN: [&str; 32] = [
    "怡君", "志明", "淑芬", "建宏", "雅婷", "俊傑", "佩玲", "家豪", "文彬", "雅文", "子涵", "偉倫",
    "美玲", "宗翰", "詩涵", "冠宇", "筱涵", "柏翰", "欣怡", "承恩", "宜蓁", "彥廷", "佳穎", "品妍",
    "哲瑋", "思妤", "宥辰", "心怡", "育誠", "郁婷", "家瑜", "明哲",
];
const OTHERS: [&str; 12] = [
    "Amy Chang",
    "佐藤 美咲",
    "Kevin Lo",
    "Emily Wu",
    "김서연",
    "Sophie Chan",
    "田中 健太",
    "Jason Lin",
    "Grace Ho",
    "Nguyễn Thị Lan",
    "Ivy Cheung",
    "Leo",
];
const SAYINGS: [&str; 20] = [
    "請問新款風衣什麼時候到店？",
    "好的，謝謝你！",
    "這件有 S 號嗎？ 😊",
    "我週六下午過去試穿",
    "收到，感謝",
    "想詢問退換貨",
    "予約の件、ありがとうございます",
    "門市幾點關門？",
    "再麻煩幫我留一件",
    "太好看了吧",
    "Ok",
    "可以刷卡分期嗎？",
    "請問信義門市還有現貨嗎",
    "上次買的外套很滿意 👍",
    "Do you have this in navy?",
    "想看秋季新品的照片",
    "那就約星期日下午三點",
    "會員點數可以折抵嗎",
    "請幫我保留到週末",
    "運費怎麼算呢？",
];
/// The team's tags, from the most to the least common.
pub(crate) const TAGS: [&str; 6] = ["VIP", "熟客", "新客", "風衣", "週年慶", "需要回電"];

/// One customer of the demo.
pub(crate) struct DemoCustomer {
    pub(crate) account: &'static DemoAccount,
    /// As the platform names them: LINE user id, scoped id, phone number, visitor.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) phone: Option<String>,
    /// The member they ask for in their first message; nobody leaves the event pending.
    pub(crate) staff_code: Option<&'static str>,
    pub(crate) saying: &'static str,
    /// How long ago they last wrote, in milliseconds.
    pub(crate) wrote_ago: i64,
    pub(crate) tags: Vec<&'static str>,
}

/// A number from 0 to `below`, always the same for the same `number` and `what` (FNV-1a).
fn draw(number: u64, what: &str, below: u64) -> u64 {
    let bytes = number.to_le_bytes().into_iter().chain(what.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 16) % below
}

/// A list with at least one item and an index that may be any number.
fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[(number % list.len() as u64) as usize]
}

/// The customer with this number. `all_mine`: every one asks for the first salesperson and can be reached.
pub(crate) fn customer(number: u64, all_mine: bool) -> DemoCustomer {
    let account = match draw(number, "account", 100) {
        0..40 => &LINE,
        40..54 => &WHATSAPP_TAIPEI,
        54..60 => &WHATSAPP_ZHONGSHAN,
        60..71 => &WHATSAPP_HONG_KONG,
        71..85 => &FACEBOOK,
        85..92 => &INSTAGRAM,
        92..95 => &INSTAGRAM_OUTLET,
        _ if all_mine => &LINE,
        _ => &WEB,
    };
    let name = if account.is_web() {
        format!("訪客 {}", 1_000 + number)
    } else if draw(number, "abroad", 9) == 0 {
        pick(&OTHERS, draw(number, "name", 1_000)).to_owned()
    } else {
        format!(
            "{}{}",
            pick(&FAMILY, draw(number, "family", 1_000)),
            pick(&GIVEN, draw(number, "given", 1_000))
        )
    };
    let (id, phone) = account.customer_id(number);
    let staff_code = match draw(number, "staff", 100) {
        _ if all_mine => Some("S001"),
        0..50 => Some("S001"),
        50..66 => Some("S002"),
        66..80 => Some("M001"),
        _ => None,
    };
    // Most wrote within the day; every sixth some days ago, where the windows of Meta's channels are closed.
    let wrote_ago = if draw(number, "when", 6) == 0 && !all_mine {
        25 * HOUR + draw(number, "days", 9_000) as i64 * MINUTE
    } else {
        2 * MINUTE + draw(number, "minutes", 600) as i64 * MINUTE
    };
    let tags = TAGS
        .iter()
        .enumerate()
        .filter(|(at, tag)| draw(number, tag, 4 + 3 * *at as u64) == 0);
    DemoCustomer {
        account,
        id,
        name,
        phone,
        staff_code,
        saying: pick(&SAYINGS, draw(number, "saying", 1_000)),
        wrote_ago,
        tags: tags.map(|(_, tag)| *tag).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_number_is_another_customer_and_always_the_same() {
        let mut seen = HashSet::new();
        for number in 0..3_000 {
            let one = customer(number, false);
            assert!(
                seen.insert((one.account.external_id, one.id.clone())),
                "{}",
                one.id
            );
            assert_eq!(one.name, customer(number, false).name);
        }
    }

    #[test]
    fn every_account_and_every_salesperson_has_customers() {
        let customers: Vec<_> = (0..3_000).map(|number| customer(number, false)).collect();
        for account in crate::team::accounts() {
            assert!(
                customers
                    .iter()
                    .filter(|c| c.account.external_id == account.external_id)
                    .count()
                    > 50
            );
        }
        for code in [Some("S001"), Some("S002"), Some("M001"), None] {
            assert!(
                customers.iter().filter(|c| c.staff_code == code).count() > 200,
                "{code:?}"
            );
        }
    }
}
