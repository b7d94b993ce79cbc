//! A list of which only the rows near the viewport exist: 100,000 rows scroll as 100 do.
//!
//! A fixed pool of slots, as many as the viewport holds and a few more, is made once.
//! The row of index `i` is always shown by slot `i % slots`, so scrolling by one row changes one slot:
//! its `transform`, and those of its texts and attributes that differ from what the slot showed before.
//!
//! Slots are written to directly, by a [`RowTemplate`], and not by signals: at a fling every slot changes in every frame,
//! and a subscription, an effect and a scheduler turn per text cost more than the text itself.
//! The pages of rows lie in a plain cache outside the reactive graph, bounded, so that memory does not grow with scrolling.
//!
//! What is shown stays until there is something newer: a [`ListHandle::reload`] replaces rows one by one as pages arrive,
//! a [`ListHandle::reset`] (another filter, another list) replaces all at once when the first new page is there.
//! Only an index of which nothing is known shows a skeleton.
//!
//! Focus stays on the grid, which names the active row by `aria-activedescendant`:
//! a focused slot would lose its meaning when it is given to another row.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::{Rc, Weak};
use std::time::Duration;

use futures::future::{AbortHandle, LocalBoxFuture, abortable};
use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{AddEventListenerOptions, Element, HtmlElement, KeyboardEvent, MouseEvent};

/// Height of a row in CSS pixels; `--windowed-list-row` in the style sheet says the same.
pub const ROW_HEIGHT: f64 = 66.0;
/// Rows of a page.
pub const PAGE_ROWS: u64 = 50;
/// Pages kept.
const MAX_PAGES: usize = 40;
/// Rows beyond each edge of the viewport that have a slot.
const OVERSCAN: u64 = 6;
/// Rows beyond each edge of the viewport that are loaded ahead.
const AHEAD: u64 = 20;
/// Slots at most, whatever the viewport says: without its style sheet the list would be as high as all its rows.
const MAX_SLOTS: u64 = 160;
/// Pages loaded at the same time.
const MAX_IN_FLIGHT: usize = 4;
/// While the list is flung faster than a viewport a frame, nothing is loaded; this long after the last such frame it is.
const SETTLE: Duration = Duration::from_millis(60);

/// Asks for a page.
pub struct PageRequest<T> {
    /// Index of its first row.
    pub first: u64,
    /// The row before it, when that is known: going on from a row is quicker than counting.
    pub after: Option<Rc<T>>,
}

/// What a page holds.
pub struct Page<T> {
    /// Its rows, [`PAGE_ROWS`] unless it is the last.
    pub rows: Vec<T>,
    /// Rows of the whole list.
    pub total: u64,
}

/// Loads a page. None when it could not be loaded; whoever loads tells why in their own way.
pub type Load<T> = Rc<dyn Fn(PageRequest<T>) -> LocalBoxFuture<'static, Option<Page<T>>>>;

/// Makes the DOM of rows.
pub trait RowTemplate<T> {
    /// Makes one slot and appends what it holds to `element`, which has the role `row`.
    fn create(&self, element: &HtmlElement) -> Box<dyn RowSlot<T>>;
}

/// The DOM of one row, made once and given to one row after the other.
pub trait RowSlot<T> {
    /// Shows a row, or that it is still unknown. Writes only what differs from what is shown.
    fn show(&mut self, row: Option<&Rc<T>>);
}

/// What a user does to a row.
pub enum Gesture<T> {
    /// A click, or Enter.
    Open {
        /// Its index.
        index: u64,
        /// The row.
        row: Rc<T>,
        /// Whether Shift was held: the rows between this and the one before are meant.
        is_range: bool,
    },
    /// Space.
    Tick {
        /// Its index.
        index: u64,
        /// The row.
        row: Rc<T>,
    },
    /// Ctrl+A.
    All,
}

/// What the list as a whole shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListStatus {
    /// Nothing has been loaded yet.
    Loading,
    /// Loaded, and there is no row.
    Empty,
    /// There are rows.
    Shown,
}

