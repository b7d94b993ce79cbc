//! News of the server, followed without being flooded by them.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use omocast_contract::live::LiveEvent;

use crate::live::use_live;

/// They are followed at most this often.
const PACE: Duration = Duration::from_millis(500);

/// Calls `follow` when the server tells of news that `concerns` is true of, at once and then at most every [`PACE`].
pub(super) fn follow_news(
    concerns: impl Fn(&LiveEvent) -> bool + 'static,
    follow: impl Fn() + Clone + 'static,
) {
    let waiting: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let is_wanted = StoredValue::new(false);
    use_live().on(move |news| {
        if !concerns(&news) {
            return;
        }
        if waiting.with_value(Option::is_some) {
            is_wanted.set_value(true);
            return;
        }
        follow();
        pace(waiting, is_wanted, follow.clone());
    });
    on_cleanup(move || {
        if let Some(Some(timeout)) = waiting.try_update_value(Option::take) {
            timeout.clear();
        }
    });
}

fn pace(
    waiting: StoredValue<Option<TimeoutHandle>>,
    is_wanted: StoredValue<bool>,
    follow: impl Fn() + Clone + 'static,
) {
    let timeout = set_timeout_with_handle(
        move || {
            waiting.set_value(None);
            if is_wanted.try_update_value(std::mem::take) == Some(true) {
                follow();
                pace(waiting, is_wanted, follow.clone());
            }
        },
        PACE,
    );
    waiting.set_value(timeout.ok());
}
