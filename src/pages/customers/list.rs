//! The rows of a list of customers, of whatever they are: loaded page by page, opened, ticked.

use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use omocast_contract::Filter;
use omocast_contract::api::PageStart;

use super::picking::{Found, Picking};
use crate::api::ApiError;
use crate::components::customer_row::{
    Chat, CustomerItem, CustomerRow, CustomerRowTemplate, RowLook,
};
use crate::i18n::{self, locale};
use crate::ui::windowed_list::{
    Gesture, ListHandle, ListStatus, Load, PAGE_ROWS, Page, PageRequest, WindowedList,
};

/// A page of a list.
pub(super) struct Listed<R> {
    pub(super) rows: Vec<R>,
    pub(super) found: Found,
}

pub(super) type Listing<R> = LocalBoxFuture<'static, Result<Listed<R>, ApiError>>;

/// Asked of a row.
type OfRow<R, T> = Rc<dyn Fn(&R) -> T>;

/// What tells one list from another.
pub(super) struct Kind<R> {
    /// Asks for so many rows that the filter keeps.
    pub(super) load: Rc<dyn Fn(Filter, PageStart, u32) -> Listing<R>>,
    /// What goes on below a row.
    pub(super) cursor: fn(&R) -> String,
    /// Where 聊天 of a row leads; none where rows have none.
    pub(super) chat: Option<OfRow<R, Chat>>,
    pub(super) is_open: OfRow<R, bool>,
    pub(super) open: OfRow<CustomerItem<R>, ()>,
}

/// How many a filter would keep.
pub(super) type Matches =
    StoredValue<Rc<dyn Fn(Filter) -> LocalBoxFuture<'static, Option<u64>>>, LocalStorage>;

/// The rows, and what went wrong when they were loaded.
pub(super) struct CustomerList<R: 'static> {
    handle: ListHandle<CustomerItem<R>>,
    error: RwSignal<Option<ApiError>>,
    matches: Matches,
}

impl<R> Clone for CustomerList<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for CustomerList<R> {}

/// How a list stands, whatever its rows are.
#[derive(Clone, Copy)]
pub struct ListState {
    pub(super) status: RwSignal<ListStatus>,
    pub(super) has_failed: RwSignal<bool>,
    pub(super) error: RwSignal<Option<ApiError>>,
    pub(super) on_retry: Callback<()>,
    pub(super) matches: Matches,
}

impl<R: CustomerRow> CustomerList<R> {
    /// A list; another one when `view` changes.
    pub(super) fn new(page: Picking, view: Signal<&'static str>, kind: Kind<R>) -> Self {
        let error = RwSignal::new(None);
        let Kind {
            load,
            cursor,
            chat,
            is_open,
            open,
        } = kind;
        let has_chat = chat.is_some();
        let matches: Rc<dyn Fn(Filter) -> LocalBoxFuture<'static, Option<u64>>> = {
            let load = load.clone();
            Rc::new(move |filter| {
                let answer = load(filter, PageStart::First, 1);
                async move { answer.await.ok().map(|listed| listed.found.total) }.boxed_local()
            })
        };
        let load: Load<CustomerItem<R>> = Rc::new(move |request: PageRequest<CustomerItem<R>>| {
            let from = match request.after {
                Some(item) => PageStart::After(cursor(&item.row)),
                None if request.first == 0 => PageStart::First,
                None => PageStart::Row(request.first),
            };
            let answer = load(untrack(|| page.filter()), from, PAGE_ROWS as u32);
            let chat = chat.clone();
            async move {
                match answer.await {
                    Ok(Listed { rows, found }) => {
                        page.found.try_set(Some(found));
                        let item = |row: R| {
                            let chat = chat.as_ref().map_or(Chat::Row, |chat| chat(&row));
                            CustomerItem::new(row, chat)
                        };
                        Some(Page {
                            rows: rows.into_iter().map(item).collect(),
                            total: found.total,
                        })
                    }
                    Err(cause) => {
                        error.try_set(Some(cause));
                        None
                    }
                }
            }
            .boxed_local()
        });
        let template = CustomerRowTemplate {
            look: Rc::new(move |row: &R| RowLook {
                tick: page.is_selecting.get_untracked().then(|| {
                    page.audience
                        .with_untracked(|audience| audience.picks(row.id()))
                }),
                kind: untrack(|| page.kind()),
                is_open: is_open(row),
            }),
            now: i18n::now,
            has_chat,
        };
        // The rows of a range are asked of the list, which is made with this.
        let own: StoredValue<Option<ListHandle<CustomerItem<R>>>> = StoredValue::new(None);
        let anchor = StoredValue::new(None::<u64>);
        let tick = move |item: &CustomerItem<R>, range: &[Rc<CustomerItem<R>>]| {
            let kind = untrack(|| page.kind());
            if item.row.can_tick(kind) {
                let range = range.iter().filter(|other| other.row.can_tick(kind));
                page.tick(item.row.id(), range.map(|other| other.row.id()));
            }
        };
        let handle = ListHandle::new(load, template, move |gesture| {
            if !page.is_selecting.get_untracked() {
                if let Gesture::Open { row, .. } = gesture {
                    open(&row);
                }
                return;
            }
            match gesture {
                Gesture::Open {
                    index,
                    row,
                    is_range,
                } => {
                    let start = anchor.get_value().filter(|_| is_range);
                    let rows = start
                        .and_then(|start| own.get_value()?.rows_between(start, index))
                        .unwrap_or_default();
                    tick(&row, &rows);
                    anchor.set_value(Some(index));
                }
                Gesture::Tick { index, row } => {
                    tick(&row, &[]);
                    anchor.set_value(Some(index));
                }
                Gesture::All => page.toggle_all(),
            }
        });
        own.set_value(Some(handle));
        // Effects, because the list lies outside the reactive graph and must be told.
        Effect::new(move |before: Option<(&'static str, Filter)>| {
            let now = (view.get(), page.filter());
            if before.is_some_and(|before| before != now) {
                anchor.set_value(None);
                page.found.set(None);
                error.set(None);
                handle.reset();
            }
            now
        });
        Effect::new(move |_| {
            page.audience.track();
            page.mode.track();
            handle.repaint();
        });
        Effect::new(move |is_later: Option<()>| {
            let _ = locale();
            if is_later.is_some() {
                handle.repaint();
                handle.reload();
            }
        });
        Self {
            handle,
            error,
            matches: StoredValue::new_local(matches),
        }
    }

    /// Draws the rows again: how they stand has changed.
    pub(super) fn repaint(&self) {
        self.handle.repaint();
    }

    /// Loads rows near the viewport again.
    pub(super) fn reload(&self) {
        self.handle.reload();
    }

    pub(super) fn state(&self) -> ListState {
        let (handle, error) = (self.handle, self.error);
        ListState {
            status: handle.status,
            has_failed: handle.has_failed,
            error,
            on_retry: Callback::new(move |()| {
                error.set(None);
                handle.retry();
            }),
            matches: self.matches,
        }
    }

    /// The rows themselves.
    pub(super) fn view(self, id: &'static str, label: Signal<String>, page: Picking) -> AnyView {
        view! {
            <WindowedList list=self.handle id label is_multiselectable=page.is_selecting />
        }
        .into_any()
    }
}
