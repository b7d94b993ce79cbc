//! What was done with a broadcast: who, what and when.

use leptos::prelude::*;
use omocast_contract::{BroadcastId, LogEntry, LogEvent};

use crate::components::reason_text::reason_text;
use crate::i18n::{Key, PluralKey, date_time, number, phrase, t, t_count, t_with};
use crate::ui::reactive;

/// The log, the oldest first.
#[component]
pub fn BroadcastLog(
    #[prop(into)] log: Signal<Vec<LogEntry>>,
    /// The address of a broadcast that sent it again.
    href_of: fn(BroadcastId) -> String,
) -> impl IntoView {
    let line = move |entry| line(entry, href_of);
    let lines = move || log.get().into_iter().map(line).collect_view();
    view! {
        <section class="broadcast-log">
            <h2 class="broadcast-log__title">{phrase(Key::BroadcastLog)}</h2>
            <ol class="broadcast-log__lines">{reactive(lines)}</ol>
        </section>
    }
    .into_any()
}

fn line(entry: LogEntry, href_of: fn(BroadcastId) -> String) -> AnyView {
    let words = words(&entry.event);
    let what = match entry.event {
        LogEvent::Retried { broadcast, .. } => view! {
            <a class="broadcast-log__what" href=href_of(broadcast)>{words}</a>
        }
        .into_any(),
        _ => view! { <span class="broadcast-log__what">{words}</span> }.into_any(),
    };
    let who = entry.member.unwrap_or_else(|| t(Key::AppName));
    view! {
        <li class="broadcast-log__line">
            <time class="broadcast-log__time" datetime=entry.at.to_string()>{date_time(entry.at)}</time>
            <span class="broadcast-log__who">{who}</span>
            {what}
        </li>
    }
    .into_any()
}

fn words(event: &LogEvent) -> String {
    match event {
        LogEvent::Accepted { recipients } => {
            t_count(PluralKey::BroadcastLogAccepted, *recipients, &[])
        }
        LogEvent::Scheduled {
            starts_at,
            recipients,
        } => t_count(
            PluralKey::BroadcastLogScheduled,
            *recipients,
            &[("time", &date_time(*starts_at))],
        ),
        LogEvent::Rescheduled { starts_at } => t_with(
            Key::BroadcastLogRescheduled,
            &[("time", &date_time(*starts_at))],
        ),
        LogEvent::Started => t(Key::BroadcastLogStarted),
        LogEvent::Overdue => t(Key::BroadcastLogOverdue),
        LogEvent::Cancelled => t(Key::BroadcastLogCancelled),
        LogEvent::Stopped { handed_over, left } => t_with(
            Key::BroadcastLogStopped,
            &[("done", &number(*handed_over)), ("left", &number(*left))],
        ),
        LogEvent::Retried { recipients, .. } => {
            t_count(PluralKey::BroadcastLogRetried, *recipients, &[])
        }
        LogEvent::AccountPaused { account, reason } => t_with(
            Key::BroadcastLogPaused,
            &[("account", account), ("reason", &reason_text(*reason))],
        ),
        LogEvent::AccountResumed { account } => {
            t_with(Key::BroadcastLogResumed, &[("account", account)])
        }
        LogEvent::Completed => t(Key::BroadcastLogCompleted),
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Reason;

    use crate::i18n::now;
    use crate::ui::Story;

    vec![Story::new("everything that can be done", || {
        let at = now();
        let account = "台北店".to_owned();
        let events = [
            LogEvent::Accepted { recipients: 1_146 },
            LogEvent::Scheduled {
                starts_at: at,
                recipients: 1_146,
            },
            LogEvent::Rescheduled { starts_at: at },
            LogEvent::Started,
            LogEvent::Overdue,
            LogEvent::Cancelled,
            LogEvent::AccountPaused {
                account: account.clone(),
                reason: Reason::MonthlyLimit,
            },
            LogEvent::AccountResumed { account },
            LogEvent::Stopped {
                handed_over: 834,
                left: 312,
            },
            LogEvent::Retried {
                broadcast: "00000000-0000-7000-8000-000000000001"
                    .parse()
                    .expect("it is a UUID"),
                recipients: 5,
            },
            LogEvent::Completed,
        ];
        let log: Vec<LogEntry> = events
            .into_iter()
            .enumerate()
            .map(|(place, event)| LogEntry {
                at,
                member: (place % 2 == 0).then(|| "林佩珊".to_owned()),
                event,
            })
            .collect();
        view! { <BroadcastLog log href_of=|_| "#".to_owned() /> }.into_any()
    })]
}
