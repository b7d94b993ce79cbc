//! Keeps the keyboard's place: when what has the focus is taken from the page, the focus goes to what is nearest,
//! and not to the top of the page.

use std::cell::RefCell;

use js_sys::Array;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, HtmlElement, MutationObserver, MutationObserverInit, Node};

/// What can take the focus by the keyboard.
const FOCUSABLE: &str = "button:not(:disabled), a[href], input:not(:disabled, [tabindex='-1']), textarea:not(:disabled), select:not(:disabled), [tabindex='0']";

/// What had the focus last, what is around it from the inside out, and what had it before.
#[derive(Clone, Default)]
struct Last {
    path: Vec<Element>,
    before: Option<Element>,
}

/// Begins to keep it: once, at the start.
pub fn keep_focus() {
    thread_local! {
        static LAST: RefCell<Last> = RefCell::default();
    }
    window_event_listener(ev::focusin, |event| {
        let Some(element) = event.target().and_then(|it| it.dyn_into::<Element>().ok()) else {
            return;
        };
        LAST.with_borrow_mut(|last| {
            let is_passing = element.closest(".toasts").ok().flatten().is_some();
            // Notices go by themselves: one comes back from them to what one was at.
            if !is_passing || last.before.is_none() {
                last.before = last.path.first().cloned();
            }
            let parents = std::iter::successors(element.parent_element(), |it| it.parent_element());
            last.path = std::iter::once(element.clone()).chain(parents).collect();
        });
    });
    let rescue = Closure::<dyn FnMut(Array)>::new(|_: Array| {
        let is_anywhere = document()
            .active_element()
            .is_some_and(|active| active.tag_name() != "BODY");
        let is_lost = |last: &Last| last.path.first().is_some_and(|it| !it.is_connected());
        if !is_anywhere && LAST.with_borrow(is_lost) {
            // What gets the focus is noted by the listener above, so it is not held here.
            find_place(&LAST.with_borrow(Last::clone));
        }
    });
    let options = MutationObserverInit::new();
    options.set_child_list(true);
    options.set_subtree(true);
    let body = document().body().map(Node::from);
    if let (Ok(observer), Some(body)) =
        (MutationObserver::new(rescue.as_ref().unchecked_ref()), body)
    {
        // Fails only without anything to observe.
        let _ = observer.observe_with_options(&body, &options);
        // It goes on as long as the page does.
        rescue.forget();
    }
}

fn find_place(last: &Last) {
    let was_in_notice = last
        .path
        .iter()
        .any(|element| element.class_list().contains("toasts"));
    let before = last.before.iter().filter(|_| was_in_notice);
    let around = last.path.iter().filter(|element| {
        element.is_connected() && !matches!(element.tag_name().as_str(), "BODY" | "HTML")
    });
    for place in before.chain(around) {
        let found = if place.matches(FOCUSABLE).unwrap_or(false) {
            Some(place.clone())
        } else {
            place.query_selector(FOCUSABLE).ok().flatten()
        };
        if let Some(found) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok())
            && found.is_connected()
            && found.focus().is_ok()
            && document().active_element().as_deref() == Some(found.as_ref())
        {
            return;
        }
    }
}
