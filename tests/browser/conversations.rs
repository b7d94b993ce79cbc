//! The conversations page over the in-memory server: choosing customers, the funnel, the thread, the reply.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt as _;
use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Call};
use omocast::app::App;
use omocast::route::{Mode, Route, replace};
use omocast::ui::windowed_list::{
    Gesture, ListHandle, Page, PageRequest, RowSlot, RowTemplate, WindowedList,
};
use omocast_contract::api::path;
use omocast_contract::{BroadcastKind, EventView, Plan, Role};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{
    Mounted, click, dispatch, focused, forget_all, mount, press, press_with, set_value, settle,
    type_text, value_of, wait_for,
};

const LIST: Route = Route::Conversations {
    view: EventView::Mine,
    event: None,
    mode: None,
};
const SELECTION: Route = Route::Conversations {
    view: EventView::Mine,
    event: None,
    mode: Some(Mode::begin(BroadcastKind::Messages)),
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

#[track_caller]
fn row(page: &Mounted, name: &str) -> HtmlElement {
    rows(page)
        .into_iter()
        .find(|row| row.text_content().unwrap_or_default().contains(name))
        .unwrap_or_else(|| panic!("no row of {name}"))
}

fn grid(page: &Mounted) -> HtmlElement {
    page.by_role("grid", "對話清單")
}

fn calls_to(fake: &FakeTransport, ends: &str) -> Vec<Call> {
    fake.calls()
        .into_iter()
        .filter(|call| call.path.ends_with(ends))
        .collect()
}

#[wasm_bindgen_test]
async fn select_all_says_how_many_are_chosen_and_left_out() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    assert!(page.text().contains("尚未選取"));
    let all = page.by_role("checkbox", "全選");
    click(&all).await;
    page.by_text("已選取全部 1,204 位");
    for name in ["陳怡君", "林志明", "Amy Chang"] {
        click(&row(&page, name)).await;
    }
    page.by_text("已選取全部 1,204 位，排除 3 位");
    assert_eq!(
        row(&page, "林志明")
            .get_attribute("aria-selected")
            .as_deref(),
        Some("false")
    );
    assert_eq!(
        row(&page, "王淑芬")
            .get_attribute("aria-selected")
            .as_deref(),
        Some("true")
    );
    click(&all).await;
    page.by_text("已選取全部 1,204 位");
    click(&all).await;
    page.by_text("尚未選取");
    for name in ["陳怡君", "林志明", "Amy Chang"] {
        click(&row(&page, name)).await;
    }
    page.by_text("已選取 3 位");
}

#[wasm_bindgen_test]
async fn a_customer_of_the_web_channel_is_not_chosen_and_says_why() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    let web = row(&page, "訪客 8841");
    assert_eq!(web.get_attribute("aria-disabled").as_deref(), Some("true"));
    assert!(web.text_content().unwrap().contains("網頁渠道不支援"));
    click(&web).await;
    page.by_text("尚未選取");
    click(&page.by_role("checkbox", "全選")).await;
    assert_eq!(web.get_attribute("aria-selected"), None);
}

#[wasm_bindgen_test]
async fn a_range_is_chosen_with_shift() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    click(&row(&page, "陳怡君")).await;
    let init = web_sys::MouseEventInit::new();
    init.set_bubbles(true);
    init.set_shift_key(true);
    let event = web_sys::MouseEvent::new_with_mouse_event_init_dict("click", &init).unwrap();
    row(&page, "張雅婷").dispatch_event(&event).unwrap();
    settle().await;
    // Seven rows, of which one is of the web channel.
    page.by_text("已選取 6 位");
}

