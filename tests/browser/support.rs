//! How a test speaks of a page: by role, name and label, as somebody who uses it would.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Promise, Reflect};
use leptos::mount::{UnmountHandle, mount_to};
use leptos::prelude::*;
use omocast::i18n::{self, Locale};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

/// Something mounted for one test; it is taken off the page when it is dropped.
pub(crate) struct Mounted {
    root: HtmlElement,
    _handle: Box<dyn std::any::Any>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The view first: what it does on its way out may look for its elements.
        self._handle = Box::new(());
        self.root.remove();
    }
}

/// Mounts a view in the middle of an empty page, with the Chinese texts.
pub(crate) fn mount<V: IntoView + 'static>(view: impl FnOnce() -> V + 'static) -> Mounted {
    speak(Locale::ZhHant);
    let root: HtmlElement = document().create_element("div").unwrap().unchecked_into();
    document().body().unwrap().append_child(&root).unwrap();
    let handle: UnmountHandle<_> = mount_to(root.clone(), view);
    Mounted {
        root,
        _handle: Box::new(handle),
    }
}

pub(crate) fn speak(locale: Locale) {
    let json = match locale {
        Locale::ZhHant => include_str!("../../public/locales/zh-Hant.json"),
        Locale::En => include_str!("../../public/locales/en.json"),
    };
    i18n::give(locale, json).unwrap();
}

/// What this device keeps, gone: a draft or a choice of another test.
pub(crate) fn forget_all() {
    let local = window().local_storage().unwrap().unwrap();
    local.clear().unwrap();
    let session = window().session_storage().unwrap().unwrap();
    session.clear().unwrap();
}

/// Waits until the page has come so far; a turn of the page's own loop at a time, so it is as quick as the page is.
pub(crate) async fn wait_for(mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        settle().await;
    }
    panic!("it never became so");
}

/// Lets effects, promises and the next frame run: twice, because one may start another.
pub(crate) async fn settle() {
    for _ in 0..2 {
        leptos::task::tick().await;
        let next_task = Promise::new(&mut |resolve, _| {
            window()
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, 0)
                .unwrap();
        });
        JsFuture::from(next_task).await.unwrap();
        let next_frame = Promise::new(&mut |resolve, _| {
            window().request_animation_frame(&resolve).unwrap();
        });
        JsFuture::from(next_frame).await.unwrap();
    }
}

impl Mounted {
    /// The one shown element of this role and accessible name.
    #[track_caller]
    pub(crate) fn by_role(&self, role: &str, name: &str) -> HtmlElement {
        self.find_by_role(role, name).unwrap_or_else(|| {
            let there: Vec<String> = self
                .all()
                .iter()
                .filter(|element| role_of(element) == role)
                .map(name_of)
                .collect();
            panic!("no {role} is called {name:?}; there are {there:?}")
        })
    }

    pub(crate) fn find_by_role(&self, role: &str, name: &str) -> Option<HtmlElement> {
        let mut found = self
            .all()
            .into_iter()
            .filter(|element| role_of(element) == role && name_of(element) == name);
        let first = found.next();
        assert!(
            found.next().is_none(),
            "more than one {role} is called {name:?}"
        );
        first.map(JsCast::unchecked_into)
    }

    /// The field with this label.
    #[track_caller]
    pub(crate) fn by_label(&self, label: &str) -> HtmlElement {
        self.all()
            .into_iter()
            .find(|element| is_field(element) && name_of(element) == label)
            .unwrap_or_else(|| panic!("no field is labelled {label:?}"))
            .unchecked_into()
    }

    /// The innermost element that says exactly this.
    #[track_caller]
    pub(crate) fn by_text(&self, text: &str) -> HtmlElement {
        self.find_by_text(text)
            .unwrap_or_else(|| panic!("nothing says {text:?}, but {:?}", self.text()))
    }

    pub(crate) fn find_by_text(&self, text: &str) -> Option<HtmlElement> {
        self.all()
            .into_iter()
            .rev()
            .find(|element| element.text_content().unwrap_or_default().trim() == text)
            .map(JsCast::unchecked_into)
    }

    /// Every element that matches: for what has no name, such as the rows of a long list.
    pub(crate) fn by_css(&self, selector: &str) -> Vec<HtmlElement> {
        let found = self.root.query_selector_all(selector).unwrap();
        (0..found.length())
            .filter_map(|index| found.item(index)?.dyn_into().ok())
            .collect()
    }

    /// All that is said.
    pub(crate) fn text(&self) -> String {
        self.root.text_content().unwrap_or_default()
    }

    /// Every control that is shown.
    pub(crate) fn controls(&self) -> Vec<HtmlElement> {
        self.all()
            .into_iter()
            .filter(|element| is_field(element) || is_control(element))
            .map(JsCast::unchecked_into)
            .collect()
    }

    /// Every shown element, in the order of the page.
    fn all(&self) -> Vec<Element> {
        let found = self.root.query_selector_all("*").unwrap();
        (0..found.length())
            .filter_map(|index| found.item(index)?.dyn_into::<Element>().ok())
            .filter(is_shown)
            .collect()
    }
}

/// Not in a closed dialog or popover, nor hidden from everybody.
fn is_shown(element: &Element) -> bool {
    element
        .closest("dialog:not([open]), [popover]:not(:popover-open), [hidden], template")
        .unwrap()
        .is_none()
}

fn is_field(element: &Element) -> bool {
    ["INPUT", "TEXTAREA", "SELECT"].contains(&element.tag_name().as_str())
}

