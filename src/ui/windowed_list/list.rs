//! What a list knows and asks for: the pages near the viewport, those in view first.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::cache::Cache;
use super::slots::{Dom, row_at};
use super::{Gesture, ListStatus, Load, PAGE_ROWS, Page, PageRequest, RowTemplate};

/// Rows beyond each edge of the viewport that are loaded ahead.
const AHEAD: u64 = 20;
/// Pages loaded at the same time.
const MAX_IN_FLIGHT: usize = 4;
/// While the list is flung faster than a viewport a frame, nothing is loaded; this long after the last such frame it is.
const SETTLE: Duration = Duration::from_millis(60);

pub(super) struct List<T> {
    pub(super) own: Weak<RefCell<List<T>>>,
    pub(super) load: Load<T>,
    pub(super) template: Box<dyn RowTemplate<T>>,
    pub(super) on_gesture: Rc<dyn Fn(Gesture<T>)>,
    pub(super) cache: Cache<T>,
    pub(super) total: Option<u64>,
    pub(super) in_flight: Vec<InFlight>,
    pub(super) failed: Vec<u64>,
    /// Counts the resets: an answer to an older one is thrown away.
    pub(super) generation: u32,
    /// Counts the reloads: a page asked for before is shown, and loaded again.
    pub(super) epoch: u32,
    /// Counts the repaints.
    pub(super) look: u32,
    pub(super) active: Option<u64>,
    pub(super) last_top: f64,
    pub(super) settling: Option<TimeoutHandle>,
    pub(super) dom: Option<Dom<T>>,
    pub(super) status: RwSignal<ListStatus>,
    pub(super) has_failed: RwSignal<bool>,
    pub(super) is_replacing: RwSignal<bool>,
}

pub(super) struct InFlight {
    page: u64,
    pub(super) abort: AbortHandle,
}

impl<T: PartialEq + 'static> List<T> {
    pub(super) fn reset(&mut self) {
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

    pub(super) fn reload(&mut self) {
        self.epoch += 1;
        self.failed.clear();
        self.has_failed.set(false);
        self.ensure();
    }

    pub(super) fn retry(&mut self) {
        self.failed.clear();
        self.has_failed.set(false);
        self.ensure();
    }

    /// Indices of the first row in the viewport and of the one after the last.
    pub(super) fn viewport(&self) -> Option<(u64, u64)> {
        let dom = self.dom.as_ref()?;
        let first = row_at(self.last_top);
        let last = row_at(self.last_top + dom.viewport) + 1;
        let total = self.total.unwrap_or(last);
        Some((first.min(total), last.min(total)))
    }

    /// Asks for the pages near the viewport that are missing or may have changed, those in view first;
    /// gives up those that have been left behind.
    pub(super) fn ensure(&mut self) {
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

    pub(super) fn ensure_later(&mut self) {
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
}
