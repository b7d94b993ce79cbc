//! Every medium in the composer: picked, dropped, pasted, uploaded, stopped, refused, and fitted to the channels.

use std::sync::Arc;

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use leptos::prelude::*;
use omocast::api::fake::{FakeOptions, FakeTransport};
use omocast::app::App;
use omocast::components::composer::Composer;
use omocast::components::composer::draft::{ComposeDraft, DraftContent};
use omocast::components::message_bubble::MediaUrls;
use omocast::picture::{beginning, prepare};
use omocast::route::{Mode, Route, replace};
use omocast::ui::provide_toasts;
use omocast::video::still_of;
use omocast_contract::variable::CUSTOMER_NAME;
use omocast_contract::{BroadcastKind, Channel, EventView, Surface};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{File, HtmlElement, HtmlTextAreaElement};

use crate::support::{
    Mounted, click, dispatch, focused, forget_all, mount, name_of, press, press_with, set_value,
    settle, type_text, value_of, wait_for,
};

const SELECTION: Route = Route::Conversations {
    view: EventView::Mine,
    event: None,
    mode: Some(Mode::begin(BroadcastKind::Messages)),
};

/// The composer with everybody chosen: customers on LINE and WhatsApp.
async fn composer(options: FakeOptions) -> (Mounted, FakeTransport) {
    forget_all();
    let fake = FakeTransport::new(options);
    replace(SELECTION);
    let transport = Arc::new(fake.clone());
    let page = mount(move || view! { <App transport /> });
    wait_for(|| page.find_by_role("checkbox", "全選").is_some()).await;
    choose_all(&page).await;
    (page, fake)
}

async fn choose_all(page: &Mounted) {
    click(&page.by_role("checkbox", "全選")).await;
    wait_for(|| button_like(page, "發送給").is_some()).await;
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

/// Runs a script that may wait; `given` is what it is called with.
async fn script(body: &str, given: &JsValue) -> JsValue {
    let body = ["return (async () => { ", body, " })()"].concat();
    let promise: Promise = Function::new_with_args("given", &body)
        .call1(&JsValue::NULL, given)
        .unwrap()
        .unchecked_into();
    JsFuture::from(promise).await.unwrap()
}

/// A file of these words.
fn file(name: &str, content: &str) -> File {
    let parts = Array::of1(&content.into());
    File::new_with_str_sequence(&parts, name).unwrap()
}

/// A picture that a camera could have made, with a note of where.
async fn photo(name: &str, width: u32, height: u32) -> File {
    let note = b"Exif\0\0somewhere";
    photo_with_note(name, width, height, note).await
}

/// A picture with a note of the camera: an Exif segment without its length.
async fn photo_with_note(name: &str, width: u32, height: u32, note: &[u8]) -> File {
    let note = Uint8Array::from(note);
    let given = Array::of4(&name.into(), &width.into(), &height.into(), &note);
    let made = script(
        "const [name, width, height, note] = given;
         const canvas = new OffscreenCanvas(width, height);
         const pen = canvas.getContext('2d');
         pen.fillStyle = 'coral'; pen.fillRect(0, 0, width, height);
         const plain = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer());
         const head = new Uint8Array([0xff, 0xd8, 0xff, 0xe1, 0, note.length + 2]);
         return new File([head, note, plain.slice(2)], name, { type: 'image/jpeg' });",
        &given,
    )
    .await;
    made.unchecked_into()
}

/// A picture that can't be made small by leaving out detail, with a hole in it.
async fn noise(name: &str, side: u32) -> File {
    let made = script(
        "const [name, side] = given;
         const canvas = new OffscreenCanvas(side, side);
         const pen = canvas.getContext('2d');
         const image = pen.createImageData(side, side);
         for (let at = 0; at < image.data.length; at += 65536) {
             crypto.getRandomValues(image.data.subarray(at, Math.min(at + 65536, image.data.length)));
         }
         pen.putImageData(image, 0, 0);
         pen.clearRect(0, 0, 1, 1);
         return new File([await canvas.convertToBlob({ type: 'image/png' })], name, { type: 'image/png' });",
        &Array::of2(&name.into(), &side.into()),
    )
    .await;
    made.unchecked_into()
}