#[wasm_bindgen_test]
async fn customers_are_chosen_by_keyboard_alone() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    grid(&page).focus().unwrap();
    settle().await;
    press(" ").await;
    page.by_text("已選取 1 位");
    press("ArrowDown").await;
    press(" ").await;
    page.by_text("已選取 2 位");
    press("Home").await;
    press(" ").await;
    page.by_text("已選取 1 位");
    press("End").await;
    wait_for(|| {
        let active = grid(&page).get_attribute("aria-activedescendant");
        let active = active.and_then(|id| document().get_element_by_id(&id));
        active
            .and_then(|row| row.get_attribute("aria-rowindex"))
            .as_deref()
            == Some("1244")
    })
    .await;
    press("Home").await;
    press_with("a", |init| init.set_ctrl_key(true));
    settle().await;
    page.by_text("已選取全部 1,204 位");
    press("Escape").await;
    assert!(page.find_by_role("checkbox", "全選").is_none());
    click(&page.by_role("button", "復原")).await;
    page.by_text("已選取全部 1,204 位");
}

#[wasm_bindgen_test]
async fn choosing_begins_at_select_all_and_ends_where_it_began() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    let more = page.by_role("button", "更多");
    more.focus().unwrap();
    click(&more).await;
    click(&page.by_role("menuitem", "群發訊息")).await;
    wait_for(|| focused() == page.by_role("checkbox", "全選")).await;
    assert!(
        focused()
            .closest("[role=group][aria-label=選擇顧客]")
            .unwrap()
            .is_some(),
        "what it is about is read out with it"
    );
    press("Escape").await;
    wait_for(|| focused() == page.by_role("button", "更多")).await;
}

#[wasm_bindgen_test]
async fn a_reload_keeps_who_is_chosen_until_one_leaves() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "LINE")).await;
    click(&page.by_role("button", "套用")).await;
    wait_for(|| grid(&page).get_attribute("aria-busy").is_none()).await;
    click(&page.by_role("checkbox", "全選")).await;
    click(&row(&page, "陳怡君")).await;
    let words = |page: &Mounted| {
        let said = page.by_css("[role=status]");
        said[0].text_content().unwrap_or_default()
    };
    let said = words(&page);
    assert!(
        said.starts_with("已選取全部") && said.ends_with("排除 1 位"),
        "{said}"
    );
    drop(page);

    let (page, _) = reload(FakeOptions::default(), SELECTION).await;
    wait_for(|| words(&page) == said).await;
    page.by_text("渠道：LINE");
    let tick = |page: &Mounted| row(page, "陳怡君").get_attribute("aria-selected");
    assert_eq!(tick(&page).as_deref(), Some("false"));
    click(&page.by_role("button", "離開選擇顧客")).await;
    drop(page);

    let (page, _) = reload(FakeOptions::default(), SELECTION).await;
    page.by_text("尚未選取");
    assert!(page.find_by_text("渠道：LINE").is_none());
}

#[wasm_bindgen_test]
async fn the_funnel_narrows_the_list_and_unticks_with_a_way_back() {
    let (page, _) = open(FakeOptions::default(), SELECTION).await;
    click(&page.by_role("checkbox", "全選")).await;
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "WhatsApp")).await;
    let name = page.by_label("顧客名稱");
    name.focus().unwrap();
    set_value(&name, "林");
    dispatch(&name, "input");
    press_with("Enter", |init| init.set_is_composing(true));
    settle().await;
    assert!(
        page.find_by_role("dialog", "篩選顧客").is_some(),
        "Enter ended a composition"
    );
    press("Enter").await;
    assert!(page.find_by_role("dialog", "篩選顧客").is_none());
    page.by_text("渠道：WhatsApp");
    page.by_text("名稱：林");
    page.by_text("尚未選取");
    wait_for(|| {
        rows(&page)
            .iter()
            .all(|row| row.text_content().unwrap().contains('林'))
    })
    .await;
    page.by_role("button", "篩選，已套用 2 項");
    click(&page.by_role("button", "復原")).await;
    wait_for(|| page.find_by_text("已選取全部 1,204 位").is_some()).await;
    assert!(page.find_by_text("渠道：WhatsApp").is_none());
}

#[wasm_bindgen_test]
async fn a_condition_is_taken_off_by_its_chip() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "LINE")).await;
    click(&page.by_role("button", "套用")).await;
    click(&page.by_role("button", "移除 渠道：LINE")).await;
    assert!(page.find_by_text("渠道：LINE").is_none());
    page.by_role("button", "篩選");
}

