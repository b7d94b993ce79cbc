//! The emoji picker: by mouse, by keyboard, by search, and what was picked last.

use leptos::prelude::*;
use omocast::components::emoji_picker::EmojiPicker;
use omocast::emoji;
use omocast::i18n::Locale;
use omocast::ui::caret::insert_at_caret;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlTextAreaElement;

use crate::support::{
    Mounted, click, focused, forget_all, mount, press, press_with, settle, type_text, value_of,
};

/// Ten hearts and two animals: two rows and a group.
const EMOJI: &str = r#"[[["❤️","紅心","愛"],["🧡","橙心","愛"],["💛","黃心","愛"],["💚","綠心","愛"],["💙","藍心","愛"],["💜","紫心","愛"],["🖤","黑心","愛"],["🤍","白心","愛"],["🤎","棕心","愛"],["💔","心碎","難過"]],[["👋","揮手","再見"]],[["🐻","熊","動物"],["🐼","熊貓","動物 竹子"]]]"#;

async fn page() -> Mounted {
    forget_all();
    emoji::give(Locale::ZhHant, EMOJI).unwrap();
    let page = mount(|| {
        let field = NodeRef::<leptos::html::Textarea>::new();
        let insert = move |picked: String| {
            insert_at_caret(&field.get_untracked().unwrap(), &picked);
        };
        view! {
            <textarea aria-label="訊息" node_ref=field></textarea>
            <EmojiPicker on_pick=Callback::new(insert) />
        }
    });
    settle().await;
    page
}

async fn open(page: &Mounted) {
    click(&page.by_role("button", "表情符號")).await;
    settle().await;
}

#[wasm_bindgen_test]
async fn a_picked_emoji_comes_to_stand_at_the_caret_and_is_remembered() {
    let page = page().await;
    let field = page.by_label("訊息");
    type_text(&field, "早安").await;
    let area: &HtmlTextAreaElement = field.unchecked_ref();
    area.set_selection_range(1, 1).unwrap();
    open(&page).await;
    click(&page.by_role("gridcell", "黃心")).await;
    assert_eq!(value_of(&field), "早💛安");
    assert_eq!(focused(), field);
    assert!(
        page.find_by_role("gridcell", "黃心").is_none(),
        "it is closed"
    );
    open(&page).await;
    let recent = page.by_role("tab", "最近使用");
    assert_eq!(
        recent.get_attribute("aria-selected").as_deref(),
        Some("true")
    );
    assert!(page.find_by_role("gridcell", "黃心").is_some());
    assert!(page.find_by_role("gridcell", "紅心").is_none());
}

#[wasm_bindgen_test]
async fn it_is_used_by_keyboard_alone() {
    let page = page().await;
    open(&page).await;
    assert_eq!(focused(), page.by_label("搜尋表情符號"));
    press("ArrowDown").await;
    assert_eq!(focused(), page.by_role("gridcell", "紅心"));
    press("ArrowDown").await;
    assert_eq!(focused(), page.by_role("gridcell", "棕心"));
    press("End").await;
    assert_eq!(focused(), page.by_role("gridcell", "心碎"));
    press("ArrowUp").await;
    assert_eq!(focused(), page.by_role("gridcell", "橙心"));
    press("Home").await;
    press("ArrowUp").await;
    assert_eq!(focused(), page.by_label("搜尋表情符號"));
    press("Escape").await;
    assert_eq!(focused(), page.by_role("button", "表情符號"));
    assert!(page.find_by_role("gridcell", "紅心").is_none());
}

#[wasm_bindgen_test]
async fn it_is_searched_in_the_readers_language_and_composing_picks_nothing() {
    let page = page().await;
    let field = page.by_label("訊息");
    open(&page).await;
    type_text(&page.by_label("搜尋表情符號"), "竹子").await;
    assert!(page.find_by_role("gridcell", "熊貓").is_some());
    assert!(page.find_by_role("gridcell", "熊").is_none());
    press_with("Enter", |init| init.set_is_composing(true));
    settle().await;
    assert_eq!(value_of(&field), "");
    press("Enter").await;
    assert_eq!(value_of(&field), "🐼");
}