fn transfer(files: &[File], words: Option<&str>) -> JsValue {
    let list: Array = files.iter().collect();
    let make = Function::new_with_args(
        "files, words",
        "const data = new DataTransfer();
         for (const file of files) data.items.add(file);
         if (words !== undefined) data.setData('text/plain', words);
         return data;",
    );
    let words = words.map_or(JsValue::UNDEFINED, JsValue::from);
    make.call2(&JsValue::NULL, &list, &words).unwrap()
}

/// Tells the page of a real event with files. Returns whether somebody took it.
async fn tell(kind: &str, files: &[File], words: Option<&str>) -> bool {
    let class = if kind == "paste" {
        "ClipboardEvent"
    } else {
        "DragEvent"
    };
    let fire = Function::new_with_args(
        "kind, name, data",
        "const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
         return !document.body.dispatchEvent(new globalThis[name](kind, init));",
    );
    let is_taken = fire
        .call3(
            &JsValue::NULL,
            &kind.into(),
            &class.into(),
            &transfer(files, words),
        )
        .unwrap();
    settle().await;
    is_taken.is_truthy()
}

/// Picks files as the browser's dialog would.
async fn pick(page: &Mounted, files: &[File]) {
    let input = page.by_css("input[type=file]").remove(0);
    let give = Function::new_with_args(
        "input, data",
        "input.files = data.files; input.dispatchEvent(new Event('change', { bubbles: true }));",
    );
    give.call2(&JsValue::NULL, &input, &transfer(files, None))
        .unwrap();
    settle().await;
}

fn button_like(page: &Mounted, beginning: &str) -> Option<HtmlElement> {
    page.controls()
        .into_iter()
        .rev()
        .find(|control| control.tag_name() == "BUTTON" && name_of(control).starts_with(beginning))
}

fn field(page: &Mounted) -> HtmlTextAreaElement {
    page.by_label("第 1 則文字").unchecked_into()
}

#[wasm_bindgen_test]
async fn files_are_dropped_and_pasted_anywhere_on_the_page() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    let coat = photo("coat.jpg", 40, 30).await;
    assert!(tell("dragover", std::slice::from_ref(&coat), None).await);
    says(&page, "放開以加入檔案").await;
    assert!(tell("drop", std::slice::from_ref(&coat), None).await);
    says(&page, "coat.jpg").await;
    assert!(tell("paste", &[photo("hat.jpg", 30, 40).await], None).await);
    says(&page, "hat.jpg").await;
    wait_for(|| page.text().matches("符合 2 個渠道").count() == 2).await;
    assert!(page.text().contains("40 × 30") && page.text().contains("30 × 40"));
    assert!(page.find_by_text("3 / 5").is_some());
}

#[wasm_bindgen_test]
async fn a_table_that_is_pasted_is_its_words_and_not_a_picture_of_itself() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    let is_taken = tell("paste", &[photo("table.png", 9, 9).await], Some("甲\t乙")).await;
    assert!(!is_taken && page.find_by_text("1 / 5").is_some());
}

#[wasm_bindgen_test]
async fn of_six_pictures_for_one_place_the_first_is_taken_and_the_others_are_named() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    for at in 1..=4 {
        if at > 1 {
            click(&page.by_role("button", "文字")).await;
        }
        type_text(&page.by_label(&format!("第 {at} 則文字")), "好").await;
    }
    let mut pictures = Vec::new();
    for name in ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"] {
        pictures.push(photo(name, 8, 8).await);
    }
    tell("paste", &pictures, None).await;
    says(
        &page,
        "一次最多 5 則訊息，這 5 個沒有加入：b.jpg、c.jpg、d.jpg、e.jpg和f.jpg",
    )
    .await;
    says(&page, "a.jpg").await;
    assert!(page.find_by_text("5 / 5").is_some());
    assert_eq!(value_of(&page.by_label("第 4 則文字")), "好");
}

