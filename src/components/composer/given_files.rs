//! Files that are dropped or pasted.

use leptos::ev;
use leptos::prelude::*;
use web_sys::{DataTransfer, File};

use crate::picture::files_of;

/// Files that are dropped or pasted anywhere on the page while this is shown; tells whether some are over it.
/// Anywhere, because what is dropped beside a target takes the browser away from the page.
pub(super) fn files_from_anywhere(on_files: Callback<Vec<File>>) -> RwSignal<bool> {
    let is_dropping = RwSignal::new(false);
    // A dialog over the page has its own use for files.
    let is_covered = || {
        document()
            .query_selector("dialog[open]")
            .ok()
            .flatten()
            .is_some()
    };
    let over = window_event_listener(ev::dragover, move |event| {
        if event.data_transfer().is_some_and(|data| has_files(&data)) {
            event.prevent_default();
            is_dropping.set(!is_covered());
        }
    });
    let leave = window_event_listener(ev::dragleave, move |event| {
        // Into no other element: out of the window.
        if event.related_target().is_none() {
            is_dropping.set(false);
        }
    });
    let drop = window_event_listener(ev::drop, move |event| {
        is_dropping.set(false);
        let files = files_of(event.data_transfer().and_then(|data| data.files()));
        if !files.is_empty() && !event.default_prevented() {
            event.prevent_default();
            if !is_covered() {
                on_files.run(files);
            }
        }
    });
    let paste = window_event_listener(ev::paste, move |event| {
        let Some(data) = event.clipboard_data() else {
            return;
        };
        let files = files_of(data.files());
        // A table or a page that is pasted comes with a picture of itself: the words are what is meant.
        let has_words = data.types().iter().any(|kind| kind == "text/plain");
        if !files.is_empty() && !has_words && !event.default_prevented() && !is_covered() {
            event.prevent_default();
            on_files.run(files);
        }
    });
    on_cleanup(move || {
        over.remove();
        leave.remove();
        drop.remove();
        paste.remove();
    });
    is_dropping
}

fn has_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind == "Files")
}
