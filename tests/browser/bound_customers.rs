//! 綁定顧客 over the in-memory server: one channel first, choosing, searching, the team's list, the way to the thread.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Call};
use omocast::app::App;
use omocast::route::{self, Mode, Route, replace, use_route};
use omocast_contract::api::{BoundCustomerPage, BoundCustomerQuery, BoundCustomerRow, path};
use omocast_contract::{BoundView, BroadcastKind, Channel, EventView, Filter, Plan, Role};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{
    Mounted, click, dispatch, forget_all, mount, name_of, press, press_with, set_value, settle,
    type_text, wait_for,
};

const LIST: Route = Route::BOUND;
const SELECTION: Route = Route::Bound {
    view: BoundView::Mine,
    mode: Some(Mode::begin(BroadcastKind::Messages)),
};
const TEAM: Route = Route::Bound {
    view: BoundView::Team,
    mode: None,
};

/// The style sheet of the list, and a height: without one, a windowed list has no window.
fn style() -> impl IntoView {
    let rules = concat!(
        include_str!("../../style/windowed_list.css"),
        ".windowed-list { height: 660px; flex: none; contain: none; }"
    );
    view! { <style>{rules}</style> }
}

/// The page as a new tab finds it.
async fn open(options: FakeOptions, route: Route) -> (Mounted, FakeTransport) {
    forget_all();
    reload(options, route).await
}

/// The page in a tab that showed it before.
async fn reload(options: FakeOptions, route: Route) -> (Mounted, FakeTransport) {
    let fake = FakeTransport::new(options);
    let transport = Arc::new(fake.clone());
    replace(route);
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| !rows(&page).is_empty() || page.text().contains("沒有")).await;
    (page, fake)
}

/// The shown rows whose customer is known.
fn rows(page: &Mounted) -> Vec<HtmlElement> {
    page.by_css("[role=row]:not([hidden])")
        .into_iter()
        .filter(|row| {
            row.query_selector("[data-state=unknown]")
                .unwrap()
                .is_none()
        })
        .collect()
}

fn text_of(element: &HtmlElement) -> String {
    element.text_content().unwrap_or_default()
}

fn grid(page: &Mounted) -> HtmlElement {
    page.by_role("grid", "綁定顧客清單")
}

async fn is_loaded(page: &Mounted) {
    wait_for(|| grid(page).get_attribute("aria-busy").is_none()).await;
    settle().await;
}

async fn choose(page: &Mounted, channel: &str) {
    click(&page.by_role("radio", channel)).await;
    is_loaded(page).await;
}

fn is_chosen(page: &Mounted, channel: &str) -> bool {
    let radio: web_sys::HtmlInputElement =
        wasm_bindgen::JsCast::unchecked_into(page.by_role("radio", channel));
    radio.checked()
}

fn calls_to(fake: &FakeTransport, path: &str) -> Vec<Call> {
    let calls = fake.calls().into_iter();
    calls.filter(|call| call.path == path).collect()
}

/// What the server has of a list.
async fn listed(fake: &FakeTransport, view: BoundView, filter: Filter) -> BoundCustomerPage {
    use omocast::api::{Api, Transport};
    let transport: Arc<dyn Transport> = Arc::new(fake.clone());
    let query = BoundCustomerQuery {
        view,
        filter,
        from: Default::default(),
        limit: 200,
    };
    Api::new(transport)
        .list_bound_customers(&query)
        .await
        .unwrap()
}

fn on(channel: Channel) -> Filter {
    Filter {
        channels: vec![channel],
        ..Filter::default()
    }
}

fn here() -> Route {
    Owner::new().with(|| use_route().get_untracked())
}

/// The last shown button that sends: the one of the dialog where there is one.
fn send_button(page: &Mounted) -> Option<HtmlElement> {
    let mut controls = page.controls().into_iter().rev();
    controls
        .find(|control| control.tag_name() == "BUTTON" && name_of(control).starts_with("發送給"))
}

fn manager() -> FakeOptions {
    FakeOptions {
        role: Role::SalesManager,
        ..FakeOptions::default()
    }
}