/// A windowed list: made by whoever owns the rows, shown by [`WindowedList`].
pub struct ListHandle<T: 'static> {
    list: StoredValue<Rc<RefCell<List<T>>>, LocalStorage>,
    /// What the list as a whole shows.
    pub status: RwSignal<ListStatus>,
    /// Whether a page near the viewport could not be loaded; [`ListHandle::retry`] tries again.
    pub has_failed: RwSignal<bool>,
    /// Whether the rows shown are those of before a [`ListHandle::reset`].
    pub is_replacing: RwSignal<bool>,
}

impl<T: 'static> Clone for ListHandle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for ListHandle<T> {}

impl<T: PartialEq + 'static> ListHandle<T> {
    /// Makes a list. Its first page is loaded when it is shown.
    pub fn new(
        load: Load<T>,
        template: impl RowTemplate<T> + 'static,
        on_gesture: impl Fn(Gesture<T>) + 'static,
    ) -> Self {
        let status = RwSignal::new(ListStatus::Loading);
        let has_failed = RwSignal::new(false);
        let is_replacing = RwSignal::new(false);
        let list = Rc::new_cyclic(|own| {
            RefCell::new(List {
                own: own.clone(),
                load,
                template: Box::new(template),
                on_gesture: Rc::new(on_gesture),
                cache: Cache::default(),
                total: None,
                in_flight: Vec::new(),
                failed: Vec::new(),
                generation: 0,
                epoch: 0,
                look: 0,
                active: None,
                last_top: 0.0,
                settling: None,
                dom: None,
                status,
                has_failed,
                is_replacing,
            })
        });
        Self {
            list: StoredValue::new_local(list),
            status,
            has_failed,
            is_replacing,
        }
    }

    fn with(&self, act: impl FnOnce(&mut List<T>)) {
        // After the owner's clean-up there is no list any more, and nothing to do.
        if let Some(list) = self.list.try_get_value() {
            act(&mut list.borrow_mut());
        }
    }

    /// Another list: what is shown stays until its first page is there.
    pub fn reset(&self) {
        self.with(List::reset);
    }

    /// The same list, which may have changed: pages near the viewport are loaded again, the others when they come near.
    pub fn reload(&self) {
        self.with(List::reload);
    }

    /// Loads again what could not be loaded.
    pub fn retry(&self) {
        self.with(List::retry);
    }

    /// Draws the slots again: something that rows show besides their own data has changed.
    pub fn repaint(&self) {
        self.with(|list| {
            list.look += 1;
            list.request_frame();
        });
    }

    /// The rows from one index to another, in whichever order the two are; none if some of them are not known.
    pub fn rows_between(&self, one: u64, other: u64) -> Option<Vec<Rc<T>>> {
        let list = self.list.try_get_value()?;
        let list = list.borrow();
        (one.min(other)..=one.max(other))
            .map(|index| list.cache.row(index).cloned())
            .collect()
    }

    /// How many pages are kept.
    pub fn pages_kept(&self) -> usize {
        self.list
            .try_get_value()
            .map_or(0, |list| list.borrow().cache.pages.len())
    }
}

/// Shows a list. The owner gives it a height.
#[component]
pub fn WindowedList<T: PartialEq + 'static>(
    list: ListHandle<T>,
    /// Its id; those of rows begin with it.
    id: &'static str,
    /// What the list is of, for those who do not see it.
    #[prop(into)]
    label: Signal<String>,
    /// Whether rows can be ticked.
    #[prop(into, optional)]
    is_multiselectable: Signal<bool>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    scroller.on_load(move |element| list.with(|list| list.attach(element.into(), id)));
    on_cleanup(move || list.with(List::detach));
    view! {
        <div
            node_ref=scroller
            id=id
            class="windowed-list"
            role="grid"
            tabindex="0"
            aria-label=move || label.get()
            aria-multiselectable=move || is_multiselectable.get().then_some("true")
            aria-busy=move || {
                let is_busy = list.is_replacing.get() || list.status.get() == ListStatus::Loading;
                is_busy.then_some("true")
            }
        ></div>
    }
}

