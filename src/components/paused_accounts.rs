//! The accounts that take nothing for now: why, who waits, when omocast tries again, and the way to try at once.

use leptos::prelude::*;
use omocast_contract::AccountId;
use omocast_contract::control::PausedAccount;

use crate::components::channel_badge::channel_name;
use crate::components::platform_code::PlatformCode;
use crate::components::reason_text::reason_text;
use crate::i18n::{Key, clock, number, phrase, t_with};
use crate::ui::{Button, Icon, Notice, Row, Tone, reactive, rows};

/// A notice for each; nothing where none has stopped.
#[component]
pub fn PausedAccounts(
    #[prop(into)] paused: Signal<Vec<PausedAccount>>,
    #[prop(into)] is_busy: Signal<bool>,
    /// They are to be tried now.
    on_try: Callback<()>,
) -> impl IntoView {
    let ids = Memo::new(move |_| {
        paused.with(|paused| {
            paused
                .iter()
                .map(|paused| paused.account)
                .collect::<Vec<_>>()
        })
    });
    view! {
        <div class="paused-accounts" role="status">
            // A notice stays, and so does the focus in it, while its numbers move on.
            {rows(move || {
                let draw = |id| Row::new(id, move || notice(paused, id, is_busy, on_try));
                ids.get().into_iter().map(draw).collect()
            })}
        </div>
    }
    .into_any()
}

fn notice(
    paused: Signal<Vec<PausedAccount>>,
    id: AccountId,
    is_busy: Signal<bool>,
    on_try: Callback<()>,
) -> AnyView {
    let words = move || {
        paused.with(|paused| {
            let paused = paused.iter().find(|paused| paused.account == id);
            paused.map(words).unwrap_or_default()
        })
    };
    let code = move || {
        paused.with(|paused| {
            let paused = paused.iter().find(|paused| paused.account == id);
            paused.and_then(|paused| paused.platform_code.clone())
        })
    };
    view! {
        <Notice tone=Tone::Warn>
            <span class="paused-accounts__words">
                {reactive(words)} " " <PlatformCode code=Signal::derive(code) />
            </span>
            <Button icon=Icon::Refresh busy=is_busy on_click=on_try>
                {phrase(Key::BroadcastAgain)}
            </Button>
        </Notice>
    }
    .into_any()
}

fn words(paused: &PausedAccount) -> String {
    t_with(
        Key::BroadcastPaused,
        &[
            ("channel", &channel_name(paused.channel)),
            ("account", &paused.name),
            ("reason", &reason_text(paused.reason)),
            ("waiting", &number(paused.waiting)),
            ("time", &clock(paused.tried_at)),
        ],
    )
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
            account(
                1,
                "台北店",
                Channel::Line,
                Reason::MonthlyLimit,
                Some("429 You have reached your monthly limit."),
            ),
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
