//! The pages' HTML. Every text of a person goes through `escape`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Listing;
use crate::account::{Account, Platform};
use crate::clock::civil_date;
use crate::state::{Customer, CustomerState, PhoneMessage, PhoneMessageKind};

pub(super) struct Phone {
    pub(super) account: Account,
    pub(super) customer: Customer,
    pub(super) blocked: bool,
    pub(super) messages: Vec<PhoneMessage>,
}

/// One customer in a list.
pub(super) struct Row {
    id: String,
    name: String,
    last: Option<(String, i64)>,
    blocked: bool,
}

impl Row {
    pub(super) fn new(state: &CustomerState) -> Self {
        let last = state.messages.last().map(|message| {
            let text = match &message.kind {
                PhoneMessageKind::Text(text) => text.chars().take(60).collect(),
                PhoneMessageKind::Image { .. } => "[圖片]".to_owned(),
                PhoneMessageKind::Video { .. } => "[影片]".to_owned(),
                PhoneMessageKind::File { name, .. } => format!("[檔案] {name}"),
                PhoneMessageKind::Template(template) => template.body.chars().take(60).collect(),
            };
            (text, message.at_ms)
        });
        Self {
            id: state.customer.id.clone(),
            name: state.customer.name.clone(),
            last,
            blocked: state.blocked,
        }
    }
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A path segment: everything but letters, digits, `-`, `_` and `.` is percent-encoded.
fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
        encoded
    })
}

pub(super) fn phone_path(account: &str, user: &str) -> String {
    format!("/phone/{}/{}", segment(account), segment(user))
}

fn document(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        r#"<!doctype html>
<html lang="zh-Hant">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/phone/assets/phone.css">
<script src="/phone/assets/phone.js" defer></script>
</head>
{body}
</html>
"#
    )
}

fn platform_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Line => "LINE",
        Platform::Facebook => "Facebook",
        Platform::Instagram => "Instagram",
        Platform::Whatsapp => "WhatsApp",
        Platform::Web => "網頁",
    }
}

fn badge(platform: Platform) -> String {
    let class = match platform {
        Platform::Line => "line",
        Platform::Facebook => "facebook",
        Platform::Instagram => "instagram",
        Platform::Whatsapp => "whatsapp",
        Platform::Web => "web",
    };
    format!(
        r#"<span class="badge badge--{class}">{}</span>"#,
        platform_name(platform)
    )
}

/// Date and time of day in Taiwan, where the sandbox's customers live.
fn local_time(at_ms: i64) -> (String, String) {
    let local = at_ms + 8 * 60 * 60 * 1000;
    let (year, month, day) = civil_date(local);
    let minutes = local.div_euclid(60_000).rem_euclid(24 * 60);
    (
        format!("{year}年{month}月{day}日"),
        format!("{:02}:{:02}", minutes / 60, minutes % 60),
    )
}

