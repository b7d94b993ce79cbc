//! The slots: the few rows that exist, and what is written to them when the list moves.

use std::fmt::Write as _;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{AddEventListenerOptions, HtmlElement, KeyboardEvent, MouseEvent};

use super::gestures::act;
use super::list::List;
use super::{ROW_HEIGHT, RowSlot, RowTemplate, create, set_attribute};

/// Rows beyond each edge of the viewport that have a slot.
const OVERSCAN: u64 = 6;
/// Slots at most, whatever the viewport says: without its style sheet the list would be as high as all its rows.
const MAX_SLOTS: u64 = 160;

pub(super) struct Dom<T> {
    id: &'static str,
    pub(super) scroller: HtmlElement,
    spacer: HtmlElement,
    slots: Vec<Slot<T>>,
    pub(super) viewport: f64,
    rows_high: Option<u64>,
    is_frame_requested: bool,
    text: String,
    on_frame: Closure<dyn FnMut()>,
    on_scroll: Closure<dyn FnMut()>,
    #[expect(dead_code, reason = "kept for the observer, which calls it")]
    on_resize: Closure<dyn FnMut()>,
    on_click: Closure<dyn FnMut(MouseEvent)>,
    on_key: Closure<dyn FnMut(KeyboardEvent)>,
    on_focus: Closure<dyn FnMut()>,
    resize: web_sys::ResizeObserver,
}

struct Slot<T> {
    element: HtmlElement,
    row: Box<dyn RowSlot<T>>,
    shows: Shows<T>,
}

/// What a slot shows; compared before anything is written.
struct Shows<T> {
    index: Option<u64>,
    row: Option<Rc<T>>,
    look: u32,
    is_active: bool,
}

