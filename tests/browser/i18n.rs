//! Words, and numbers and moments as each language writes them.

use leptos::prelude::*;
use omocast::i18n::{
    Key, Locale, PluralKey, clock, date_time, give, list, moment, now, number, set_time_zone, t,
    t_count, t_with,
};
use omocast_contract::Timestamp;
use omocast_contract::timestamp::DAY;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{mount, settle, speak};

#[wasm_bindgen_test]
fn placeholders_are_filled_in() {
    speak(Locale::ZhHant);
    assert_eq!(t_with(Key::UiRemoveNamed, &[("name", "VIP")]), "移除 VIP");
    speak(Locale::En);
    assert_eq!(t_with(Key::UiRemoveNamed, &[("name", "VIP")]), "Remove VIP");
}

#[wasm_bindgen_test]
fn counts_take_the_plural_of_the_language() {
    speak(Locale::En);
    assert_eq!(t_count(PluralKey::UiPeople, 1, &[]), "1 customer");
    assert_eq!(t_count(PluralKey::UiPeople, 1_204, &[]), "1,204 customers");
    speak(Locale::ZhHant);
    assert_eq!(t_count(PluralKey::UiPeople, 1, &[]), "1 位");
}

#[wasm_bindgen_test]
fn a_text_that_a_file_lacks_shows_its_key() {
    give(Locale::En, r#"{"ui.close":"Close"}"#).unwrap();
    assert_eq!(t(Key::UiClose), "Close");
    assert_eq!(t(Key::UiRetry), "ui.retry");
    assert!(give(Locale::En, "<!doctype html>").is_err());
    assert_eq!(t(Key::UiClose), "Close", "a broken file changes nothing");
}

#[wasm_bindgen_test]
async fn a_switch_of_the_locale_redraws_words_and_numbers() {
    let page = mount(|| view! { <p>{move || t(Key::UiClose)} {move || number(1_204)}</p> });
    assert_eq!(page.text(), "關閉1,204");
    speak(Locale::En);
    settle().await;
    assert_eq!(page.text(), "Close1,204");
    let root = document().document_element().unwrap();
    assert_eq!(root.get_attribute("lang").as_deref(), Some("en"));
}

#[wasm_bindgen_test]
fn lists_are_joined_as_the_language_does() {
    let items = [
        "LINE".to_owned(),
        "Facebook".to_owned(),
        "Instagram".to_owned(),
    ];
    speak(Locale::En);
    assert_eq!(list(&items), "LINE, Facebook, and Instagram");
    speak(Locale::ZhHant);
    assert_eq!(list(&items), "LINE、Facebook和Instagram");
}

#[wasm_bindgen_test]
fn moments_are_told_in_the_teams_time_zone() {
    speak(Locale::ZhHant);
    let at = Timestamp::parse("2024-11-03T16:30:00Z").unwrap();
    set_time_zone(Some("Asia/Taipei".to_owned()));
    assert_eq!(clock(at), "00:30");
    assert_eq!(moment(at), "2024/11/4");
    assert!(date_time(at).starts_with("2024/11/4"));
    set_time_zone(Some("Europe/London".to_owned()));
    assert_eq!(clock(at), "16:30");
    assert_eq!(moment(at), "2024/11/3");
    set_time_zone(Some("Nowhere/Nonesuch".to_owned()));
    assert!(!clock(at).is_empty(), "an unknown zone still tells a time");
    set_time_zone(None);
}

#[wasm_bindgen_test]
fn a_moment_of_this_week_is_told_by_its_day() {
    speak(Locale::ZhHant);
    set_time_zone(Some("Asia/Taipei".to_owned()));
    let now = now();
    assert_eq!(moment(now), clock(now));
    assert_eq!(moment(now.plus(-DAY)), "昨天");
    assert!(moment(now.plus(-3 * DAY)).starts_with('週'));
    assert!(moment(now.plus(-20 * DAY)).contains('/'));
    speak(Locale::En);
    assert_eq!(moment(now.plus(-DAY)), "yesterday");
    set_time_zone(None);
}