#[wasm_bindgen_test]
async fn what_is_shown_stays_until_what_is_new_is_there() {
    let options = FakeOptions {
        delay: 120,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, LIST).await;
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "WhatsApp")).await;
    click(&page.by_role("button", "套用")).await;
    // Never empty: the old rows, and then at once the new ones.
    assert_eq!(
        grid(&page).get_attribute("aria-busy").as_deref(),
        Some("true")
    );
    row(&page, "陳怡君");
    wait_for(|| {
        assert!(!rows(&page).is_empty());
        grid(&page).get_attribute("aria-busy").is_none()
    })
    .await;
    settle().await;
    assert!(
        rows(&page)
            .iter()
            .all(|row| !row.text_content().unwrap().contains("陳怡君"))
    );
}

#[wasm_bindgen_test]
async fn a_list_that_does_not_load_says_so_and_can_be_tried_again() {
    let fake = FakeTransport::new(FakeOptions::default());
    fake.fail_next(path::EVENTS, ApiError::Offline("test".to_owned()));
    let transport = Arc::new(fake.clone());
    replace(LIST);
    let page = mount(move || view! { {style()} <App transport /> });
    wait_for(|| page.find_by_role("button", "重試").is_some()).await;
    click(&page.by_role("button", "重試")).await;
    wait_for(|| !rows(&page).is_empty()).await;
    assert!(page.find_by_role("button", "重試").is_none());
}

#[wasm_bindgen_test]
async fn the_mass_message_is_offered_to_whom_may_send_one() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    click(&page.by_role("button", "更多")).await;
    click(&page.by_role("menuitem", "群發訊息")).await;
    page.by_role("heading", "選擇顧客");
    drop(page);

    let options = FakeOptions {
        role: Role::SupportManager,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, LIST).await;
    assert!(page.find_by_role("button", "更多").is_none());
    drop(page);

    let options = FakeOptions {
        plan: Plan::Standard,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, LIST).await;
    click(&page.by_role("button", "更多")).await;
    let item = page.by_role("menuitem", "群發訊息");
    assert_eq!(item.get_attribute("aria-disabled").as_deref(), Some("true"));
    assert!(item.has_attribute("aria-describedby"));
}

#[wasm_bindgen_test]
async fn an_address_of_the_selection_leads_only_those_there_who_may() {
    let options = FakeOptions {
        role: Role::SupportManager,
        ..FakeOptions::default()
    };
    let (page, _) = open(options, SELECTION).await;
    assert!(page.find_by_role("checkbox", "全選").is_none());
    page.by_role("heading", "對話");
}

async fn open_thread(page: &Mounted, name: &str) -> HtmlElement {
    click(&row(page, name)).await;
    wait_for(|| page.find_by_role("textbox", "回覆訊息").is_some()).await;
    page.by_label("回覆訊息")
}

#[wasm_bindgen_test]
async fn enter_sends_a_reply_but_not_while_composing() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    let field = open_thread(&page, "陳怡君").await;
    set_value(&field, "");
    dispatch(&field, "input");
    type_text(&field, "好的，謝謝").await;
    field.focus().unwrap();
    press_with("Enter", |init| init.set_is_composing(true));
    press_with("Enter", |init| init.set_key_code(229));
    settle().await;
    assert!(calls_to(&fake, "/messages").is_empty());
    press_with("Enter", |init| init.set_shift_key(true));
    settle().await;
    assert!(calls_to(&fake, "/messages").is_empty());
    press("Enter").await;
    wait_for(|| value_of(&field).is_empty()).await;
    assert_eq!(calls_to(&fake, "/messages").len(), 1);
    page.by_text("好的，謝謝");
}