#[wasm_bindgen_test]
async fn what_is_not_taken_is_refused_by_its_content_beside_it_and_nothing_is_lost() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    type_text(&field(&page), "甲").await;
    let files = [
        file("renamed.jpg", "just words"),
        file("empty.pdf", ""),
        file("catalogue.pdf", "%PDF-1.4"),
        file("program.pdf", "MZ\u{1}"),
        file("clip.mp4", "no video"),
    ];
    pick(&page, &files).await;
    for words in [
        "renamed.jpg：這不是 JPEG 或 PNG 圖片。",
        "catalogue.pdf：LINE 不支援檔案",
        "clip.mp4：",
        "program.pdf：",
        "empty.pdf：",
    ] {
        says(&page, words).await;
    }
    assert!(page.find_by_text("1 / 5").is_some());
    assert_eq!(value_of(&field(&page)), "甲");
    click(&page.by_role("button", "關閉")).await;
    assert!(!page.text().contains("catalogue.pdf"));
}

#[wasm_bindgen_test]
async fn a_video_that_this_browser_cannot_play_is_sent_with_a_plain_still() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    pick(&page, &[file("clip.mp4", "\0\0\0\u{18}ftypisom....")]).await;
    says(&page, "clip.mp4").await;
    says(&page, "符合 2 個渠道").await;
    let still = still_of(&file("clip.mp4", "nothing")).await.unwrap();
    assert_eq!(
        (still.width, still.preview.type_().as_str()),
        (0, "image/jpeg")
    );
}

#[wasm_bindgen_test]
async fn an_upload_is_stopped_and_started_again() {
    let options = FakeOptions {
        delay: 30,
        ..FakeOptions::default()
    };
    let (page, _fake) = composer(options).await;
    pick(&page, &[photo("coat.jpg", 8, 8).await]).await;
    says(&page, "上傳中").await;
    assert!(button_like(&page, "發送").is_some());
    click(&page.by_role("button", "停止上傳")).await;
    says(&page, "已停止上傳").await;
    click(&page.by_role("button", "重試")).await;
    says(&page, "符合 2 個渠道").await;
    assert!(!page.text().contains("已停止上傳"));
}

#[wasm_bindgen_test]
async fn an_upload_that_breaks_off_or_finds_no_room_says_so_at_the_message() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    type_text(&field(&page), "甲").await;
    let files = [
        photo("offline.jpg", 8, 8).await,
        photo("full.jpg", 8, 8).await,
    ];
    pick(&page, &files).await;
    wait_for(|| page.text().matches("重試").count() >= 2).await;
    assert!(
        page.text().contains("無法連線，請檢查網路後重試。"),
        "{}",
        page.text()
    );
    assert_eq!(value_of(&field(&page)), "甲");
    assert!(page.find_by_text("3 / 5").is_some());
}

#[wasm_bindgen_test]
async fn what_is_uploaded_survives_a_reload() {
    let (page, fake) = composer(FakeOptions::default()).await;
    type_text(&field(&page), "甲").await;
    pick(&page, &[photo("coat.jpg", 8, 8).await]).await;
    says(&page, "符合 2 個渠道").await;
    drop(page);
    let transport = Arc::new(fake.clone());
    let page = mount(move || view! { <App transport /> });
    says(&page, "coat.jpg").await;
    assert_eq!(value_of(&field(&page)), "甲");
}

