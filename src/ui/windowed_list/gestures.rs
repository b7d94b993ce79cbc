//! What the user does: clicks and keys, and the active row that the keys move.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, MouseEvent};

use super::list::List;
use super::{Gesture, ROW_HEIGHT};

impl<T: PartialEq + 'static> List<T> {
    fn gesture_at(&self, index: u64) -> Option<(u64, Rc<T>)> {
        // While other rows are on their way, those shown belong to what is no longer asked for.
        if self.is_replacing.get_untracked() {
            return None;
        }
        Some((index, self.cache.row(index)?.clone()))
    }

    pub(super) fn clicked(&mut self, event: &MouseEvent) -> Option<Gesture<T>> {
        let target: Element = event.target()?.dyn_into().ok()?;
        // A link in a row is the browser's, or the page's.
        if target.closest("a[href]").ok()?.is_some() {
            return None;
        }
        let element = target.closest("[role=row]").ok()??;
        let index: u64 = element.get_attribute("aria-rowindex")?.parse().ok()?;
        let (index, row) = self.gesture_at(index.checked_sub(1)?)?;
        self.active = Some(index);
        self.request_frame();
        Some(Gesture::Open {
            index,
            row,
            is_range: event.shift_key(),
        })
    }

    pub(super) fn pressed(&mut self, event: &KeyboardEvent) -> Option<Gesture<T>> {
        let (first, last) = self.viewport()?;
        let end = self.total?.checked_sub(1)?;
        let active = self.active.unwrap_or(first);
        let page = (last - first).saturating_sub(2).max(1);
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
        let gesture = match event.key().as_str() {
            "a" if (event.ctrl_key() || event.meta_key()) && !event.alt_key() => Some(Gesture::All),
            _ if has_modifier => return None,
            "ArrowDown" => self.move_to((active + 1).min(end)),
            "ArrowUp" => self.move_to(active.saturating_sub(1)),
            "PageDown" => self.move_to((active + page).min(end)),
            "PageUp" => self.move_to(active.saturating_sub(page)),
            "Home" => self.move_to(0),
            "End" => self.move_to(end),
            "Enter" => self.gesture_at(active).map(|(index, row)| Gesture::Open {
                index,
                row,
                is_range: event.shift_key(),
            }),
            " " => self
                .gesture_at(active)
                .map(|(index, row)| Gesture::Tick { index, row }),
            _ => return None,
        };
        event.prevent_default();
        gesture
    }

    /// Makes a row the active one and brings it into view.
    fn move_to(&mut self, index: u64) -> Option<Gesture<T>> {
        self.active = Some(index);
        if let Some(dom) = &self.dom {
            let top = index as f64 * ROW_HEIGHT;
            // Not `last_top`: several keys may come in one frame.
            let shown = f64::from(dom.scroller.scroll_top());
            if top < shown {
                dom.scroller.set_scroll_top(top as i32);
            } else if top + ROW_HEIGHT > shown + dom.viewport {
                dom.scroller
                    .set_scroll_top((top + ROW_HEIGHT - dom.viewport).ceil() as i32);
            }
        }
        self.request_frame();
        None
    }
}

/// Tells the owner, with the list free to be asked again.
pub(super) fn act<T>(list: &Weak<RefCell<List<T>>>, gesture: Option<Gesture<T>>) {
    let on_gesture = list.upgrade().map(|list| list.borrow().on_gesture.clone());
    if let Some((on_gesture, gesture)) = on_gesture.zip(gesture) {
        on_gesture(gesture);
    }
}