#[wasm_bindgen_test]
async fn a_channel_is_chosen_first() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    // To look, there is no need.
    page.by_role("radio", "全部渠道");
    let all = listed(&fake, BoundView::Mine, Filter::default())
        .await
        .total;
    page.by_text(&format!("共 {all} 位顧客"));
    click(&page.by_role("button", "更多")).await;
    click(&page.by_role("menuitem", "群發訊息")).await;
    page.by_text("請先選擇渠道");
    assert!(page.find_by_role("radio", "全部渠道").is_none());
    let select_all = page.by_role("checkbox", "全選");
    assert_eq!(
        select_all.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    grid(&page).focus().unwrap();
    press(" ").await;
    press_with("a", |init| init.set_ctrl_key(true));
    settle().await;
    page.by_text("尚未選取");
    choose(&page, "WhatsApp").await;
    assert!(page.find_by_text("請先選擇渠道").is_none());
    click(&page.by_role("checkbox", "全選")).await;
    let of_channel = listed(&fake, BoundView::Mine, on(Channel::Whatsapp))
        .await
        .total;
    page.by_text(&format!("已選取全部 {of_channel} 位"));
    assert!(of_channel < all);
}

#[wasm_bindgen_test]
async fn another_channel_unticks_everybody_with_a_way_back() {
    let (page, fake) = open(FakeOptions::default(), SELECTION).await;
    choose(&page, "LINE").await;
    click(&page.by_role("checkbox", "全選")).await;
    let line = listed(&fake, BoundView::Mine, on(Channel::Line))
        .await
        .total;
    page.by_text(&format!("已選取全部 {line} 位"));
    choose(&page, "WhatsApp").await;
    page.by_text("尚未選取");
    page.by_text("渠道已切換，選取已清除");
    click(&page.by_role("button", "復原")).await;
    is_loaded(&page).await;
    page.by_text(&format!("已選取全部 {line} 位"));
    assert!(is_chosen(&page, "LINE") && !is_chosen(&page, "WhatsApp"));
}

#[wasm_bindgen_test]
async fn all_but_those_unticked_are_chosen_and_counted_in_words() {
    let (page, fake) = open(FakeOptions::default(), SELECTION).await;
    choose(&page, "LINE").await;
    let total = listed(&fake, BoundView::Mine, on(Channel::Line))
        .await
        .total;
    click(&page.by_role("checkbox", "全選")).await;
    for row in &rows(&page)[..2] {
        click(row).await;
        assert_eq!(row.get_attribute("aria-selected").as_deref(), Some("false"));
    }
    page.by_text(&format!("已選取全部 {total} 位，排除 2 位"));
    click(&page.by_role("checkbox", "全選")).await;
    click(&page.by_role("checkbox", "全選")).await;
    click(&rows(&page)[0]).await;
    page.by_text("已選取 1 位");
}

#[wasm_bindgen_test]
async fn customers_are_chosen_by_keyboard_alone() {
    let (page, fake) = open(FakeOptions::default(), SELECTION).await;
    choose(&page, "LINE").await;
    let total = listed(&fake, BoundView::Mine, on(Channel::Line))
        .await
        .total;
    grid(&page).focus().unwrap();
    settle().await;
    press(" ").await;
    press("ArrowDown").await;
    press("Enter").await;
    page.by_text("已選取 2 位");
    press_with("a", |init| init.set_ctrl_key(true));
    settle().await;
    page.by_text(&format!("已選取全部 {total} 位"));
    press("Escape").await;
    assert!(page.find_by_role("checkbox", "全選").is_none());
    click(&page.by_role("button", "復原")).await;
    page.by_text(&format!("已選取全部 {total} 位"));
}

#[wasm_bindgen_test]
async fn customers_are_found_by_phone_and_by_name() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    let known = listed(&fake, BoundView::Mine, Filter::default()).await.rows;
    let wanted = known.iter().find(|row| row.phone.is_some()).unwrap();
    let phone = wanted.phone.clone().unwrap();
    let spoken = phone.replacen("+886", "0", 1);
    let search = page.by_label("搜尋姓名或電話");
    type_text(&search, &spoken).await;
    wait_for(|| page.find_by_text("共 1 位顧客").is_some()).await;
    assert!(text_of(&rows(&page)[0]).contains(&wanted.name));
    assert!(text_of(&rows(&page)[0]).contains(&phone));
    set_value(&search, "沒有這位");
    dispatch(&search, "input");
    wait_for(|| page.find_by_text("沒有符合篩選的顧客").is_some()).await;
    set_value(&search, &wanted.name);
    dispatch(&search, "input");
    wait_for(|| {
        let shown = rows(&page);
        !shown.is_empty() && shown.iter().all(|row| text_of(row).contains(&wanted.name))
    })
    .await;
}