#[wasm_bindgen_test]
async fn a_message_that_a_channel_does_not_take_stays_with_two_ways_out() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    // For WhatsApp alone, files are offered.
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "WhatsApp")).await;
    click(&button_like(&page, "套用").unwrap()).await;
    choose_all(&page).await;
    wait_for(|| page.find_by_role("button", "檔案").is_some()).await;
    type_text(&field(&page), "甲").await;
    pick(&page, &[file("catalogue.pdf", "%PDF-1.4")]).await;
    says(&page, "符合 1 個渠道").await;
    // With LINE, they are not.
    click(&page.by_role("button", "移除 渠道：WhatsApp")).await;
    choose_all(&page).await;
    says(&page, "LINE 無法收到第 2 則").await;
    assert!(page.find_by_role("button", "檔案").is_none());
    assert!(page.text().contains("LINE 不支援檔案"));
    // One way: without the message.
    click(&last(&page, "移除第 2 則")).await;
    assert!(!page.text().contains("catalogue.pdf"));
    click(&last(&page, "復原")).await;
    says(&page, "LINE 無法收到第 2 則").await;
    // The other: without the channel.
    click(&page.by_role("button", "排除 LINE 的顧客")).await;
    says(&page, "已排除 LINE 的顧客").await;
    wait_for(|| !page.text().contains("LINE 無法收到第 2 則")).await;
    assert!(page.text().contains("catalogue.pdf"));
}

/// The last shown button of this name, where the message's own cross has it too.
fn last(page: &Mounted, name: &str) -> HtmlElement {
    let named = page
        .controls()
        .into_iter()
        .filter(|control| name_of(control) == name);
    named.last().unwrap()
}

#[wasm_bindgen_test]
async fn the_customer_s_name_is_put_in_and_taken_out_whole() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    let field = field(&page);
    type_text(&field, "您好").await;
    field.set_selection_range(0, 0).unwrap();
    click(&page.by_role("button", "聯絡人名稱")).await;
    assert_eq!(value_of(&field), [CUSTOMER_NAME, "您好"].concat());
    assert_eq!(value_of(&page.by_label("沒有名稱的顧客，稱呼為")), "貴賓");
    // Behind it, the key that takes away selects it first, so that all of it goes.
    let end = CUSTOMER_NAME.len() as u32;
    field.focus().unwrap();
    field.set_selection_range(end, end).unwrap();
    press("Backspace").await;
    let selected = (
        field.selection_start().unwrap(),
        field.selection_end().unwrap(),
    );
    assert_eq!(selected, (Some(0), Some(end)));
    // The arrows step over it.
    field.set_selection_range(end, end).unwrap();
    press("ArrowLeft").await;
    assert_eq!(field.selection_end().unwrap(), Some(0));
    // A phone's keyboard tells of no key: what it has taken half of goes whole.
    set_value(&field, &["{{customer_name}", "您好"].concat());
    dispatch(&field, "input");
    settle().await;
    assert_eq!(value_of(&field), "您好");
    assert!(
        page.by_css("input[aria-label], input")
            .iter()
            .all(|input| name_of(input) != "沒有名稱的顧客，稱呼為")
    );
}

#[wasm_bindgen_test]
async fn without_a_word_for_those_without_a_name_nothing_is_sent() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    click(&page.by_role("button", "聯絡人名稱")).await;
    let fallback = page.by_label("沒有名稱的顧客，稱呼為");
    set_value(&fallback, " ");
    dispatch(&fallback, "input");
    settle().await;
    assert_eq!(
        fallback.get_attribute("aria-invalid").as_deref(),
        Some("true")
    );
    let send = button_like(&page, "發送給").unwrap();
    assert_eq!(send.get_attribute("aria-disabled").as_deref(), Some("true"));
}

#[wasm_bindgen_test]
async fn links_are_counted_as_they_are_typed() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    let field = field(&page);
    type_text(&field, "看 https://shop.example.com/a 與 maps.example.org").await;
    assert!(
        page.find_by_text("官網連結 1").is_some() && page.find_by_text("其他連結 1").is_some(),
        "{}",
        page.text()
    );
    set_value(&field, "看");
    dispatch(&field, "input");
    settle().await;
    assert!(page.find_by_text("官網連結 1").is_none());
}

