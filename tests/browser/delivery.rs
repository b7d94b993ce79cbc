//! What is done with a broadcast once it is accepted: taken back, stopped, put off, retried; and what waits.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Call};
use omocast::app::App;
use omocast::live::LiveNews;
use omocast::route::{Mode, Route, Step, here, replace};
use omocast_contract::api::path;
use omocast_contract::{BroadcastKind, EventView};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{
    Mounted, click, dispatch, focused, forget_all, mount, name_of, set_value, settle, type_text,
    value_of, wait_for,
};

fn making(step: Step) -> Route {
    Route::Conversations {
        view: EventView::Mine,
        event: None,
        mode: Some(Mode::begin(BroadcastKind::Messages).at(step)),
    }
}

fn app(fake: &FakeTransport, route: Route) -> Mounted {
    replace(route);
    let transport = Arc::new(fake.clone());
    mount(move || view! { <App transport /> })
}

fn button(page: &Mounted, beginning: &str) -> Option<HtmlElement> {
    page.controls()
        .into_iter()
        .rev()
        .find(|control| control.tag_name() == "BUTTON" && name_of(control).starts_with(beginning))
}

async fn press(page: &Mounted, beginning: &str) {
    wait_for(|| button(page, beginning).is_some()).await;
    click(&button(page, beginning).unwrap()).await;
}

async fn says(page: &Mounted, words: &str) {
    for _ in 0..200 {
        if page.text().contains(words) {
            return;
        }
        settle().await;
    }
    panic!("nothing says {words:?}, but {:?}", page.text());
}

/// The check before sending, of a text to everybody but the first.
async fn checked(text: &str, is_later: bool) -> (Mounted, FakeTransport) {
    forget_all();
    let fake = FakeTransport::new(FakeOptions::default());
    let page = app(&fake, making(Step::Select));
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    click(&page.by_role("checkbox", "全選")).await;
    wait_for(|| button(&page, "發送給").is_some()).await;
    type_text(&page.by_label("第 1 則文字"), text).await;
    if is_later {
        press(&page, "排程").await;
        says(&page, "改時間或取消").await;
        choose_time(&page, 24).await;
    } else {
        press(&page, "發送給").await;
        says(&page, "可以復原").await;
    }
    (page, fake)
}

/// As [`checked`], of two messages.
async fn checked_two(text: &str) -> (Mounted, FakeTransport) {
    let (page, fake) = checked(text, false).await;
    click(&page.by_role("button", "返回")).await;
    press(&page, "文字").await;
    type_text(&page.by_label("第 2 則文字"), "第二則").await;
    press(&page, "發送給").await;
    says(&page, "可以復原").await;
    (page, fake)
}

/// The page of a broadcast that was just sent.
async fn sent(text: &str) -> (Mounted, FakeTransport) {
    let (page, fake) = checked(text, false).await;
    press(&page, "發送給").await;
    says(&page, "後發送").await;
    (page, fake)
}

/// What the team's clock shows, some hours from now; the same at every call, whatever the minute.
fn wall_time(hours: i64) -> String {
    thread_local! {
        static NOW: omocast_contract::Timestamp = omocast::i18n::now();
    }
    let at = NOW.with(|now| now.plus(hours * 3_600_000));
    Owner::new().with(|| untrack(|| omocast::i18n::wall_time(at)))
}

fn time_field(page: &Mounted) -> HtmlElement {
    page.by_label("開始時間（Asia/Taipei）")
}

async fn choose_time(page: &Mounted, hours: i64) {
    let field = time_field(page);
    set_value(&field, &wall_time(hours));
    dispatch(&field, "input");
    settle().await;
}

fn calls_to(fake: &FakeTransport, path_end: &str) -> Vec<Call> {
    let calls = fake.calls().into_iter();
    calls.filter(|call| call.path.ends_with(path_end)).collect()
}

