//! 發送前檢查: who will get a broadcast, who not and why, what it takes of the accounts, and when it goes out.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::control::AccountQuota;
use omocast_contract::{AudienceCount, Channel, LocalTime, Preflight, ProblemCode, Reason};

use crate::components::channel_badge::channel_name;
use crate::components::error_text::problem_text;
use crate::components::reason_text::reason_text;
use crate::components::send_bar::skipped_words;
use crate::i18n::{self, Key, PluralKey, duration, number, phrase, t, t_count, t_with};
use crate::ui::{
    Button, ButtonKind, Dialog, Icon, IconView, Meter, Notice, Segment, Show, Spinner, TextField,
    TextKind, Tone, reactive, unique_id,
};

/// What is wanted in the dialog.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CheckEvent {
    /// To be checked again: the last try failed.
    Check,
    /// To be sent: at once, or at this time of the team's clock.
    Send(Option<LocalTime>),
    /// Nobody of this channel is to get it.
    LeaveOut(Channel),
    /// A template is wanted for those whom only the window bars.
    TakeTemplate,
    Close,
}

/// What the dialog shows.
#[derive(Clone, Copy)]
pub struct Checked {
    /// None until it was checked once.
    pub preflight: Signal<Option<Preflight>>,
    /// Whether it is being checked, for the first time or again.
    pub is_checking: Signal<bool>,
    /// Why it could not be checked, in words.
    pub check_error: Signal<Option<String>>,
    /// Whether it is to go out later.
    pub is_scheduling: RwSignal<bool>,
    /// When, as the field for it has it.
    pub time: RwSignal<String>,
    /// What is wrong with that time, in words.
    pub time_error: Signal<Option<String>>,
    pub is_sending: Signal<bool>,
    /// Why it was not sent, in words.
    pub error: Signal<Option<String>>,
}

impl Checked {
    fn reached(self) -> Option<u64> {
        let preflight = self.preflight;
        preflight.with(|found| Some(found.as_ref()?.count.reached_total()))
    }

    fn chosen_time(self) -> Option<LocalTime> {
        self.time.with(|time| LocalTime::parse(time))
    }

    /// Why it can't be sent now.
    fn refusal(self) -> Option<String> {
        if let Some(error) = self.check_error.get() {
            return Some(error);
        }
        let time_refused = self
            .is_scheduling
            .get()
            .then(|| self.time_error.get())
            .flatten();
        let refused = self.preflight.with(|preflight| {
            let Some(preflight) = preflight else {
                return time_refused.clone().or_else(|| Some(t(Key::CheckChecking)));
            };
            if preflight.count.reached_total() == 0 {
                return Some(problem_text(ProblemCode::AudienceUnreachable));
            }
            let short = preflight.quotas.iter().find(|quota| quota.is_short())?;
            Some(t_with(Key::CheckQuotaShortWhy, &[("account", &short.name)]))
        });
        refused
            .or(time_refused)
            .or_else(|| self.is_checking.get().then(|| t(Key::CheckChecking)))
            .or_else(|| {
                let lacks_time = self.is_scheduling.get() && self.chosen_time().is_none();
                lacks_time.then(|| t(Key::CheckTimeMissing))
            })
    }
}

