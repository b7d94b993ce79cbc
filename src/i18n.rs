//! The words of the product, and numbers, lists and moments as the reader's language writes them.
//!
//! Texts are fetched for the locale in use and stay out of the wasm; all formatting is the browser's `Intl`.
//! Everything here is reactive on the locale: call it where a view or a memo reads it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use js_sys::{Array, Function, JSON, JsString, Object, Reflect};
use leptos::prelude::*;
use omocast_contract::Timestamp;
use omocast_contract::timestamp::DAY;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

include!(concat!(env!("OUT_DIR"), "/keys.rs"));

const STORED_AS: &str = "omocast.locale";

/// A language the product speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    ZhHant,
    En,
}

impl Locale {
    pub const ALL: [Self; 2] = [Self::ZhHant, Self::En];

    /// The BCP 47 tag: the name of its file, of `<html lang>` and for `Intl`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZhHant => "zh-Hant",
            Self::En => "en",
        }
    }

    /// Its name in its own language.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::ZhHant => "繁體中文",
            Self::En => "English",
        }
    }

    /// The locale that a tag asks for, such as `en-GB` or `zh-TW`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.split('-').next().unwrap_or(tag);
        match language {
            "zh" => Some(Self::ZhHant),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What was chosen here before, else what the browser prefers, else Traditional Chinese.
    fn preferred() -> Self {
        let window = window();
        let stored = window
            .local_storage()
            .ok()
            .flatten()
            .and_then(|storage| storage.get_item(STORED_AS).ok().flatten());
        stored
            .or_else(|| window.navigator().language())
            .and_then(|tag| Self::of_tag(&tag))
            .unwrap_or(Self::ZhHant)
    }
}

/// The texts of one locale, in the order of [`Key`]. The empty one, before any is loaded, shows nothing.
type Texts = Arc<[String]>;

struct State {
    locale: ArcRwSignal<Locale>,
    texts: ArcRwSignal<Texts>,
    time_zone: ArcRwSignal<Option<String>>,
    /// Making an `Intl` formatter costs a thousand times what using one does.
    formatters: RefCell<HashMap<&'static str, Function>>,
}

thread_local! {
    // Not a context: words are needed in event handlers and after an await, where there is no owner to ask.
    static STATE: State = State {
        locale: ArcRwSignal::new(Locale::ZhHant),
        texts: ArcRwSignal::new(Arc::from([])),
        time_zone: ArcRwSignal::new(None),
        formatters: RefCell::default(),
    };
}

/// The locale in use.
pub fn locale() -> Locale {
    STATE.with(|state| state.locale.clone()).get()
}

/// Whether texts are there to be shown.
pub fn is_ready() -> bool {
    STATE
        .with(|state| state.texts.clone())
        .with(|texts| !texts.is_empty())
}

/// Loads the preferred locale: once, at the start.
pub async fn start() -> Result<(), String> {
    load(Locale::preferred()).await
}

/// Switches to another locale and remembers it.
pub async fn switch(locale: Locale) -> Result<(), String> {
    load(locale).await?;
    if let Ok(Some(storage)) = window().local_storage() {
        // A full or forbidden storage only means that the choice is not remembered.
        let _ = storage.set_item(STORED_AS, locale.as_str());
    }
    Ok(())
}

async fn load(locale: Locale) -> Result<(), String> {
    let json = match bundled(locale) {
        Some(json) => json.to_owned(),
        None => fetch(locale).await.map_err(|error| format!("{error:?}"))?,
    };
    give(locale, &json)
}

/// Uses these texts, a locale file's content.
pub fn give(locale: Locale, json: &str) -> Result<(), String> {
    let parsed = JSON::parse(json).map_err(|error| format!("{error:?}"))?;
    let texts: Texts = NAMES
        .iter()
        .map(|name| {
            // A file newer or older than this build may lack a key: its name is still better than nothing.
            Reflect::get(&parsed, &JsValue::from_str(name))
                .ok()
                .and_then(|text| text.as_string())
                .unwrap_or_else(|| (*name).to_owned())
        })
        .collect();
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("lang", locale.as_str());
    }
    let (locale_now, texts_now) = STATE.with(|state| {
        state.formatters.borrow_mut().clear();
        (state.locale.clone(), state.texts.clone())
    });
    locale_now.set(locale);
    texts_now.set(texts);
    Ok(())
}