// The cache.

struct CachedPage<T> {
    number: u64,
    rows: Vec<Rc<T>>,
    /// The epoch in which it was asked for; older than the list's: it may have changed since.
    epoch: u32,
    last_used: u64,
}

/// Pages by number. At most [`MAX_PAGES`], so looking through them is quicker than hashing.
struct Cache<T> {
    pages: Vec<CachedPage<T>>,
    uses: u64,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            uses: 0,
        }
    }
}

impl<T> Cache<T> {
    fn page(&self, number: u64) -> Option<&CachedPage<T>> {
        self.pages.iter().find(|page| page.number == number)
    }

    fn row(&self, index: u64) -> Option<&Rc<T>> {
        self.page(index / PAGE_ROWS)?
            .rows
            .get(usize::try_from(index % PAGE_ROWS).ok()?)
    }

    fn touch(&mut self, number: u64) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(page) = self.pages.iter_mut().find(|page| page.number == number) {
            page.last_used = uses;
        }
    }
}

impl<T: PartialEq> Cache<T> {
    /// Keeps a page; the one used longest ago goes. A row that is as it was keeps its place in memory,
    /// by which a slot knows that it has nothing to write.
    fn insert(&mut self, number: u64, rows: Vec<T>, epoch: u32) {
        let old = self
            .pages
            .iter()
            .position(|page| page.number == number)
            .map(|at| self.pages.swap_remove(at));
        let mut before = old.map_or_else(Vec::new, |page| page.rows).into_iter();
        let rows = rows
            .into_iter()
            .map(|row| match before.next() {
                Some(same) if *same == row => same,
                _ => Rc::new(row),
            })
            .collect();
        if self.pages.len() >= MAX_PAGES {
            let oldest = (0..self.pages.len()).min_by_key(|&at| self.pages[at].last_used);
            if let Some(oldest) = oldest {
                self.pages.swap_remove(oldest);
            }
        }
        self.uses += 1;
        self.pages.push(CachedPage {
            number,
            rows,
            epoch,
            last_used: self.uses,
        });
    }
}

// The list.

struct List<T> {
    own: Weak<RefCell<List<T>>>,
    load: Load<T>,
    template: Box<dyn RowTemplate<T>>,
    on_gesture: Rc<dyn Fn(Gesture<T>)>,
    cache: Cache<T>,
    total: Option<u64>,
    in_flight: Vec<InFlight>,
    failed: Vec<u64>,
    /// Counts the resets: an answer to an older one is thrown away.
    generation: u32,
    /// Counts the reloads: a page asked for before is shown, and loaded again.
    epoch: u32,
    /// Counts the repaints.
    look: u32,
    active: Option<u64>,
    last_top: f64,
    settling: Option<TimeoutHandle>,
    dom: Option<Dom<T>>,
    status: RwSignal<ListStatus>,
    has_failed: RwSignal<bool>,
    is_replacing: RwSignal<bool>,
}

struct InFlight {
    page: u64,
    abort: AbortHandle,
}

struct Dom<T> {
    id: &'static str,
    scroller: HtmlElement,
    spacer: HtmlElement,
    slots: Vec<Slot<T>>,
    viewport: f64,
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
    fn reset(&mut self) {
        self.generation += 1;
        self.epoch += 1;
        for flight in self.in_flight.drain(..) {
            flight.abort.abort();
        }
        self.failed.clear();
        self.has_failed.set(false);
        if self.total.is_some() {
            self.is_replacing.set(true);
        }
        self.ensure();
    }

    fn reload(&mut self) {
        self.epoch += 1;
        self.failed.clear();
        self.has_failed.set(false);
        self.ensure();
    }

    fn retry(&mut self) {
        self.failed.clear();
        self.has_failed.set(false);
        self.ensure();
    }

    /// Indices of the first row in the viewport and of the one after the last.
    fn viewport(&self) -> Option<(u64, u64)> {
        let dom = self.dom.as_ref()?;
        let first = row_at(self.last_top);
        let last = row_at(self.last_top + dom.viewport) + 1;
        let total = self.total.unwrap_or(last);
        Some((first.min(total), last.min(total)))
    }

