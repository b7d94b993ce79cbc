//! Sending to oneself (測試發送): a row for each chosen channel, with one's own test customer there or how to become one.

use leptos::prelude::*;
use omocast_contract::test_send::{TestCode, TestCustomer, TestOutcome, TestRow};
use omocast_contract::{Channel, ChannelSet};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::reason_text::reason_text;
use crate::i18n::{Key, clock, phrase, t, t_with};
use crate::ui::{
    Button, ButtonKind, ErrorPanel, Icon, IconButton, IconView, Notice, Row, Show, Skeleton, Tone,
    reactive, rows,
};

/// The member's test customers, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub enum TestCustomerRows {
    Loading,
    Known(Vec<TestCustomer>),
    /// Why they could not be loaded, in words.
    Failed(String),
}

impl TestCustomerRows {
    /// The test customer's name on a channel.
    pub fn name_on(&self, channel: Channel) -> Option<&str> {
        match self {
            Self::Known(rows) => rows
                .iter()
                .find(|row| row.channel == channel)
                .map(|row| row.customer_name.as_str()),
            Self::Loading | Self::Failed(_) => None,
        }
    }
}

#[component]
pub fn TestSendRows(
    /// The channels of those who are chosen.
    #[prop(into)]
    channels: Signal<ChannelSet>,
    #[prop(into)] customers: Signal<TestCustomerRows>,
    /// What to write to an account to become its test customer.
    #[prop(into)]
    code: Signal<Option<TestCode>>,
    #[prop(into)] is_making_code: Signal<bool>,
    /// Whether the code was just copied.
    #[prop(into)]
    is_copied: Signal<bool>,
    /// What became of the last test.
    #[prop(into)]
    results: Signal<Vec<TestRow>>,
    /// Why the last test was refused, in words.
    #[prop(into)]
    error: Signal<Option<String>>,
    on_code: Callback<()>,
    on_copy: Callback<()>,
    on_unbind: Callback<Channel>,
    on_retry: Callback<()>,
) -> impl IntoView {
    let lacking = Memo::new(move |_| {
        let channels = channels.get();
        customers.with(|customers| match customers {
            TestCustomerRows::Known(_) => channels
                .iter()
                .filter(|&channel| customers.name_on(channel).is_none())
                .collect::<ChannelSet>(),
            TestCustomerRows::Loading | TestCustomerRows::Failed(_) => ChannelSet::EMPTY,
        })
    });
    let is_lacking = Signal::derive(move || !lacking.get().is_empty());
    let loaded = Memo::new(move |_| {
        customers.with(|customers| match customers {
            TestCustomerRows::Loading => None,
            TestCustomerRows::Known(_) => Some(Ok(())),
            TestCustomerRows::Failed(why) => Some(Err(why.clone())),
        })
    });
    let list = move || match loaded.get() {
        None => view! { <Skeleton rows=3 /> }.into_any(),
        Some(Err(why)) => view! { <ErrorPanel error=why on_retry /> }.into_any(),
        Some(Ok(())) => view! {
            <ul class="test-send__rows">
                {rows(move || {
                    let draw = |channel: Channel| {
                        let draw = move || row_view(channel, customers, results, on_unbind);
                        Row::new(channel.as_str(), draw)
                    };
                    channels.get().iter().map(draw).collect()
                })}
            </ul>
        }
        .into_any(),
    };
    view! {
        <div class="test-send">
            <p class="test-send__lead">{phrase(Key::TestLead)}</p>
            {reactive(list)}
            <Show when=is_lacking>
                <section class="test-send__binding" aria-label=phrase(Key::TestBind)>
                    {move || {
                        let names: Vec<String> = lacking.get().iter().map(channel_name).collect();
                        let names = crate::i18n::list(&names);
                        view! { <p>{t_with(Key::TestHow, &[("channels", &names)])}</p> }
                    }}
                    {move || match code.get() {
                        None => {
                            view! {
                                <Button busy=is_making_code on_click=on_code>{phrase(Key::TestMakeCode)}</Button>
                            }
                                .into_any()
                        }
                        Some(code) => code_view(code, is_copied, on_copy),
                    }}
                </section>
            </Show>
            {move || {
                error.get().map(|words| view! { <Notice tone=Tone::Bad is_alert=true>{words}</Notice> })
            }}
        </div>
    }
    .into_any()
}

fn code_view(code: TestCode, is_copied: Signal<bool>, on_copy: Callback<()>) -> AnyView {
    let until = code.expires_at;
    let words = move || {
        t(if is_copied.get() {
            Key::TestCopied
        } else {
            Key::TestCopy
        })
    };
    view! {
        <div class="test-send__code">
            <code class="test-send__text">{code.text}</code>
            <Button icon=Icon::Copy on_click=on_copy>
                {reactive(words)}
            </Button>
        </div>
        <p class="test-send__until" role="status">
            {move || t_with(Key::TestUntil, &[("time", &clock(until))])}
        </p>
    }
    .into_any()
}