/// The gallery and the browser tests need no server, so their build carries the texts.
#[cfg(feature = "preview")]
fn bundled(locale: Locale) -> Option<&'static str> {
    Some(match locale {
        Locale::ZhHant => include_str!("../public/locales/zh-Hant.json"),
        Locale::En => include_str!("../public/locales/en.json"),
    })
}

#[cfg(not(feature = "preview"))]
fn bundled(_locale: Locale) -> Option<&'static str> {
    None
}

async fn fetch(locale: Locale) -> Result<String, JsValue> {
    fetch_file("locales", locale).await
}

/// A file of the build that there is one of for each language, in a folder of that name.
pub async fn fetch_text(folder: &str, locale: Locale) -> Result<String, String> {
    let text = fetch_file(folder, locale).await;
    text.map_err(|error| format!("{error:?}"))
}

async fn fetch_file(folder: &str, locale: Locale) -> Result<String, JsValue> {
    let address = ["/", folder, "/", locale.as_str(), ".json?", REVISION].concat();
    let response: web_sys::Response = JsFuture::from(window().fetch_with_str(&address))
        .await?
        .dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from_f64(response.status().into()));
    }
    let text = JsFuture::from(response.text()?).await?;
    text.as_string().ok_or(JsValue::NULL)
}

/// Moments are told in the team's time zone, wherever the reader is.
pub fn set_time_zone(zone: Option<String>) {
    let time_zone = STATE.with(|state| {
        state.formatters.borrow_mut().clear();
        state.time_zone.clone()
    });
    time_zone.set(zone);
}

/// A text.
pub fn t(key: Key) -> String {
    let texts = STATE.with(|state| state.texts.clone());
    texts.with(|texts| texts.get(key as usize).cloned().unwrap_or_default())
}

/// A text for a view: one type for them all. A closure at each place would be a type of its own, and code of its own.
pub fn phrase(key: Key) -> Signal<String> {
    Signal::derive(move || t(key))
}

/// A text as it is now, for use where nothing is reactive.
pub fn t_now(key: Key) -> String {
    untrack(|| t(key))
}

/// A text whose `{name}` are filled in.
pub fn t_with(key: Key, args: &[(&str, &str)]) -> String {
    fill(&t(key), args)
}

/// A text for this many; its `{count}` is filled in as the language writes numbers.
pub fn t_count(key: PluralKey, count: u64, args: &[(&str, &str)]) -> String {
    let (one, other) = key.forms();
    let form = if is_one(count) { one } else { other };
    let count = number(count);
    let mut all = vec![("count", count.as_str())];
    all.extend_from_slice(args);
    t_with(form, &all)
}