async fn tick(page: &Mounted, fake: &FakeTransport, times: u32, words: &str) {
    for _ in 0..times {
        fake.tick();
    }
    says(page, words).await;
}

#[wasm_bindgen_test]
async fn what_is_held_is_taken_back_and_stands_in_the_composer_again() {
    let (page, fake) = sent("秋季新品").await;
    assert!(page.text().contains("將於 8 秒後發送"), "{}", page.text());
    click(&page.by_role("button", "復原")).await;
    says(&page, "已收回，沒有人收到").await;
    assert_eq!(here(), making(Step::Compose));
    wait_for(|| button(&page, "發送給").is_some()).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "秋季新品");
    // Those whom it was for are chosen again.
    says(&page, "已選取全部").await;
    assert_eq!(calls_to(&fake, "/control").len(), 1);
    // It is another broadcast when it is sent after all.
    press(&page, "發送給").await;
    says(&page, "可以復原").await;
    press(&page, "發送給").await;
    says(&page, "後發送").await;
    let sent = calls_to(&fake, path::BROADCASTS).into_iter();
    let keys: std::collections::BTreeSet<_> =
        sent.filter_map(|call| call.idempotency_key).collect();
    assert_eq!(keys.len(), 2);
}

#[wasm_bindgen_test]
async fn the_way_back_goes_along_when_the_page_is_left() {
    let (page, _fake) = sent("秋季新品").await;
    click(&page.by_role("button", "返回群發訊息報表")).await;
    says(&page, "群發訊息即將發送").await;
    click(&page.by_role("button", "復原")).await;
    wait_for(|| here() == making(Step::Compose)).await;
    wait_for(|| button(&page, "發送給").is_some()).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "秋季新品");
}

#[wasm_bindgen_test]
async fn whoever_writes_the_next_one_is_not_taken_from_it() {
    let (page, fake) = sent("秋季新品").await;
    replace(making(Step::Select));
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    let field = page.by_label("第 1 則文字");
    type_text(&field, "下一則").await;
    click(&page.by_role("button", "復原")).await;
    says(&page, "內容在草稿裡").await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "下一則");
    assert_eq!(calls_to(&fake, "/control").len(), 1);
}

#[wasm_bindgen_test]
async fn what_came_too_late_is_told_honestly() {
    let (page, fake) = sent("秋季新品").await;
    let undo = page.by_role("button", "復原");
    for _ in 0..3 {
        fake.tick();
    }
    // Pressed before the page could show that it has begun.
    undo.click();
    says(&page, "來不及全部收回：已交付 80 位，其餘 ").await;
    says(&page, "已停止：已交付 80 位").await;
}

#[wasm_bindgen_test]
async fn the_rest_is_stopped_after_a_question() {
    let (page, fake) = sent("秋季新品").await;
    tick(&page, &fake, 4, "發送中").await;
    let stop = button(&page, "停止其餘").unwrap();
    stop.focus().unwrap();
    click(&stop).await;
    says(&page, "已交付的無法收回").await;
    press(&page, "停止發送").await;
    says(&page, "已停止：已交付 120 位").await;
    // Those who were to get it still count, and why they did not is said of them.
    let text = page.text();
    assert!(
        text.contains("120 / 1,") && !text.contains("120 / 120"),
        "{text}"
    );
    assert!(text.contains("、因停止而未發送 "), "{text}");
    // The log says who did it.
    says(&page, "林佩珊停止：已交付 120 位").await;
    assert!(button(&page, "停止其餘").is_none() && page.by_css("dialog[open]").is_empty());
    assert_eq!(focused().tag_name(), "H1", "what had the focus is gone");
    // The reason stands with the others, and opens those whom it is about.
    let line = page
        .controls()
        .into_iter()
        .find(|line| name_of(line).starts_with("略過：已停止或取消發送，"))
        .unwrap();
    click(&line).await;
    says(&page, "略過").await;
    assert_eq!(
        focused().get_attribute("aria-selected").as_deref(),
        Some("true")
    );
    assert!(name_of(focused()).starts_with("略過"));
    // Only those, until the reason is taken off.
    let (stopped, late) = ("已停止或取消發送", "已逾 24 小時");
    let rows = || {
        let panels = page.by_css("[role=tabpanel]");
        panels[0].text_content().unwrap_or_default()
    };
    wait_for(|| rows().contains(stopped)).await;
    assert!(!rows().contains(late), "{}", rows());
    press(&page, "移除 已停止或取消發送").await;
    wait_for(|| rows().contains(late)).await;
    assert_eq!(
        focused().get_attribute("aria-selected").as_deref(),
        Some("true")
    );
}

