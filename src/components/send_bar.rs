//! The foot of the composer: who will receive it, who will not and why, and the button that sends.

use leptos::prelude::*;
use omocast_contract::{AudienceCount, Reason};

use crate::components::reason_text::reason_text;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::ui::{Button, ButtonKind, Icon, Meter, Segment, Tone, reactive};

/// The bar.
#[component]
pub fn SendBar(
    /// Who will receive it; none until it was counted once.
    #[prop(into)]
    count: Signal<Option<AudienceCount>>,
    /// Whether it is being counted again. The numbers of before stay.
    #[prop(into)]
    is_counting: Signal<bool>,
    /// What is wrong with the audience, or why it could not be counted, in words.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// Counts again after an error.
    #[prop(into)]
    on_retry: Callback<()>,
    /// Why it can't be sent now, in words; none when it can.
    #[prop(into)]
    disabled_reason: Signal<Option<String>>,
    /// A look at it is wanted first: where there is no room for the preview beside the messages.
    #[prop(into)]
    on_preview: Callback<()>,
    /// 測試發送 is wanted.
    #[prop(optional, into)]
    on_test: Option<Callback<()>>,
    /// 排程 is wanted.
    #[prop(optional, into)]
    on_schedule: Option<Callback<()>>,
    /// A template is wanted for those whom only the window bars.
    #[prop(optional, into)]
    on_template: Option<Callback<()>>,
    #[prop(into)] on_send: Callback<()>,
) -> impl IntoView {
    let reached =
        Memo::new(move |_| count.with(|count| count.as_ref().map(AudienceCount::reached_total)));
    let will_get = move || match reached.get() {
        Some(reached) => t_count(PluralKey::ComposeWillGet, reached, &[]),
        None => t(Key::ComposeCounting),
    };
    let skipped = Memo::new(move |_| {
        count.with(|count| count.as_ref().map(skipped_words).unwrap_or_default())
    });
    let for_template =
        Memo::new(move |_| count.with(|count| count.as_ref().map_or(0, for_template)));
    let segments = Signal::derive(move || {
        count.with(|count| {
            let part = |tone, value| Segment { tone, value };
            count.as_ref().map_or_else(Vec::new, |count| {
                vec![
                    part(Tone::Action, count.reached_total()),
                    part(Tone::Warn, count.skipped_total()),
                ]
            })
        })
    });
    let label = Signal::derive(move || [will_get(), skipped.get()].join("　"));
    let send = move || match reached.get() {
        Some(reached) if reached > 0 => t_count(PluralKey::ComposeSendTo, reached, &[]),
        _ => t(Key::ComposeSend),
    };
    view! {
        <footer class="send-bar" aria-busy=move || is_counting.get().then_some("true")>
            <div class="send-bar__count">
                <Meter label segments total=1_u64 />
                <p class="send-bar__words" role="status">
                    <strong class="send-bar__reached">{reactive(will_get)}</strong>
                    <span class="send-bar__skipped">{move || skipped.get()}</span>
                </p>
                {on_template.map(|on_template| reactive(move || template_offer(for_template.get(), on_template)))}
                {move || {
                    error.get().map(|error| {
                        view! {
                            <div class="send-bar__error" role="alert">
                                <span>{error}</span>
                                <Button kind=ButtonKind::Quiet icon=Icon::Refresh on_click=on_retry>
                                    {phrase(Key::UiRetry)}
                                </Button>
                            </div>
                        }
                    })
                }}
            </div>
            <span class="send-bar__preview">
                <Button kind=ButtonKind::Primary icon=Icon::Eye on_click=on_preview>
                    {phrase(Key::PreviewTitle)}
                </Button>
            </span>
            {on_test
                .map(|on_test| {
                    view! {
                        <span class="send-bar__test">
                            <Button on_click=on_test>{phrase(Key::TestTitle)}</Button>
                        </span>
                    }
                })}
            {on_schedule
                .map(|on_schedule| {
                    view! {
                        <span class="send-bar__schedule">
                            <Button icon=Icon::Clock disabled_reason on_click=on_schedule>
                                {phrase(Key::CheckSchedule)}
                            </Button>
                        </span>
                    }
                })}
            <span class="send-bar__send">
                <Button kind=ButtonKind::Primary icon=Icon::Send disabled_reason on_click=on_send>
                    {reactive(send)}
                </Button>
            </span>
        </footer>
    }
    .into_any()
}

