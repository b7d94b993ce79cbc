//! What is made for those who are chosen: the pane beside the list, of whatever list.

use leptos::ev;
use leptos::prelude::*;
use omocast_contract::{BroadcastId, BroadcastKind};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::picking::Picking;
use super::{compose_pane, template_pane};
use crate::part;
use crate::route::{Route, Step, navigate};
use crate::ui::reactive;

/// The pane of the broadcast that is being made.
pub(super) fn making(page: Picking) -> AnyView {
    let kind = Memo::new(move |_| page.kind());
    let is_previewing = Memo::new(move |_| page.step() == Some(Step::Preview));
    let on_sent = Callback::new(move |id: BroadcastId| {
        page.sent();
        navigate(Route::Broadcast(id));
    });
    let on_step = Callback::new(move |step: Step| page.go_to(step));
    let pane = reactive(move || match kind.get() {
        BroadcastKind::Messages => part::place(
            || Box::pin(compose_pane::compose()),
            move |draw| draw(page, is_previewing, on_sent, on_step),
        ),
        BroadcastKind::Template => part::place(
            || Box::pin(template_pane::template()),
            move |draw| draw(page, is_previewing, on_sent, on_step),
        ),
    });
    // Where list and broadcast stand beside each other, the step is where one is at work,
    // so that one is still there when the window is drawn narrow. A dialog stands over both.
    let follow = move |event: ev::FocusEvent| {
        let is_in_dialog = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|target| target.closest("dialog").is_ok_and(|found| found.is_some()));
        if !is_in_dialog && untrack(|| page.step()) == Some(Step::Select) {
            page.go_to(Step::Compose);
        }
    };
    view! { <div class="customers__work" on:focusin=follow>{pane}</div> }.into_any()
}