#[wasm_bindgen_test]
async fn what_failed_is_retried_once_and_leads_to_the_retry() {
    let (page, fake) = sent("fail-some").await;
    let first = here();
    tick(&page, &fake, 60, "已完成").await;
    says(&page, "可重試 ").await;
    press(&page, "重試 ").await;
    says(&page, "另成一則群發訊息").await;
    // A network that breaks off does not make two of it.
    let Route::Broadcast(id) = first else {
        panic!("{first:?}")
    };
    let offline = ApiError::Offline("no network".to_owned());
    fake.fail_next(&path::broadcast_retry(id), offline);
    press(&page, "重試 ").await;
    says(&page, "無法連線").await;
    press(&page, "重試 ").await;
    wait_for(|| here() != first).await;
    says(&page, "後發送").await;
    let keys: std::collections::BTreeSet<_> = calls_to(&fake, "/retry")
        .into_iter()
        .filter_map(|call| call.idempotency_key)
        .collect();
    assert_eq!(keys.len(), 1);
    // And back to the first, which can't be retried again.
    let link = page.by_role("link", "這是重試，查看原本的群發訊息");
    assert_eq!(link.get_attribute("href"), Some(first.href()));
    let again = here();
    replace(first);
    says(&page, "已完成").await;
    assert!(button(&page, "重試 ").is_none());
    // It says what the retry reached, and goes on saying so.
    says(&page, "位：排隊中 ").await;
    let open = page.by_role("link", "查看重試");
    assert_eq!(open.get_attribute("href"), Some(again.href()));
    open.focus().unwrap();
    tick(&page, &fake, 30, "位：已送出 ").await;
    assert_eq!(name_of(focused()), "查看重試");
    let retries = page.by_css("a").into_iter();
    let retries = retries.filter(|link| name_of(link).starts_with("重試 "));
    assert_eq!(retries.count(), 1);
}

#[wasm_bindgen_test]
async fn who_got_a_part_is_told_from_who_got_nothing() {
    let (page, fake) = checked_two("fail-some").await;
    press(&page, "發送給").await;
    says(&page, "後發送").await;
    tick(&page, &fake, 60, "已完成").await;
    says(&page, "位只收到一部分").await;
    says(&page, "位沒有收到").await;
    let part = page
        .controls()
        .into_iter()
        .find(|line| name_of(line).contains("收到 1／2 則"))
        .unwrap();
    assert!(
        name_of(&part).starts_with("傳送失敗："),
        "{}",
        name_of(&part)
    );
    // The list that it opens is of them alone, as many as it says.
    let number = part.query_selector(".outcome-list__number").unwrap();
    let number = number.and_then(|number| number.text_content());
    click(&part).await;
    wait_for(|| {
        let buttons = page.by_css("tbody button").into_iter();
        let names: Vec<_> = buttons.map(name_of).collect();
        Some(names.len().to_string()) == number
            && names
                .iter()
                .all(|name| name.starts_with("傳送失敗 · 收到 1／2 則"))
    })
    .await;
    let taken_off = button(&page, "移除 ").unwrap();
    assert!(name_of(&taken_off).ends_with("、收到 1／2 則"));
}

