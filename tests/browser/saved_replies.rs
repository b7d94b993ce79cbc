//! The saved replies over the in-memory server: used, refused, written, and changed by somebody else meanwhile.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::Api;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::app::App;
use omocast::pages::customers::saved_replies::{SavedReplies, SavedRepliesOpen};
use omocast::route::{Route, replace};
use omocast::session::provide_session;
use omocast::ui::{ToastHost, provide_toasts};
use omocast_contract::api::{Media, path};
use omocast_contract::{
    Channel, ChannelSet, EventId, EventView, Medium, OutgoingMessage, Role, Surface,
};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{
    Mounted, click, dispatch, forget_all, mount, name_of, set_value, settle, type_text, value_of,
    wait_for,
};

type Applied = RwSignal<Option<Vec<OutgoingMessage>>>;

struct Page {
    page: Mounted,
    fake: FakeTransport,
    applied: Applied,
    open: RwSignal<Option<SavedRepliesOpen>>,
}

async fn page_of(role: Role, channels: &[Channel], free_slots: usize) -> Page {
    let fake = FakeTransport::new(FakeOptions {
        role,
        ..FakeOptions::default()
    });
    let channels: ChannelSet = channels.iter().copied().collect();
    let owner = Owner::new();
    let (applied, open) =
        owner.with(|| (RwSignal::new(None), RwSignal::new(None::<SavedRepliesOpen>)));
    std::mem::forget(owner);
    let transport = Arc::new(fake.clone());
    let page = mount(move || {
        let api = Api::new(transport);
        provide_context(api.clone());
        provide_toasts();
        let session = provide_session(&api);
        view! {
            {move || {
                session
                    .me()
                    .map(|_| {
                        view! {
                            <SavedReplies
                                open
                                channels=Signal::stored(channels)
                                surface=Signal::stored(Surface::Web)
                                free_slots
                                on_apply=Callback::new(move |(messages, _)| applied.set(Some(messages)))
                            />
                        }
                    })
            }}
            <ToastHost />
        }
    });
    settle().await;
    open.set(Some(SavedRepliesOpen::List));
    wait_for(|| row(&page, "秋季新品").is_some()).await;
    Page {
        page,
        fake,
        applied,
        open,
    }
}

async fn page() -> Page {
    page_of(Role::SalesRep, &[Channel::Line, Channel::Whatsapp], 5).await
}

/// The row whose words begin with this title.
fn row(page: &Mounted, title: &str) -> Option<HtmlElement> {
    page.controls().into_iter().find(|control| {
        control.has_attribute("aria-pressed") && name_of(control).starts_with(title)
    })
}

fn reason_of(button: &HtmlElement) -> String {
    let id = button.get_attribute("aria-describedby").unwrap_or_default();
    document()
        .get_element_by_id(&id)
        .and_then(|reason| reason.text_content())
        .unwrap_or_default()
}

fn texts(messages: &[OutgoingMessage]) -> Vec<&str> {
    messages.iter().filter_map(OutgoingMessage::words).collect()
}

#[wasm_bindgen_test]
async fn one_is_looked_at_and_put_into_the_message() {
    let Page {
        page,
        applied,
        open,
        ..
    } = page().await;
    click(&row(&page, "門市營業時間").unwrap()).await;
    page.by_role("heading", "門市營業時間");
    click(&page.by_role("button", "套用至對話框")).await;
    wait_for(|| applied.with_untracked(Option::is_some)).await;
    let applied = applied.get_untracked().unwrap();
    assert_eq!(texts(&applied), ["信義門市營業時間為每日 11:00 至 21:30。"]);
    assert_eq!(open.get_untracked(), None);
}

