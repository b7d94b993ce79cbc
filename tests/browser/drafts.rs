//! A draft while it is being written: kept, offline, changed elsewhere, sent.

use std::sync::Arc;

use leptos::prelude::*;
use omocast::api::Api;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::components::draft_status::{DraftConflict, DraftState, DraftStatus};
use omocast::drafts::DraftKeeper;
use omocast::drafts::body::DraftBody;
use omocast::pages::customers::drafts::DraftsDialog;
use omocast::ui::{ToastHost, provide_toasts};
use omocast_contract::api::path;
use omocast_contract::{MemberId, OutgoingMessage};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Mounted, click, dispatch, forget_all, mount, name_of, set_value, settle, value_of, wait_for,
};

fn member() -> MemberId {
    "01906000-0000-7000-8000-000000000000".parse().unwrap()
}

/// A field for one text whose content is kept as a draft.
async fn page(fake: &FakeTransport) -> (Mounted, DraftKeeper, RwSignal<bool>) {
    let transport = Arc::new(fake.clone());
    let made = std::rc::Rc::new(std::cell::Cell::new(None));
    let out = std::rc::Rc::clone(&made);
    let page = mount(move || {
        let api = Api::new(transport);
        provide_context(api.clone());
        provide_toasts();
        let text = RwSignal::new(String::new());
        let body = Signal::derive(move || DraftBody {
            messages: vec![OutgoingMessage::Text { text: text.get() }],
            ..DraftBody::default()
        });
        let show = move |body: DraftBody| {
            let words = body.messages.first().and_then(|message| message.words());
            text.set(words.unwrap_or_default().to_owned());
        };
        let keeper = DraftKeeper::new(api, member(), body, Callback::new(show));
        let open = RwSignal::new(false);
        out.set(Some((keeper, open)));
        keeper.resume();
        view! {
            <textarea
                aria-label="訊息"
                prop:value=text
                on:input:target=move |event| text.set(event.target().value())
            ></textarea>
            <DraftStatus state=keeper.state() />
            <DraftConflict
                state=keeper.state()
                on_keep_mine=Callback::new(move |()| keeper.keep_mine())
                on_take_other=Callback::new(move |()| keeper.take_other())
            />
            <DraftsDialog open keeper />
            <ToastHost />
        }
    });
    settle().await;
    let (keeper, open) = made.take().unwrap();
    (page, keeper, open)
}

fn fake() -> FakeTransport {
    FakeTransport::new(FakeOptions::default())
}

async fn write(page: &Mounted, text: &str) {
    let field = page.by_label("訊息");
    set_value(&field, text);
    dispatch(&field, "input");
    settle().await;
}

fn saves(fake: &FakeTransport, keeper: DraftKeeper) -> usize {
    let path = path::draft(keeper.id());
    let is_save = |call: &omocast::api::Call| call.path == path && call.body.is_some();
    fake.calls().iter().filter(|call| is_save(call)).count()
}

async fn saved(keeper: DraftKeeper) {
    wait_for(|| keeper.state().get_untracked() == DraftState::Saved).await;
}

#[wasm_bindgen_test]
async fn what_is_written_is_kept_after_a_moment_and_once() {
    forget_all();
    let fake = fake();
    let (page, keeper, _) = page(&fake).await;
    for text in ["秋", "秋季", "秋季新品"] {
        write(&page, text).await;
    }
    saved(keeper).await;
    page.by_text("已儲存草稿");
    assert_eq!(saves(&fake, keeper), 1);
}

#[wasm_bindgen_test]
async fn it_is_there_again_after_a_reload() {
    forget_all();
    let fake = fake();
    let (first, keeper, _) = page(&fake).await;
    write(&first, "秋季新品").await;
    saved(keeper).await;
    let id = keeper.id();
    drop(first);
    let (again, keeper, _) = page(&fake).await;
    assert_eq!(value_of(&again.by_label("訊息")), "秋季新品");
    assert_eq!(keeper.id(), id);
}

#[wasm_bindgen_test]
async fn after_a_reload_it_is_what_another_device_made_of_it() {
    forget_all();
    let fake = fake();
    let (first, keeper, _) = page(&fake).await;
    write(&first, "秋季新品").await;
    saved(keeper).await;
    let id = keeper.id();
    drop(first);
    fake.change_draft(id, "別台裝置寫的");
    let (again, ..) = page(&fake).await;
    wait_for(|| value_of(&again.by_label("訊息")) == "別台裝置寫的").await;
}

#[wasm_bindgen_test]
async fn offline_it_stays_on_this_device_and_is_sent_later() {
    forget_all();
    let fake = fake();
    let (first, keeper, _) = page(&fake).await;
    fake.set_offline(true);
    write(&first, "在捷運上寫的").await;
    wait_for(|| keeper.state().get_untracked() == DraftState::Offline).await;
    first.by_text("離線，草稿存在這台裝置");
    drop(first);
    fake.set_offline(false);
    let (again, keeper, _) = page(&fake).await;
    assert_eq!(value_of(&again.by_label("訊息")), "在捷運上寫的");
    saved(keeper).await;
    assert!(saves(&fake, keeper) >= 1);
}

