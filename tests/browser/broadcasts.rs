//! Writing, sending and following a broadcast, over the in-memory server.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Method};
use omocast::app::App;
use omocast::components::error_text::problem_text;
use omocast::components::reason_text::reason_text;
use omocast::i18n::Locale;
use omocast::live::LiveNews;
use omocast::route::{Mode, Route, replace, use_route};
use omocast_contract::api::path;
use omocast_contract::live::LiveEvent;
use omocast_contract::{BroadcastKind, EventView, Problem, ProblemCode, Reason, Role};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{
    Mounted, click, dispatch, focused, forget_all, mount, name_of, press_with, set_value, settle,
    speak, type_text, value_of, wait_for,
};

const SELECTION: Route = Route::Conversations {
    view: EventView::Mine,
    event: None,
    mode: Some(Mode::begin(BroadcastKind::Messages)),
};

fn app(fake: &FakeTransport, route: Route) -> Mounted {
    replace(route);
    let transport = Arc::new(fake.clone());
    mount(move || view! { <App transport /> })
}

/// The composer with everybody chosen, and no draft of another test.
async fn composer() -> (Mounted, FakeTransport) {
    forget_all();
    let fake = FakeTransport::new(FakeOptions::default());
    let page = app(&fake, SELECTION);
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    click(&page.by_role("checkbox", "全選")).await;
    wait_for(|| button_like(&page, "發送給").is_some()).await;
    (page, fake)
}

/// The last shown button whose name begins like this: the one of the dialog where there is one.
fn button_like(page: &Mounted, beginning: &str) -> Option<HtmlElement> {
    page.controls()
        .into_iter()
        .rev()
        .find(|control| control.tag_name() == "BUTTON" && name_of(control).starts_with(beginning))
}

/// Why a button can't be pressed.
fn reason_of(button: &HtmlElement) -> String {
    let id = button.get_attribute("aria-describedby").unwrap_or_default();
    document()
        .get_element_by_id(&id)
        .and_then(|reason| reason.text_content())
        .unwrap_or_default()
}

/// The keys under which broadcasts were sent.
fn keys(fake: &FakeTransport) -> Vec<String> {
    fake.calls()
        .into_iter()
        .filter(|call| call.method == Method::Post && call.path == path::BROADCASTS)
        .filter_map(|call| call.idempotency_key)
        .collect()
}

fn here() -> Route {
    Owner::new().with(|| use_route().get_untracked())
}

/// Opens the check before sending, and waits for what it finds.
async fn check(page: &Mounted) {
    click(&button_like(page, "發送給").unwrap()).await;
    wait_for(|| page.text().contains("可以復原")).await;
}

async fn confirm(page: &Mounted) {
    check(page).await;
    click(&button_like(page, "發送給").unwrap()).await;
}

#[wasm_bindgen_test]
async fn a_sixth_message_is_impossible_and_says_why() {
    let (page, _fake) = composer().await;
    let add = page.by_role("button", "文字");
    for _ in 0..4 {
        click(&add).await;
    }
    assert!(page.find_by_text("5 / 5").is_some());
    assert_eq!(reason_of(&add), "一次最多 5 則訊息");
    click(&add).await;
    assert_eq!(page.by_css("textarea").len(), 5);
}

#[wasm_bindgen_test]
async fn the_counter_follows_the_strictest_channel_and_names_it_when_it_refuses() {
    let (page, _fake) = composer().await;
    let field = page.by_label("第 1 則文字");
    type_text(&field, "秋季新品").await;
    assert!(page.text().contains("4 / 4,096"), "{}", page.text());
    // After the four that are there.
    type_text(&field, &"好".repeat(4_093)).await;
    assert!(page.text().contains("4,097 / 4,096"));
    assert!(page.find_by_text("文字太長，WhatsApp 不接受").is_some());
    let send = button_like(&page, "發送給").unwrap();
    assert_eq!(
        reason_of(&send),
        "請先修正第 1 則：文字太長，WhatsApp 不接受"
    );
}

