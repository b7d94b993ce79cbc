//! Who got a broadcast, who did not, and why. On a phone the table becomes a list.

use leptos::prelude::*;
use omocast_contract::{CustomerId, Delivery, EventId, EventView, Recipient};

use crate::components::channel_badge::ChannelBadge;
use crate::components::platform_code::PlatformCode;
use crate::components::reason_text::{part_text, reason_text, status_text};
use crate::components::status_chip::StatusChip;
use crate::i18n::{Key, clock, date_time, phrase, t, t_with};
use crate::ui::{Icon, IconView, Row, reactive, rows, unique_id};

/// The recipients that are loaded. A row's status opens the status of each message.
#[component]
pub fn RecipientTable(
    #[prop(into)] recipients: Signal<Vec<Recipient>>,
    /// The address of a conversation.
    href_of: fn(EventView, EventId) -> String,
) -> impl IntoView {
    // The rows by their customers: a row stays, and what it shows is replaced, when its status moves on.
    let ids = Memo::new(move |_| {
        recipients.with(|rows| rows.iter().map(|row| row.customer).collect::<Vec<_>>())
    });
    view! {
        // The roles are said in words, because a table that is laid out as a list loses them.
        <table class="recipient-table" role="table" aria-label=phrase(Key::RecipientsTitle)>
            <thead class="recipient-table__heads" role="rowgroup">
                <tr role="row">
                    <th class="recipient-table__head" scope="col" role="columnheader">
                        {phrase(Key::RecipientsCustomer)}
                    </th>
                    <th class="recipient-table__head" scope="col" role="columnheader">
                        {phrase(Key::BroadcastsStatus)}
                    </th>
                    <th class="recipient-table__head" scope="col" role="columnheader">
                        {phrase(Key::RecipientsReason)}
                    </th>
                    <th
                        class="recipient-table__head recipient-table__head--time"
                        scope="col"
                        role="columnheader"
                    >
                        {phrase(Key::BroadcastsTime)}
                    </th>
                </tr>
            </thead>
            <tbody class="recipient-table__body" role="rowgroup">
                {rows(move || {
                    let draw = |id| Row::new(id, move || row_view(recipients, id, href_of));
                    ids.get().into_iter().map(draw).collect()
                })}
            </tbody>
        </table>
    }
    .into_any()
}

fn row_view(
    recipients: Signal<Vec<Recipient>>,
    id: CustomerId,
    href_of: fn(EventView, EventId) -> String,
) -> AnyView {
    let find = move || {
        let of_row = |rows: &Vec<Recipient>| rows.iter().find(|row| row.customer == id).cloned();
        recipients.with(of_row)
    };
    let Some(first) = untrack(find) else {
        return ().into_any();
    };
    let recipient = Memo::new({
        let first = first.clone();
        move |before: Option<&Recipient>| {
            // The row is about to go: it shows what it showed.
            find().unwrap_or_else(|| before.unwrap_or(&first).clone())
        }
    });
    recipient_view(recipient, &first, href_of)
}

/// A row whose cells follow, so that the focus stays in it when its status moves on.
fn recipient_view(
    recipient: Memo<Recipient>,
    first: &Recipient,
    href_of: fn(EventView, EventId) -> String,
) -> AnyView {
    let is_open = RwSignal::new(false);
    let status = Memo::new(move |_| recipient.with(|recipient| recipient.status));
    let part = Memo::new(move |_| recipient.with(Recipient::part));
    let why = move || {
        let reason = recipient.with(|recipient| recipient.reason);
        reason.map(reason_text).unwrap_or_default()
    };
    let code = move || recipient.with(|recipient| recipient.platform_code.clone());
    let updated_at = Memo::new(move |_| recipient.with(|recipient| recipient.updated_at));
    let list_id = unique_id();
    let name = StoredValue::new(first.name.clone());
    let shown_name = move || {
        name.with_value(|name| match name.as_str() {
            "" => t(Key::RecipientsNoName),
            name => name.to_owned(),
        })
    };
    let href = Memo::new(move |_| {
        let opens = recipient.with(|recipient| recipient.view.zip(recipient.event));
        opens.map(|(view, event)| href_of(view, event))
    });
    let who = move || match href.get() {
        Some(href) => view! {
            <a class="recipient-table__link" href=href>{reactive(shown_name)}</a>
        }
        .into_any(),
        None => view! { <span>{reactive(shown_name)}</span> }.into_any(),
    };
    let label = move || {
        let each = t_with(Key::RecipientsEach, &[("name", &shown_name())]);
        let part = part.get().map(part_text);
        let parts = std::iter::once(status_text(status.get())).chain(part);
        parts.chain([each]).collect::<Vec<_>>().join(" · ")
    };
    let chip = move || view! { <StatusChip status=status.get() /> };
    // One message alone says no more than the row.
    let has_each = first.deliveries.len() > 1;
    let each = {
        let list_id = list_id.clone();
        move || {
            is_open.get().then(|| {
                let lines = recipient.with(|recipient| {
                    let lines = recipient.deliveries.iter().enumerate();
                    lines
                        .map(|(at, delivery)| each_view(at, delivery))
                        .collect_view()
                });
                view! { <ol class="recipient-table__each" id=list_id.clone()>{lines}</ol> }
            })
        }
    };
    let standing = if has_each {
        view! {
            <button
                type="button"
                class="recipient-table__toggle"
                aria-expanded=move || if is_open.get() { "true" } else { "false" }
                aria-controls=move || is_open.get().then(|| list_id.clone())
                aria-label=reactive(label)
                on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)
            >
                {reactive(chip)}
                <span class="recipient-table__arrow">
                    <IconView icon=Icon::ChevronDown />
                </span>
            </button>
        }
        .into_any()
    } else {
        reactive(chip).into_any()
    };
    let part = move || {
        // The button says it, too.
        part.get().map(|part| {
            view! {
                <span class="recipient-table__part" aria-hidden="true">{part_text(part)}</span>
            }
        })
    };
    view! {
        <tr class="recipient-table__row" role="row">
            <td class="recipient-table__cell recipient-table__cell--name" role="cell">
                <span class="recipient-table__name">
                    <ChannelBadge channel=first.channel />
                    {reactive(who)}
                </span>
            </td>
            <td class="recipient-table__cell recipient-table__cell--status" role="cell">
                <span class="recipient-table__standing">{standing} {reactive(part)}</span>
            </td>
            <td class="recipient-table__cell recipient-table__cell--reason" role="cell">
                {reactive(why)}
                " "
                <PlatformCode code=Signal::derive(code) />
                {reactive(each)}
            </td>
            <td class="recipient-table__cell recipient-table__cell--time" role="cell">
                <time
                    datetime=move || updated_at.get().to_string()
                    title=move || date_time(updated_at.get())
                >
                    {move || clock(updated_at.get())}
                </time>
            </td>
        </tr>
    }
    .into_any()
}

