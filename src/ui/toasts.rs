//! Short news at the lower edge, with a way back where there is one. They go by themselves, but not from under the pointer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use leptos::prelude::*;

use super::{Button, ButtonKind, Icon, IconButton, IconView, Row, Tone, rows, unique_id};
use crate::i18n::{Key, phrase};

/// How long a toast stays; one with something to press stays longer.
const STAY: Duration = Duration::from_secs(6);
const STAY_WITH_ACTION: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Toast {
    id: u64,
    tone: Tone,
    text: String,
    way: Option<Way>,
}

/// Something to press.
#[derive(Clone)]
struct Way {
    words: Key,
    go: Go,
}

/// Not a `Callback`: that one would end with the dialog or row in which it was made, and the toast outlives both.
type Go = Arc<dyn Fn() + Send + Sync>;

impl Way {
    fn new(words: Key, go: impl FnOnce() + Send + 'static) -> Self {
        let go = Mutex::new(Some(go));
        let go = Arc::new(move || {
            let go = go.lock().ok().and_then(|mut go| go.take());
            if let Some(go) = go {
                go();
            }
        });
        Self { words, go }
    }
}

/// The context of the toasts.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
    held: RwSignal<bool>,
    /// The hosts in the page, the one on top last.
    hosts: RwSignal<Vec<String>>,
}

/// Provides the toasts: once, above everything that shows one.
pub fn provide_toasts() -> Toasts {
    let toasts = Toasts {
        list: RwSignal::new(Vec::new()),
        next: StoredValue::new(0),
        held: RwSignal::new(false),
        hosts: RwSignal::new(Vec::new()),
    };
    provide_context(toasts);
    toasts
}

pub fn use_toasts() -> Toasts {
    expect_context()
}

impl Toasts {
    /// Something was done.
    pub fn show(&self, text: impl Into<String>) {
        self.add(Tone::Neutral, text.into(), STAY, None);
    }

    /// Something was done that can be taken back, until the toast goes or is withdrawn by its number.
    pub fn undo(
        &self,
        text: impl Into<String>,
        undo: impl FnOnce() + Send + 'static,
    ) -> Option<u64> {
        self.undo_for(STAY_WITH_ACTION, text, undo)
    }

    /// As [`Self::undo`], where it can be taken back for so long and no longer.
    pub fn undo_for(
        &self,
        stay: Duration,
        text: impl Into<String>,
        undo: impl FnOnce() + Send + 'static,
    ) -> Option<u64> {
        let way = Way::new(Key::UiUndo, undo);
        self.add(Tone::Neutral, text.into(), stay, Some(way))
    }

    /// Something was done, and what these words of a button say is likely to be wanted next.
    pub fn offer(
        &self,
        text: impl Into<String>,
        words: Key,
        go: impl FnOnce() + Send + 'static,
    ) -> Option<u64> {
        let way = Way::new(words, go);
        self.add(Tone::Neutral, text.into(), STAY_WITH_ACTION, Some(way))
    }

    /// Takes a toast away, when what it would take back is gone.
    pub fn withdraw(self, number: u64) {
        self.remove(number);
    }

    /// A one-off action failed.
    pub fn error(&self, text: impl Into<String>) {
        self.add(Tone::Bad, text.into(), STAY, None);
    }

    fn add(&self, tone: Tone, text: String, stay: Duration, way: Option<Way>) -> Option<u64> {
        let id = self.next.try_update_value(|next| {
            *next += 1;
            *next
        })?;
        self.list.try_update(|list| {
            list.push(Toast {
                id,
                tone,
                text,
                way,
            });
            // More than three are not read.
            let surplus = list.len().saturating_sub(3);
            list.drain(..surplus);
        });
        self.remove_after(id, stay);
        Some(id)
    }

    fn remove_after(self, id: u64, wait: Duration) {
        set_timeout(
            move || {
                if self.held.try_get_untracked() == Some(true) {
                    self.remove_after(id, STAY / 3);
                } else {
                    self.remove(id);
                }
            },
            wait,
        );
    }

    fn remove(self, id: u64) {
        self.list
            .try_update(|list| list.retain(|toast| toast.id != id));
        if self.list.try_with_untracked(Vec::is_empty) == Some(true) {
            self.held.try_set(false);
        }
    }
}

/// Where toasts appear: at the end of the page, and in the dialog over it, outside which nothing can be pressed. The one on top has them.
#[component]
pub fn ToastHost(
    /// Whether it is in a dialog.
    #[prop(optional)]
    is_in_dialog: bool,
) -> impl IntoView {
    let toasts = use_toasts();
    let host = StoredValue::new(unique_id());
    toasts.hosts.update(|hosts| {
        let place = if is_in_dialog { hosts.len() } else { 0 };
        hosts.insert(place, host.get_value());
    });
    let leave = host.get_value();
    on_cleanup(move || {
        toasts
            .hosts
            .try_update(|hosts| hosts.retain(|other| *other != leave));
    });
    let is_on_top = Memo::new(move |_| {
        toasts
            .hosts
            .with(|hosts| hosts.last() == Some(&host.get_value()))
    });
    let hold = move |is_held: bool| {
        toasts.held.try_set(is_held);
    };
    view! {
        <div
            class="toasts"
            role="status"
            aria-live="polite"
            on:mouseenter=move |_| hold(true)
            on:mouseleave=move |_| hold(false)
            on:focusin=move |_| hold(true)
            on:focusout=move |_| hold(false)
        >
            {rows(move || {
                let draw = |toast: Toast| Row::new(toast.id, move || toast_view(toasts, toast.clone()));
                let list = if is_on_top.get() { toasts.list.get() } else { Vec::new() };
                list.into_iter().map(draw).collect()
            })}
        </div>
    }
    .into_any()
}

fn toast_view(toasts: Toasts, toast: Toast) -> AnyView {
    let id = toast.id;
    let icon = match toast.tone {
        Tone::Bad => Icon::CircleAlert,
        Tone::Neutral | Tone::Action | Tone::Good | Tone::Warn => Icon::CircleCheck,
    };
    view! {
        <div class="toasts__toast" data-tone=toast.tone.as_str()>
            <IconView icon />
            <span class="toasts__text">{toast.text}</span>
            {toast
                .way
                .map(|Way { words, go }| {
                    view! {
                        <Button
                            kind=ButtonKind::Quiet
                            on_click=move || {
                                toasts.remove(id);
                                go();
                            }
                        >
                            {phrase(words)}
                        </Button>
                    }
                })}
            <IconButton
                icon=Icon::X
                label=phrase(Key::UiClose)
                on_click=move || toasts.remove(id)
            />
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![Story::new("kinds", || {
        let toasts = provide_toasts();
        view! {
            <div class="gallery__row">
                <Button on_click=move || toasts.show("已跟進 3 個事件")>"完成"</Button>
                <Button on_click=move || {
                    toasts.undo("已結束 3 個事件", || ());
                }>"可復原"</Button>
                <Button on_click=move || {
                    toasts.offer("已收回，沒有人收到；內容在草稿裡", Key::BroadcastOpenDraft, || ());
                }>"接著做"</Button>
                <Button on_click=move || {
                    toasts.error("陳怡君：事件已由其他人跟進")
                }>"失敗"</Button>
            </div>
            <ToastHost />
        }
        .into_any()
    })]
}
