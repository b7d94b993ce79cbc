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
//!
//! What is known is in `cache`, what is asked for in `list`, what is drawn in `slots`, what the user does in `gestures`.

mod cache;
mod gestures;
mod list;
mod slots;

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use cache::Cache;
use list::List;

/// Height of a row in CSS pixels; `--windowed-list-row` in the style sheet says the same.
pub const ROW_HEIGHT: f64 = 66.0;
/// Rows of a page.
pub const PAGE_ROWS: u64 = 50;

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
