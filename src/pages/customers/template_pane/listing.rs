//! The templates of the account whose customers are chosen, asked for again when the search comes to rest.

use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::WabaId;
use omocast_contract::api::TemplateQuery;
use wasm_bindgen_futures::spawn_local;

use crate::api::Api;
use crate::components::error_text::error_text;
use crate::components::reason_text::reason_with_code;
use crate::components::template_picker::FoundTemplates;
use crate::i18n::{Key, PluralKey, t_count, t_with};
use crate::ui::Toasts;

/// How long the search must rest before it is asked.
const REST: Duration = Duration::from_millis(200);

#[derive(Clone, Copy)]
pub(super) struct Listing {
    api: StoredValue<Api>,
    toasts: Toasts,
    /// Whose templates; none while that is not known, or more than one.
    waba: Memo<Option<WabaId>>,
    pub(super) search: RwSignal<String>,
    pub(super) category: RwSignal<Option<String>>,
    pub(super) found: RwSignal<FoundTemplates>,
    pub(super) is_syncing: RwSignal<bool>,
    next: StoredValue<Option<String>>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
}

impl Listing {
    pub(super) fn new(
        api: StoredValue<Api>,
        toasts: Toasts,
        waba: Memo<Option<WabaId>>,
        is_wanted: Memo<bool>,
    ) -> Self {
        let listing = Self {
            api,
            toasts,
            waba,
            search: RwSignal::new(String::new()),
            category: RwSignal::new(None),
            found: RwSignal::new(FoundTemplates::default()),
            is_syncing: RwSignal::new(false),
            next: StoredValue::new(None),
            latest: StoredValue::new(0),
        };
        let waiting = StoredValue::new(None::<TimeoutHandle>);
        let stop_waiting = move || {
            if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
                handle.clear();
            }
        };
        // Effects, because another account, and what is entered, ask the server.
        Effect::new(move |before: Option<Option<WabaId>>| {
            let waba = waba.get();
            let is_wanted = is_wanted.get();
            if before.flatten() != waba {
                listing.category.set(None);
                listing.found.set(FoundTemplates::default());
            }
            if is_wanted && waba.is_some() {
                listing.load(false);
            }
            waba
        });
        Effect::new(move |is_later: Option<()>| {
            listing.search.track();
            listing.category.track();
            stop_waiting();
            if is_later.is_some() {
                waiting.set_value(set_timeout_with_handle(move || listing.load(false), REST).ok());
            }
        });
        on_cleanup(stop_waiting);
        listing
    }

    pub(super) fn load(self, is_more: bool) {
        let Some(waba) = self.waba.try_get_untracked().flatten() else {
            return;
        };
        let Some(asked) = self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        }) else {
            return;
        };
        let query = TemplateQuery {
            waba,
            search: self.search.get_untracked().trim().to_owned(),
            category: self.category.get_untracked(),
            after: self.next.get_value().filter(|_| is_more),
        };
        self.found.update(|found| {
            found.is_loading = true;
            found.error = None;
        });
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.list_templates(&query).await;
            if self.latest.try_get_value() != Some(asked) {
                return;
            }
            self.found.try_update(|found| {
                found.is_loading = false;
                match answer {
                    Ok(page) => {
                        self.next.try_set_value(page.next.clone());
                        found.has_more = page.next.is_some();
                        found.categories = page.categories;
                        found.sync = Some(page.sync);
                        if is_more {
                            found.rows.extend(page.rows);
                        } else {
                            found.rows = page.rows;
                        }
                    }
                    Err(error) => found.error = Some(untrack(|| error_text(&error))),
                }
            });
        });
    }

    /// Has them read from Meta again.
    pub(super) fn sync(self) {
        let Some(waba) = self.waba.get_untracked() else {
            return;
        };
        if self.is_syncing.get_untracked() {
            return;
        }
        self.is_syncing.set(true);
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.sync_templates(&waba).await;
            if self.is_syncing.try_set(false).is_some() {
                return;
            }
            let toasts = self.toasts;
            untrack(|| match answer {
                Ok(sync) => match sync.failure {
                    None => toasts.show(t_count(PluralKey::TemplateSynced, sync.sendable, &[])),
                    Some(failure) => {
                        let code = failure.platform_code.as_deref();
                        let reason = reason_with_code(failure.reason, code);
                        toasts.error(t_with(Key::TemplateSyncFailed, &[("reason", &reason)]));
                    }
                },
                Err(error) => toasts.error(error_text(&error)),
            });
            self.load(false);
        });
    }
}