    /// Asks for the pages near the viewport that are missing or may have changed, those in view first;
    /// gives up those that have been left behind.
    fn ensure(&mut self) {
        let Some((first, last)) = self.viewport() else {
            return;
        };
        if self.is_replacing.get_untracked() {
            self.ask(0);
            return;
        }
        let low = first.saturating_sub(AHEAD) / PAGE_ROWS;
        let total = self.total.unwrap_or(1).max(1);
        let high = (last + AHEAD).min(total - 1) / PAGE_ROWS;
        self.in_flight.retain(|flight| {
            let is_near = flight.page + 1 >= low && flight.page <= high + 1;
            if !is_near {
                flight.abort.abort();
            }
            is_near
        });
        let in_view = first / PAGE_ROWS..=last.saturating_sub(1) / PAGE_ROWS;
        let around = (low..=high).filter(|page| !in_view.contains(page));
        for page in in_view.clone().chain(around) {
            self.cache.touch(page);
            let is_fresh = self
                .cache
                .page(page)
                .is_some_and(|cached| cached.epoch == self.epoch);
            if !is_fresh {
                self.ask(page);
            }
        }
    }

    fn ask(&mut self, page: u64) {
        let is_asked = self.in_flight.iter().any(|flight| flight.page == page);
        if is_asked || self.in_flight.len() >= MAX_IN_FLIGHT || self.failed.contains(&page) {
            return;
        }
        // Going on from the page before is quick for the store, but only right if that page is as the store has it now.
        let after = page
            .checked_sub(1)
            .filter(|_| !self.is_replacing.get_untracked())
            .and_then(|before| self.cache.page(before))
            .filter(|before| before.epoch == self.epoch && before.rows.len() as u64 == PAGE_ROWS)
            .and_then(|before| before.rows.last().cloned());
        let (answer, abort) = abortable((self.load)(PageRequest {
            first: page * PAGE_ROWS,
            after,
        }));
        self.in_flight.push(InFlight { page, abort });
        let own = self.own.clone();
        let (generation, epoch) = (self.generation, self.epoch);
        leptos::task::spawn_local(async move {
            let Ok(answer) = answer.await else { return };
            let Some(list) = own.upgrade() else { return };
            let mut list = list.borrow_mut();
            if list.generation == generation && list.dom.is_some() {
                list.receive(page, epoch, answer);
            }
        });
    }

    fn receive(&mut self, page: u64, epoch: u32, answer: Option<Page<T>>) {
        self.in_flight.retain(|flight| flight.page != page);
        let Some(answer) = answer else {
            self.failed.push(page);
            self.has_failed.set(true);
            return;
        };
        if self.is_replacing.get_untracked() {
            self.cache = Cache::default();
            self.active = None;
            self.last_top = 0.0;
            if let Some(dom) = &self.dom {
                dom.scroller.set_scroll_top(0);
            }
            self.is_replacing.set(false);
        }
        self.total = Some(answer.total);
        self.cache.insert(page, answer.rows, epoch);
        let status = if answer.total == 0 {
            ListStatus::Empty
        } else {
            ListStatus::Shown
        };
        if self.status.get_untracked() != status {
            self.status.set(status);
        }
        self.ensure();
        self.request_frame();
    }

    // The DOM.