#[wasm_bindgen_test]
async fn the_keyboard_moves_a_message_and_the_focus_goes_with_it() {
    let (page, _fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    click(&page.by_role("button", "文字")).await;
    let second = page.by_label("第 2 則文字");
    type_text(&second, "乙").await;
    second.focus().unwrap();
    press_with("ArrowUp", |key| key.set_alt_key(true));
    settle().await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "乙");
    assert_eq!(value_of(&focused()), "乙");
    press_with("ArrowDown", |key| key.set_alt_key(true));
    settle().await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "甲");
    assert_eq!(value_of(&focused()), "乙");
}

#[wasm_bindgen_test]
async fn a_removed_message_comes_back_by_undo() {
    let (page, _fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    click(&page.by_role("button", "移除第 1 則")).await;
    assert!(page.by_css("textarea").is_empty());
    click(&page.by_role("button", "復原")).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "甲");
}

/// The lines of the check: what each is about, and how many it is.
fn groups(page: &Mounted) -> Vec<(String, u64)> {
    page.by_css("dialog[open] button[aria-expanded]")
        .iter()
        .map(|line| (line.text_content().unwrap(), number_of(line)))
        .collect()
}

/// How many customers a line of the check counts.
fn number_of(line: &HtmlElement) -> u64 {
    let strong = line.query_selector("strong").unwrap().unwrap();
    let words = strong.text_content().unwrap();
    words.replace(',', "").parse().unwrap()
}

/// The customers of a group that is open.
fn customers(page: &Mounted, group: &str) -> Vec<HtmlElement> {
    page.by_css(&format!("dialog[open] ul[aria-label='{group}'] li"))
}

fn is_open(line: &HtmlElement) -> bool {
    line.get_attribute("aria-expanded").as_deref() == Some("true")
}

/// How often the customers of a group were asked for.
fn asked_for_customers(fake: &FakeTransport) -> usize {
    let calls = fake.calls();
    let asked = calls
        .iter()
        .filter(|call| call.path == path::BROADCAST_PREFLIGHT_CUSTOMERS);
    asked.count()
}

#[wasm_bindgen_test]
async fn the_check_says_who_will_get_it_and_who_not_and_why() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    click(&page.by_role("button", "文字")).await;
    type_text(&page.by_label("第 2 則文字"), "乙").await;
    check(&page).await;
    let groups = groups(&page);
    let total: u64 = groups.iter().map(|(_, customers)| customers).sum();
    assert_eq!(total, 1_204, "{groups:?}");
    let (reached, customers) = &groups[0];
    assert!(
        reached.starts_with("將會收到LINE ") && reached.contains(" · WhatsApp "),
        "{reached}"
    );
    let why: Vec<&str> = groups[1..]
        .iter()
        .map(|(words, _)| words.as_str())
        .collect();
    assert!(
        why.iter()
            .any(|words| words.starts_with("已逾 24 小時WhatsApp "))
    );
    assert!(
        why.iter()
            .any(|words| words.starts_with("顧客已封鎖官方帳號LINE "))
    );
    let text = page.text();
    assert!(text.contains("2 則訊息，約 "), "{text}");
    assert!(
        text.contains("「ATELIER 信義門市」本月 LINE 額度"),
        "{text}"
    );
    let title = format!("發送給 {} 位顧客？", omocast::i18n::number(*customers));
    page.by_role("dialog", &title);
    // Nothing is sent by asking.
    assert!(keys(&fake).is_empty());
}

