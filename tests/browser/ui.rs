//! The generic components, used by keyboard and by what they say of themselves.

use leptos::prelude::*;
use omocast::ui::{
    Button, Checkbox, Dialog, Mark, Menu, MenuItem, Tab, Tabs, TextArea, TextField, ToastHost,
    provide_toasts,
};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlInputElement;

use crate::support::{
    click, dispatch, focused, mount, name_of, press, press_with, set_value, settle, type_text,
    value_of, wait_for,
};

#[wasm_bindgen_test]
async fn a_disabled_button_tells_its_reason_and_does_nothing() {
    let presses = RwSignal::new(0);
    let reason = RwSignal::new(Some("請先選取顧客".to_owned()));
    let page = mount(move || {
        view! {
            <Button disabled_reason=reason on_click=move || presses.update(|n| *n += 1)>"發送"</Button>
        }
    });
    settle().await;
    let button = page.by_role("button", "發送");
    assert_eq!(
        button.get_attribute("aria-disabled").as_deref(),
        Some("true")
    );
    let described_by = button.get_attribute("aria-describedby").unwrap();
    let described = document().get_element_by_id(&described_by).unwrap();
    assert_eq!(described.text_content().as_deref(), Some("請先選取顧客"));
    button.focus().unwrap();
    assert_eq!(focused(), button, "it can still be reached");
    click(&button).await;
    assert_eq!(presses.get_untracked(), 0);

    reason.set(None);
    settle().await;
    assert_eq!(button.get_attribute("aria-disabled"), None);
    click(&button).await;
    assert_eq!(presses.get_untracked(), 1);
}

#[wasm_bindgen_test]
async fn a_busy_button_is_pressed_once() {
    let presses = RwSignal::new(0);
    let page = mount(move || {
        let busy = Signal::derive(move || presses.get() > 0);
        view! { <Button busy on_click=move || presses.update(|n| *n += 1)>"發送"</Button> }
    });
    let button = page.by_role("button", "發送");
    click(&button).await;
    click(&button).await;
    assert_eq!(presses.get_untracked(), 1);
}

#[wasm_bindgen_test]
async fn a_mixed_checkbox_becomes_ticked() {
    let mark = RwSignal::new(Mark::Mixed);
    let page = mount(move || {
        let on_change = Callback::new(move |is_on: bool| mark.set(is_on.into()));
        view! { <Checkbox mark label="全選" on_change /> }
    });
    settle().await;
    let checkbox: HtmlInputElement = page.by_role("checkbox", "全選").unchecked_into();
    assert!(checkbox.indeterminate() && !checkbox.checked());
    click(&checkbox).await;
    assert_eq!(mark.get_untracked(), Mark::On);
    assert!(!checkbox.indeterminate() && checkbox.checked());
    click(&checkbox).await;
    assert_eq!(mark.get_untracked(), Mark::Off);
    mark.set(Mark::Mixed);
    settle().await;
    assert!(checkbox.indeterminate());
}

#[wasm_bindgen_test]
async fn a_checkbox_shows_what_its_holder_decides() {
    let page = mount(|| {
        view! { <Checkbox mark=Mark::Off label="王淑芬" on_change=Callback::new(|_| ()) /> }
    });
    settle().await;
    let checkbox: HtmlInputElement = page.by_role("checkbox", "王淑芬").unchecked_into();
    click(&checkbox).await;
    assert!(!checkbox.checked(), "nobody took the change over");
}

#[wasm_bindgen_test]
async fn a_disabled_checkbox_stays_as_it_is() {
    let told = RwSignal::new(false);
    let page = mount(move || {
        view! {
            <Checkbox
                mark=Mark::Off
                label="訪客"
                disabled_reason=Some("網頁渠道不支援".to_owned())
                on_change=Callback::new(move |_| told.set(true))
            />
        }
    });
    settle().await;
    let checkbox: HtmlInputElement = page.by_role("checkbox", "訪客").unchecked_into();
    click(&checkbox).await;
    assert!(!checkbox.checked() && !told.get_untracked());
    assert!(page.text().contains("網頁渠道不支援"));
}

