//! Signing in and out, and the way between pages, over the in-memory server.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::api::{ApiError, Transport};
use omocast::app::App;
use omocast::live::LiveNews;
use omocast::route::{self, Route, use_route};
use omocast_contract::api::path;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::support::{Mounted, click, dispatch, focused, mount, settle, type_text};

/// The app at an address, over a fake that a test can look into.
async fn app_at(href: &str, is_signed_in: bool) -> (Mounted, FakeTransport) {
    let history = window().history().unwrap();
    history
        .replace_state_with_url(&JsValue::NULL, "", Some(href))
        .unwrap();
    route::start();
    let fake = FakeTransport::new(FakeOptions {
        is_signed_in,
        ..FakeOptions::default()
    });
    let transport: Arc<dyn Transport> = Arc::new(fake.clone());
    let page = mount(move || view! { <App transport /> });
    settle().await;
    settle().await;
    (page, fake)
}

fn here() -> Route {
    Owner::new().with(|| use_route().get_untracked())
}

async fn submit(page: &Mounted) {
    let form: HtmlElement = page
        .by_label("密碼")
        .closest("form")
        .unwrap()
        .unwrap()
        .unchecked_into();
    dispatch(&form, "submit");
    settle().await;
    settle().await;
}

#[wasm_bindgen_test]
async fn whoever_is_signed_out_signs_in_and_goes_on_to_where_they_wanted() {
    let (page, _fake) = app_at(&Route::Broadcasts.href(), false).await;
    let next = Some(Route::Broadcasts.href());
    assert_eq!(here(), Route::SignIn { next });
    type_text(&page.by_label("電子郵件"), "pei@example.com").await;
    type_text(&page.by_label("密碼"), "correct horse").await;
    submit(&page).await;
    assert_eq!(here(), Route::Broadcasts);
    assert!(page.find_by_role("navigation", "主選單").is_some());
}

#[wasm_bindgen_test]
async fn a_wrong_password_is_told_beside_the_form() {
    let (page, _fake) = app_at(&Route::SignIn { next: None }.href(), false).await;
    submit(&page).await;
    page.by_text("請輸入電子郵件");
    page.by_text("請輸入密碼");
    type_text(&page.by_label("電子郵件"), "pei@example.com").await;
    type_text(&page.by_label("密碼"), "wrong").await;
    submit(&page).await;
    page.by_text("電子郵件或密碼不正確。");
    assert_eq!(here(), Route::SignIn { next: None });
}

#[wasm_bindgen_test]
async fn an_empty_sign_in_leads_to_the_first_field_that_lacks_something() {
    let (page, _fake) = app_at(&Route::SignIn { next: None }.href(), false).await;
    submit(&page).await;
    assert_eq!(focused(), page.by_label("電子郵件"));
    let message = focused().get_attribute("aria-describedby").unwrap();
    let message = document().get_element_by_id(&message).unwrap();
    assert_eq!(message.text_content().as_deref(), Some("請輸入電子郵件"));
    type_text(&page.by_label("電子郵件"), "pei@example.com").await;
    submit(&page).await;
    assert_eq!(focused(), page.by_label("密碼"));
}

#[wasm_bindgen_test]
async fn language_and_looks_are_chosen_before_signing_in() {
    let (page, _fake) = app_at(&Route::SignIn { next: None }.href(), false).await;
    assert!(
        page.text().contains("English"),
        "in words of its own language"
    );
    click(&page.by_role("button", "設定")).await;
    click(&page.by_role("menuitemradio", "English")).await;
    page.by_role("heading", "Sign in to omocast");
    click(&page.by_role("button", "Settings")).await;
    click(&page.by_role("menuitemradio", "Dark")).await;
    let root = document().document_element().unwrap();
    assert_eq!(root.get_attribute("data-theme").as_deref(), Some("dark"));
    omocast::theme::switch(omocast::theme::Theme::System);
    omocast::i18n::switch(omocast::i18n::Locale::ZhHant)
        .await
        .unwrap();
}

#[wasm_bindgen_test]
async fn signing_out_leads_to_the_sign_in() {
    let (page, _fake) = app_at(&Route::Broadcasts.href(), true).await;
    click(&page.by_role("button", "帳號")).await;
    assert!(page.text().contains("銷售人員"));
    click(&page.by_role("menuitem", "登出")).await;
    settle().await;
    assert!(matches!(here(), Route::SignIn { .. }));
    page.by_role("button", "登入");
}

#[wasm_bindgen_test]
async fn a_session_that_ran_out_leads_to_the_sign_in_and_back() {
    let (_page, fake) = app_at(&Route::Broadcasts.href(), true).await;
    assert_eq!(here(), Route::Broadcasts);
    fake.fail_next(path::EVENTS, ApiError::SignedOut);
    route::navigate(Route::HOME);
    settle().await;
    settle().await;
    assert_eq!(here(), Route::SignIn { next: None });
}

#[wasm_bindgen_test]
async fn a_link_of_ours_loads_no_page() {
    let (page, _fake) = app_at(&Route::NotFound.href(), true).await;
    page.by_text("找不到這個頁面");
    click(&page.by_role("link", "群發訊息報表")).await;
    assert_eq!(here(), Route::Broadcasts);
    let link = page.by_role("link", "群發訊息報表");
    assert_eq!(link.get_attribute("aria-current").as_deref(), Some("page"));
    assert_eq!(focused().tag_name(), "MAIN", "the focus goes to the page");
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_told_and_so_is_that_it_is_back() {
    let (page, fake) = app_at(&Route::Broadcasts.href(), true).await;
    fake.tell(LiveNews::Lost);
    settle().await;
    page.by_text("連線中斷，畫面可能不是最新的。正在重新連線…");
    fake.tell(LiveNews::Connected);
    settle().await;
    assert!(
        page.find_by_text("連線中斷，畫面可能不是最新的。正在重新連線…")
            .is_none()
    );
}

#[wasm_bindgen_test]
async fn a_server_out_of_reach_is_asked_again() {
    let fake = FakeTransport::new(FakeOptions::default());
    fake.fail_next(path::SESSION, ApiError::Offline("test".to_owned()));
    window()
        .history()
        .unwrap()
        .replace_state_with_url(&JsValue::NULL, "", Some(&Route::Broadcasts.href()))
        .unwrap();
    route::start();
    let transport: Arc<dyn Transport> = Arc::new(fake);
    let page = mount(move || view! { <App transport /> });
    settle().await;
    page.by_text("無法連線，請檢查網路後重試。");
    click(&page.by_role("button", "重試")).await;
    settle().await;
    assert!(page.find_by_role("navigation", "主選單").is_some());
}
