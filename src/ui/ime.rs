//! What a field for text owes an input method: while it composes, nobody writes to the field, and its keys are its own.

use js_sys::Reflect;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// Whether a key belongs to an input method that is composing: then it means nothing to us.
pub fn is_composing(key: &ev::KeyboardEvent) -> bool {
    // Safari ends the composition before it tells of the key that ended it, with this code.
    key.is_composing() || key.key_code() == 229
}

/// A field's text and the signal that holds it, kept the same. For `<input>` and `<textarea>` alike.
#[derive(Clone, Copy)]
pub struct Typing {
    value: RwSignal<String>,
    is_composed: StoredValue<bool>,
}

impl Typing {
    /// `field` is the element, once it is there.
    pub fn new(value: RwSignal<String>, field: impl Fn() -> Option<JsValue> + 'static) -> Self {
        let is_composed = StoredValue::new(false);
        // An effect, because the element keeps what is typed; while an input method composes, writing to it breaks the composition.
        Effect::new(move |_| {
            let text = value.get();
            if let Some(field) = field()
                && !is_composed.get_value()
                && text_of(&field) != text
            {
                // Fails on no field for text.
                let _ = Reflect::set(&field, &VALUE.into(), &text.into());
            }
        });
        Self { value, is_composed }
    }

    /// `input`: half composed or not, what stands there is what was written.
    pub fn take(self, event: &web_sys::Event) {
        if let Some(field) = event.target() {
            self.value.set(text_of(&field));
        }
    }

    /// `compositionstart`.
    pub fn begin(self) {
        self.is_composed.set_value(true);
    }

    /// `compositionend`.
    pub fn end(self, event: &web_sys::Event) {
        self.is_composed.set_value(false);
        self.take(event);
    }
}

/// `keydown` of a field in which Enter does something: not the Enter that ends a composition, nor Shift+Enter.
pub fn press(key: &ev::KeyboardEvent, on_enter: Option<Callback<()>>) {
    if let Some(on_enter) = on_enter
        && key.key() == "Enter"
        && !key.shift_key()
        && !is_composing(key)
    {
        key.prevent_default();
        on_enter.run(());
    }
}

const VALUE: &str = "value";

/// By the property's name, because the two elements that have it share no class.
fn text_of(field: &JsValue) -> String {
    Reflect::get(field, &VALUE.into())
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}
