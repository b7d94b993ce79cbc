//! 發送前檢查: who will get a broadcast, who not and why, what it takes of the accounts, and when it goes out.

mod customers;
mod groups;
mod quota;
mod schedule;

use leptos::html;
use leptos::prelude::*;
use omocast_contract::api::PreflightCustomer;
use omocast_contract::{Channel, EventId, LocalTime, Preflight, ProblemCode, Reason};

use crate::components::error_text::problem_text;
use crate::i18n::{Key, PluralKey, duration, phrase, t, t_count, t_with};
use crate::ui::{Button, ButtonKind, Dialog, Icon, Notice, Show, Spinner, Tone, reactive};
use groups::groups;
use quota::quotas;
use schedule::when;

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
    /// Those who are skipped for this, or else those who will get it, are to be shown, or not any more.
    Toggle(Option<Reason>),
    /// More of them are to be loaded, or again what failed.
    LoadMore(Option<Reason>),
    Close,
}

/// A group that was opened, with its customers as far as they are loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Why they are skipped; none: they will get it.
    pub reason: Option<Reason>,
    /// Whether it still is: a group that was closed keeps what is loaded.
    pub is_open: bool,
    pub rows: Vec<PreflightCustomer>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
    pub is_loading: bool,
    /// Why they could not be listed, in words.
    pub error: Option<String>,
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
    /// The groups that were opened since.
    pub opened: Signal<Vec<Opened>>,
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
    /// The address of a conversation.
    href_of: fn(EventId) -> String,
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
            if is_focus_lost()
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
                                {groups(
                                    &preflight.count,
                                    may_take_template,
                                    may_leave_out,
                                    checked.opened,
                                    href_of,
                                    on_event,
                                )}
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

/// Whether what had the focus is gone.
fn is_focus_lost() -> bool {
    document()
        .active_element()
        .is_none_or(|active| Some(active) == document().body().map(Into::into))
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::AudienceCount;
    use omocast_contract::audience::{ChannelCount, SkippedCount};
    use omocast_contract::control::AccountQuota;

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
    fn customer(number: u8, name: &str, channel: Channel) -> PreflightCustomer {
        PreflightCustomer {
            customer: omocast_contract::CustomerId(uuid_of(number).0),
            event: EventId(uuid_of(number).0),
            name: name.to_owned(),
            channel,
            last_message_at: omocast_contract::Timestamp(
                1_795_401_842_000 - i64::from(number) * 60_000,
            ),
        }
    }
    struct Told {
        preflight: Option<Preflight>,
        check_error: Option<&'static str>,
        opened: Vec<Opened>,
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
            opened: Vec::new(),
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
            opened: Signal::stored(told.opened),
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
                href_of=|_| "#".to_owned()
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
        Story::new("groups that were opened", || {
            let opened = |reason| Opened {
                reason,
                is_open: true,
                ..Opened::default()
            };
            story(Told {
                opened: vec![
                    Opened {
                        rows: vec![
                            customer(1, "陳怡君", Channel::Line),
                            customer(
                                2,
                                "一位名字很長很長很長很長很長很長很長很長很長的顧客",
                                Channel::Facebook,
                            ),
                            customer(3, "Amy Chang", Channel::Instagram),
                            customer(4, "", Channel::Whatsapp),
                        ],
                        next: Some("4".to_owned()),
                        ..opened(None)
                    },
                    Opened {
                        is_loading: true,
                        ..opened(Some(Reason::WindowClosed))
                    },
                    Opened {
                        error: Some("無法連線，請檢查網路後重試。".to_owned()),
                        ..opened(Some(Reason::Blocked))
                    },
                    opened(Some(Reason::Duplicate)),
                ],
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
