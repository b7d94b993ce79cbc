//! The accounts that take nothing for now: why, who waits, when omocast tries again, and the way to try at once.

use leptos::prelude::*;
use omocast_contract::control::PausedAccount;

use crate::components::channel_badge::channel_name;
use crate::components::reason_text::reason_with_code;
use crate::i18n::{Key, clock, number, phrase, t_with};
use crate::ui::{Button, Icon, Notice, Tone, reactive};

/// A notice for each; nothing where none has stopped.
#[component]
pub fn PausedAccounts(
    #[prop(into)] paused: Signal<Vec<PausedAccount>>,
    #[prop(into)] is_busy: Signal<bool>,
    /// They are to be tried now.
    on_try: Callback<()>,
) -> impl IntoView {
    let words = move |paused: &PausedAccount| {
        let code = paused.platform_code.as_deref();
        t_with(
            Key::BroadcastPaused,
            &[
                ("channel", &channel_name(paused.channel)),
                ("account", &paused.name),
                ("reason", &reason_with_code(Some(paused.reason), code)),
                ("waiting", &number(paused.waiting)),
                ("time", &clock(paused.tried_at)),
            ],
        )
    };
    let notices = move || {
        paused
            .get()
            .into_iter()
            .map(|paused| {
                view! {
                    <Notice tone=Tone::Warn>
                        <span class="paused-accounts__words">{words(&paused)}</span>
                        <Button icon=Icon::Refresh busy=is_busy on_click=on_try>
                            {phrase(Key::BroadcastAgain)}
                        </Button>
                    </Notice>
                }
            })
            .collect_view()
    };
    view! { <div class="paused-accounts" role="status">{reactive(notices)}</div> }.into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::{Channel, Reason};

    use crate::i18n::now;
    use crate::ui::Story;

    vec![Story::new("two of them", || {
        let account = |number: u8, name: &str, channel, reason, code: Option<&str>| PausedAccount {
            account: format!("00000000-0000-7000-8000-0000000000{number:02}")
                .parse()
                .expect("it is a UUID"),
            name: name.to_owned(),
            channel,
            reason,
            platform_code: code.map(str::to_owned),
            since: now(),
            tried_at: now().plus(600_000),
            waiting: 312,
        };
        let paused = vec![
            account(1, "台北店", Channel::Line, Reason::MonthlyLimit, None),
            account(
                2,
                "+886 2 2345 6789",
                Channel::Whatsapp,
                Reason::AccountPayment,
                Some("131042"),
            ),
        ];
        view! { <PausedAccounts paused is_busy=false on_try=Callback::new(|()| ()) /> }.into_any()
    })]
}
