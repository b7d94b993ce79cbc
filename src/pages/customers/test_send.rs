//! Sending what is written to oneself, in a dialog: one's test customers are asked for when it is opened.

use std::time::Duration;

use js_sys::{Function, Promise, Reflect};
use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;
use omocast_contract::test_send::{TestCode, TestRow, TestSend as Test};
use omocast_contract::{Channel, ChannelSet, OutgoingMessage, Surface};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::api::use_api;
use crate::components::error_text::error_text;
use crate::components::test_send::{TestCustomerRows, TestSendButton, TestSendRows};
use crate::i18n::{self, Key, phrase, t};
use crate::live::use_live;
use crate::ui::{Dialog, use_toasts};

/// How often it is looked whether somebody has written the code.
const LOOK: Duration = Duration::from_secs(3);

#[component]
pub fn TestSend(
    open: RwSignal<bool>,
    #[prop(into)] channels: Signal<ChannelSet>,
    #[prop(into)] messages: Signal<Vec<OutgoingMessage>>,
    #[prop(into)] name_fallback: Signal<Option<String>>,
    #[prop(into)] surface: Signal<Surface>,
    /// Why the messages can't be sent as they are, in words.
    #[prop(into)]
    disabled_reason: Signal<Option<String>>,
) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let toasts = use_toasts();
    let customers = RwSignal::new(TestCustomerRows::Loading);
    let code = RwSignal::new(None::<TestCode>);
    let is_making_code = RwSignal::new(false);
    let is_copied = RwSignal::new(false);
    let results = RwSignal::new(Vec::<TestRow>::new());
    let error = RwSignal::new(None::<String>);
    let is_sending = RwSignal::new(false);

    let load = move || {
        let api = api.get_value();
        spawn_local(async move {
            match api.list_test_customers().await {
                Ok(answer) => {
                    let found = TestCustomerRows::Known(answer.rows);
                    if customers.try_with_untracked(|known| *known != found) == Some(true) {
                        customers.set(found);
                    }
                }
                // What is shown stays when only a later look came to nothing.
                Err(cause) => {
                    customers.try_update(|customers| {
                        if !matches!(customers, TestCustomerRows::Known(_)) {
                            *customers = TestCustomerRows::Failed(untrack(|| error_text(&cause)));
                        }
                    });
                }
            }
        });
    };
    // An effect, because an opened dialog asks the server.
    Effect::new(move |_| {
        if open.get() {
            customers.set(TestCustomerRows::Loading);
            results.set(Vec::new());
            error.set(None);
            load();
        }
    });
    let lacks = move || {
        customers.with_untracked(|customers| {
            let mut channels = channels.get_untracked().iter();
            channels.any(|channel| customers.name_on(channel).is_none())
        })
    };
    let look = move || {
        let is_waiting = open.try_get_untracked() == Some(true)
            && code.try_with_untracked(Option::is_some) == Some(true);
        if !is_waiting {
            return;
        }
        let now = i18n::now();
        let is_over =
            |code: &Option<TestCode>| code.as_ref().is_some_and(|code| code.expires_at < now);
        if code.with_untracked(is_over) {
            code.set(None);
        } else if lacks() {
            load();
        }
    };
    // The code is written on a phone; who wrote it is heard of at once, or seen in a moment.
    use_live().on(move |_| look());
    if let Ok(interval) = set_interval_with_handle(look, LOOK) {
        on_cleanup(move || interval.clear());
    }
    let make_code = move || {
        is_making_code.set(true);
        let api = api.get_value();
        spawn_local(async move {
            let answer = api.create_test_code().await;
            is_making_code.try_set(false);
            is_copied.try_set(false);
            match answer {
                Ok(made) => {
                    error.try_set(None);
                    code.try_set(Some(made));
                }
                Err(cause) => {
                    error.try_set(Some(untrack(|| error_text(&cause))));
                }
            }
        });
    };
    let copy_code = move || {
        let text = code.with_untracked(|code| code.as_ref().map(|code| code.text.clone()));
        spawn_local(async move {
            // Where a browser does not let us, the text can still be marked and copied by hand.
            if copy(&text.unwrap_or_default()).await.is_ok() {
                is_copied.try_set(true);
            }
        });
    };
    let unbind = move |channel: Channel| {
        let api = api.get_value();
        spawn_local(async move {
            if let Err(cause) = api.delete_test_customer(channel).await {
                toasts.error(untrack(|| error_text(&cause)));
            }
            results.try_update(|results| results.retain(|row| row.channel != channel));
            load();
        });
    };
    let send = move || {
        is_sending.set(true);
        error.set(None);
        results.set(Vec::new());
        let api = api.get_value();
        let test = Test {
            messages: messages.get_untracked(),
            name_fallback: name_fallback.get_untracked(),
            surface: surface.get_untracked(),
            channels: channels.get_untracked().iter().collect(),
        };
        spawn_local(async move {
            let answer = api.send_test(&test).await;
            is_sending.try_set(false);
            match answer {
                Ok(answer) => {
                    results.try_set(answer.rows);
                }
                Err(cause) => {
                    error.try_set(Some(untrack(|| error_text(&cause))));
                }
            }
        });
    };
    let why_not = Signal::derive(move || {
        let mut all = channels.get().iter().peekable();
        if all.peek().is_none() {
            return Some(t(Key::TestNobody));
        }
        disabled_reason.get().or_else(|| {
            let is_any_bound =
                customers.with(|customers| all.any(|channel| customers.name_on(channel).is_some()));
            (!is_any_bound).then(|| t(Key::TestBindFirst))
        })
    });
    view! {
        <Dialog
            open
            title=phrase(Key::TestTitle)
            on_close=Callback::new(move |()| open.set(false))
            footer=move || {
                view! {
                    <TestSendButton
                        disabled_reason=why_not
                        is_sending
                        on_send=Callback::new(move |()| send())
                    />
                }
            }
        >
            <TestSendRows
                channels
                customers
                code
                is_making_code
                is_copied
                results
                error
                on_code=Callback::new(move |()| make_code())
                on_copy=Callback::new(move |()| copy_code())
                on_unbind=Callback::new(unbind)
                on_retry=Callback::new(move |()| {
                    customers.set(TestCustomerRows::Loading);
                    load();
                })
            />
        </Dialog>
    }
    .into_any()
}

/// Puts a text into the clipboard. Read by name, because a page that was not loaded over HTTPS has none.
async fn copy(text: &str) -> Result<(), JsValue> {
    let navigator = window().navigator();
    let clipboard = Reflect::get(&navigator, &JsValue::from_str("clipboard"))?;
    let write: Function = Reflect::get(&clipboard, &JsValue::from_str("writeText"))?.dyn_into()?;
    let written: Promise = write
        .call1(&clipboard, &JsValue::from_str(text))?
        .dyn_into()?;
    JsFuture::from(written).await.map(drop)
}
