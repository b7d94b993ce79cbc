//! Which of the seed's two versions this is: 網頁版 at a desk, APP 版 on a phone.

use leptos::prelude::*;
use omocast_contract::Surface;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::MediaQueryList;

/// As wide as a phone, or a phone on its side, or installed on what is touched: a tablet of the shop.
const APP: &str = "(width < 48rem), (pointer: coarse) and (height < 36rem), \
                   (display-mode: standalone) and (pointer: coarse)";

/// The version in use; a phone that is turned, or a window that is drawn narrow, may change it.
pub(super) fn surface() -> Signal<Surface> {
    let Ok(Some(query)) = window().match_media(APP) else {
        return Signal::stored(Surface::Web);
    };
    let of = |query: &MediaQueryList| {
        if query.matches() {
            Surface::App
        } else {
            Surface::Web
        }
    };
    let surface = RwSignal::new(of(&query));
    let changed = {
        let query = query.clone();
        Closure::<dyn FnMut()>::new(move || {
            surface.try_set(of(&query));
        })
    };
    query.set_onchange(Some(changed.as_ref().unchecked_ref()));
    let listening = StoredValue::new_local((query, changed));
    on_cleanup(move || {
        listening.try_with_value(|(query, _)| query.set_onchange(None));
    });
    surface.into()
}