pub(super) fn list(listings: &[Listing], search: &str) -> String {
    let mut body = String::from(
        r#"<body class="list">
<header class="list__head"><h1>顧客的手機</h1>
<p class="muted">這裡是 LINE、Facebook、Instagram、WhatsApp 與網頁聊天的替身。選一位顧客，以他的身分收發訊息。</p>
"#,
    );
    let query = escape(search);
    write!(
        body,
        r#"<form class="search" role="search" action="/phone" method="get">
<label class="hidden" for="q">搜尋顧客</label>
<input id="q" name="q" type="search" value="{query}" placeholder="姓名、電話或編號" autocomplete="off">
<button class="button" type="submit">搜尋</button>
</form></header>
<main class="list__accounts">
"#
    )
    .expect("writing to a String cannot fail");
    if listings.is_empty() {
        body.push_str(r#"<p class="muted">沒有任何帳號。</p>"#);
    }
    for listing in listings {
        body.push_str(&list_account(listing, search));
    }
    body.push_str("</main>\n</body>");
    document("顧客的手機", &body)
}

fn list_account(listing: &Listing, search: &str) -> String {
    let id = listing.account.id();
    let shown = listing.found.len();
    let count = if search.is_empty() && shown == listing.total {
        format!("{shown} 位顧客")
    } else {
        format!("顯示 {shown} 位，共 {} 位", listing.total)
    };
    let rows: String = listing.found.iter().map(|row| list_row(id, row)).collect();
    let rows = if rows.is_empty() {
        r#"<p class="empty muted">沒有符合的顧客。</p>"#.to_owned()
    } else {
        format!(r#"<ul class="rows">{rows}</ul>"#)
    };
    format!(
        r#"<section class="card" aria-labelledby="account-{anchor}">
<div class="card__head">{badge}<h2 id="account-{anchor}">{name}</h2><span class="muted num">{count}</span></div>
{rows}
<form class="card__foot" action="/phone/{path}/customers" method="post">
<label class="hidden" for="new-{anchor}">新顧客的姓名（{name}）</label>
<input id="new-{anchor}" name="name" placeholder="新顧客的姓名" maxlength="50" required autocomplete="off">
<button class="button" type="submit">新增顧客</button>
</form>
</section>
"#,
        anchor = escape(&segment(id)),
        badge = badge(listing.account.platform()),
        name = escape(listing.account.name()),
        path = segment(id),
    )
}

fn list_row(account: &str, row: &Row) -> String {
    let (text, time) = match &row.last {
        Some((text, at_ms)) => (escape(text), local_time(*at_ms).1),
        None => ("還沒有訊息".to_owned(), String::new()),
    };
    let blocked = if row.blocked {
        r#"<span class="chip">已封鎖</span>"#
    } else {
        ""
    };
    format!(
        r#"<li><a class="row" href="{path}"><span class="avatar" aria-hidden="true">{initial}</span><span class="row__text"><span class="row__name">{name}{blocked}</span><span class="row__last muted">{text}</span></span><span class="muted num">{time}</span></a></li>
"#,
        path = phone_path(account, &row.id),
        initial = initial(&row.name),
        name = escape(&row.name),
    )
}

fn initial(name: &str) -> String {
    name.chars()
        .next()
        .map(|character| escape(&character.to_string()))
        .unwrap_or_default()
}

pub(super) fn not_found() -> String {
    document(
        "找不到",
        r#"<body class="list"><main class="list__head"><h1>找不到這支手機</h1><p><a href="/phone">回到顧客列表</a></p></main></body>"#,
    )
}

pub(super) fn phone(phone: &Phone) -> String {
    let path = phone_path(phone.account.id(), &phone.customer.id);
    let platform = phone.account.platform();
    let title = format!("{}：{}", phone.customer.name, phone.account.name());
    let silences = platform.silences_who_blocks();
    let block = silences.then_some(if phone.blocked {
        ("unblock", "解除封鎖")
    } else {
        ("block", "封鎖")
    });
    let block = block
        .map(|(action, label)| {
            format!(
                r#"<form action="{path}/{action}" method="post"><button class="button button--quiet" type="submit">{label}</button></form>"#
            )
        })
        .unwrap_or_default();
    let bubbles: String = bubbles(phone).into_iter().map(|(_, html)| html).collect();
    let composer = if phone.blocked && silences {
        r#"<p class="composer composer--blocked">你已封鎖這個帳號，解除後才能傳送訊息。</p>"#
            .to_owned()
    } else {
        let attach = if platform == Platform::Web {
            ""
        } else {
            r#"<label class="button composer__attach"><span aria-hidden="true">＋</span><span class="hidden">傳送圖片、影片或檔案</span><input class="hidden" type="file" data-attach></label>"#
        };
        format!(
            r#"<form class="composer" data-composer>
{attach}<label class="hidden" for="text">訊息</label>
<textarea id="text" name="text" rows="1" maxlength="4000" placeholder="輸入訊息" autocomplete="off" required></textarea>
<button class="button button--primary" type="submit">傳送</button>
<p class="composer__problem" role="alert" data-problem hidden></p>
</form>"#
        )
    };
    let body = format!(
        r#"<body class="desk">
<div class="phone" data-phone="{path}">
<header class="phone__head">
<a class="button button--quiet" href="/phone" aria-label="回到顧客列表"><span aria-hidden="true">‹</span></a>
<div class="phone__who"><h1>{name}</h1><p class="muted">{badge} {customer} 的手機</p></div>
{block}
</header>
<main class="phone__main" tabindex="0" aria-label="對話" data-scroll>
<ol class="bubbles" role="list" aria-live="polite" data-bubbles>{bubbles}</ol>
</main>
<footer class="phone__foot">{composer}</footer>
</div>
</body>"#,
        name = escape(phone.account.name()),
        badge = badge(platform),
        customer = escape(&phone.customer.name),
    );
    document(&title, &body)
}

/// Each bubble with a key, for the page to replace only what changed.
pub(super) fn bubbles_json(phone: &Phone) -> Value {
    let bubbles: Vec<_> = bubbles(phone)
        .into_iter()
        .map(|(key, html)| json!({ "key": key, "html": html }))
        .collect();
    json!({ "blocked": phone.blocked, "bubbles": bubbles })
}

fn bubbles(phone: &Phone) -> Vec<(String, String)> {
    let mut items = Vec::new();
    let mut last_date = String::new();
    for message in &phone.messages {
        let (date, time) = local_time(message.at_ms);
        if date != last_date {
            let html = format!(r#"<li class="date" data-key="{date}"><span>{date}</span></li>"#);
            items.push((date.clone(), html));
            last_date = date;
        }
        items.push((message.id.clone(), bubble(phone, message, &time)));
    }
    items
}

fn bubble(phone: &Phone, message: &PhoneMessage, time: &str) -> String {
    let (side, who) = if message.from_customer {
        ("customer", phone.customer.name.as_str())
    } else {
        ("shop", phone.account.name())
    };
    let read = if message.from_customer && message.read {
        "已讀 "
    } else {
        ""
    };
    let caption = message
        .caption
        .as_deref()
        .map(|caption| format!(r#"<p class="bubble__text">{}</p>"#, escape(caption)))
        .unwrap_or_default();
    let content = content(phone, message);
    format!(
        r#"<li class="bubble bubble--{side}" data-key="{key}"><div class="bubble__body"><span class="hidden">{who}：</span>{content}{caption}</div><span class="bubble__meta num">{read}{time}</span></li>"#,
        key = escape(&message.id),
        who = escape(who),
    )
}

fn content(phone: &Phone, message: &PhoneMessage) -> String {
    let what = match &message.kind {
        PhoneMessageKind::Text(text) => {
            return format!(r#"<p class="bubble__text">{}</p>"#, escape(text));
        }
        PhoneMessageKind::Image { .. } => "圖片",
        PhoneMessageKind::Video { .. } => "影片",
        PhoneMessageKind::File { .. } => "檔案",
        PhoneMessageKind::Template(_) => "範本訊息",
    };
    if message.problem.is_some() {
        return format!(r#"<p class="bubble__broken">無法顯示的{what}</p>"#);
    }
    if message.pending {
        return format!(r#"<p class="bubble__broken">{what}載入中…</p>"#);
    }
    let path = phone_path(phone.account.id(), &phone.customer.id);
    let through = |url: &str, part: &str| {
        if url.starts_with("/phone/media/") {
            escape(url)
        } else {
            format!("{path}/{part}/{}", segment(&message.id))
        }
    };
    match &message.kind {
        PhoneMessageKind::Text(_) => String::new(),
        PhoneMessageKind::Image { preview, .. } => image(&through(preview, "previews")),
        PhoneMessageKind::Video { url, preview } => {
            let poster = preview.as_ref().map(|preview| through(preview, "previews"));
            video(&through(url, "originals"), poster.as_deref())
        }
        PhoneMessageKind::File { url, name } => file(&through(url, "originals"), name),
        PhoneMessageKind::Template(template) => {
            let media = |url: &str, card: Option<usize>| match card {
                Some(_) if url.starts_with("/phone/media/") => escape(url),
                Some(card) => format!("{path}/cards/{}/{card}", segment(&message.id)),
                None => through(url, "originals"),
            };
            super::template::html(template, &message.id, &media)
        }
    }
}

/// Addresses come here escaped; names do not.
pub(super) fn image(url: &str) -> String {
    format!(r#"<img class="bubble__image" src="{url}" alt="圖片">"#)
}

pub(super) fn video(url: &str, poster: Option<&str>) -> String {
    let poster = poster
        .map(|poster| format!(r#" poster="{poster}""#))
        .unwrap_or_default();
    format!(
        r#"<video class="bubble__image" src="{url}"{poster} controls preload="metadata" playsinline aria-label="影片"></video>"#
    )
}

pub(super) fn file(url: &str, name: &str) -> String {
    format!(
        r#"<a class="bubble__file" href="{url}" download="{name}"><span class="bubble__icon" aria-hidden="true">{extension}</span><span>{name}</span></a>"#,
        name = escape(name),
        extension = escape(&extension(name)),
    )
}

/// What a file card shows instead of a picture.
fn extension(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, extension)) if (1..=4).contains(&extension.chars().count()) => {
            extension.to_uppercase()
        }
        Some(_) | None => "FILE".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_person_writes_becomes_markup() {
        let escaped = escape(r#"<img src=x onerror="a('b')">&"#);
        assert_eq!(
            escaped,
            "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;"
        );
        assert_eq!(
            phone_path("site", "a/../<b>?#中"),
            "/phone/site/a%2F..%2F%3Cb%3E%3F%23%E4%B8%AD"
        );
    }

    #[test]
    fn a_file_card_shows_the_extension() {
        assert_eq!(extension("型錄.pdf"), "PDF");
        assert_eq!(extension("型錄"), "FILE");
        assert_eq!(extension("a.不像副檔名"), "FILE");
    }

    #[test]
    fn times_are_those_of_taiwan() {
        assert_eq!(
            local_time(0),
            ("1970年1月1日".to_owned(), "08:00".to_owned())
        );
    }
}
