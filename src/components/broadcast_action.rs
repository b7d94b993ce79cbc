//! The question before something is done with a broadcast that was accepted: what will happen, and the button that does it.

use leptos::prelude::*;
use omocast_contract::LocalTime;

use crate::i18n::{self, Key, PluralKey, phrase, t, t_count, t_with};
use crate::ui::{Button, ButtonKind, Dialog, Notice, Show, TextField, TextKind, Tone, reactive};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// 停止其餘.
    Stop,
    /// 取消排程; what was written becomes a draft again, where it can.
    Cancel {
        is_draft: bool,
    },
    SendNow,
    Reschedule,
    Retry,
}

impl Act {
    fn title(self, customers: u64) -> String {
        match self {
            Self::Stop => t_count(PluralKey::BroadcastStopAsk, customers, &[]),
            Self::Cancel { .. } => t(Key::BroadcastCancelAsk),
            Self::SendNow => t_count(PluralKey::BroadcastSendNowAsk, customers, &[]),
            Self::Reschedule => t(Key::BroadcastRescheduleAsk),
            Self::Retry => t_count(PluralKey::BroadcastRetryAsk, customers, &[]),
        }
    }

    fn text(self) -> Option<Key> {
        match self {
            Self::Stop => Some(Key::BroadcastStopText),
            Self::Cancel { is_draft: true } => Some(Key::BroadcastCancelTextDraft),
            Self::Cancel { is_draft: false } => Some(Key::BroadcastCancelText),
            Self::SendNow => Some(Key::BroadcastSendNowText),
            Self::Reschedule => None,
            Self::Retry => Some(Key::BroadcastRetryText),
        }
    }

    /// The words of the button that does it.
    fn words(self, customers: u64) -> String {
        match self {
            Self::Stop => t(Key::BroadcastStopConfirm),
            Self::Cancel { .. } => t(Key::BroadcastCancel),
            Self::SendNow => t(Key::CheckNow),
            Self::Reschedule => t(Key::BroadcastReschedule),
            Self::Retry => t_count(PluralKey::BroadcastRetry, customers, &[]),
        }
    }
}

/// The dialog.
#[component]
pub fn BroadcastAction(
    /// What is asked about; nothing where it is closed.
    #[prop(into)]
    asked: Signal<Option<Act>>,
    /// How many customers it is about.
    #[prop(into)]
    customers: Signal<u64>,
    /// The team's time zone.
    #[prop(into)]
    zone: String,
    /// The time it is put off to, as the field for it has it.
    time: RwSignal<String>,
    /// What is wrong with that time, in words.
    #[prop(into)]
    time_error: Signal<Option<String>>,
    #[prop(into)] is_busy: Signal<bool>,
    /// Why it was not done, in words.
    #[prop(into)]
    error: Signal<Option<String>>,
    on_confirm: Callback<Act>,
    on_close: Callback<()>,
) -> impl IntoView {
    let open = Memo::new(move |_| asked.get().is_some());
    let is_timing = Memo::new(move |_| asked.get() == Some(Act::Reschedule));
    let title = Signal::derive(move || {
        let act = asked.get();
        act.map(|act| act.title(customers.get()))
            .unwrap_or_default()
    });
    let close = Callback::new(move |()| {
        if !is_busy.get_untracked() {
            on_close.run(());
        }
    });
    let refusal = Signal::derive(move || {
        let lacks_time = is_timing.get() && time.with(|time| LocalTime::parse(time)).is_none();
        lacks_time.then(|| t(Key::CheckTimeMissing))
    });
    let confirm = Callback::new(move |()| {
        if let Some(act) = asked.get_untracked()
            && untrack(|| refusal.get().is_none() && !is_busy.get())
        {
            on_confirm.run(act);
        }
    });
    let footer = move || {
        // It is drawn anew each time it is opened.
        let kind = match asked.get_untracked() {
            Some(Act::Stop | Act::Cancel { .. }) => ButtonKind::Danger,
            _ => ButtonKind::Primary,
        };
        let words = move || {
            let act = asked.get();
            act.map(|act| act.words(customers.get()))
                .unwrap_or_default()
        };
        view! {
            <Button on_click=close>{phrase(Key::UiBack)}</Button>
            <Button kind disabled_reason=refusal busy=is_busy on_click=confirm>
                {reactive(words)}
            </Button>
        }
    };
    let text = move || asked.get().and_then(Act::text).map(t);
    let zone = StoredValue::new(zone);
    let label =
        Signal::derive(move || zone.with_value(|zone| t_with(Key::CheckTime, &[("zone", zone)])));
    view! {
        <Dialog open title on_close=close is_kept_open=true footer>
            <div class="broadcast-action">
                {move || text().map(|text| view! { <p class="broadcast-action__text">{text}</p> })}
                <Show when=is_timing>
                    <TextField
                        label
                        kind=TextKind::DateTime
                        min=untrack(|| i18n::wall_time(i18n::now()))
                        value=time
                        error=time_error
                        on_enter=confirm
                    />
                </Show>
                {move || {
                    error
                        .get()
                        .map(|error| view! { <Notice tone=Tone::Bad is_alert=true>{error}</Notice> })
                }}
            </div>
        </Dialog>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(act: Act, error: Option<&str>) -> AnyView {
        let asked = RwSignal::new(None);
        view! {
            <Button on_click=move || asked.set(Some(act))>"開啟"</Button>
            <BroadcastAction
                asked
                customers=312_u64
                zone="Asia/Taipei"
                time=RwSignal::new("2026-11-30T09:00".to_owned())
                time_error=None
                is_busy=false
                error=error.map(str::to_owned)
                on_confirm=Callback::new(move |_| asked.set(None))
                on_close=Callback::new(move |()| asked.set(None))
            />
        }
        .into_any()
    }
    vec![
        Story::new("stop the rest", || story(Act::Stop, None)),
        Story::new("cancel", || story(Act::Cancel { is_draft: true }, None)),
        Story::new("send now", || story(Act::SendNow, None)),
        Story::new("another time", || story(Act::Reschedule, None)),
        Story::new("retry", || story(Act::Retry, None)),
        Story::new("not done", || {
            story(Act::Retry, Some("沒有可以重試的顧客。"))
        }),
    ]
}