#[wasm_bindgen_test]
async fn a_group_of_the_check_opens_on_its_customers_page_by_page() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    check(&page).await;
    let line = button_like(&page, "將會收到").unwrap();
    assert!(!is_open(&line));
    click(&line).await;
    assert!(is_open(&line));
    let reached = || customers(&page, "將會收到");
    wait_for(|| reached().len() == 50).await;
    let first = reached().remove(0);
    let link = first.query_selector("a").unwrap().unwrap();
    let href = link.get_attribute("href").unwrap();
    assert!(href.starts_with("/conversations/mine/"), "{href}");
    assert_eq!(link.get_attribute("target").as_deref(), Some("_blank"));

    // By the keyboard to the last page, with which the button goes.
    let mut pages = 1;
    while let Some(more) = page.find_by_role("button", "顯示更多") {
        more.focus().unwrap();
        click(&more).await;
        pages += 1;
        wait_for(|| reached().len() > (pages - 1) * 50).await;
    }
    assert_eq!(reached().len() as u64, number_of(&line));
    assert!(reached()[0].is_same_node(Some(&first)));
    let dialog = page.by_css("dialog[open]").remove(0);
    wait_for(|| dialog.contains(Some(&focused()))).await;

    // Opened again it shows what is loaded; another group is opened beside it.
    click(&line).await;
    assert!(!is_open(&line) && reached().is_empty());
    click(&line).await;
    assert_eq!(reached().len() as u64, number_of(&line));
    assert_eq!(asked_for_customers(&fake), pages);
    let blocked = button_like(&page, "顧客已封鎖官方帳號").unwrap();
    click(&blocked).await;
    let listed = || customers(&page, "顧客已封鎖官方帳號").len() as u64;
    wait_for(|| listed() == number_of(&blocked)).await;
    assert!(is_open(&line) && listed() > 0);
    // Nothing is sent by asking.
    assert!(keys(&fake).is_empty());
}

#[wasm_bindgen_test]
async fn customers_of_a_group_who_could_not_be_listed_are_asked_for_again() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    check(&page).await;
    let offline = ApiError::Offline("no network".to_owned());
    fake.fail_next(path::BROADCAST_PREFLIGHT_CUSTOMERS, offline);
    click(&button_like(&page, "將會收到").unwrap()).await;
    wait_for(|| page.find_by_role("button", "重試").is_some()).await;
    page.by_text("無法連線，請檢查網路後重試。");
    // It bars nobody from sending.
    assert_eq!(reason_of(&button_like(&page, "發送給").unwrap()), "");
    let retry = page.by_role("button", "重試");
    retry.focus().unwrap();
    click(&retry).await;
    wait_for(|| customers(&page, "將會收到").len() == 50).await;
    assert!(page.find_by_text("無法連線，請檢查網路後重試。").is_none());
    let dialog = page.by_css("dialog[open]").remove(0);
    wait_for(|| dialog.contains(Some(&focused()))).await;
}

#[wasm_bindgen_test]
async fn who_was_left_out_in_the_check_is_in_none_of_its_lists() {
    let (page, _fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    check(&page).await;
    let on_line = || {
        let badges = page.by_css("dialog[open] li [role='img'][aria-label='LINE']");
        badges.len()
    };
    click(&button_like(&page, "將會收到").unwrap()).await;
    wait_for(|| on_line() > 0).await;
    click(&button_like(&page, "移除 LINE ").unwrap()).await;
    wait_for(|| !groups(&page)[0].0.contains("LINE ")).await;
    let line = button_like(&page, "將會收到").unwrap();
    assert!(!is_open(&line) && on_line() == 0);
    click(&line).await;
    wait_for(|| customers(&page, "將會收到").len() == 50).await;
    assert_eq!(on_line(), 0);
}

#[wasm_bindgen_test]
async fn who_is_barred_by_the_window_alone_is_taken_to_a_template_from_the_check() {
    let (page, _fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    check(&page).await;
    click(&button_like(&page, "改用範本").unwrap()).await;
    wait_for(|| matches!(here(), Route::Conversations { mode: Some(mode), .. } if mode.kind == BroadcastKind::Template)).await;
    assert!(page.by_css("dialog[open]").is_empty());
}

#[wasm_bindgen_test]
async fn what_the_account_lacks_bars_sending_until_its_customers_are_left_out() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "fail-quota").await;
    click(&button_like(&page, "發送給").unwrap()).await;
    wait_for(|| page.text().contains("還差 ")).await;
    let send = button_like(&page, "發送給").unwrap();
    assert_eq!(reason_of(&send), "「ATELIER 信義門市」本月額度不足");
    click(&send).await;
    assert!(keys(&fake).is_empty());
    click(&page.by_role("button", "不發送給 LINE 顧客")).await;
    wait_for(|| !page.text().contains("還差 ")).await;
    assert!(groups(&page)[0].0.starts_with("將會收到WhatsApp "));
    // What had the focus is gone, and the focus is still in the dialog.
    let dialog = page.by_css("dialog[open]").remove(0);
    wait_for(|| dialog.contains(Some(&focused()))).await;
    // The way back is in the dialog, too.
    click(&page.by_role("button", "復原")).await;
    wait_for(|| page.text().contains("還差 ")).await;
}