#[wasm_bindgen_test]
async fn a_change_elsewhere_is_asked_about_and_never_overwritten() {
    forget_all();
    let fake = fake();
    let (page, keeper, _) = page(&fake).await;
    write(&page, "一").await;
    saved(keeper).await;
    fake.change_draft(keeper.id(), "別台裝置寫的");
    write(&page, "二").await;
    wait_for(|| page.find_by_role("button", "以這裡的為準").is_some()).await;
    assert!(page.text().contains("別台裝置寫的"));
    assert_eq!(value_of(&page.by_label("訊息")), "二");
    let before = saves(&fake, keeper);
    write(&page, "二三").await;
    assert_eq!(
        saves(&fake, keeper),
        before,
        "nothing is sent until it is settled"
    );
    click(&page.by_role("button", "以這裡的為準")).await;
    saved(keeper).await;
    assert_eq!(value_of(&page.by_label("訊息")), "二三");
}

#[wasm_bindgen_test]
async fn the_other_one_can_be_taken() {
    forget_all();
    let fake = fake();
    let (page, keeper, _) = page(&fake).await;
    write(&page, "一").await;
    saved(keeper).await;
    fake.change_draft(keeper.id(), "別台裝置寫的");
    write(&page, "二").await;
    wait_for(|| page.find_by_role("button", "改用別處的").is_some()).await;
    click(&page.by_role("button", "改用別處的")).await;
    wait_for(|| value_of(&page.by_label("訊息")) == "別台裝置寫的").await;
    saved(keeper).await;
}

#[wasm_bindgen_test]
async fn one_sent_elsewhere_can_be_kept_as_a_new_one() {
    forget_all();
    let fake = fake();
    let (page, keeper, _) = page(&fake).await;
    write(&page, "一").await;
    saved(keeper).await;
    let before = keeper.id();
    fake.remove_draft(before);
    write(&page, "二").await;
    wait_for(|| page.find_by_role("button", "留下，存成新草稿").is_some()).await;
    click(&page.by_role("button", "留下，存成新草稿")).await;
    saved(keeper).await;
    assert_ne!(keeper.id(), before);
    assert_eq!(value_of(&page.by_label("訊息")), "二");
}

#[wasm_bindgen_test]
async fn what_was_emptied_is_empty_on_another_device_too() {
    forget_all();
    let fake = fake();
    let (first, keeper, _) = page(&fake).await;
    write(&first, "寫錯了").await;
    saved(keeper).await;
    write(&first, "").await;
    saved(keeper).await;
    let id = keeper.id();
    drop(first);
    // Another device keeps nothing of its own.
    forget_all();
    let (again, keeper, _) = page(&fake).await;
    keeper.open(id);
    wait_for(|| keeper.id() == id).await;
    assert_eq!(value_of(&again.by_label("訊息")), "");
    // Emptied drafts are deleted when another is begun: what is written into one then becomes a new one.
    fake.remove_draft(id);
    write(&again, "重新寫").await;
    wait_for(|| keeper.id() != id).await;
    saved(keeper).await;
    assert_eq!(value_of(&again.by_label("訊息")), "重新寫");
}

#[wasm_bindgen_test]
async fn once_sent_it_is_forgotten() {
    forget_all();
    let fake = fake();
    let (first, keeper, _) = page(&fake).await;
    write(&first, "一").await;
    saved(keeper).await;
    let before = keeper.id();
    keeper.sent();
    write(&first, "").await;
    drop(first);
    let (again, keeper, _) = page(&fake).await;
    assert_eq!(value_of(&again.by_label("訊息")), "");
    assert_ne!(keeper.id(), before);
}

#[wasm_bindgen_test]
async fn one_of_the_list_is_opened_and_a_deleted_one_comes_back() {
    forget_all();
    let fake = fake();
    let (page, _, open) = page(&fake).await;
    open.set(true);
    let entry = |page: &Mounted, beginning: &str| {
        page.controls().into_iter().find(|control| {
            control.tag_name() == "BUTTON" && name_of(control).starts_with(beginning)
        })
    };
    wait_for(|| entry(&page, "聖誕節營業時間").is_some()).await;
    click(&page.by_role("button", "刪除草稿「聖誕節營業時間」")).await;
    wait_for(|| entry(&page, "聖誕節營業時間").is_none()).await;
    click(&page.by_role("button", "復原")).await;
    wait_for(|| entry(&page, "聖誕節營業時間").is_some()).await;
    click(&entry(&page, "聖誕節營業時間").unwrap()).await;
    wait_for(|| value_of(&page.by_label("訊息")) == "聖誕節營業時間").await;
    assert!(!open.get_untracked());
}