#[wasm_bindgen_test]
async fn a_recipient_leads_to_their_conversation() {
    let (page, _fake) = sent("秋季新品").await;
    wait_for(|| !page.by_css("tbody a").is_empty()).await;
    let link = page.by_css("tbody a").remove(0);
    let href = link.get_attribute("href").unwrap();
    assert!(matches!(
        Route::of_href(&href),
        Route::Conversations { event: Some(_), .. }
    ));
    let name = name_of(&link);
    replace(Route::of_href(&href));
    wait_for(|| {
        let headings = page.by_css("h1, h2, h3").into_iter();
        headings.map(name_of).any(|heading| heading == name)
    })
    .await;
}

#[wasm_bindgen_test]
async fn an_account_that_stopped_is_told_and_tried_again() {
    let (page, fake) = sent("fail-pause").await;
    tick(
        &page,
        &fake,
        60,
        "LINE「ATELIER 信義門市」已暫停：帳號本月額度已用完；",
    )
    .await;
    assert!(page.text().contains("發送中"));
    // What the platform says in its own words is there for support, and not the first to be read.
    assert!(!page.text().contains("monthly limit"), "{}", page.text());
    let code = page.by_text("代碼 429");
    let whole = code.get_attribute("title").unwrap();
    assert_eq!(whole, "429 You have reached your monthly limit.");
    // What only waits takes no seconds.
    says(&page, "位等待再試（").await;
    assert!(!page.text().contains("約剩"), "{}", page.text());
    // So does the list, without being opened.
    let broadcast = here();
    let first = || {
        let first = page.by_css("tbody tr").into_iter().next();
        first.and_then(|row| row.text_content()).unwrap_or_default()
    };
    click(&page.by_role("button", "返回群發訊息報表")).await;
    let words = "位等待「ATELIER 信義門市」：帳號本月額度已用完";
    wait_for(|| first().contains(words)).await;
    replace(broadcast);
    wait_for(|| page.find_by_role("button", "再試一次").is_some()).await;
    let again = page.by_role("button", "再試一次");
    again.focus().unwrap();
    click(&again).await;
    says(&page, "正在請平台再試一次，恢復後會自動繼續。").await;
    assert!(page.find_by_role("button", "再試一次").is_none());
    assert_eq!(focused().tag_name(), "H1", "what had the focus is gone");
    says(&page, "已完成").await;
}

/// Lets it be sent on until a figure says something else, and what is asked for again is there.
async fn go_on(page: &Mounted, fake: &FakeTransport) {
    let asked = || calls_to(fake, "/recipients").len();
    let before = (page.text(), asked());
    for _ in 0..12 {
        fake.tick();
    }
    wait_for(|| page.text() != before.0).await;
    wait_for_long(|| asked() > before.1).await;
    settle().await;
}

/// As [`wait_for`], for what the page does at its own pace.
async fn wait_for_long(mut is_so: impl FnMut() -> bool) {
    for _ in 0..4 {
        for _ in 0..300 {
            if is_so() {
                return;
            }
            settle().await;
        }
    }
    panic!("it never became so");
}

#[wasm_bindgen_test]
async fn the_focus_stays_where_it_is_while_it_is_being_sent() {
    let (page, fake) = checked_two("fail-some").await;
    press(&page, "發送給").await;
    says(&page, "後發送").await;
    tick(&page, &fake, 8, "傳送失敗").await;
    go_on(&page, &fake).await;
    let line = page
        .controls()
        .into_iter()
        .find(|line| name_of(line).starts_with("傳送失敗："))
        .unwrap();
    line.focus().unwrap();
    go_on(&page, &fake).await;
    assert!(focused() == line, "{}", name_of(focused()));
    // So does a row whose status moves on.
    let row = page.by_css("tbody button").remove(0);
    row.focus().unwrap();
    go_on(&page, &fake).await;
    assert!(focused() == row, "{}", name_of(focused()));
}

