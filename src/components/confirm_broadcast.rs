//! The question before a broadcast goes out: to how many, on which channels, how many messages.

use leptos::prelude::*;
use omocast_contract::AudienceCount;

use crate::components::channel_badge::channel_name;
use crate::components::send_bar::skipped_words;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::ui::{Button, ButtonKind, Dialog, Icon, Notice, Tone, reactive};

/// The dialog.
#[component]
pub fn ConfirmBroadcast(
    #[prop(into)] open: Signal<bool>,
    #[prop(into)] count: Signal<AudienceCount>,
    /// How many messages each gets.
    #[prop(into)]
    messages: Signal<usize>,
    /// What it is, where that is to be said.
    #[prop(optional, into)]
    about: Signal<Option<String>>,
    #[prop(into)] is_sending: Signal<bool>,
    /// Why it was not sent, in words.
    #[prop(into)]
    error: Signal<Option<String>>,
    #[prop(into)] on_confirm: Callback<()>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let reached = Memo::new(move |_| count.with(AudienceCount::reached_total));
    let sentence = move || count.with(|count| sentence(count, messages.get() as u64));
    // While it is under way nobody knows whether closing would stop it: it would not.
    let close = Callback::new(move |()| {
        if !is_sending.get_untracked() {
            on_close.run(());
        }
    });
    let footer = move || {
        view! {
            <Button on_click=close>{phrase(Key::UiCancel)}</Button>
            <Button kind=ButtonKind::Primary icon=Icon::Send busy=is_sending on_click=on_confirm>
                {move || t_count(PluralKey::ComposeSendTo, reached.get(), &[])}
            </Button>
        }
    };
    view! {
        <Dialog open title=phrase(Key::ConfirmTitle) on_close=close is_kept_open=true footer>
            <div class="confirm-broadcast">
                {move || about.get().map(|about| view! { <p class="confirm-broadcast__about">{about}</p> })}
                <p class="confirm-broadcast__sentence">{reactive(sentence)}</p>
                <p class="confirm-broadcast__note">{phrase(Key::ConfirmNoWayBack)}</p>
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

/// 「發送給 1,146 位顧客：LINE 812 位、WhatsApp 334 位，每位 3 則，共 3,438 則；55 位略過：已逾 24 小時」
pub fn sentence(count: &AudienceCount, messages: u64) -> String {
    let reached = count.reached_total();
    let each: Vec<String> = count
        .reached
        .iter()
        .map(|count| {
            let args = [
                ("channel", channel_name(count.channel)),
                ("count", number(count.customers)),
            ];
            t_with(
                Key::ConfirmChannel,
                &args.each_ref().map(|(name, value)| (*name, value.as_str())),
            )
        })
        .collect();
    let sentence = t_with(
        Key::ConfirmSentence,
        &[
            ("people", &t_count(PluralKey::ConfirmPeople, reached, &[])),
            ("channels", &each.join(&t(Key::ConfirmSeparator))),
            ("each", &t_count(PluralKey::ConfirmEach, messages, &[])),
            (
                "total",
                &t_count(PluralKey::ConfirmTotal, messages * reached, &[]),
            ),
        ],
    );
    let skipped = skipped_words(count);
    if skipped.is_empty() {
        sentence
    } else {
        t_with(
            Key::ConfirmWithSkipped,
            &[("sentence", &sentence), ("skipped", &skipped)],
        )
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::audience::{ChannelCount, SkippedCount};
    use omocast_contract::{Channel, Reason};

    use crate::ui::Story;

    fn story(is_sending: bool, error: Option<&'static str>) -> AnyView {
        let open = RwSignal::new(false);
        let count = AudienceCount {
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
            skipped: vec![SkippedCount {
                reason: Reason::WindowClosed,
                channel: Channel::Whatsapp,
                customers: 55,
            }],
        };
        view! {
            <Button on_click=move || open.set(true)>"開啟"</Button>
            <ConfirmBroadcast
                open
                count
                messages=3_usize
                is_sending
                error=error.map(str::to_owned)
                on_confirm=|()| ()
                on_close=Callback::new(move |()| open.set(false))
            />
        }
        .into_any()
    }
    vec![
        Story::new("the question", || story(false, None)),
        Story::new("under way", || story(true, None)),
        Story::new("not sent", || {
            story(false, Some("無法連線，請檢查網路後重試。"))
        }),
    ]
}