impl<T: PartialEq + 'static> List<T> {
    pub(super) fn attach(&mut self, scroller: HtmlElement, id: &'static str) {
        let document = document();
        let Some(spacer) = create(&document, "div", "windowed-list__rows") else {
            return;
        };
        set_attribute(&spacer, "role", "rowgroup");
        let _ = scroller.append_child(&spacer);
        let on_frame = self.closure(|list| {
            if let Some(dom) = &mut list.dom {
                dom.is_frame_requested = false;
            }
            list.frame();
        });
        let on_scroll = self.closure(Self::request_frame);
        let on_resize = self.closure(|list| {
            if let Some(dom) = &mut list.dom {
                dom.viewport = f64::from(dom.scroller.client_height());
            }
            list.request_frame();
        });
        let on_focus = self.closure(|list| {
            if list.active.is_none() {
                list.active = list.viewport().map(|(first, _)| first);
                list.request_frame();
            }
        });
        let own = self.own.clone();
        let on_click = Closure::new(move |event: MouseEvent| {
            let gesture = own
                .upgrade()
                .and_then(|list| list.borrow_mut().clicked(&event));
            act(&own, gesture);
        });
        let own = self.own.clone();
        let on_key = Closure::new(move |event: KeyboardEvent| {
            let gesture = own
                .upgrade()
                .and_then(|list| list.borrow_mut().pressed(&event));
            act(&own, gesture);
        });
        let passive = AddEventListenerOptions::new();
        passive.set_passive(true);
        let _ = scroller.add_event_listener_with_callback_and_add_event_listener_options(
            "scroll",
            on_scroll.as_ref().unchecked_ref(),
            &passive,
        );
        let listen = |name, closure: &JsValue| {
            let _ = scroller.add_event_listener_with_callback(name, closure.unchecked_ref());
        };
        listen("click", on_click.as_ref());
        listen("keydown", on_key.as_ref());
        listen("focus", on_focus.as_ref());
        let Ok(resize) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) else {
            return;
        };
        resize.observe(&scroller);
        self.dom = Some(Dom {
            id,
            viewport: f64::from(scroller.client_height()),
            scroller,
            spacer,
            slots: Vec::new(),
            rows_high: None,
            is_frame_requested: false,
            text: String::new(),
            on_frame,
            on_scroll,
            on_resize,
            on_click,
            on_key,
            on_focus,
            resize,
        });
        self.ensure();
        self.frame();
    }

    pub(super) fn detach(&mut self) {
        for flight in self.in_flight.drain(..) {
            flight.abort.abort();
        }
        if let Some(timeout) = self.settling.take() {
            timeout.clear();
        }
        let Some(dom) = self.dom.take() else { return };
        dom.resize.disconnect();
        let forget = |name, closure: &JsValue| {
            let _ = dom
                .scroller
                .remove_event_listener_with_callback(name, closure.unchecked_ref());
        };
        forget("scroll", dom.on_scroll.as_ref());
        forget("click", dom.on_click.as_ref());
        forget("keydown", dom.on_key.as_ref());
        forget("focus", dom.on_focus.as_ref());
        if dom.is_frame_requested {
            // The frame that is still to come must find its closure.
            dom.on_frame.forget();
        }
    }

    fn closure(&self, act: impl Fn(&mut Self) + 'static) -> Closure<dyn FnMut()> {
        let own = self.own.clone();
        Closure::new(move || {
            if let Some(list) = own.upgrade()
                && let Ok(mut list) = list.try_borrow_mut()
            {
                act(&mut list);
            }
        })
    }

    /// Scrolling, resizing and answers of one frame are drawn once.
    pub(super) fn request_frame(&mut self) {
        let Some(dom) = &mut self.dom else { return };
        if !dom.is_frame_requested {
            dom.is_frame_requested = window()
                .request_animation_frame(dom.on_frame.as_ref().unchecked_ref())
                .is_ok();
        }
    }

    fn frame(&mut self) {
        let Some(dom) = &self.dom else { return };
        let top = f64::from(dom.scroller.scroll_top());
        let is_flung = (top - self.last_top).abs() > dom.viewport;
        let has_moved = top != self.last_top;
        self.last_top = top;
        self.paint();
        if is_flung {
            self.ensure_later();
        } else if has_moved {
            self.ensure();
        }
    }

    /// Gives every slot its row and writes what differs. The only work there is for a scrolled frame.
    fn paint(&mut self) {
        let Some(dom) = &mut self.dom else { return };
        let in_view = (dom.viewport / ROW_HEIGHT).ceil() as u64;
        let slots = (in_view + 2 * OVERSCAN + 1).min(MAX_SLOTS);
        while (dom.slots.len() as u64) < slots {
            let Some(slot) = dom.new_slot(&*self.template) else {
                return;
            };
            dom.slots.push(slot);
            // Each index falls to another slot now.
            for slot in &mut dom.slots {
                slot.shows.index = None;
            }
        }
        let total = self.total.unwrap_or(in_view);
        if dom.rows_high != Some(total) {
            dom.rows_high = Some(total);
            dom.text.clear();
            let _ = write!(dom.text, "{}px", total * ROW_HEIGHT as u64);
            let _ = dom.spacer.style().set_property("height", &dom.text);
            match self.total {
                Some(total) => set_attribute(&dom.scroller, "aria-rowcount", &total.to_string()),
                None => set_attribute(&dom.scroller, "aria-rowcount", "-1"),
            }
        }
        let count = dom.slots.len() as u64;
        let first = row_at(self.last_top)
            .saturating_sub(OVERSCAN)
            .min(total.saturating_sub(count));
        let mut active_slot = None;
        for index in first..first + count {
            let at = (index % count) as usize;
            let slot = &mut dom.slots[at];
            let is_shown = index < total;
            let row = if is_shown {
                self.cache.row(index)
            } else {
                None
            };
            let is_active = is_shown && self.active == Some(index);
            if is_active {
                active_slot = Some(at);
            }
            let shows = &mut slot.shows;
            let is_moved = shows.index != Some(index);
            let is_same_row = match (&shows.row, row) {
                (Some(shown), Some(row)) => Rc::ptr_eq(shown, row),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_moved {
                shows.index = Some(index);
                dom.text.clear();
                let _ = write!(dom.text, "translateY({}px)", index * ROW_HEIGHT as u64);
                let _ = slot.element.style().set_property("transform", &dom.text);
                dom.text.clear();
                let _ = write!(dom.text, "{}", index + 1);
                set_attribute(&slot.element, "aria-rowindex", &dom.text);
            }
            if slot.element.hidden() == is_shown {
                slot.element.set_hidden(!is_shown);
            }
            if !is_same_row || shows.look != self.look {
                shows.row = row.cloned();
                shows.look = self.look;
                slot.row.show(row);
            }
            if shows.is_active != is_active {
                shows.is_active = is_active;
                if is_active {
                    set_attribute(&slot.element, "data-active", "true");
                } else {
                    let _ = slot.element.remove_attribute("data-active");
                }
            }
        }
        let active = active_slot.map(|at| dom.slots[at].element.id());
        if dom.scroller.get_attribute("aria-activedescendant") != active {
            match active {
                Some(id) => set_attribute(&dom.scroller, "aria-activedescendant", &id),
                None => {
                    let _ = dom.scroller.remove_attribute("aria-activedescendant");
                }
            }
        }
    }
}

impl<T> Dom<T> {
    fn new_slot(&self, template: &dyn RowTemplate<T>) -> Option<Slot<T>> {
        let element = create(&document(), "div", "windowed-list__row")?;
        set_attribute(&element, "role", "row");
        element.set_id(&format!("{}-{}", self.id, self.slots.len()));
        let mut row = template.create(&element);
        row.show(None);
        let _ = self.spacer.append_child(&element);
        Some(Slot {
            element,
            row,
            shows: Shows {
                index: None,
                row: None,
                look: 0,
                is_active: false,
            },
        })
    }
}

pub(super) fn row_at(top: f64) -> u64 {
    (top.max(0.0) / ROW_HEIGHT) as u64
}