#[wasm_bindgen_test]
async fn one_with_a_file_says_that_a_channel_does_not_take_it() {
    let Page { page, applied, .. } = page().await;
    click(&row(&page, "秋冬型錄").unwrap()).await;
    let apply = page.by_role("button", "套用至對話框");
    assert_eq!(
        apply.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    assert_eq!(
        reason_of(&apply),
        "目標渠道不支援發送含有檔案類型的預存回覆"
    );
    click(&apply).await;
    assert_eq!(applied.get_untracked(), None);
}

#[wasm_bindgen_test]
async fn a_file_goes_to_whatsapp_and_a_long_one_needs_room() {
    let Page { page, .. } = page_of(Role::SalesRep, &[Channel::Whatsapp], 2).await;
    click(&row(&page, "秋冬型錄").unwrap()).await;
    let apply = page.by_role("button", "套用至對話框");
    assert_eq!(apply.get_attribute("aria-disabled"), None);
    click(&row(&page, "五則歡迎訊息").unwrap()).await;
    assert_eq!(reason_of(&apply), "這則有 5 則訊息，只剩 2 則的空位");
}

#[wasm_bindgen_test]
async fn they_are_searched_and_narrowed_by_category() {
    let Page { page, .. } = page().await;
    click(&page.by_role("button", "門市資訊")).await;
    wait_for(|| row(&page, "秋季新品").is_none()).await;
    assert!(row(&page, "保留商品").is_some());
    type_text(&page.by_label("搜尋標題或內容"), "21:30").await;
    wait_for(|| row(&page, "保留商品").is_none()).await;
    assert!(row(&page, "門市營業時間").is_some());
    type_text(&page.by_label("搜尋標題或內容"), "沒有這種").await;
    wait_for(|| page.text().contains("沒有符合的預存回覆")).await;
}

#[wasm_bindgen_test]
async fn a_new_one_is_written_and_what_is_missing_is_said_at_its_field() {
    let Page { page, .. } = page().await;
    click(&page.by_role("button", "新增預存回覆")).await;
    click(&page.by_role("button", "儲存")).await;
    assert!(page.text().contains("標題"), "{}", page.text());
    assert_eq!(
        page.by_label("標題")
            .get_attribute("aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert!(
        page.find_by_role("radio", "所有人").is_none(),
        "not for a seller to offer"
    );
    page.by_role("radio", "指定分店");
    type_text(&page.by_label("標題"), "公休公告").await;
    type_text(&page.by_label("第 1 則文字"), "今日公休一天。").await;
    click(&page.by_role("button", "儲存")).await;
    wait_for(|| row(&page, "公休公告").is_some()).await;
    page.by_role("heading", "公休公告");
}

#[wasm_bindgen_test]
async fn what_somebody_changed_meanwhile_is_not_overwritten_without_asking() {
    let Page { page, fake, .. } = page().await;
    click(&row(&page, "門市營業時間").unwrap()).await;
    click(&page.by_role("button", "編輯預存回覆")).await;
    let text = page.by_label("第 1 則文字");
    set_value(&text, "我的版本");
    dispatch(&text, "input");
    fake.change_saved_reply("門市營業時間");
    click(&page.by_role("button", "儲存")).await;
    wait_for(|| page.text().contains("剛被別人改過")).await;
    assert_eq!(value_of(&page.by_label("第 1 則文字")), "我的版本");
    click(&page.by_role("button", "仍以我的為準")).await;
    wait_for(|| page.find_by_role("heading", "門市營業時間").is_some()).await;
    assert!(page.text().contains("我的版本"));
}

#[wasm_bindgen_test]
async fn one_deleted_meanwhile_can_be_kept_as_a_new_one() {
    let Page { page, fake, .. } = page().await;
    click(&row(&page, "門市營業時間").unwrap()).await;
    click(&page.by_role("button", "編輯預存回覆")).await;
    fake.remove_saved_reply("門市營業時間");
    click(&page.by_role("button", "儲存")).await;
    wait_for(|| page.text().contains("已被刪除")).await;
    click(&page.by_role("button", "存成新的一則")).await;
    wait_for(|| row(&page, "門市營業時間").is_some()).await;
}

#[wasm_bindgen_test]
async fn one_changed_or_deleted_while_it_is_looked_at_is_not_applied_unseen() {
    let Page {
        page,
        fake,
        applied,
        open,
    } = page().await;
    click(&row(&page, "門市營業時間").unwrap()).await;
    fake.change_saved_reply("門市營業時間");
    let apply = page.by_role("button", "套用至對話框");
    click(&apply).await;
    wait_for(|| page.text().contains("「門市營業時間」剛被改過")).await;
    assert!(page.text().contains("別人改過的內容"));
    assert_eq!(applied.get_untracked(), None);
    fake.remove_saved_reply("門市營業時間");
    click(&apply).await;
    wait_for(|| page.text().contains("「門市營業時間」已被刪除")).await;
    wait_for(|| row(&page, "門市營業時間").is_none()).await;
    assert_eq!(applied.get_untracked(), None);
    assert!(open.get_untracked().is_some());
    // Looking at another one, one is not told of it any more.
    click(&row(&page, "保留商品").unwrap()).await;
    assert!(!page.text().contains("已被刪除"));
    click(&apply).await;
    wait_for(|| applied.with_untracked(Option::is_some)).await;
}

#[wasm_bindgen_test]
async fn words_under_pictures_become_messages_and_none_is_dropped() {
    let Page { page, open, .. } = page().await;
    let id = |number: u32| {
        format!("01902000-0000-7000-8000-{number:012x}")
            .parse()
            .unwrap()
    };
    let media: Vec<Media> = (1..=3)
        .map(|number| Media {
            id: id(number),
            name: format!("{number}.jpg"),
            mime: "image/jpeg".to_owned(),
            bytes: 1_000,
            medium: Medium::Image,
            file_type: None,
            has_preview: true,
        })
        .collect();
    let messages = media
        .iter()
        .map(|media| OutgoingMessage::Image {
            media: media.id,
            caption: Some(format!("說明 {}", media.name)),
        })
        .collect();
    open.set(Some(SavedRepliesOpen::New { messages, media }));
    settle().await;
    let texts = || page.by_css("textarea").len();
    assert_eq!(texts(), 3);
    assert!(page.text().contains("合計 6 則，最多 5 則"));
    click(&page.by_role("button", "移除第 6 則")).await;
    assert_eq!(texts(), 2);
    assert!(!page.text().contains("合計 6 則"));
}

#[wasm_bindgen_test]
async fn one_is_deleted_after_a_question() {
    let Page { page, .. } = page().await;
    click(&row(&page, "我的自我介紹").unwrap()).await;
    click(&page.by_role("button", "刪除")).await;
    assert!(page.text().contains("刪除「我的自我介紹」？"));
    click(page.by_css("[role=alert] button").first().unwrap()).await;
    wait_for(|| row(&page, "我的自我介紹").is_none()).await;
}

#[wasm_bindgen_test]
async fn what_is_being_written_outlives_a_closed_dialog() {
    let Page { page, open, .. } = page().await;
    click(&page.by_role("button", "新增預存回覆")).await;
    type_text(&page.by_label("標題"), "寫到一半").await;
    click(&page.by_role("button", "關閉")).await;
    assert_eq!(open.get_untracked(), None);
    open.set(Some(SavedRepliesOpen::List));
    settle().await;
    assert_eq!(value_of(&page.by_label("標題")), "寫到一半");
}

/// The thread of the first customer, with the saved replies open.
async fn thread() -> (Mounted, FakeTransport, EventId) {
    forget_all();
    let event: EventId = "01901000-0000-7000-8000-000000000000".parse().unwrap();
    let fake = FakeTransport::new(FakeOptions::default());
    replace(Route::Conversations {
        view: EventView::Mine,
        event: Some(event),
        mode: None,
    });
    let transport = Arc::new(fake.clone());
    let page = mount(move || view! { <App transport /> });
    wait_for(|| page.find_by_role("button", "預存回覆").is_some()).await;
    click(&page.by_role("button", "預存回覆")).await;
    wait_for(|| row(&page, "秋季新品").is_some()).await;
    (page, fake, event)
}

#[wasm_bindgen_test]
async fn a_saved_text_comes_into_the_reply() {
    let (page, ..) = thread().await;
    click(&row(&page, "門市營業時間").unwrap()).await;
    click(&page.by_role("button", "套用至對話框")).await;
    let written = "信義門市營業時間為每日 11:00 至 21:30。";
    wait_for(|| value_of(&page.by_label("回覆訊息")) == written).await;
}

#[wasm_bindgen_test]
async fn a_saved_reply_of_several_messages_is_sent_in_its_order() {
    let (page, fake, event) = thread().await;
    click(&row(&page, "秋季新品").unwrap()).await;
    click(&page.by_role("button", "套用至對話框")).await;
    wait_for(|| page.find_by_text("預存回覆的 3 則訊息等待發送").is_some()).await;
    click(&page.by_role("button", "依序發送")).await;
    let path = path::event_messages(event);
    let sent = || {
        fake.calls()
            .into_iter()
            .filter(|call| call.path == path)
            .collect::<Vec<_>>()
    };
    wait_for(|| sent().len() == 3 && page.find_by_role("button", "依序發送").is_none()).await;
    assert!(sent()[1].body.as_ref().unwrap().contains("image"));
    assert!(page.text().contains("陳怡君 您好，秋季新品已到店"));
}