#[wasm_bindgen_test]
async fn what_could_not_be_checked_can_be_checked_again() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    let offline = ApiError::Offline("no network".to_owned());
    fake.fail_next(path::BROADCAST_PREFLIGHT, offline);
    click(&button_like(&page, "發送給").unwrap()).await;
    wait_for(|| page.find_by_role("button", "重試").is_some()).await;
    let send = button_like(&page, "發送").unwrap();
    assert_eq!(reason_of(&send), "無法連線，請檢查網路後重試。");
    click(&page.by_role("button", "重試")).await;
    wait_for(|| page.text().contains("可以復原")).await;
}

/// What the team's clock shows, some hours from now.
fn wall_time(hours: i64) -> String {
    let at = omocast::i18n::now().plus(hours * 3_600_000);
    Owner::new().with(|| untrack(|| omocast::i18n::wall_time(at)))
}

async fn choose_time(page: &Mounted, time: &str) {
    let field = page.by_label("開始時間（Asia/Taipei）");
    set_value(&field, time);
    dispatch(&field, "input");
    settle().await;
}

#[wasm_bindgen_test]
async fn a_broadcast_is_put_off_to_a_time_and_a_wrong_one_is_told_at_its_field() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    click(&page.by_role("button", "排程")).await;
    wait_for(|| button_like(&page, "排程發送給").is_some()).await;
    let send = || button_like(&page, "排程發送給").unwrap();
    assert_eq!(reason_of(&send()), "請選擇開始時間");
    choose_time(&page, &wall_time(-1)).await;
    click(&send()).await;
    wait_for(|| page.find_by_text("請選擇至少一分鐘後的時間。").is_some()).await;
    let later = wall_time(48);
    choose_time(&page, &later).await;
    assert!(page.find_by_text("請選擇至少一分鐘後的時間。").is_none());
    click(&send()).await;
    wait_for(|| page.text().contains("已排程")).await;
    assert!(page.text().contains("（Asia/Taipei）"), "{}", page.text());
    let sent = fake.calls();
    let sent = sent
        .iter()
        .rfind(|call| call.path == path::BROADCASTS)
        .unwrap();
    assert!(
        sent.body
            .as_ref()
            .unwrap()
            .contains(&format!("\"send_at\":\"{later}\""))
    );
    // The list tells when.
    replace(Route::Broadcasts);
    let first = || {
        let first = page.by_css("tbody tr").into_iter().next();
        first.and_then(|row| row.text_content()).unwrap_or_default()
    };
    wait_for(|| first().contains("已排程") && first().contains(" 開始")).await;
}