fn row_view(
    channel: Channel,
    customers: Signal<TestCustomerRows>,
    results: Signal<Vec<TestRow>>,
    on_unbind: Callback<Channel>,
) -> AnyView {
    let bound = Memo::new(move |_| {
        customers.with(|customers| customers.name_on(channel).map(str::to_owned))
    });
    let outcome = Memo::new(move |_| {
        results.with(|results| {
            let row = results.iter().find(|row| row.channel == channel);
            row.map(|row| row.outcome)
        })
    });
    let who = move || match bound.get() {
        Some(name) if name.is_empty() => t(Key::TestNameless),
        Some(name) => name,
        None => t(Key::TestUnbound),
    };
    let result = move || {
        let (tone, icon, words) = match outcome.get()? {
            TestOutcome::Sent => ("good", Icon::CircleCheck, t(Key::TestSent)),
            TestOutcome::Failed { reason } => (
                "bad",
                Icon::CircleX,
                t_with(Key::TestFailed, &[("reason", &reason_text(reason))]),
            ),
            TestOutcome::NoTestCustomer => ("warn", Icon::Minus, t(Key::TestSkipped)),
        };
        Some(view! {
            <span class="test-send__result" data-tone=tone>
                <IconView icon />
                {words}
            </span>
        })
    };
    view! {
        <li class="test-send__row">
            <ChannelBadge channel is_decoration=true />
            <span class="test-send__who">
                <span class="test-send__channel">{move || channel_name(channel)}</span>
                <span
                    class="test-send__name"
                    data-unbound=move || bound.with(Option::is_none).then_some("")
                >
                    {reactive(who)}
                </span>
            </span>
            <span role="status">{reactive(result)}</span>
            <Show when=move || bound.with(Option::is_some)>
                <IconButton
                    icon=Icon::X
                    label=Signal::derive(move || {
                        t_with(Key::TestUnbind, &[("channel", &channel_name(channel))])
                    })
                    on_click=move || on_unbind.run(channel)
                />
            </Show>
        </li>
    }
    .into_any()
}

/// The footer's button.
#[component]
pub fn TestSendButton(
    #[prop(into)] disabled_reason: Signal<Option<String>>,
    #[prop(into)] is_sending: Signal<bool>,
    on_send: Callback<()>,
) -> impl IntoView {
    view! {
        <Button
            kind=ButtonKind::Primary
            icon=Icon::Send
            busy=is_sending
            disabled_reason
            on_click=on_send
        >
            {phrase(Key::TestSend)}
        </Button>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Reason;

    use crate::ui::Story;

    fn story(
        customers: TestCustomerRows,
        code: Option<TestCode>,
        results: Vec<TestRow>,
        error: Option<&str>,
    ) -> AnyView {
        let nothing = Callback::new(|()| ());
        let error = error.map(str::to_owned);
        view! {
            <div class="gallery__narrow">
                <TestSendRows
                    channels=Signal::stored(Channel::ALL.into_iter().take(4).collect::<ChannelSet>())
                    customers=Signal::stored(customers)
                    code=Signal::stored(code)
                    is_making_code=false
                    is_copied=false
                    results=Signal::stored(results)
                    error=Signal::stored(error)
                    on_code=nothing
                    on_copy=nothing
                    on_unbind=Callback::new(|_| ())
                    on_retry=nothing
                />
                <TestSendButton
                    disabled_reason=Signal::stored(None::<String>)
                    is_sending=false
                    on_send=nothing
                />
            </div>
        }
        .into_any()
    }

    fn two() -> TestCustomerRows {
        let row = |channel, name: &str| TestCustomer {
            channel,
            customer_name: name.to_owned(),
        };
        TestCustomerRows::Known(vec![
            row(Channel::Line, "林佩珊（自己）"),
            row(Channel::Whatsapp, ""),
        ])
    }

    vec![
        Story::new("nobody bound", || {
            story(TestCustomerRows::Known(Vec::new()), None, Vec::new(), None)
        }),
        Story::new("two bound, and a code for the others", || {
            let code = TestCode {
                text: "測試 4F7K2Q".to_owned(),
                expires_at: crate::i18n::now().plus(900_000),
            };
            story(two(), Some(code), Vec::new(), None)
        }),
        Story::new("what became of it", || {
            let row = |channel, outcome| TestRow {
                channel,
                customer_name: String::new(),
                outcome,
            };
            let failed = TestOutcome::Failed {
                reason: Reason::WindowClosed,
            };
            let results = vec![
                row(Channel::Line, TestOutcome::Sent),
                row(Channel::Facebook, TestOutcome::NoTestCustomer),
                row(Channel::Instagram, TestOutcome::NoTestCustomer),
                row(Channel::Whatsapp, failed),
            ];
            story(two(), None, results, None)
        }),
        Story::new("refused", || {
            story(two(), None, Vec::new(), Some("測試太頻繁，請稍候再試。"))
        }),
        Story::new("loading", || {
            story(TestCustomerRows::Loading, None, Vec::new(), None)
        }),
        Story::new("they did not load", || {
            let why = "無法連線，請檢查網路後重試。".to_owned();
            story(TestCustomerRows::Failed(why), None, Vec::new(), None)
        }),
    ]
}
