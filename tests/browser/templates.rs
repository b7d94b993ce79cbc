//! 群發訊息範本 over the in-memory server: whom a template goes to, which one, what is written into it, and what is refused.

use std::sync::Arc;

use js_sys::{Array, Function};
use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Call};
use omocast::app::App;
use omocast::route::{Mode, Route, Step, replace, use_route};
use omocast_contract::api::path;
use omocast_contract::{
    BoundView, BroadcastKind, BroadcastRequest, Channel, Content, EventView, Problem, ProblemCode,
    Source,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{File, HtmlElement};

use crate::support::{
    Mounted, click, dispatch, focused, forget_all, mount, name_of, set_value, settle, type_text,
    value_of, wait_for,
};

const fn selection(kind: BroadcastKind) -> Route {
    Route::Conversations {
        view: EventView::Mine,
        event: None,
        mode: Some(Mode::begin(kind)),
    }
}

/// A list with rows, and a pane with no room for the preview beside the fields.
fn style() -> impl IntoView {
    let rules = concat!(
        include_str!("../../style/windowed_list.css"),
        ".windowed-list { height: 660px; flex: none; contain: none; }",
        ".compose-pane__grid { width: 390px; }",
    );
    view! { <style>{rules}</style> }
}

/// The page as a new tab finds it.
async fn open(options: FakeOptions, kind: BroadcastKind) -> (Mounted, FakeTransport) {
    forget_all();
    reload(FakeTransport::new(options), kind).await
}

/// The page in a tab that showed it before.
async fn reload(fake: FakeTransport, kind: BroadcastKind) -> (Mounted, FakeTransport) {
    replace(selection(kind));
    let transport = Arc::new(fake.clone());
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| row(&page, "林志明").is_some()).await;
    (page, fake)
}

async fn templates() -> (Mounted, FakeTransport) {
    open(FakeOptions::default(), BroadcastKind::Template).await
}

fn row(page: &Mounted, name: &str) -> Option<HtmlElement> {
    page.by_css("[role=row]:not([hidden])")
        .into_iter()
        .find(|row| row.text_content().unwrap_or_default().contains(name))
}

async fn tick(page: &Mounted, name: &str) {
    click(&row(page, name).unwrap()).await;
}

async fn says(page: &Mounted, words: &str) {
    for _ in 0..600 {
        if page.text().contains(words) {
            return;
        }
        settle().await;
    }
    panic!("nothing says {words:?}, but {:?}", page.text());
}

fn buttons(page: &Mounted, beginning: &str) -> Vec<HtmlElement> {
    let controls = page.controls().into_iter();
    controls
        .filter(|control| control.tag_name() == "BUTTON" && name_of(control).starts_with(beginning))
        .collect()
}

/// The template of this name, once 林志明 is chosen.
async fn choose(page: &Mounted, template: &str) {
    tick(page, "林志明").await;
    wait_for(|| !buttons(page, template).is_empty()).await;
    click(&buttons(page, template)[0]).await;
}

async fn write(page: &Mounted, label: &str, words: &str) {
    let field = page.by_label(label);
    set_value(&field, "");
    dispatch(&field, "input");
    type_text(&field, words).await;
    dispatch(&field, "focusout");
    settle().await;
}

/// What is wrong with a field, as it is told to those who listen.
fn error_of(field: &HtmlElement) -> Option<String> {
    let ids = field.get_attribute("aria-describedby")?;
    field.get_attribute("aria-invalid")?;
    let first = ids.split_whitespace().next()?;
    document().get_element_by_id(first)?.text_content()
}

async fn fill_in(page: &Mounted) {
    write(page, "標頭 {{order_id}}", "A-1").await;
    write(page, "內文 {{name}}", "林先生").await;
    write(page, "內文 {{item}}", "羊毛大衣").await;
    write(page, "內文 {{shop}}", "信義門市").await;
}

/// Presses 發送 and confirms it.
async fn send(page: &Mounted) {
    click(&page.by_role("button", "發送給 1 位")).await;
    says(page, "可以復原").await;
    let confirm = buttons(page, "發送給 1 位").pop().unwrap();
    click(&confirm).await;
}