#[wasm_bindgen_test]
async fn a_reply_survives_a_failure_and_a_reload() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    let field = open_thread(&page, "林志明").await;
    set_value(&field, "");
    dispatch(&field, "input");
    type_text(&field, "週六見").await;
    let thread = fake
        .calls()
        .into_iter()
        .rev()
        .find(|call| call.path.starts_with(path::EVENTS) && call.path.len() > 30)
        .unwrap();
    let messages = [&thread.path, "/messages"].concat();
    fake.fail_next(&messages, ApiError::Offline("test".to_owned()));
    field.focus().unwrap();
    press("Enter").await;
    wait_for(|| page.text().contains("沒有送出")).await;
    assert_eq!(value_of(&field), "週六見");
    drop(page);

    let (page, _) = reload(FakeOptions::default(), LIST).await;
    let field = open_thread(&page, "林志明").await;
    settle().await;
    assert_eq!(value_of(&field), "週六見");
}

#[wasm_bindgen_test]
async fn a_reply_that_would_not_arrive_is_not_offered() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    let field = open_thread(&page, "黃建宏").await;
    assert!(field.has_attribute("readonly"));
    let send = page.by_role("button", "發送");
    assert_eq!(send.get_attribute("aria-disabled").as_deref(), Some("true"));
    assert!(page.text().contains("24 小時"));
    click(&send).await;
    assert!(calls_to(&fake, "/messages").is_empty());
}

#[wasm_bindgen_test]
async fn an_event_ends_with_a_way_back() {
    let (page, _) = open(FakeOptions::default(), LIST).await;
    open_thread(&page, "陳怡君").await;
    click(&page.by_role("button", "結束事件")).await;
    wait_for(|| page.find_by_role("button", "重啟事件").is_some()).await;
    assert!(page.find_by_role("button", "結束事件").is_none());
    click(&page.by_role("button", "復原")).await;
    wait_for(|| page.find_by_role("button", "結束事件").is_some()).await;
}

#[wasm_bindgen_test]
async fn what_a_customer_writes_appears_in_the_list_and_the_thread() {
    let (page, fake) = open(FakeOptions::default(), LIST).await;
    open_thread(&page, "陳怡君").await;
    let thread = fake
        .calls()
        .into_iter()
        .rev()
        .find(|call| call.path.starts_with(path::EVENTS) && call.path.len() > 30)
        .unwrap();
    let id = thread.path.rsplit('/').next().unwrap().parse().unwrap();
    fake.receive(id, "我到門市了");
    wait_for(|| {
        row(&page, "陳怡君")
            .text_content()
            .unwrap()
            .contains("我到門市了")
    })
    .await;
    wait_for(|| page.text().matches("我到門市了").count() >= 2).await;
}

#[wasm_bindgen_test]
async fn a_conversation_that_is_not_there_leads_back_to_the_list() {
    let gone = Route::Conversations {
        view: EventView::Mine,
        event: "018f0000-0000-7000-8000-00000000002a".parse().ok(),
        mode: None,
    };
    let (page, _) = open(FakeOptions::default(), gone).await;
    wait_for(|| page.find_by_text("找不到這個對話").is_some()).await;
    assert!(page.find_by_role("button", "重試").is_none());
    click(&page.by_role("button", "回到清單")).await;
    page.by_text("選擇一個對話");
}

#[wasm_bindgen_test]
async fn a_row_tells_of_a_picture_a_video_and_a_file() {
    let stories = omocast::components::customer_row::stories();
    let story = stories.into_iter().next().unwrap();
    let page = mount(move || view! { {style()} {(story.view)()} });
    wait_for(|| !rows(&page).is_empty()).await;
    let said: Vec<String> = rows(&page)
        .iter()
        .map(|row| row.text_content().unwrap_or_default())
        .collect();
    for words in ["圖片", "影片：請問新款", "檔案：秋季型錄.pdf"] {
        assert!(
            said.iter().any(|said| said.contains(words)),
            "{words}: {said:?}"
        );
    }
}

// The list itself.

struct Numbers;
struct Number(HtmlElement);

impl RowTemplate<u64> for Numbers {
    fn create(&self, element: &HtmlElement) -> Box<dyn RowSlot<u64>> {
        Box::new(Number(element.clone()))
    }
}

impl RowSlot<u64> for Number {
    fn show(&mut self, row: Option<&Rc<u64>>) {
        let text = row.map(|row| row.to_string());
        self.0.set_text_content(text.as_deref());
    }
}