/// What became of one message.
fn each_view(at: usize, delivery: &Delivery) -> AnyView {
    let number = (at + 1).to_string();
    let status = status_text(delivery.status);
    let why = delivery.reason.map(reason_text).unwrap_or_default();
    let args = [("number", &*number), ("status", &status), ("reason", &why)];
    let words = if why.is_empty() {
        t_with(Key::RecipientsEachMessage, &args)
    } else {
        t_with(Key::RecipientsEachReason, &args)
    };
    view! { <li>{words} " " <PlatformCode code=delivery.platform_code.clone() /></li> }.into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::{Channel, DeliveryStatus, Reason};

    use crate::ui::Story;

    fn recipient(
        number: u32,
        name: &str,
        channel: Channel,
        status: DeliveryStatus,
        reason: Option<Reason>,
        code: Option<&str>,
    ) -> Recipient {
        let id = |kind: u32| format!("0190{kind}000-0000-7000-8000-{number:012x}");
        let delivery = |status, reason| Delivery {
            status,
            reason,
            platform_code: None,
        };
        let first = match number {
            // Got the first one.
            1 => delivery(DeliveryStatus::Delivered, None),
            _ => delivery(status, reason),
        };
        let rest = match status {
            DeliveryStatus::Failed if number == 1 => delivery(status, reason),
            DeliveryStatus::Failed | DeliveryStatus::Unknown => {
                delivery(DeliveryStatus::Skipped, Some(Reason::EarlierMessageFailed))
            }
            status => delivery(status, reason),
        };
        Recipient {
            customer: id(2)
                .parse::<CustomerId>()
                .expect("it is written as a UUID"),
            view: (number != 4).then_some(EventView::Mine),
            event: Some(id(1).parse::<EventId>().expect("it is written as a UUID")),
            name: name.to_owned(),
            channel,
            status,
            reason,
            platform_code: code.map(str::to_owned),
            updated_at: omocast_contract::Timestamp(1_795_401_842_000 - i64::from(number) * 1_000),
            deliveries: vec![first, rest],
        }
    }
    vec![Story::new("every status, every channel", || {
        let recipients = vec![
            recipient(
                1,
                "鄭雅文",
                Channel::Whatsapp,
                DeliveryStatus::Failed,
                Some(Reason::WindowClosed),
                Some("131047"),
            ),
            recipient(
                2,
                "Kevin Lo",
                Channel::Whatsapp,
                DeliveryStatus::Read,
                None,
                None,
            ),
            recipient(3, "周子涵", Channel::Line, DeliveryStatus::Sent, None, None),
            recipient(
                4,
                "洪偉倫",
                Channel::Facebook,
                DeliveryStatus::Unknown,
                Some(Reason::NoAnswer),
                None,
            ),
            recipient(
                5,
                "Emily Wu",
                Channel::Instagram,
                DeliveryStatus::Delivered,
                None,
                None,
            ),
            recipient(
                6,
                "",
                Channel::Line,
                DeliveryStatus::Skipped,
                Some(Reason::Blocked),
                None,
            ),
            recipient(
                7,
                "一位名字很長很長很長很長很長很長很長很長很長的顧客",
                Channel::Line,
                DeliveryStatus::Queued,
                None,
                None,
            ),
            recipient(
                8,
                "吳俊傑",
                Channel::Facebook,
                DeliveryStatus::Sending,
                None,
                None,
            ),
        ];
        view! { <RecipientTable recipients href_of=|_, _| "#".to_owned() /> }.into_any()
    })]
}
