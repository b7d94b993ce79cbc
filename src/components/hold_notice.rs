//! A broadcast that goes out in a moment, and the way to take it back until then.

use std::time::Duration;

use leptos::prelude::*;
use omocast_contract::Timestamp;
use omocast_contract::control::MAX_HOLD;

use crate::i18n::{self, Key, duration, phrase, t, t_with};
use crate::ui::{Button, Icon, Notice, Tone, reactive};

/// How often the clock is looked at.
const PACE: Duration = Duration::from_millis(250);

/// The notice. The seconds are counted for those who see them; those who listen hear once how long there is.
#[component]
pub fn HoldNotice(
    /// When it goes out.
    #[prop(into)]
    starts_at: Signal<Timestamp>,
    #[prop(into)] is_busy: Signal<bool>,
    on_undo: Callback<()>,
) -> impl IntoView {
    // A clock that is wrong can't make it longer than it is.
    let look = move || {
        let left = starts_at.get_untracked().since(i18n::now());
        (left.clamp(0, MAX_HOLD) as u64).div_ceil(1_000)
    };
    let left = RwSignal::new(look());
    if let Ok(ticking) = set_interval_with_handle(
        move || {
            let now = look();
            if left.try_get_untracked() != Some(now) {
                left.try_set(now);
            }
        },
        PACE,
    ) {
        on_cleanup(move || ticking.clear());
    }
    let words = |left: u64| match left {
        0 => t(Key::BroadcastHeldNow),
        left => t_with(Key::BroadcastHeld, &[("time", &duration(left))]),
    };
    let heard = move || words(left.get_untracked());
    let seen = move || words(left.get());
    view! {
        <div class="hold-notice">
            <Notice tone=Tone::Action>
                <span class="visually-hidden" role="status">{reactive(heard)}</span>
                <span class="hold-notice__words" aria-hidden="true">{reactive(seen)}</span>
                <Button icon=Icon::Undo busy=is_busy on_click=on_undo>{phrase(Key::UiUndo)}</Button>
            </Notice>
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(in_milliseconds: i64, is_busy: bool) -> AnyView {
        let starts_at = i18n::now().plus(in_milliseconds);
        view! { <HoldNotice starts_at is_busy on_undo=Callback::new(|()| ()) /> }.into_any()
    }
    vec![
        Story::new("being counted", || story(8_000, false)),
        Story::new("just about to go out", || story(0, false)),
        Story::new("being taken back", || story(3_000, true)),
    ]
}
