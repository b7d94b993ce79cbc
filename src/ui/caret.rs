//! Writing into a field for the one who writes: at the caret, and so that the browser's undo takes it back.

use js_sys::{Function, Reflect};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlTextAreaElement;

/// Inserts a text where the caret is, in place of what is selected, and leaves the focus there.
pub fn insert_at_caret(field: &HtmlTextAreaElement, text: &str) {
    // Fails on what is not shown, which needs no focus.
    let _ = field.focus();
    if type_in(text).unwrap_or(false) {
        return;
    }
    // A browser without the command: then its undo does not know of it.
    let end = field.selection_end().ok().flatten().unwrap_or(u32::MAX);
    let start = field.selection_start().ok().flatten().unwrap_or(end);
    let value: Vec<u16> = field.value().encode_utf16().collect();
    let (start, end) = (
        (start as usize).min(value.len()),
        (end as usize).min(value.len()),
    );
    let part = |range: &[u16]| String::from_utf16_lossy(range);
    field.set_value(&[&part(&value[..start]), text, &part(&value[end..])].concat());
    let caret = (start + text.encode_utf16().count()) as u32;
    let _ = field.set_selection_range(caret, caret);
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    if let Ok(event) = web_sys::Event::new_with_event_init_dict("input", &init) {
        let _ = field.dispatch_event(&event);
    }
}

/// The browser types it, as if by keyboard: the only way that its undo knows. Tells whether it did.
fn type_in(text: &str) -> Result<bool, JsValue> {
    let document = document();
    let command: Function =
        Reflect::get(&document, &JsValue::from_str("execCommand"))?.dyn_into()?;
    let done = command.call3(
        &document,
        &JsValue::from_str("insertText"),
        &JsValue::FALSE,
        &JsValue::from_str(text),
    )?;
    Ok(done.is_truthy())
}
