//! Who of an audience will receive a broadcast, counted by the server.

use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::api::CountQuery;
use omocast_contract::{Audience, AudienceCount, ProblemCode};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError};
use crate::components::error_text::{error_text, problem_text};
use crate::i18n::{Key, t};

/// How long the selection must rest before its customers are counted.
const REST: Duration = Duration::from_millis(150);

/// Who of the audience will receive it, counted again whenever the selection comes to rest.
#[derive(Clone, Copy)]
pub(in crate::pages::customers) struct Counting {
    api: StoredValue<Api>,
    audience: Signal<Audience>,
    /// What is to be sent.
    query: Signal<CountQuery>,
    pub(in crate::pages::customers) count: RwSignal<Option<AudienceCount>>,
    pub(in crate::pages::customers) error: RwSignal<Option<ApiError>>,
    pub(in crate::pages::customers) is_counting: RwSignal<bool>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
}

impl Counting {
    pub(in crate::pages::customers) fn new(
        api: StoredValue<Api>,
        audience: Signal<Audience>,
        query: Signal<CountQuery>,
    ) -> Self {
        let counting = Self {
            api,
            audience,
            query,
            count: RwSignal::new(None),
            error: RwSignal::new(None),
            is_counting: RwSignal::new(false),
            latest: StoredValue::new(0),
        };
        let waiting = StoredValue::new(None::<TimeoutHandle>);
        let stop_waiting = move || {
            if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
                handle.clear();
            }
        };
        // An effect, because a changed selection asks the server.
        Effect::new(move |is_later: Option<()>| {
            audience.track();
            query.track();
            stop_waiting();
            if is_later.is_none() {
                counting.recount();
                return;
            }
            counting.is_counting.set(true);
            let handle = set_timeout_with_handle(move || counting.recount(), REST).ok();
            waiting.set_value(handle);
        });
        on_cleanup(stop_waiting);
        counting
    }

    pub(in crate::pages::customers) fn recount(self) {
        let (Some(audience), Some(query)) = (
            self.audience.try_get_untracked(),
            self.query.try_get_untracked(),
        ) else {
            return;
        };
        let Some(asked) = self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        }) else {
            return;
        };
        if matches!(
            audience.check(),
            Err(ProblemCode::AudienceEmpty | ProblemCode::ChannelNotChosen)
        ) {
            // Nobody is nobody: there is nothing to ask.
            self.answer(Ok(AudienceCount::default()));
            return;
        }
        self.is_counting.try_set(true);
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.count_audience(&audience, &query).await;
            if self.latest.try_get_value() == Some(asked) {
                self.answer(answer);
            }
        });
    }

    fn answer(self, answer: Result<AudienceCount, ApiError>) {
        self.is_counting.try_set(false);
        match answer {
            Ok(count) => {
                self.count.try_set(Some(count));
                self.error.try_set(None);
            }
            Err(error) => {
                self.error.try_set(Some(error));
            }
        }
    }

    /// Why nothing can be sent to this audience, in words.
    pub(in crate::pages::customers) fn refusal(self) -> Option<String> {
        if let Some(error) = self.error.get() {
            return Some(error_text(&error));
        }
        let code = self.count.with(|count| {
            let Some(count) = count else {
                return Some(None);
            };
            match (count.reached_total(), count.skipped_total()) {
                (0, 0) => {
                    let why = self.audience.with(|audience| audience.check().err());
                    Some(Some(why.unwrap_or(ProblemCode::AudienceEmpty)))
                }
                (0, _) => Some(Some(ProblemCode::AudienceUnreachable)),
                _ => None,
            }
        })?;
        Some(code.map_or_else(|| t(Key::ComposeCounting), problem_text))
    }
}