#[wasm_bindgen_test]
async fn a_dialog_takes_the_focus_and_gives_it_back() {
    let open = RwSignal::new(false);
    let page = mount(move || {
        view! {
            <Button on_click=move || open.set(true)>"開啟"</Button>
            <Dialog open title="確認發送？" on_close=Callback::new(move |()| open.set(false))>
                <Button>"好"</Button>
            </Dialog>
        }
    });
    settle().await;
    assert!(page.find_by_role("dialog", "確認發送？").is_none());
    let opener = page.by_role("button", "開啟");
    opener.focus().unwrap();
    click(&opener).await;
    let dialog = page.by_role("dialog", "確認發送？");
    assert!(dialog.contains(Some(&focused())), "the focus is in it");

    // A key that a script makes closes nothing, so what Esc makes of it is made here.
    dispatch(&dialog, "cancel");
    settle().await;
    assert!(!open.get_untracked());
    assert!(page.find_by_role("dialog", "確認發送？").is_none());
    assert_eq!(focused(), opener);
}

#[wasm_bindgen_test]
async fn a_dialog_closes_by_its_cross() {
    let open = RwSignal::new(true);
    let page = mount(move || {
        view! {
            <Dialog open title="說明" on_close=Callback::new(move |()| open.set(false))>
                "內容"
            </Dialog>
        }
    });
    settle().await;
    click(&page.by_role("button", "關閉")).await;
    assert!(page.find_by_role("dialog", "說明").is_none());
}

#[wasm_bindgen_test]
async fn a_menu_is_used_by_keyboard() {
    let chosen = RwSignal::new("");
    let page = mount(move || {
        let items = Signal::derive(move || {
            vec![
                MenuItem::new("群發訊息", move || chosen.set("群發訊息")),
                MenuItem::new("範本", move || chosen.set("範本"))
                    .disabled(Some("僅限 OMO 方案".into())),
                MenuItem::new("Export", move || chosen.set("Export")),
            ]
        });
        view! { <Menu label="更多" items /> }
    });
    let opener = page.by_role("button", "更多");
    assert!(page.find_by_role("menuitem", "群發訊息").is_none());
    opener.focus().unwrap();
    press("ArrowDown").await;
    assert_eq!(
        opener.get_attribute("aria-expanded").as_deref(),
        Some("true")
    );
    assert_eq!(name_of(focused()), "群發訊息");
    press("ArrowUp").await;
    assert_eq!(name_of(focused()), "Export");
    press("ArrowDown").await;
    press("ArrowDown").await;
    assert_eq!(name_of(focused()), "範本");
    click(&focused()).await;
    assert_eq!(chosen.get_untracked(), "", "it is disabled");
    assert_eq!(name_of(focused()), "範本", "and the menu stays");
    press("e").await;
    assert_eq!(name_of(focused()), "Export");
    click(&focused()).await;
    assert_eq!(chosen.get_untracked(), "Export");
    assert_eq!(
        opener.get_attribute("aria-expanded").as_deref(),
        Some("false")
    );
    assert_eq!(focused(), opener);
}

#[wasm_bindgen_test]
async fn tabs_follow_the_arrow_keys() {
    let selected = RwSignal::new("mine".to_owned());
    let page = mount(move || {
        let tabs = vec![
            Tab::new("mine", "我的"),
            Tab::new("team", "團隊"),
            Tab::new("ended", "已結束"),
        ];
        let on_select = Callback::new(move |id| selected.set(id));
        view! { <Tabs label="事件" tabs selected on_select /> }
    });
    settle().await;
    let mine = page.by_role("tab", "我的");
    assert_eq!(mine.get_attribute("tabindex").as_deref(), Some("0"));
    mine.focus().unwrap();
    press("ArrowLeft").await;
    assert_eq!(selected.get_untracked(), "ended");
    let ended = page.by_role("tab", "已結束");
    assert_eq!(focused(), ended);
    assert_eq!(
        ended.get_attribute("aria-selected").as_deref(),
        Some("true")
    );
    assert_eq!(mine.get_attribute("tabindex").as_deref(), Some("-1"));
    press("Home").await;
    assert_eq!(selected.get_untracked(), "mine");
}