fn requests(fake: &FakeTransport) -> Vec<Call> {
    let calls = fake.calls().into_iter();
    calls
        .filter(|call| call.path == path::BROADCASTS && call.body.is_some())
        .collect()
}

fn request(call: &Call) -> BroadcastRequest {
    serde_json::from_str(call.body.as_ref().unwrap()).unwrap()
}

fn step() -> Option<Step> {
    match use_route().get_untracked() {
        Route::Conversations { mode, .. } => mode.map(|mode| mode.step),
        _ => None,
    }
}

/// Puts a file into the field of this label, as its own dialog does.
async fn pick(page: &Mounted, label: &str, name: &str, head: &[u8]) {
    let part = js_sys::Uint8Array::from(head);
    let file = File::new_with_u8_array_sequence(&Array::of1(&part), name).unwrap();
    let field = page.by_label(label);
    let given = Array::of2(&field, &file);
    Function::new_with_args(
        "given",
        "const [field, file] = given;
         const transfer = new DataTransfer();
         transfer.items.add(file);
         field.files = transfer.files;
         field.dispatchEvent(new Event('change', { bubbles: true }));",
    )
    .call1(&JsValue::NULL, &given)
    .unwrap();
    settle().await;
}

#[wasm_bindgen_test]
async fn only_customers_of_whatsapp_are_chosen_and_their_account_is_seen() {
    let (page, _) = templates().await;
    let of_line = row(&page, "陳怡君").unwrap();
    assert_eq!(
        of_line.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    assert!(of_line.text_content().unwrap().contains("僅限 WhatsApp"));
    click(&of_line).await;
    assert!(page.text().contains("尚未選取"));
    let of_whatsapp = row(&page, "林志明").unwrap();
    assert!(
        of_whatsapp
            .text_content()
            .unwrap()
            .contains("+886 2 5555 0143")
    );
    let of_other_account = row(&page, "張雅婷").unwrap();
    assert!(of_other_account.text_content().unwrap().contains("HK +852"));
    // Who has not written for a day is no less chosen.
    tick(&page, "黃建宏").await;
    says(&page, "1 位將會收到").await;
}

#[wasm_bindgen_test]
async fn a_template_is_found_by_its_name_and_two_languages_are_two() {
    let (page, _) = templates().await;
    tick(&page, "林志明").await;
    wait_for(|| buttons(&page, "秋季新品預覽").len() == 2).await;
    let both = buttons(&page, "秋季新品預覽");
    for (row, language) in both.iter().zip(["zh_TW", "en_US"]) {
        assert!(name_of(row).contains(language), "{}", name_of(row));
    }
    assert!(buttons(&page, "香港 VIP 之夜").is_empty());
    let search = page.by_label("搜尋範本名稱");
    type_text(&search, "取貨").await;
    wait_for(|| buttons(&page, "秋季新品預覽").is_empty()).await;
    assert_eq!(buttons(&page, "到店取貨通知").len(), 1);
    type_text(&search, "沒有這個").await;
    says(&page, "沒有符合的訊息範本").await;
}

#[wasm_bindgen_test]
async fn values_are_written_previewed_and_sent() {
    let (page, fake) = templates().await;
    choose(&page, "到店取貨通知").await;
    assert!(page.text().contains("範例：羊毛大衣"));
    assert!(page.text().contains("請先填寫標頭 {{order_id}}"));
    fill_in(&page).await;
    says(&page, "林先生 您好，您訂購的 羊毛大衣 已到店").await;
    assert!(!page.text().contains("*羊毛大衣*"));
    send(&page).await;
    wait_for(|| matches!(use_route().get_untracked(), Route::Broadcast(_))).await;
    let [call] = &requests(&fake)[..] else {
        panic!("one request");
    };
    assert!(call.idempotency_key.as_ref().unwrap().len() >= 8);
    let request = request(call);
    let Content::Template(fill) = &request.content else {
        panic!("a template: {request:?}");
    };
    assert_eq!(fill.values.len(), 4);
    assert_eq!(request.audience.filter.channels, [Channel::Whatsapp]);
    says(&page, "發送內容：訊息範本「到店取貨通知」（zh_TW）").await;
    says(&page, "訂單 A-1").await;
}

#[wasm_bindgen_test]
async fn what_meta_would_refuse_is_said_at_the_field() {
    let (page, fake) = templates().await;
    choose(&page, "到店取貨通知").await;
    let item = || page.by_label("內文 {{item}}");
    assert_eq!(error_of(&item()), None);
    write(&page, "內文 {{item}}", "https://shop.example.com").await;
    assert_eq!(
        error_of(&item()).as_deref(),
        Some("變數不能含有網址，否則會發送失敗。")
    );
    write(&page, "內文 {{item}}", "").await;
    assert_eq!(error_of(&item()).as_deref(), Some("請填寫這個變數。"));
    fill_in(&page).await;
    assert_eq!(error_of(&item()), None);
    // What only the server knows is said there too, until it is written otherwise.
    let problem = Problem::new(ProblemCode::TemplateValueHasLink).at("template.values.body.item");
    fake.fail_next(path::BROADCASTS, ApiError::Problem(problem));
    send(&page).await;
    wait_for(|| error_of(&item()).is_some()).await;
    assert!(
        page.find_by_role("button", "發送給 1 位")
            .is_some_and(|send| { send.get_attribute("aria-disabled").as_deref() == Some("true") })
    );
    type_text(&item(), "（灰）").await;
    assert_eq!(error_of(&item()), None);
    send(&page).await;
    wait_for(|| matches!(use_route().get_untracked(), Route::Broadcast(_))).await;
    let keys: Vec<_> = requests(&fake)
        .into_iter()
        .map(|call| call.idempotency_key)
        .collect();
    assert_eq!(keys[0], keys[1]);
}

#[wasm_bindgen_test]
async fn a_template_that_was_changed_at_meta_is_to_be_chosen_again() {
    let (page, fake) = templates().await;
    choose(&page, "到店取貨通知").await;
    fill_in(&page).await;
    fake.change_template("到店取貨通知");
    send(&page).await;
    says(&page, "這個訊息範本已修改，請重新選擇。").await;
    click(&page.by_role("button", "換一個範本")).await;
    wait_for(|| !buttons(&page, "到店取貨通知").is_empty()).await;
    click(&buttons(&page, "到店取貨通知")[0]).await;
    assert!(!page.text().contains("這個訊息範本已修改"));
    page.by_label("內文 {{item}}");
}

#[wasm_bindgen_test]
async fn the_customer_s_name_is_put_in_and_needs_a_word_for_those_without() {
    let (page, _) = templates().await;
    choose(&page, "到店取貨通知").await;
    let names = buttons(&page, "聯絡人名稱");
    // The second field is that of the body's name.
    click(&names[1]).await;
    assert_eq!(
        value_of(&page.by_label("內文 {{name}}")),
        "{{customer_name}}"
    );
    says(&page, "林志明 您好").await;
    let fallback = page.by_label("沒有名稱的顧客，稱呼為");
    assert_eq!(value_of(&fallback), "貴賓");
}

#[wasm_bindgen_test]
async fn customers_of_two_accounts_are_a_conflict_with_a_way_out() {
    let (page, _) = templates().await;
    click(&page.by_role("checkbox", "全選")).await;
    says(&page, "已選取 2 個 WhatsApp 商業帳號的顧客").await;
    let before = page.by_css(".select-bar__words")[0].text_content();
    let pick = page.by_role("button", "挑選訊息範本");
    pick.focus().unwrap();
    click(&pick).await;
    let dialog = page.by_role("dialog", "請重新選擇對話事件");
    page.by_text("請重新選擇對話事件。訊息範本僅支援發送相同WhatsApp商業帳號的顧客");
    assert!(dialog.contains(Some(&focused())));
    // Esc, as the browser tells a dialog.
    dispatch(&dialog, "cancel");
    settle().await;
    assert!(page.find_by_role("dialog", "請重新選擇對話事件").is_none());
    assert_eq!(name_of(focused()), "挑選訊息範本");
    assert_eq!(page.by_css(".select-bar__words")[0].text_content(), before);
    click(&page.by_role("button", "挑選訊息範本")).await;
    click(&buttons(&page, "只保留 ATELIER 台灣")[0]).await;
    wait_for(|| !buttons(&page, "秋季新品預覽").is_empty()).await;
    says(&page, "WhatsApp 商業帳號：ATELIER 台灣").await;
    assert!(row(&page, "張雅婷").is_none());
    click(&page.by_role("button", "復原")).await;
    says(&page, "已選取 2 個 WhatsApp 商業帳號的顧客").await;
}

#[wasm_bindgen_test]
async fn ticks_of_the_kept_account_stay() {
    let (page, _) = templates().await;
    tick(&page, "林志明").await;
    tick(&page, "張雅婷").await;
    says(&page, "已選取 2 個 WhatsApp 商業帳號的顧客").await;
    // As on a phone.
    click(&page.by_role("button", "下一步")).await;
    wait_for(|| page.find_by_role("dialog", "請重新選擇對話事件").is_some()).await;
    assert_eq!(step(), Some(Step::Select));
    click(&buttons(&page, "只保留 ATELIER Hong Kong（1 位）")[0]).await;
    wait_for(|| step() == Some(Step::Compose)).await;
    says(&page, "已選取 1 位").await;
    let kept = row(&page, "張雅婷").unwrap();
    assert_eq!(kept.get_attribute("aria-selected").as_deref(), Some("true"));
    wait_for(|| !buttons(&page, "香港 VIP 之夜").is_empty()).await;
}

#[wasm_bindgen_test]
async fn a_template_without_anything_to_fill_in_goes_straight_to_its_preview() {
    let (page, fake) = templates().await;
    choose(&page, "門市公休通知").await;
    assert_eq!(step(), Some(Step::Preview));
    assert!(page.text().contains("今日公休一天"));
    assert!(page.text().contains("沒有需要填寫的內容"));
    send(&page).await;
    wait_for(|| !requests(&fake).is_empty()).await;
}

#[wasm_bindgen_test]
async fn what_is_filled_in_survives_a_reload() {
    let (page, fake) = templates().await;
    choose(&page, "到店取貨通知").await;
    write(&page, "內文 {{item}}", "羊毛大衣").await;
    drop(page);
    let (page, _) = reload(fake, BroadcastKind::Template).await;
    assert_eq!(value_of(&page.by_label("內文 {{item}}")), "羊毛大衣");
    says(&page, "1 位將會收到").await;
}

#[wasm_bindgen_test]
async fn where_none_is_approved_it_says_where_to_make_one_and_reads_them_again() {
    let options = FakeOptions {
        has_approved_templates: false,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, BroadcastKind::Template).await;
    tick(&page, "林志明").await;
    says(&page, "沒有可發送的訊息範本").await;
    let manager = page.by_role("link", "開啟 WhatsApp Manager");
    assert!(
        manager
            .get_attribute("href")
            .unwrap()
            .contains("waba_id=100000000000001")
    );
    click(&page.by_role("button", "重新同步")).await;
    wait_for(|| !buttons(&page, "秋季新品預覽").is_empty()).await;
}

#[wasm_bindgen_test]
async fn templates_that_do_not_load_are_tried_again() {
    let (page, fake) = templates().await;
    fake.fail_next(path::TEMPLATES, ApiError::Offline("the test".to_owned()));
    tick(&page, "林志明").await;
    let is_there = || page.find_by_role("button", "重試").is_some();
    wait_for(is_there).await;
    click(&page.by_role("button", "重試")).await;
    wait_for(|| !buttons(&page, "秋季新品預覽").is_empty()).await;
}

#[wasm_bindgen_test]
async fn a_header_takes_an_upload_of_its_own_kind() {
    let (page, _) = templates().await;
    choose(&page, "autumn_catalogue").await;
    let png = b"\x89PNG\r\n\x1a\n";
    pick(&page, "標頭文件", "型錄.png", png).await;
    says(&page, "標頭需要其他類型的檔案。").await;
    pick(
        &page,
        "標頭文件",
        "型錄.pdf",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    )
    .await;
    wait_for(|| {
        page.find_by_role("button", "發送給 1 位")
            .is_some_and(|send| send.get_attribute("aria-disabled").is_none())
    })
    .await;
    assert!(page.text().contains("型錄.pdf"));
}

#[wasm_bindgen_test]
async fn from_a_broadcast_a_click_takes_those_outside_the_window_to_a_template() {
    let (page, _) = open(FakeOptions::default(), BroadcastKind::Messages).await;
    // 林志明 wrote lately, 黃建宏 did not.
    tick(&page, "林志明").await;
    tick(&page, "黃建宏").await;
    says(&page, "其中 1 位 WhatsApp 顧客可用訊息範本聯絡").await;
    click(&page.by_role("button", "改發訊息範本")).await;
    says(&page, "已選取 1 位可用訊息範本聯絡的顧客").await;
    wait_for(|| !buttons(&page, "秋季新品預覽").is_empty()).await;
    let is_ticked = |name: &str| row(&page, name).unwrap().get_attribute("aria-selected");
    assert_eq!(is_ticked("黃建宏").as_deref(), Some("true"));
    assert_eq!(is_ticked("林志明").as_deref(), Some("false"));
    says(&page, "1 位將會收到").await;
    click(&page.by_role("button", "復原")).await;
    says(&page, "其中 1 位 WhatsApp 顧客可用訊息範本聯絡").await;
    assert_eq!(is_ticked("林志明").as_deref(), Some("true"));
}

#[wasm_bindgen_test]
async fn a_template_that_is_taken_back_stands_there_as_it_was_filled_in() {
    let (page, fake) = templates().await;
    choose(&page, "到店取貨通知").await;
    fill_in(&page).await;
    send(&page).await;
    says(&page, "後發送").await;
    click(&page.by_role("button", "復原")).await;
    says(&page, "已收回，沒有人收到").await;
    wait_for(|| page.find_by_role("button", "發送給 1 位").is_some()).await;
    assert_eq!(value_of(&page.by_label("內文 {{item}}")), "羊毛大衣");
    send(&page).await;
    says(&page, "後發送").await;
    let keys: std::collections::BTreeSet<_> = requests(&fake)
        .into_iter()
        .filter_map(|call| call.idempotency_key)
        .collect();
    assert_eq!(keys.len(), 2);
}

#[wasm_bindgen_test]
async fn bound_customers_on_whatsapp_get_a_template_too() {
    forget_all();
    let fake = FakeTransport::new(FakeOptions::default());
    replace(Route::Bound {
        view: BoundView::Mine,
        mode: None,
    });
    let transport = Arc::new(fake.clone());
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| page.find_by_role("button", "更多").is_some()).await;
    click(&page.by_role("button", "更多")).await;
    click(&page.by_role("menuitem", "群發訊息範本")).await;
    // Of the channels that have bound customers, one takes templates.
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    wait_for(|| !page.by_css("[role=row]:not([hidden])").is_empty()).await;
    settle().await;
    click(&page.by_role("checkbox", "全選")).await;
    wait_for(|| page.find_by_role("button", "挑選訊息範本").is_some()).await;
    click(&page.by_role("button", "挑選訊息範本")).await;
    click(&buttons(&page, "只保留 ATELIER Hong Kong")[0]).await;
    wait_for(|| !buttons(&page, "香港 VIP 之夜").is_empty()).await;
    click(&buttons(&page, "香港 VIP 之夜")[0]).await;
    write(&page, "內文 {{1}}", "貴賓").await;
    write(&page, "內文 {{2}}", "12/5").await;
    wait_for(|| !buttons(&page, "發送給").is_empty()).await;
    click(&buttons(&page, "發送給")[0]).await;
    says(&page, "可以復原").await;
    click(&buttons(&page, "發送給").pop().unwrap()).await;
    wait_for(|| matches!(use_route().get_untracked(), Route::Broadcast(_))).await;
    let request = request(&requests(&fake)[0]);
    assert_eq!(request.audience.source, Source::BoundCustomers);
    assert_eq!(request.audience.filter.channels, [Channel::Whatsapp]);
    assert!(request.audience.filter.waba.is_some());
}