#[wasm_bindgen_test]
async fn what_is_scheduled_is_put_off_again_and_cancelled() {
    let (page, _fake) = checked("週年慶", true).await;
    press(&page, "排程發送給").await;
    says(&page, "排定 ").await;
    press(&page, "改時間").await;
    says(&page, "更改發送時間").await;
    // From the time that it has.
    assert_eq!(value_of(&time_field(&page)), wall_time(24));
    choose_time(&page, -1).await;
    press(&page, "改時間").await;
    says(&page, "請選擇至少一分鐘後的時間。").await;
    choose_time(&page, 72).await;
    press(&page, "改時間").await;
    says(&page, "已改時間").await;
    press(&page, "取消排程").await;
    says(&page, "內容會存回草稿").await;
    press(&page, "取消排程").await;
    says(&page, "已在開始前取消，沒有人收到。").await;
    assert!(button(&page, "立即發送").is_none());
    // What it said is one press away, and so are those whom it was for.
    click(&page.by_role("button", "開啟草稿")).await;
    wait_for(|| here() == making(Step::Compose)).await;
    wait_for(|| button(&page, "發送給").is_some()).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "週年慶");
    says(&page, "已選取全部").await;
}

#[wasm_bindgen_test]
async fn what_could_not_begin_waits_for_its_sender() {
    let (page, fake) = checked("fail-overdue", true).await;
    press(&page, "排程發送給").await;
    says(&page, "已排程").await;
    tick(&page, &fake, 1, "逾時未發送").await;
    says(&page, "請決定現在發送、改時間或取消。").await;
    press(&page, "立即發送").await;
    says(&page, "現在就開始發送").await;
    press(&page, "立即發送").await;
    says(&page, "發送中").await;
}

#[wasm_bindgen_test]
async fn a_colleague_may_stop_it_but_not_send_it_again() {
    forget_all();
    let fake = FakeTransport::new(FakeOptions {
        role: omocast_contract::Role::SalesManager,
        ..FakeOptions::default()
    });
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| !page.by_css("tbody a").is_empty()).await;
    let rows = page.by_css("tbody tr").into_iter();
    let theirs = rows
        .filter(|row| row.text_content().unwrap().contains("周建宏"))
        .find_map(|row| row.query_selector("a").unwrap())
        .unwrap();
    replace(Route::of_href(&theirs.get_attribute("href").unwrap()));
    says(&page, "紀錄").await;
    assert!(button(&page, "重試 ").is_none());
}

#[wasm_bindgen_test]
async fn what_happened_before_the_stream_was_there_is_loaded_once_it_is() {
    forget_all();
    let fake = FakeTransport::new(FakeOptions {
        is_connected: false,
        ..FakeOptions::default()
    });
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| !page.by_css("tbody tr").is_empty()).await;
    let asked = || calls_to(&fake, path::BROADCASTS).len();
    assert_eq!(asked(), 1);
    fake.tell(LiveNews::Connected);
    wait_for(|| asked() == 2).await;
    // What is connected at once has missed nothing.
    fake.tell(LiveNews::Connected);
    settle().await;
    assert_eq!(asked(), 2);
}

#[wasm_bindgen_test]
async fn a_lost_stream_is_opened_again_when_one_asks_for_it() {
    forget_all();
    let fake = FakeTransport::new(FakeOptions::default());
    let page = app(&fake, Route::Broadcasts);
    wait_for(|| !page.by_css("tbody tr").is_empty()).await;
    let asked = || calls_to(&fake, path::BROADCASTS).len();
    fake.tell(LiveNews::Lost);
    says(&page, "連線中斷").await;
    let before = asked();
    click(&page.by_role("button", "重新連線")).await;
    wait_for(|| !page.text().contains("連線中斷")).await;
    assert_eq!(asked(), before + 1);
}