#[wasm_bindgen_test]
async fn the_preview_speaks_to_a_customer_of_the_channel_in_view() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    click(&page.by_role("button", "聯絡人名稱")).await;
    let choice = || page.by_css("select").into_iter().next();
    wait_for(|| choice().is_some()).await;
    let names = || -> Vec<String> {
        let options = page.by_css("select option");
        options
            .iter()
            .map(|option| option.text_content().unwrap())
            .collect()
    };
    let first = names().remove(0);
    let chat = || {
        page.by_css("[aria-label=訊息預覽]")
            .remove(0)
            .text_content()
            .unwrap()
    };
    wait_for(|| chat().contains(&first)).await;
    // As somebody without a name.
    let select = choice().unwrap();
    let nameless = names().len() - 1;
    assert_eq!(names()[nameless], "沒有名稱的顧客");
    Reflect::set(&select, &"value".into(), &nameless.to_string().into()).unwrap();
    dispatch(&select, "change");
    settle().await;
    assert!(chat().contains("貴賓"), "{}", chat());
    // On another channel.
    click(&page.by_role("tab", "WhatsApp")).await;
    wait_for(|| names()[0] != first).await;
}

#[wasm_bindgen_test]
async fn words_under_a_picture_are_offered_where_every_channel_has_them() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    pick(&page, &[photo("coat.jpg", 8, 8).await]).await;
    says(&page, "符合 2 個渠道").await;
    let captions = || {
        page.by_css("textarea")
            .iter()
            .filter(|field| name_of(field) == "第 2 則的說明文字")
            .count()
    };
    assert_eq!(captions(), 0);
    click(&page.by_role("button", "篩選")).await;
    click(&page.by_role("checkbox", "WhatsApp")).await;
    click(&button_like(&page, "套用").unwrap()).await;
    choose_all(&page).await;
    wait_for(|| captions() == 1).await;
    type_text(&page.by_label("第 2 則的說明文字"), "新品").await;
    // They stay, and are marked, where they are not taken any more.
    click(&page.by_role("button", "移除 渠道：WhatsApp")).await;
    choose_all(&page).await;
    says(&page, "LINE 無法收到第 2 則").await;
    click(&page.by_role("button", "移除第 2 則的說明文字")).await;
    wait_for(|| captions() == 0).await;
    assert!(page.text().contains("coat.jpg"));
}

#[wasm_bindgen_test]
async fn the_browsers_way_back_leads_from_the_preview_to_the_writing() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    let step = |step: &str| -> bool {
        let location = window().location();
        location.search().unwrap() == ["?mode=", step].concat()
    };
    type_text(&field(&page), "甲").await;
    click(&page.by_role("button", "預覽")).await;
    assert!(step("preview"));
    window().history().unwrap().back().unwrap();
    wait_for(|| step("compose")).await;
    assert_eq!(value_of(&field(&page)), "甲");
}

/// The composer's messages alone, on this surface.
fn alone(surface: Surface, channels: &'static [Channel]) -> Mounted {
    mount(move || {
        provide_toasts();
        let mut draft = ComposeDraft::default();
        draft.add(DraftContent::Text(String::new()));
        let channels: omocast_contract::ChannelSet = channels.iter().copied().collect();
        view! {
            <Composer
                draft=RwSignal::new(draft)
                channels
                surface
                problems=Vec::new()
                refused=RwSignal::new(Vec::new())
                official_domains=Vec::new()
                urls=MediaUrls::none()
                on_files=|_| ()
                on_cancel_upload=|_| ()
                on_retry_upload=|_| ()
                on_saved_replies=|()| ()
                on_drop_channels=|_| ()
            />
        }
    })
}