    fn attach(&mut self, scroller: HtmlElement, id: &'static str) {
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

    fn detach(&mut self) {
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
    fn request_frame(&mut self) {
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

    fn ensure_later(&mut self) {
        if let Some(timeout) = self.settling.take() {
            timeout.clear();
        }
        let own = self.own.clone();
        let ensure = move || {
            if let Some(list) = own.upgrade() {
                let mut list = list.borrow_mut();
                list.settling = None;
                list.ensure();
            }
        };
        self.settling = set_timeout_with_handle(ensure, SETTLE).ok();
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

    // The user.

    fn gesture_at(&self, index: u64) -> Option<(u64, Rc<T>)> {
        // While other rows are on their way, those shown belong to what is no longer asked for.
        if self.is_replacing.get_untracked() {
            return None;
        }
        Some((index, self.cache.row(index)?.clone()))
    }

    fn clicked(&mut self, event: &MouseEvent) -> Option<Gesture<T>> {
        let target: Element = event.target()?.dyn_into().ok()?;
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

    fn pressed(&mut self, event: &KeyboardEvent) -> Option<Gesture<T>> {
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

/// Tells the owner, with the list free to be asked again.
fn act<T>(list: &Weak<RefCell<List<T>>>, gesture: Option<Gesture<T>>) {
    let on_gesture = list.upgrade().map(|list| list.borrow().on_gesture.clone());
    if let Some((on_gesture, gesture)) = on_gesture.zip(gesture) {
        on_gesture(gesture);
    }
}

fn row_at(top: f64) -> u64 {
    (top.max(0.0) / ROW_HEIGHT) as u64
}

/// Makes an element with a class, for [`RowTemplate`]s.
pub fn create(document: &web_sys::Document, tag: &str, class: &str) -> Option<HtmlElement> {
    let element: HtmlElement = document.create_element(tag).ok()?.dyn_into().ok()?;
    element.set_class_name(class);
    Some(element)
}

/// Sets an attribute; only an invalid name could fail, and ours are constants.
pub fn set_attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    use futures::FutureExt as _;

    struct Numbers;
    struct Number(HtmlElement);

    impl RowTemplate<u64> for Numbers {
        fn create(&self, element: &HtmlElement) -> Box<dyn RowSlot<u64>> {
            let cell = create(&document(), "div", "windowed-list__cell")
                .expect("div is an element of HTML");
            set_attribute(&cell, "role", "gridcell");
            let _ = element.append_child(&cell);
            Box::new(Number(cell))
        }
    }

    impl RowSlot<u64> for Number {
        fn show(&mut self, row: Option<&Rc<u64>>) {
            let text = row.map(|row| row.to_string());
            self.0
                .set_text_content(Some(text.as_deref().unwrap_or("…")));
        }
    }

    fn story(total: u64) -> AnyView {
        let list = ListHandle::new(
            Rc::new(move |request: PageRequest<u64>| {
                let last = (request.first + PAGE_ROWS).min(total);
                let rows = (request.first..last).collect();
                futures::future::ready(Some(Page { rows, total })).boxed_local()
            }),
            Numbers,
            |_| (),
        );
        view! {
            <div class="gallery__list">
                <WindowedList list id="story-list" label="Numbers" />
            </div>
        }
        .into_any()
    }

    vec![
        Story::new("100,000 rows", || story(100_000)),
        Story::new("three rows", || story(3)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: u64) -> Vec<u64> {
        (page * PAGE_ROWS..(page + 1) * PAGE_ROWS).collect()
    }

    #[test]
    fn a_row_is_found_in_its_page() {
        let mut cache = Cache::default();
        cache.insert(3, rows(3), 0);
        assert_eq!(cache.row(151).map(|row| **row), Some(151));
        assert_eq!(cache.row(149), None);
    }

    #[test]
    fn the_page_used_longest_ago_goes() {
        let mut cache = Cache::default();
        for page in 0..MAX_PAGES as u64 {
            cache.insert(page, rows(page), 0);
        }
        cache.touch(0);
        cache.insert(1_000, rows(1_000), 0);
        assert_eq!(cache.pages.len(), MAX_PAGES);
        assert!(cache.page(0).is_some());
        assert!(cache.page(1).is_none());
    }

    #[test]
    fn a_row_that_is_as_it_was_stays_the_same() {
        let mut cache = Cache::default();
        cache.insert(0, vec![1, 2], 0);
        let before = cache.row(0).unwrap().clone();
        cache.insert(0, vec![1, 3], 1);
        assert!(Rc::ptr_eq(&before, cache.row(0).unwrap()));
        assert_eq!(cache.row(1).map(|row| **row), Some(3));
    }
}