struct Walk {
    page: Mounted,
    list: ListHandle<u64>,
    /// First row of each request, and whether it went on from the row before.
    asked: Rc<RefCell<Vec<(u64, bool)>>>,
}

const TOTAL: u64 = 100_000;

async fn walk() -> Walk {
    let asked = Rc::<RefCell<Vec<(u64, bool)>>>::default();
    let made = Rc::new(RefCell::new(None));
    let (record, keep) = (asked.clone(), made.clone());
    let page = mount(move || {
        let list = ListHandle::new(
            Rc::new(move |request: PageRequest<u64>| {
                record
                    .borrow_mut()
                    .push((request.first, request.after.is_some()));
                let rows = (request.first..(request.first + 50).min(TOTAL)).collect();
                async move {
                    settle().await;
                    Some(Page { rows, total: TOTAL })
                }
                .boxed_local()
            }),
            Numbers,
            |_: Gesture<u64>| (),
        );
        *keep.borrow_mut() = Some(list);
        view! { {style()} <WindowedList list id="numbers" label="numbers" /> }
    });
    let list = made.borrow().unwrap();
    let walk = Walk { page, list, asked };
    wait_for(|| walk.shows(0)).await;
    walk
}

impl Walk {
    fn grid(&self) -> HtmlElement {
        self.page.by_role("grid", "numbers")
    }

    fn shows(&self, row: u64) -> bool {
        self.page
            .by_css("[role=row]:not([hidden])")
            .iter()
            .any(|element| {
                element.text_content() == Some(row.to_string())
                    && element.get_attribute("aria-rowindex") == Some((row + 1).to_string())
            })
    }

    fn jump(&self, row: u64) {
        self.grid().set_scroll_top((row * 66) as i32);
    }
}

#[wasm_bindgen_test]
async fn the_list_holds_a_few_rows_and_a_few_pages_however_long_it_is() {
    let walk = walk().await;
    assert_eq!(
        walk.grid().get_attribute("aria-rowcount").as_deref(),
        Some("100000")
    );
    for step in 1..=60 {
        let row = step * 1_600;
        walk.jump(row);
        wait_for(|| walk.shows(row)).await;
    }
    assert!(
        walk.list.pages_kept() <= 40,
        "{} pages",
        walk.list.pages_kept()
    );
    assert!(walk.page.by_css("[role=row]").len() < 40);
    walk.jump(TOTAL);
    wait_for(|| walk.shows(TOTAL - 1)).await;
}

#[wasm_bindgen_test]
async fn the_list_goes_on_from_the_row_before_and_jumps_by_number() {
    let walk = walk().await;
    for row in [10, 20, 30, 40, 50] {
        walk.jump(row);
        settle().await;
    }
    wait_for(|| walk.shows(55)).await;
    assert!(
        walk.asked.borrow().contains(&(50, true)),
        "{:?}",
        walk.asked.borrow()
    );
    walk.jump(50_000);
    wait_for(|| walk.shows(50_000)).await;
    assert!(
        walk.asked.borrow().contains(&(50_000, false)),
        "{:?}",
        walk.asked.borrow()
    );
}

#[wasm_bindgen_test]
async fn a_fling_asks_only_for_what_it_ends_at() {
    let walk = walk().await;
    walk.asked.borrow_mut().clear();
    for step in 1..=20 {
        walk.jump(step * 2_000);
        settle().await;
    }
    wait_for(|| walk.shows(40_000)).await;
    let asked = walk.asked.borrow().len();
    assert!(asked < 20, "{asked} pages were asked for");
}

#[wasm_bindgen_test]
async fn the_rows_of_a_range_are_told_when_they_are_known() {
    let walk = walk().await;
    let rows = walk.list.rows_between(7, 3).unwrap();
    assert_eq!(
        rows.iter().map(|row| **row).collect::<Vec<_>>(),
        [3, 4, 5, 6, 7]
    );
    assert!(walk.list.rows_between(0, 90_000).is_none());
}