#[wasm_bindgen_test]
async fn a_failed_send_keeps_everything_and_is_repeated_under_the_same_key() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    fake.fail_next(path::BROADCASTS, ApiError::Offline("no network".to_owned()));
    confirm(&page).await;
    wait_for(|| page.find_by_text("無法連線，請檢查網路後重試。").is_some()).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "甲");
    click(&button_like(&page, "發送給").unwrap()).await;
    wait_for(|| matches!(here(), Route::Broadcast(_))).await;
    let keys = keys(&fake);
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
}

#[wasm_bindgen_test]
async fn the_server_s_refusal_of_a_message_stands_at_that_message() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    let problem = Problem::new(ProblemCode::TextTooLong).at("messages[0]");
    fake.fail_next(path::BROADCASTS, ApiError::Problem(problem));
    confirm(&page).await;
    wait_for(|| page.find_by_text("文字太長。").is_some()).await;
    assert!(page.by_css("dialog[open]").is_empty());
    let field = page.by_label("第 1 則文字");
    assert_eq!(field.get_attribute("aria-invalid").as_deref(), Some("true"));
    type_text(&field, "甲乙").await;
    assert_eq!(field.get_attribute("aria-invalid"), None);
}

#[wasm_bindgen_test]
async fn a_reload_loses_neither_the_messages_nor_the_key() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    fake.fail_next(path::BROADCASTS, ApiError::Offline("no network".to_owned()));
    confirm(&page).await;
    settle().await;
    drop(page);
    let page = app(&fake, SELECTION);
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "甲");
    // So are the ticks.
    wait_for(|| button_like(&page, "發送給").is_some()).await;
    confirm(&page).await;
    wait_for(|| matches!(here(), Route::Broadcast(_))).await;
    let keys = keys(&fake);
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    drop(page);
    let page = app(&fake, SELECTION);
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    wait_for(|| page.find_by_text("尚未選取").is_some()).await;
}

#[wasm_bindgen_test]
async fn the_page_of_a_broadcast_follows_it_as_it_is_sent() {
    let (page, fake) = composer().await;
    type_text(&page.by_label("第 1 則文字"), "甲").await;
    confirm(&page).await;
    wait_for(|| page.text().contains("位顧客已交付")).await;
    assert!(page.text().contains("即將發送") && page.text().contains("0 / 1,"));
    fake.tick();
    wait_for(|| page.text().contains("發送中")).await;
    assert!(page.text().contains("0 / 1,"), "{}", page.text());
    fake.tick();
    settle().await;
    assert!(page.text().contains("40 / 1,"), "{}", page.text());
    for _ in 0..60 {
        fake.tick();
    }
    settle().await;
    assert!(page.text().contains("已完成"));
    let skipped = page
        .controls()
        .into_iter()
        .find(|tab| {
            tab.get_attribute("role").as_deref() == Some("tab") && name_of(tab).starts_with("略過")
        })
        .unwrap();
    click(&skipped).await;
    wait_for(|| page.text().contains("已逾 24 小時")).await;
}

/// The tabs over the recipients, with their counts.
fn tabs(page: &Mounted) -> Vec<(HtmlElement, String, u64)> {
    page.by_css("[role=tab]")
        .into_iter()
        .filter_map(|tab| {
            let words = name_of(&tab).replace(',', "");
            let at = words.find(|c: char| c.is_ascii_digit())?;
            let count = words[at..].parse().ok()?;
            Some((tab, words[..at].trim().to_owned(), count))
        })
        .collect()
}

