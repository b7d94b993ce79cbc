//! Who is in a group: a line for each customer, page by page.

use leptos::html;
use leptos::prelude::*;
use omocast_contract::EventId;
use omocast_contract::api::PreflightCustomer;

use super::{Opened, is_focus_lost};
use crate::components::channel_badge::ChannelBadge;
use crate::i18n::{Key, date_time, moment, phrase, t};
use crate::ui::{Button, ButtonKind, Icon, Notice, Row, Skeleton, Tone, reactive, rows};

/// What stands below the customers that are loaded.
#[derive(Clone, PartialEq)]
enum Foot {
    /// The first page is on its way.
    Loading,
    Failed(String),
    /// Those who were counted are in another group by now.
    Nobody,
    More,
    End,
}

impl Foot {
    fn of(opened: &Opened) -> Self {
        match &opened.error {
            Some(why) => Self::Failed(why.clone()),
            None if opened.next.is_some() => Self::More,
            None if !opened.rows.is_empty() => Self::End,
            None if opened.is_loading => Self::Loading,
            None => Self::Nobody,
        }
    }
}

pub(super) fn customers(
    opened: Memo<Opened>,
    id: String,
    label: String,
    href_of: fn(EventId) -> String,
    on_more: Callback<()>,
) -> AnyView {
    let place = NodeRef::<html::Div>::new();
    let foot = Memo::new(move |_| opened.with(Foot::of));
    // An effect, because the focus is the browser's: the button that had it goes with the last page.
    Effect::new(move |_| {
        foot.track();
        request_animation_frame(move || {
            if is_focus_lost()
                && let Some(place) = place.try_get_untracked().flatten()
            {
                // Fails on what is not shown.
                let _ = place.focus();
            }
        });
    });
    let foot_view = move || match foot.get() {
        Foot::Loading => view! { <Skeleton /> }.into_any(),
        Foot::Failed(why) => view! {
            <Notice tone=Tone::Bad is_alert=true>
                <span>{why}</span>
                <Button kind=ButtonKind::Quiet icon=Icon::Refresh on_click=on_more>
                    {phrase(Key::UiRetry)}
                </Button>
            </Notice>
        }
        .into_any(),
        Foot::Nobody => {
            view! { <p class="broadcast-check__nobody">{phrase(Key::RecipientsEmpty)}</p> }
                .into_any()
        }
        Foot::More => {
            let busy = Signal::derive(move || opened.with(|opened| opened.is_loading));
            view! {
                <Button kind=ButtonKind::Quiet busy on_click=on_more>
                    {phrase(Key::SavedMore)}
                </Button>
            }
            .into_any()
        }
        Foot::End => ().into_any(),
    };
    let list = move || {
        let draw = |row: &PreflightCustomer| {
            let row = row.clone();
            Row::new(row.customer, move || line(&row, href_of))
        };
        opened.with(|opened| opened.rows.iter().map(draw).collect())
    };
    view! {
        <div class="broadcast-check__customers" id=id tabindex="-1" node_ref=place>
            <ul class="broadcast-check__list" aria-label=label>
                {rows(list)}
            </ul>
            {reactive(foot_view)}
        </div>
    }
    .into_any()
}

fn line(row: &PreflightCustomer, href_of: fn(EventId) -> String) -> AnyView {
    let name = match row.name.as_str() {
        "" => t(Key::RecipientsNoName),
        name => name.to_owned(),
    };
    let at = row.last_message_at;
    view! {
        <li class="broadcast-check__customer">
            <ChannelBadge channel=row.channel />
            // Elsewhere, so that what is being checked stays.
            <a
                class="broadcast-check__link"
                href=href_of(row.event)
                target="_blank"
                title=t(Key::CheckOpensApart)
            >
                {name}
            </a>
            <time class="broadcast-check__time" datetime=at.to_string() title=date_time(at)>
                {moment(at)}
            </time>
        </li>
    }
    .into_any()
}