#[wasm_bindgen_test]
async fn each_version_offers_what_its_table_says() {
    let offered = |page: &Mounted| -> Vec<String> {
        let media = ["文字", "圖片", "影片", "檔案", "預存回覆", "表情符號"];
        let media = media
            .into_iter()
            .filter(|name| page.find_by_role("button", name).is_some());
        media.map(str::to_owned).collect()
    };
    let page = alone(Surface::Web, &[Channel::Facebook, Channel::Instagram]);
    settle().await;
    assert_eq!(offered(&page), ["文字", "圖片", "預存回覆", "表情符號"]);
    assert!(
        page.text().contains("Instagram 不支援影片")
            && page.text().contains("Instagram 不支援檔案")
    );
    drop(page);
    let page = alone(Surface::App, &[Channel::Facebook, Channel::Instagram]);
    settle().await;
    assert_eq!(offered(&page), ["文字", "圖片", "影片", "檔案", "預存回覆"]);
    assert!(!page.text().contains("不支援"));
    drop(page);
    // Nor while nobody is chosen yet.
    let page = alone(Surface::App, &[]);
    settle().await;
    assert_eq!(offered(&page), ["文字", "圖片", "影片", "檔案", "預存回覆"]);
}

#[wasm_bindgen_test]
async fn the_question_has_a_title_of_its_own_and_the_focus() {
    let (page, _fake) = composer(FakeOptions::default()).await;
    type_text(&field(&page), "甲").await;
    press_with("ArrowDown", |key| key.set_alt_key(true));
    settle().await;
    assert_eq!(value_of(&focused()), "甲");
    click(&button_like(&page, "發送給").unwrap()).await;
    wait_for(|| page.text().contains("可以復原")).await;
    let dialog = page.by_css("dialog[open]").remove(0);
    assert!(
        name_of(&dialog).ends_with("位顧客？"),
        "{}",
        name_of(&dialog)
    );
    assert!(dialog.contains(Some(&focused())));
}

#[wasm_bindgen_test]
async fn a_photo_leaves_without_its_notes_and_as_large_as_it_was() {
    let coat = photo("coat.jpg", 40, 30).await;
    let has_note = |content: &[u8]| content.windows(4).any(|part| part == b"Exif");
    assert!(has_note(&beginning(&coat, 64).await.unwrap()));
    let picture = prepare(&coat, 5 << 20).await.unwrap();
    let sent = beginning(&picture.file, 5 << 20).await.unwrap();
    assert!(sent.starts_with(&[0xff, 0xd8, 0xff]) && !has_note(&sent));
    assert_eq!(
        (picture.width, picture.height, picture.is_shrunk),
        (40, 30, false)
    );
}

#[wasm_bindgen_test]
async fn a_photo_that_was_taken_upright_stays_upright() {
    // One entry of a TIFF directory: tag 0x0112 (orientation), a short, 6: the camera was turned by a quarter.
    let mut note = b"Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    note.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    let coat = photo_with_note("coat.jpg", 40, 30, &note).await;
    let picture = prepare(&coat, 5 << 20).await.unwrap();
    assert_eq!((picture.width, picture.height), (30, 40));
    let sent = beginning(&picture.file, 5 << 20).await.unwrap();
    assert!(!sent.windows(4).any(|part| part == b"Exif"));
}

#[wasm_bindgen_test]
async fn a_picture_is_shrunk_to_the_limit_and_a_png_stays_one_if_it_fits() {
    let noise = noise("noise.png", 600).await;
    let kept = prepare(&noise, 5 << 20).await.unwrap();
    assert_eq!(
        (kept.name.as_str(), kept.file.size()),
        ("noise.png", noise.size())
    );
    let most = 200_000_u32;
    assert!(noise.size() > f64::from(most));
    let shrunk = prepare(&noise, most.into()).await.unwrap();
    assert!(shrunk.file.size() <= f64::from(most) && shrunk.is_shrunk);
    assert_eq!(shrunk.name, "noise.jpg");
}