#[wasm_bindgen_test]
async fn the_funnel_keeps_tags_and_shops_and_no_status() {
    let (page, fake) = open(manager(), SELECTION).await;
    choose(&page, "LINE").await;
    click(&page.by_role("button", "篩選")).await;
    wait_for(|| page.find_by_role("checkbox", "VIP").is_some()).await;
    let dialog = page.by_role("dialog", "篩選顧客");
    for absent in ["處理中", "已結束", "待處理"] {
        assert!(!text_of(&dialog).contains(absent), "{absent}");
    }
    // The channel is chosen beside it.
    assert!(page.find_by_role("checkbox", "LINE").is_none());
    click(&page.by_role("checkbox", "中山門市")).await;
    click(&page.by_role("button", "套用")).await;
    is_loaded(&page).await;
    page.by_text("分店：中山門市");
    page.by_role("button", "篩選，已套用 1 項");
    assert!(
        rows(&page)
            .iter()
            .all(|row| text_of(row).contains("中山門市"))
    );
    let asked = calls_to(&fake, path::BOUND_CUSTOMERS);
    assert!(
        asked
            .last()
            .unwrap()
            .body
            .as_ref()
            .unwrap()
            .contains("\"shops\":[")
    );
    click(&page.by_role("button", "清除")).await;
    is_loaded(&page).await;
    assert!(is_chosen(&page, "LINE"), "the channel is not the funnel's");
}

#[wasm_bindgen_test]
async fn the_teams_list_is_only_to_look_at() {
    let (page, _) = open(manager(), TEAM).await;
    page.by_role("tab", "我的名單");
    assert!(
        rows(&page)
            .iter()
            .any(|row| text_of(row).contains("銷售人員－"))
    );
    click(&page.by_role("button", "更多")).await;
    let item = page.by_role("menuitem", "群發訊息");
    assert_eq!(item.get_attribute("aria-disabled").as_deref(), Some("true"));
    assert!(page.text().contains("團隊名單僅供查看"));
    click(&item).await;
    assert!(page.find_by_role("checkbox", "全選").is_none());
    drop(page);

    // Nor by its address.
    let selection = Route::Bound {
        view: BoundView::Team,
        mode: Some(Mode::begin(BroadcastKind::Messages)),
    };
    let (page, _) = open(manager(), selection).await;
    assert!(page.find_by_role("checkbox", "全選").is_none());
    drop(page);

    // A seller has no such list.
    let (page, _) = open(FakeOptions::default(), TEAM).await;
    assert!(page.find_by_role("tab", "團隊名單").is_none());
    assert_eq!(here(), LIST);
}

#[wasm_bindgen_test]
async fn the_place_is_shown_to_sellers_only() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    let link = page.by_role("link", "綁定顧客");
    assert_eq!(link.get_attribute("aria-current").as_deref(), Some("page"));
    drop(page);

    let options = FakeOptions {
        role: Role::Admin,
        ..FakeOptions::default()
    };
    let fake = FakeTransport::new(options);
    let transport = Arc::new(fake.clone());
    replace(LIST);
    let page = mount(move || view! { <App transport /> });
    wait_for(|| page.find_by_text("您的角色看不到綁定顧客").is_some()).await;
    assert!(page.find_by_role("link", "綁定顧客").is_none());
    assert!(calls_to(&fake, path::BOUND_CUSTOMERS).is_empty());
    drop(page);

    let options = FakeOptions {
        plan: Plan::Standard,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, LIST).await;
    click(&page.by_role("button", "更多")).await;
    let item = page.by_role("menuitem", "群發訊息");
    assert_eq!(item.get_attribute("aria-disabled").as_deref(), Some("true"));
}

fn chat_of(row: &HtmlElement) -> HtmlElement {
    let chat = row.query_selector("[role=link]").unwrap().unwrap();
    wasm_bindgen::JsCast::unchecked_into(chat)
}

fn thread_of(row: &BoundCustomerRow) -> Route {
    Route::Conversations {
        view: EventView::Mine,
        event: row.event,
        mode: None,
    }
}

#[wasm_bindgen_test]
async fn chat_opens_the_thread() {
    route::start();
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    let known = listed(&fake, BoundView::Mine, Filter::default()).await.rows;
    let chat = chat_of(&rows(&page)[0]);
    assert_eq!(
        chat.get_attribute("href").unwrap(),
        thread_of(&known[0]).href()
    );
    click(&chat).await;
    assert_eq!(here(), thread_of(&known[0]));
    wait_for(|| page.find_by_role("textbox", "回覆訊息").is_some()).await;
    drop(page);

    // By keyboard, Enter does it.
    let (page, _) = open(FakeOptions::default(), LIST).await;
    grid(&page).focus().unwrap();
    settle().await;
    press("ArrowDown").await;
    press("Enter").await;
    assert_eq!(here(), thread_of(&known[1]));
}