fn fill(text: &str, args: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let argument = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = args.iter().find(|(known, _)| *known == name)?;
            Some((value, after))
        });
        rest = match argument {
            Some((value, after)) => {
                filled.push_str(value);
                after
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    filled.push_str(rest);
    filled
}

/// A text for comparing without regard to capitals. By the browser: the tables of Unicode are large.
pub fn lower_case(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

fn is_one(count: u64) -> bool {
    let rule = formatter("plural", || intl("PluralRules", "select", locale(), &[]));
    call(&rule, &JsValue::from_f64(count as f64)) == "one"
}

/// A number: 1,204.
pub fn number(n: u64) -> String {
    let format = formatter("number", || intl("NumberFormat", "format", locale(), &[]));
    call(&format, &JsValue::from_f64(n as f64))
}

/// A size: 412 KB. Counted in 1,024s, as the platforms' limits are: what is shown as 16 MB fits where 16 MB are taken.
pub fn bytes(n: u64) -> String {
    const KB: f64 = 1_024.0;
    let (unit, divisor, digits) = if n < 1_024 * 1_000 {
        ("kilobyte", KB, "0")
    } else {
        ("megabyte", KB * KB, "1")
    };
    let format = formatter(unit, || {
        let options = [
            ("style", "unit"),
            ("unit", unit),
            ("unitDisplay", "short"),
            ("maximumFractionDigits", digits),
        ];
        intl("NumberFormat", "format", locale(), &options)
    });
    call(&format, &JsValue::from_f64((n as f64 / divisor).max(0.1)))
}

/// How long something takes, roughly: 15 秒, 3 分鐘, 2 小時.
pub fn duration(seconds: u64) -> String {
    let (unit, length) = match seconds {
        0..90 => ("second", 1),
        90..5_400 => ("minute", 60),
        _ => ("hour", 3_600),
    };
    let format = formatter(unit, || {
        let options = [("style", "unit"), ("unit", unit), ("unitDisplay", "long")];
        intl("NumberFormat", "format", locale(), &options)
    });
    let count = seconds.div_ceil(length).max(1);
    call(&format, &JsValue::from_f64(count as f64))
}

/// Names in a row: 「LINE、Facebook和Instagram」.
pub fn list(items: &[String]) -> String {
    let format = formatter("list", || intl("ListFormat", "format", locale(), &[]));
    let array: Array = items.iter().map(|item| JsValue::from_str(item)).collect();
    call(&format, &array)
}

/// A moment in a list: 10:42, 昨天, 週四, 11/3, 2025/11/3.
pub fn moment(at: Timestamp) -> String {
    let now = now();
    let (day, today) = (day_of(at), day_of(now));
    match today - day {
        0 => clock(at),
        1 => {
            let relative = formatter("relative", || {
                intl(
                    "RelativeTimeFormat",
                    "format",
                    locale(),
                    &[("numeric", "auto")],
                )
            });
            relative
                .call2(
                    &JsValue::UNDEFINED,
                    &JsValue::from_f64(-1.0),
                    &JsValue::from_str("day"),
                )
                .ok()
                .and_then(|text| text.as_string())
                .unwrap_or_default()
        }
        2..=6 => date_format("weekday", &[("weekday", "short")], at),
        days if days.abs() < 330 => {
            date_format("day", &[("month", "numeric"), ("day", "numeric")], at)
        }
        _ => {
            let options = [
                ("year", "numeric"),
                ("month", "numeric"),
                ("day", "numeric"),
            ];
            date_format("date", &options, at)
        }
    }
}

/// The time of day: 10:42.
pub fn clock(at: Timestamp) -> String {
    let options = [
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("hourCycle", "h23"),
    ];
    date_format("clock", &options, at)
}

/// The whole moment: 2026/11/23 10:42.
pub fn date_time(at: Timestamp) -> String {
    let options = [
        ("year", "numeric"),
        ("month", "numeric"),
        ("day", "numeric"),
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("hourCycle", "h23"),
    ];
    date_format("date_time", &options, at)
}

/// What the team's clock shows, as a field for a time of it has it: `2026-11-23T10:42`.
pub fn wall_time(at: Timestamp) -> String {
    // Swedish writes dates as ISO 8601 does, but for the T.
    let format = formatter("wall", || {
        let options = [
            ("year", "numeric"),
            ("month", "2-digit"),
            ("day", "2-digit"),
            ("hour", "2-digit"),
            ("minute", "2-digit"),
        ];
        intl_of_zone("sv-SE", &options)
    });
    call(&format, &JsValue::from_f64(at.0 as f64)).replace(' ', "T")
}

/// The day, to head the messages of a day: 11月23日 週一.
pub fn day_heading(at: Timestamp) -> String {
    let options = [("month", "long"), ("day", "numeric"), ("weekday", "short")];
    date_format("day_heading", &options, at)
}

/// The day in the team's time zone, as a number that grows by one a day.
pub fn day_of(at: Timestamp) -> i64 {
    // Canadian English writes dates as ISO 8601 does.
    let format = formatter("iso", || {
        let options = [
            ("year", "numeric"),
            ("month", "2-digit"),
            ("day", "2-digit"),
        ];
        intl_of_zone("en-CA", &options)
    });
    let day = call(&format, &JsValue::from_f64(at.0 as f64));
    Timestamp::parse(&(day + "T00:00:00Z")).map_or(0, |start| start.0.div_euclid(DAY))
}

/// The browser's clock.
pub fn now() -> Timestamp {
    Timestamp(js_sys::Date::now() as i64)
}

fn date_format(name: &'static str, options: &[(&str, &str)], at: Timestamp) -> String {
    let format = formatter(name, || intl_of_zone(locale().as_str(), options));
    call(&format, &JsValue::from_f64(at.0 as f64))
}

fn intl_of_zone(tag: &str, options: &[(&str, &str)]) -> Function {
    let zone = STATE.with(|state| state.time_zone.clone()).get_untracked();
    let mut all = options.to_vec();
    if let Some(zone) = &zone {
        all.push(("timeZone", zone));
    }
    intl_method("DateTimeFormat", "format", tag, &all)
}

fn intl(class: &str, method: &str, locale: Locale, options: &[(&str, &str)]) -> Function {
    intl_method(class, method, locale.as_str(), options)
}

/// `method` of a new `Intl.<class>`, bound to it. One way for all classes keeps js-sys's many bindings out.
fn intl_method(class: &str, method: &str, tag: &str, options: &[(&str, &str)]) -> Function {
    let make = |options: &[(&str, &str)]| -> Result<Function, JsValue> {
        let settings = Object::new();
        for (name, value) in options {
            Reflect::set(
                &settings,
                &JsValue::from_str(name),
                &JsValue::from_str(value),
            )?;
        }
        let intl = Reflect::get(&js_sys::global(), &JsValue::from_str("Intl"))?;
        let class: Function = Reflect::get(&intl, &JsValue::from_str(class))?.dyn_into()?;
        let arguments = Array::of2(&JsValue::from_str(tag), &settings);
        let made = Reflect::construct(&class, &arguments)?;
        let method: Function = Reflect::get(&made, &JsValue::from_str(method))?.dyn_into()?;
        Ok(method.bind0(&made))
    };
    make(options)
        // A time zone that this browser does not know: tell the moment in the reader's own.
        .or_else(|_| {
            make(
                &options
                    .iter()
                    .filter(|(name, _)| *name != "timeZone")
                    .copied()
                    .collect::<Vec<_>>(),
            )
        })
        .unwrap_or_else(|_| Function::new_with_args("x", "return String(x)"))
}

fn formatter(name: &'static str, make: impl FnOnce() -> Function) -> Function {
    // Tracked even when the formatter is there already: whoever shows a number shows it anew in another locale.
    let (locale, time_zone) = STATE.with(|state| (state.locale.clone(), state.time_zone.clone()));
    locale.track();
    time_zone.track();
    let known = STATE.with(|state| state.formatters.borrow().get(name).cloned());
    known.unwrap_or_else(|| {
        let made = untrack(make);
        STATE.with(|state| state.formatters.borrow_mut().insert(name, made.clone()));
        made
    })
}

fn call(function: &Function, argument: &JsValue) -> String {
    function
        .call1(&JsValue::UNDEFINED, argument)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_and_unknown_ones_stay() {
        assert_eq!(
            fill(
                "已選取 {count} 位，排除 {out} 位",
                &[("count", "1,204"), ("out", "3")]
            ),
            "已選取 1,204 位，排除 3 位"
        );
        assert_eq!(fill("{a}{b} {", &[("a", "{b}")]), "{b}{b} {");
    }

    #[test]
    fn a_tag_asks_for_its_language() {
        assert_eq!(Locale::of_tag("zh-TW"), Some(Locale::ZhHant));
        assert_eq!(Locale::of_tag("en-GB"), Some(Locale::En));
        assert_eq!(Locale::of_tag("fr"), None);
    }
}