/// How many of the skipped a template would reach.
fn for_template(count: &AudienceCount) -> u64 {
    let barred = count
        .skipped
        .iter()
        .filter(|skipped| skipped.reason.is_no_bar_to_a_template(skipped.channel));
    barred.map(|skipped| skipped.customers).sum()
}

fn template_offer(customers: u64, on_template: Callback<()>) -> AnyView {
    if customers == 0 {
        return ().into_any();
    }
    view! {
        <div class="send-bar__offer">
            <span>{move || t_count(PluralKey::ComposeTemplateReaches, customers, &[])}</span>
            <Button kind=ButtonKind::Quiet icon=Icon::File on_click=on_template>
                {phrase(Key::ComposeTakeTemplate)}
            </Button>
        </div>
    }
    .into_any()
}

/// 「55 位略過：已逾 24 小時」, or each reason with its number where there are several. Empty where nobody is skipped.
pub fn skipped_words(count: &AudienceCount) -> String {
    let total = count.skipped_total();
    if total == 0 {
        return String::new();
    }
    let mut by_reason: Vec<(Reason, u64)> = Vec::new();
    for skipped in &count.skipped {
        match by_reason
            .iter_mut()
            .find(|(reason, _)| *reason == skipped.reason)
        {
            Some((_, customers)) => *customers += skipped.customers,
            None => by_reason.push((skipped.reason, skipped.customers)),
        }
    }
    by_reason.sort_by_key(|&(reason, customers)| (std::cmp::Reverse(customers), reason));
    let reasons = match by_reason.as_slice() {
        [(reason, _)] => reason_text(*reason),
        several => {
            let each: Vec<String> = several
                .iter()
                .map(|(reason, customers)| {
                    let (reason, count) = (reason_text(*reason), number(*customers));
                    t_with(
                        Key::ReasonWithCount,
                        &[("reason", &reason), ("count", &count)],
                    )
                })
                .collect();
            each.join(&t(Key::ComposeSeparator))
        }
    };
    let skipped = t_count(PluralKey::ComposeSkipped, total, &[]);
    t_with(
        Key::ComposeSkippedWhy,
        &[("skipped", &skipped), ("reasons", &reasons)],
    )
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Channel;
    use omocast_contract::audience::{ChannelCount, SkippedCount};

    use crate::ui::Story;

    fn count(skipped: &[(Reason, u64)]) -> AudienceCount {
        AudienceCount {
            wabas: Vec::new(),
            reached: vec![
                ChannelCount {
                    channel: Channel::Line,
                    customers: 812,
                },
                ChannelCount {
                    channel: Channel::Whatsapp,
                    customers: 334,
                },
            ],
            skipped: skipped
                .iter()
                .map(|&(reason, customers)| SkippedCount {
                    reason,
                    channel: Channel::Whatsapp,
                    customers,
                })
                .collect(),
        }
    }
    fn story(
        count: Option<AudienceCount>,
        is_counting: bool,
        error: Option<&str>,
        reason: Option<&str>,
    ) -> AnyView {
        view! {
            <SendBar
                count
                is_counting
                error=error.map(str::to_owned)
                on_retry=|()| ()
                disabled_reason=reason.map(str::to_owned)
                on_preview=|()| ()
                on_test=|()| ()
                on_schedule=|()| ()
                on_template=|()| ()
                on_send=|()| ()
            />
        }
        .into_any()
    }
    vec![
        Story::new("ready", || {
            story(
                Some(count(&[(Reason::WindowClosed, 55)])),
                false,
                None,
                None,
            )
        }),
        Story::new("several reasons", || {
            story(
                Some(count(&[(Reason::Blocked, 9), (Reason::WindowClosed, 46)])),
                false,
                None,
                None,
            )
        }),
        Story::new("nobody is skipped", || {
            story(Some(count(&[])), false, None, None)
        }),
        Story::new("being counted for the first time", || {
            story(None, true, None, Some("計算中…"))
        }),
        Story::new("being counted again", || {
            story(Some(count(&[])), true, None, None)
        }),
        Story::new("nobody is chosen", || {
            story(
                Some(AudienceCount::default()),
                false,
                None,
                Some("尚未選擇顧客。"),
            )
        }),
        Story::new("could not be counted", || {
            story(
                None,
                false,
                Some("無法連線，請檢查網路後重試。"),
                Some("無法連線，請檢查網路後重試。"),
            )
        }),
    ]
}