#[wasm_bindgen_test]
async fn who_has_no_conversation_says_so() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    grid(&page).focus().unwrap();
    settle().await;
    press("End").await;
    wait_for(|| rows(&page).iter().any(|row| text_of(row).contains("尚"))).await;
    let row = rows(&page)
        .into_iter()
        .find(|row| chat_of(row).get_attribute("aria-disabled").is_some())
        .unwrap();
    let chat = chat_of(&row);
    assert!(!chat.has_attribute("href"));
    click(&chat).await;
    page.by_text("這位顧客還沒有對話可以開啟。");
    assert_eq!(here(), LIST);
}

#[wasm_bindgen_test]
async fn a_list_that_does_not_load_says_so_and_can_be_tried_again() {
    let fake = FakeTransport::new(FakeOptions::default());
    fake.fail_next(path::BOUND_CUSTOMERS, ApiError::Offline("test".to_owned()));
    let transport = Arc::new(fake.clone());
    replace(LIST);
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| page.find_by_role("button", "重試").is_some()).await;
    click(&page.by_role("button", "重試")).await;
    wait_for(|| !rows(&page).is_empty()).await;
}

#[wasm_bindgen_test]
async fn a_list_of_nobody_says_how_customers_get_there() {
    let options = FakeOptions {
        rows: 0,
        ..FakeOptions::default()
    };
    let fake = FakeTransport::new(options);
    let transport = Arc::new(fake.clone());
    replace(LIST);
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| page.find_by_text("還沒有綁定顧客").is_some()).await;
    choose(&page, "LINE").await;
    page.by_text("LINE 沒有綁定顧客");
}

#[wasm_bindgen_test]
async fn a_reload_keeps_the_channel_and_who_is_chosen() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    choose(&page, "WhatsApp").await;
    click(&rows(&page)[0]).await;
    page.by_text("已選取 1 位");
    drop(page);

    let (page, _) = reload(FakeOptions::default(), SELECTION).await;
    assert!(is_chosen(&page, "WhatsApp"));
    page.by_text("已選取 1 位");
    drop(page);

    // Those of 我的事件 are another selection.
    let events = Route::Conversations {
        view: EventView::Mine,
        event: None,
        mode: Some(Mode::begin(BroadcastKind::Messages)),
    };
    let (page, _) = reload(FakeOptions::default(), events).await;
    page.by_text("尚未選取");
}

#[wasm_bindgen_test]
async fn a_template_goes_to_whatsapp_alone() {
    let selection = Route::Bound {
        view: BoundView::Mine,
        mode: Some(Mode::begin(BroadcastKind::Template)),
    };
    let (page, _) = open(FakeOptions::default(), selection).await;
    assert!(is_chosen(&page, "WhatsApp"));
    let line = page.by_role("radio", "LINE");
    assert_eq!(line.get_attribute("aria-disabled").as_deref(), Some("true"));
    click(&line).await;
    assert!(is_chosen(&page, "WhatsApp") && !is_chosen(&page, "LINE"));
}

#[wasm_bindgen_test]
async fn a_broadcast_goes_to_the_bound_customers_that_are_chosen() {
    let (page, fake) = open(FakeOptions::default(), SELECTION).await;
    choose(&page, "LINE").await;
    let known = listed(&fake, BoundView::Mine, on(Channel::Line)).await.rows;
    click(&page.by_role("checkbox", "全選")).await;
    click(&rows(&page)[0]).await;
    wait_for(|| page.find_by_role("textbox", "第 1 則文字").is_some()).await;
    type_text(&page.by_label("第 1 則文字"), "新款到店，歡迎試穿").await;
    let is_ready =
        |page: &Mounted| send_button(page).is_some_and(|send| !send.has_attribute("aria-disabled"));
    wait_for(|| is_ready(&page)).await;
    click(&send_button(&page).unwrap()).await;
    wait_for(|| page.text().contains("可以復原") && is_ready(&page)).await;
    click(&send_button(&page).unwrap()).await;
    wait_for(|| matches!(here(), Route::Broadcast(_))).await;
    let sent = calls_to(&fake, path::BROADCASTS);
    let body: serde_json::Value = serde_json::from_str(sent[0].body.as_ref().unwrap()).unwrap();
    assert_eq!(
        body["audience"],
        serde_json::json!({
            "source": "bound_customers",
            "filter": {
                "channels": ["line"],
                "name": "",
                "tags": { "matching": "any", "tags": [] },
            },
            "pick": { "all_except": [known[0].binding.customer.to_string()] },
        })
    );
    // The next one begins with nobody.
    drop(page);
    let (page, _) = reload(FakeOptions::default(), SELECTION).await;
    page.by_text("尚未選取");
}