#[wasm_bindgen_test]
async fn a_field_names_its_error() {
    let error = RwSignal::new(None);
    let value = RwSignal::new(String::new());
    let page = mount(move || view! { <TextField label="電子郵件" value error /> });
    let field = page.by_label("電子郵件");
    type_text(&field, "mei@example.com").await;
    assert_eq!(value.get_untracked(), "mei@example.com");
    assert_eq!(field.get_attribute("aria-invalid"), None);
    error.set(Some("請輸入電子郵件".to_owned()));
    settle().await;
    assert_eq!(field.get_attribute("aria-invalid").as_deref(), Some("true"));
    let described_by = field.get_attribute("aria-describedby").unwrap();
    let described = document().get_element_by_id(&described_by).unwrap();
    assert_eq!(described.text_content().as_deref(), Some("請輸入電子郵件"));
}

#[wasm_bindgen_test]
async fn a_composition_in_some_lines_is_left_alone() {
    check_composition(|value, on_enter| {
        view! { <TextArea label="回覆" value on_enter /> }.into_any()
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_composition_in_one_line_is_left_alone() {
    check_composition(|value, on_enter| {
        view! { <TextField label="回覆" value on_enter /> }.into_any()
    })
    .await;
}

async fn check_composition(field: fn(RwSignal<String>, Callback<()>) -> AnyView) {
    let value = RwSignal::new(String::new());
    let sent = RwSignal::new(0);
    let page = mount(move || {
        let on_enter = Callback::new(move |()| sent.update(|n| *n += 1));
        field(value, on_enter)
    });
    settle().await;
    let field = page.by_label("回覆");
    field.focus().unwrap();
    dispatch(&field, "compositionstart");
    set_value(&field, "ㄋㄧ");
    dispatch(&field, "input");
    value.set("somebody else's".to_owned());
    settle().await;
    assert_eq!(value_of(&field), "ㄋㄧ", "not written to while composing");
    press_with("Enter", |init| init.set_is_composing(true));
    press_with("Enter", |init| init.set_key_code(229));
    assert_eq!(sent.get_untracked(), 0);
    set_value(&field, "你");
    dispatch(&field, "compositionend");
    settle().await;
    assert_eq!(value.get_untracked(), "你");
    press_with("Enter", |init| init.set_shift_key(true));
    assert_eq!(sent.get_untracked(), 0, "Shift+Enter is not Enter");
    press("Enter").await;
    assert_eq!(sent.get_untracked(), 1);
    value.set(String::new());
    settle().await;
    assert_eq!(value_of(&field), "");
}

#[wasm_bindgen_test]
async fn a_toast_takes_back_what_was_done() {
    let is_back = RwSignal::new(false);
    let page = mount(move || {
        let toasts = provide_toasts();
        view! {
            <Button on_click=move || {
                toasts.undo("已結束 3 個事件", move || is_back.set(true));
            }>"結束"</Button>
            <ToastHost />
        }
    });
    click(&page.by_role("button", "結束")).await;
    assert!(page.text().contains("已結束 3 個事件"));
    click(&page.by_role("button", "復原")).await;
    assert!(is_back.get_untracked());
    assert!(!page.text().contains("已結束 3 個事件"));
}

#[wasm_bindgen_test]
async fn the_browsers_way_back_leaves_a_dialog_and_what_is_undone_is_pressed_in_it() {
    let (open, undone) = (RwSignal::new(true), RwSignal::new(false));
    let page = mount(move || {
        let toasts = provide_toasts();
        let on_delete = move || {
            toasts.undo("已刪除", move || undone.set(true));
        };
        view! {
            <Dialog open title="草稿" on_close=Callback::new(move |()| open.set(false))>
                <Button on_click=on_delete>"刪除"</Button>
            </Dialog>
            <ToastHost />
        }
    });
    settle().await;
    click(&page.by_role("button", "刪除")).await;
    let undo = page
        .by_css("dialog button")
        .into_iter()
        .find(|button| name_of(button) == "復原")
        .expect("what can be undone is said where it can be pressed");
    click(&undo).await;
    assert!(undone.get_untracked() && open.get_untracked());
    // The way back is told by the browser alone.
    window()
        .dispatch_event(&web_sys::Event::new("popstate").unwrap())
        .unwrap();
    wait_for(|| !open.get_untracked()).await;
}