/// The dialog.
#[component]
pub fn BroadcastCheck(
    #[prop(into)] open: Signal<bool>,
    checked: Checked,
    /// How many messages each gets.
    #[prop(into)]
    messages: Signal<usize>,
    /// What it is, in place of how many messages.
    #[prop(optional, into)]
    about: Signal<Option<String>>,
    /// The team's time zone.
    #[prop(into)]
    zone: String,
    /// Whether the customers of one channel can be left out of those chosen.
    #[prop(into)]
    may_leave_out: Signal<bool>,
    /// Whether a template can be taken instead.
    #[prop(optional)]
    may_take_template: bool,
    on_event: Callback<CheckEvent>,
) -> impl IntoView {
    let Checked {
        preflight,
        is_checking,
        check_error,
        is_scheduling,
        is_sending,
        error,
        time_error,
        ..
    } = checked;
    let title = Signal::derive(move || match checked.reached() {
        Some(reached) => t_count(PluralKey::CheckTitleFor, reached, &[]),
        None => t(Key::CheckTitle),
    });
    let refusal = Signal::derive(move || checked.refusal());
    // While it is under way nobody knows whether closing would stop it: it would not.
    let close = Callback::new(move |()| {
        if !is_sending.get_untracked() {
            on_event.run(CheckEvent::Close);
        }
    });
    let send = Callback::new(move |()| {
        let may_send = untrack(|| refusal.get().is_none() && !is_sending.get());
        if may_send {
            let time = untrack(|| is_scheduling.get().then(|| checked.chosen_time()).flatten());
            on_event.run(CheckEvent::Send(time));
        }
    });
    let send_words = move || {
        let words = if is_scheduling.get() {
            PluralKey::CheckScheduleFor
        } else {
            PluralKey::ComposeSendTo
        };
        match checked.reached() {
            Some(reached) if reached > 0 => t_count(words, reached, &[]),
            _ => t(Key::ComposeSend),
        }
    };
    let footer = move || {
        view! {
            <Button on_click=close>{phrase(Key::UiBack)}</Button>
            <Button
                kind=ButtonKind::Primary
                icon=Icon::Send
                disabled_reason=refusal
                busy=is_sending
                on_click=send
            >
                {reactive(send_words)}
            </Button>
        }
    };
    let sentence = move || {
        preflight.with(|preflight| {
            let Some(preflight) = preflight else {
                return if check_error.with(Option::is_some) || time_error.with(Option::is_some) {
                    String::new()
                } else {
                    t(Key::CheckChecking)
                };
            };
            let count = messages.get() as u64;
            let what = about
                .get()
                .unwrap_or_else(|| t_count(PluralKey::CheckMessages, count, &[]));
            let hold = preflight.hold.unsigned_abs() / 1_000;
            let way_back = match hold {
                _ if is_scheduling.get() => t(Key::CheckCanCancel),
                0 => String::new(),
                hold => t_with(Key::CheckCanUndo, &[("time", &duration(hold))]),
            };
            let time = duration(preflight.seconds);
            t_with(
                Key::CheckSentence,
                &[("what", &what), ("time", &time), ("way_back", &way_back)],
            )
        })
    };
    let begin = NodeRef::<html::P>::new();
    // An effect, because the focus is the browser's: what had it may be gone once it was checked again.
    Effect::new(move |_| {
        preflight.track();
        request_animation_frame(move || {
            let is_lost = document()
                .active_element()
                .is_none_or(|active| Some(active) == document().body().map(Into::into));
            if is_lost
                && open.try_get_untracked() == Some(true)
                && let Some(begin) = begin.try_get_untracked().flatten()
            {
                // Fails on what is not shown.
                let _ = begin.focus();
            }
        });
    });
    let is_first = Memo::new(move |_| is_checking.get() && preflight.with(Option::is_none));
    let zone = StoredValue::new(zone);
    view! {
        <Dialog open title on_close=close is_kept_open=true footer>
            <div class="broadcast-check" aria-busy=move || is_checking.get().then_some("true")>
                <p class="broadcast-check__sentence" role="status" tabindex="-1" node_ref=begin>
                    {reactive(sentence)}
                </p>
                <Show when=is_first>
                    <p class="broadcast-check__state"><Spinner /></p>
                </Show>
                {move || {
                    check_error.get().map(|error| {
                        view! {
                            <Notice tone=Tone::Bad is_alert=true>
                                <span>{error}</span>
                                <Button
                                    kind=ButtonKind::Quiet
                                    icon=Icon::Refresh
                                    on_click=move || on_event.run(CheckEvent::Check)
                                >
                                    {phrase(Key::UiRetry)}
                                </Button>
                            </Notice>
                        }
                    })
                }}
                {move || {
                    let may_leave_out = may_leave_out.get();
                    preflight.with(|preflight| {
                        preflight.as_ref().map(|preflight| {
                            view! {
                                {groups(&preflight.count, may_take_template, on_event)}
                                {quotas(preflight, may_leave_out, on_event)}
                            }
                        })
                    })
                }}
                {when(checked, zone.get_value(), send)}
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

/// What kind of news it is that customers are skipped for a reason.
fn reason_tone(reason: Reason) -> Tone {
    match reason {
        Reason::WindowClosed | Reason::NeverWrote | Reason::OptedOut => Tone::Warn,
        Reason::WebChannel
        | Reason::NotWhatsapp
        | Reason::EventEnded
        | Reason::NotOwner
        | Reason::NotBound
        | Reason::Duplicate => Tone::Neutral,
        _ => Tone::Bad,
    }
}

/// The skipped by reason, the most first.
fn by_reason(count: &AudienceCount) -> Vec<(Reason, Vec<ChannelCount>)> {
    let mut found: Vec<(Reason, Vec<ChannelCount>)> = Vec::new();
    for skipped in &count.skipped {
        let counted = ChannelCount {
            channel: skipped.channel,
            customers: skipped.customers,
        };
        match found
            .iter_mut()
            .find(|(reason, _)| *reason == skipped.reason)
        {
            Some((_, channels)) => channels.push(counted),
            None => found.push((skipped.reason, vec![counted])),
        }
    }
    found.sort_by_key(|(reason, channels)| (std::cmp::Reverse(sum(channels)), *reason));
    found
}

fn sum(channels: &[ChannelCount]) -> u64 {
    channels.iter().map(|count| count.customers).sum()
}

fn groups(
    count: &AudienceCount,
    may_take_template: bool,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let skipped = by_reason(count);
    let reached = count.reached_total();
    let mut segments = vec![Segment {
        tone: Tone::Action,
        value: reached,
    }];
    segments.extend(skipped.iter().map(|(reason, channels)| Segment {
        tone: reason_tone(*reason),
        value: sum(channels),
    }));
    let label = {
        let (will_get, skipped) = (
            t_count(PluralKey::ComposeWillGet, reached, &[]),
            skipped_words(count),
        );
        [will_get, skipped].join("　")
    };
    let will_get = group(Tone::Action, t(Key::CheckWillGet), &count.reached, None);
    let others = skipped
        .iter()
        .map(|(reason, channels)| {
            let barred = channels
                .iter()
                .filter(|count| reason.is_no_bar_to_a_template(count.channel));
            let barred: u64 = barred.map(|count| count.customers).sum();
            let way_out = (may_take_template && barred > 0).then(|| {
                let words = move || t_with(Key::CheckTakeTemplate, &[("count", &number(barred))]);
                view! {
                    <Button
                        kind=ButtonKind::Quiet
                        on_click=move || on_event.run(CheckEvent::TakeTemplate)
                    >
                        {reactive(words)}
                    </Button>
                }
                .into_any()
            });
            group(
                reason_tone(*reason),
                reason_text(*reason),
                channels,
                way_out,
            )
        })
        .collect_view();
    view! {
        <Meter label segments />
        <ul class="broadcast-check__groups">{will_get} {others}</ul>
    }
    .into_any()
}

fn group(tone: Tone, name: String, channels: &[ChannelCount], way_out: Option<AnyView>) -> AnyView {
    let icon = match tone {
        Tone::Action | Tone::Good => Icon::CircleCheck,
        Tone::Warn => Icon::Clock,
        Tone::Bad => Icon::TriangleAlert,
        Tone::Neutral => Icon::Users,
    };
    let each: Vec<String> = channels
        .iter()
        .map(|count| {
            let (channel, customers) = (channel_name(count.channel), number(count.customers));
            t_with(
                Key::CheckChannel,
                &[("channel", &channel), ("count", &customers)],
            )
        })
        .collect();
    view! {
        <li class="broadcast-check__group" data-tone=tone.as_str()>
            <IconView icon />
            <span class="broadcast-check__words">
                <span>{name}</span>
                <span class="broadcast-check__channels">{each.join(" · ")}</span>
            </span>
            <strong class="broadcast-check__number">{number(sum(channels))}</strong>
            {way_out}
        </li>
    }
    .into_any()
}

fn quotas(preflight: &Preflight, may_leave_out: bool, on_event: Callback<CheckEvent>) -> AnyView {
    let channels = preflight.count.reached.len();
    preflight
        .quotas
        .iter()
        .map(|quota| quota_view(quota, may_leave_out && channels > 1, on_event))
        .collect_view()
        .into_any()
}

fn quota_view(
    quota: &AccountQuota,
    may_leave_out: bool,
    on_event: Callback<CheckEvent>,
) -> AnyView {
    let channel = quota.channel;
    let name = t_with(
        Key::CheckQuota,
        &[
            ("account", &quota.name),
            ("channel", &channel_name(channel)),
        ],
    );
    let numbers = t_with(
        Key::CheckQuotaNumbers,
        &[
            ("needed", &number(quota.needed)),
            ("left", &number(quota.left)),
        ],
    );
    let used = quota.limit.saturating_sub(quota.left);
    let needed = quota.needed.min(quota.left);
    let tone = if quota.is_short() {
        Tone::Bad
    } else {
        Tone::Action
    };
    let part = |tone, value| Segment { tone, value };
    let segments = vec![part(Tone::Neutral, used), part(tone, needed)];
    let short = quota.is_short().then(|| {
        let lacking = number(quota.needed - quota.left);
        let words = t_with(Key::CheckQuotaShort, &[("count", &lacking)]);
        let leave_out = may_leave_out.then(|| {
            let words = move || t_with(Key::CheckLeaveOut, &[("channel", &channel_name(channel))]);
            view! {
                <Button on_click=move || on_event.run(CheckEvent::LeaveOut(channel))>
                    {reactive(words)}
                </Button>
            }
        });
        view! {
            <Notice tone=Tone::Warn>
                <span>{words}</span>
                {leave_out}
            </Notice>
        }
    });
    view! {
        <div class="broadcast-check__quota">
            <div class="broadcast-check__account">
                <span class="broadcast-check__words">
                    <span>{name.clone()}</span>
                    <span class="broadcast-check__channels">{numbers.clone()}</span>
                </span>
                <Meter label=[name, numbers].join("　") segments total=quota.limit />
            </div>
            {short}
        </div>
    }
    .into_any()
}

/// 立即發送 or 排程, and when.
fn when(checked: Checked, zone: String, on_enter: Callback<()>) -> AnyView {
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

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::audience::SkippedCount;

    use crate::ui::Story;

    fn preflight(left: u64) -> Preflight {
        let reached = |channel, customers| ChannelCount { channel, customers };
        let skipped = |reason, channel, customers| SkippedCount {
            reason,
            channel,
            customers,
        };
        Preflight {
            count: AudienceCount {
                wabas: Vec::new(),
                reached: vec![
                    reached(Channel::Line, 808),
                    reached(Channel::Facebook, 98),
                    reached(Channel::Instagram, 96),
                    reached(Channel::Whatsapp, 144),
                ],
                skipped: vec![
                    skipped(Reason::WindowClosed, Channel::Facebook, 45),
                    skipped(Reason::WindowClosed, Channel::Whatsapp, 3),
                    skipped(Reason::Blocked, Channel::Line, 4),
                    skipped(Reason::Duplicate, Channel::Instagram, 3),
                ],
            },
            seconds: 15,
            hold: 8_000,
            quotas: vec![AccountQuota {
                account: uuid_of(1),
                name: "ATELIER 信義門市".to_owned(),
                channel: Channel::Line,
                needed: 808,
                left,
                limit: 10_000,
            }],
        }
    }
    fn uuid_of(number: u8) -> omocast_contract::AccountId {
        let text = format!("00000000-0000-7000-8000-0000000000{number:02}");
        text.parse().expect("it is a UUID")
    }
    struct Told {
        preflight: Option<Preflight>,
        check_error: Option<&'static str>,
        is_scheduling: bool,
        time: &'static str,
        time_error: Option<&'static str>,
        is_sending: bool,
        error: Option<&'static str>,
    }
    fn told() -> Told {
        Told {
            preflight: Some(preflight(6_180)),
            check_error: None,
            is_scheduling: false,
            time: "",
            time_error: None,
            is_sending: false,
            error: None,
        }
    }
    fn story(told: Told) -> AnyView {
        let open = RwSignal::new(false);
        let words = |words: Option<&str>| Signal::stored(words.map(str::to_owned));
        let checked = Checked {
            is_checking: Signal::stored(told.preflight.is_none() && told.check_error.is_none()),
            preflight: Signal::stored(told.preflight),
            check_error: words(told.check_error),
            is_scheduling: RwSignal::new(told.is_scheduling),
            time: RwSignal::new(told.time.to_owned()),
            time_error: words(told.time_error),
            is_sending: Signal::stored(told.is_sending),
            error: words(told.error),
        };
        view! {
            <Button on_click=move || open.set(true)>"開啟"</Button>
            <BroadcastCheck
                open
                checked
                messages=3_usize
                zone="Asia/Taipei"
                may_leave_out=true
                may_take_template=true
                on_event=Callback::new(move |_| open.set(false))
            />
        }
        .into_any()
    }
    vec![
        Story::new("checked", || story(told())),
        Story::new("being checked", || {
            story(Told {
                preflight: None,
                ..told()
            })
        }),
        Story::new("could not be checked", || {
            story(Told {
                preflight: None,
                check_error: Some("無法連線，請檢查網路後重試。"),
                ..told()
            })
        }),
        Story::new("an account has too little left", || {
            story(Told {
                preflight: Some(preflight(500)),
                ..told()
            })
        }),
        Story::new("to go out later", || {
            story(Told {
                is_scheduling: true,
                time: "2026-11-30T09:00",
                ..told()
            })
        }),
        Story::new("a time that is past", || {
            story(Told {
                is_scheduling: true,
                time: "2026-11-20T09:00",
                time_error: Some("請選擇至少一分鐘後的時間。"),
                ..told()
            })
        }),
        Story::new("under way", || {
            story(Told {
                is_sending: true,
                ..told()
            })
        }),
        Story::new("not sent", || {
            story(Told {
                error: Some("無法連線，請檢查網路後重試。"),
                ..told()
            })
        }),
    ]
}