fn is_control(element: &Element) -> bool {
    element.matches("button, a[href], [role=button], [role=tab], [role^=menuitem], [role=option], [role=grid], [role=img], dialog").unwrap()
}

pub(crate) fn role_of(element: &Element) -> String {
    if let Some(role) = element.get_attribute("role") {
        return role;
    }
    let kind = element.get_attribute("type").unwrap_or_default();
    match (element.tag_name().as_str(), kind.as_str()) {
        ("BUTTON", _) => "button",
        ("A", _) => "link",
        ("DIALOG", _) => "dialog",
        ("INPUT", "checkbox") => "checkbox",
        ("INPUT", "radio") => "radio",
        ("INPUT", "search") => "searchbox",
        ("INPUT" | "TEXTAREA", _) => "textbox",
        ("H1" | "H2" | "H3", _) => "heading",
        ("NAV", _) => "navigation",
        ("MAIN", _) => "main",
        _ => "",
    }
    .to_owned()
}

/// The accessible name, as far as our markup goes: aria-labelledby, aria-label, label, contents, title.
pub(crate) fn name_of(element: impl AsRef<Element>) -> String {
    let element = element.as_ref();
    if let Some(ids) = element.get_attribute("aria-labelledby") {
        return ids
            .split_whitespace()
            .filter_map(|id| document().get_element_by_id(id))
            .map(|label| heard(&label))
            .collect::<Vec<_>>()
            .join(" ");
    }
    if let Some(label) = element.get_attribute("aria-label") {
        return label;
    }
    if is_field(element) {
        let labels = Reflect::get(element, &"labels".into()).unwrap();
        return Array::from(&labels)
            .iter()
            .map(|label| heard(label.unchecked_ref()))
            .collect::<Vec<_>>()
            .join(" ");
    }
    let contents = heard(element);
    if contents.is_empty() {
        element.get_attribute("title").unwrap_or_default()
    } else {
        contents
    }
}

/// The text without what is hidden from those who listen.
fn heard(element: &Element) -> String {
    let copy: Element = element.clone_node_with_deep(true).unwrap().unchecked_into();
    let hidden = copy.query_selector_all("[aria-hidden=true]").unwrap();
    for index in 0..hidden.length() {
        hidden
            .item(index)
            .unwrap()
            .unchecked_into::<Element>()
            .remove();
    }
    let text = copy.text_content().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) async fn click(element: &HtmlElement) {
    element.click();
    settle().await;
}

/// Types into a field, letter by letter, at its end.
pub(crate) async fn type_text(field: &HtmlElement, text: &str) {
    field.focus().unwrap();
    for letter in text.chars() {
        let value = value_of(field) + &letter.to_string();
        set_value(field, &value);
        dispatch(field, "input");
    }
    settle().await;
}

pub(crate) fn value_of(field: &HtmlElement) -> String {
    match field.dyn_ref::<HtmlInputElement>() {
        Some(input) => input.value(),
        None => field.unchecked_ref::<HtmlTextAreaElement>().value(),
    }
}

pub(crate) fn set_value(field: &HtmlElement, value: &str) {
    match field.dyn_ref::<HtmlInputElement>() {
        Some(input) => input.set_value(value),
        None => field
            .unchecked_ref::<HtmlTextAreaElement>()
            .set_value(value),
    }
}

pub(crate) fn dispatch(element: &HtmlElement, event: &str) {
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    init.set_cancelable(true);
    let event = web_sys::Event::new_with_event_init_dict(event, &init).unwrap();
    element.dispatch_event(&event).unwrap();
}

/// Presses a key where the focus is. Returns whether nobody took it.
pub(crate) async fn press(key: &str) -> bool {
    let is_left = press_with(key, |_| ());
    settle().await;
    is_left
}

/// Presses a key with modifiers, or while composing.
pub(crate) fn press_with(key: &str, with: impl FnOnce(&web_sys::KeyboardEventInit)) -> bool {
    let init = web_sys::KeyboardEventInit::new();
    init.set_key(key);
    init.set_bubbles(true);
    init.set_cancelable(true);
    with(&init);
    let event =
        web_sys::KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).unwrap();
    focused().dispatch_event(&event).unwrap()
}

/// The element that has the focus.
pub(crate) fn focused() -> HtmlElement {
    document().active_element().unwrap().unchecked_into()
}

/// Collects what is written to `console.error` until it is dropped.
pub(crate) struct ConsoleErrors {
    found: Rc<RefCell<Vec<String>>>,
    before: JsValue,
    _catch: Closure<dyn Fn(JsValue)>,
}

impl ConsoleErrors {
    pub(crate) fn catch() -> Self {
        let found = Rc::<RefCell<Vec<String>>>::default();
        let catch = {
            let found = Rc::clone(&found);
            Closure::<dyn Fn(JsValue)>::new(move |error: JsValue| {
                let text = error.as_string().unwrap_or_else(|| format!("{error:?}"));
                found.borrow_mut().push(text);
            })
        };
        let before = Reflect::get(&console(), &"error".into()).unwrap();
        let function: &Function = catch.as_ref().unchecked_ref();
        Reflect::set(&console(), &"error".into(), function).unwrap();
        Self {
            found,
            before,
            _catch: catch,
        }
    }

    pub(crate) fn found(&self) -> Vec<String> {
        self.found.borrow().clone()
    }
}

impl Drop for ConsoleErrors {
    fn drop(&mut self) {
        Reflect::set(&console(), &"error".into(), &self.before).unwrap();
    }
}

fn console() -> JsValue {
    Reflect::get(&js_sys::global(), &"console".into()).unwrap()
}
