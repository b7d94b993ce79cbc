//! At once, or at a time of the team's time zone.

use leptos::prelude::*;

use super::Checked;
use crate::i18n::{self, Key, phrase, t_with};
use crate::ui::{Show, TextField, TextKind, unique_id};

/// 立即發送 or 排程, and when.
pub(super) fn when(checked: Checked, zone: String, on_enter: Callback<()>) -> AnyView {
    let is_scheduling = checked.is_scheduling;
    let group = unique_id();
    let choice = |is_later: bool, words: Key| {
        view! {
            <label class="broadcast-check__choice">
                <input
                    type="radio"
                    name=group.clone()
                    prop:checked=move || is_scheduling.get() == is_later
                    on:change=move |_| is_scheduling.set(is_later)
                />
                <span>{phrase(words)}</span>
            </label>
        }
        .into_any()
    };
    let zone = StoredValue::new(zone);
    let label =
        Signal::derive(move || zone.with_value(|zone| t_with(Key::CheckTime, &[("zone", zone)])));
    view! {
        <fieldset class="broadcast-check__when">
            <legend class="visually-hidden">{phrase(Key::CheckWhen)}</legend>
            <div class="broadcast-check__choices">
                {choice(false, Key::CheckNow)} {choice(true, Key::CheckSchedule)}
            </div>
            <Show when=is_scheduling>
                <TextField
                    label
                    kind=TextKind::DateTime
                    min=untrack(|| i18n::wall_time(i18n::now()))
                    value=checked.time
                    error=checked.time_error
                    on_enter
                />
            </Show>
        </fieldset>
    }
    .into_any()
}