#[wasm_bindgen_test]
async fn a_figure_counts_those_that_its_tab_lists() {
    let fake = FakeTransport::new(FakeOptions::default());
    for _ in 0..60 {
        fake.tick();
    }
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| !page.by_css("tbody a").is_empty()).await;
    let href = page.by_css("tbody a")[0].get_attribute("href").unwrap();
    replace(Route::of_href(&href));
    wait_for(|| !page.by_css("dl dd").is_empty()).await;
    let figures: Vec<(String, u64)> = page
        .by_css("dl > div")
        .iter()
        .map(|figure| {
            let part = |selector| figure.query_selector(selector).unwrap().unwrap();
            let count = part("dd").text_content().unwrap().replace(',', "");
            (part("dt").text_content().unwrap(), count.parse().unwrap())
        })
        .collect();
    let listed: Vec<(String, u64)> = tabs(&page)
        .into_iter()
        .skip(1)
        .map(|(_, name, count)| (name, count))
        .collect();
    assert_eq!(figures, listed);
    let of = |wanted: &str| figures.iter().find(|(name, _)| name == wanted).unwrap().1;
    let (sent, delivered, read) = (of("已送出"), of("已送達"), of("已讀"));
    assert!(
        sent >= delivered && delivered >= read && read > 0,
        "{figures:?}"
    );
    let parts: u64 = figures
        .iter()
        .filter(|(name, _)| name != "已送達" && name != "已讀")
        .map(|(_, count)| count)
        .sum();
    let all = tabs(&page).remove(0).2;
    assert_eq!(parts, all, "{figures:?}");
    assert!(
        page.text()
            .contains(&format!("共 {} 位顧客", omocast::i18n::number(all)))
    );

    // Who has read it has got it, too.
    let (tab, ..) = tabs(&page)
        .into_iter()
        .find(|(_, name, _)| name == "已送達")
        .unwrap();
    click(&tab).await;
    wait_for(|| !page.by_css("tbody tr").is_empty()).await;
    let listed = || page.by_css("tbody tr").len() as u64;
    while let Some(more) = page.find_by_role("button", "載入更多") {
        let before = listed();
        click(&more).await;
        wait_for(|| listed() > before).await;
    }
    assert_eq!(listed(), delivered);
}

#[wasm_bindgen_test]
async fn what_was_missed_is_asked_for_again() {
    let fake = FakeTransport::new(FakeOptions::default());
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| !page.by_css("tbody tr").is_empty()).await;
    let asked = || {
        fake.calls()
            .iter()
            .filter(|call| call.path == path::BROADCASTS)
            .count()
    };
    let before = asked();
    fake.tell(LiveNews::Event(LiveEvent::Missed));
    wait_for(|| asked() > before).await;
}

#[wasm_bindgen_test]
async fn the_report_goes_on_where_it_ended() {
    let fake = FakeTransport::new(FakeOptions::default());
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| page.by_css("tbody tr").len() == 20).await;
    click(&page.by_role("button", "載入更多")).await;
    wait_for(|| page.by_css("tbody tr").len() > 20).await;
    assert!(page.find_by_role("button", "載入更多").is_none());
    let links: std::collections::BTreeSet<_> = page
        .by_css("tbody a")
        .iter()
        .filter_map(|link| link.get_attribute("href"))
        .collect();
    assert_eq!(links.len(), page.by_css("tbody tr").len());
}

#[wasm_bindgen_test]
async fn who_may_not_see_the_report_is_told_so() {
    let options = FakeOptions {
        role: Role::Supervisor,
        ..FakeOptions::default()
    };
    let page = app(&FakeTransport::new(options), Route::Broadcasts);
    wait_for(|| page.find_by_text("您的角色無法查看這個頁面。").is_some()).await;
}

#[wasm_bindgen_test]
fn every_reason_and_every_problem_has_words_of_its_own_in_every_language() {
    for locale in Locale::ALL {
        speak(locale);
        Owner::new().with(|| {
            untrack(|| {
                let reasons: std::collections::BTreeSet<_> =
                    Reason::ALL.into_iter().map(reason_text).collect();
                assert_eq!(reasons.len(), Reason::ALL.len(), "{locale:?}: {reasons:?}");
                for &code in ProblemCode::ALL {
                    let words = problem_text(code);
                    // A text that is missing is shown by its key.
                    assert!(
                        !words.is_empty() && !words.starts_with("problem."),
                        "{locale:?} {code:?}: {words}"
                    );
                }
            });
        });
    }
}
