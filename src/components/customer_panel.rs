//! What is known of a customer and of the event with them.

use leptos::prelude::*;
use omocast_contract::EventStatus;
use omocast_contract::api::{Customer, EventRow};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::customer_row::shown_name;
use crate::i18n::{Key, date_time, phrase, t};
use crate::ui::{Avatar, Chip};

/// The words for where an event stands.
pub fn event_status_key(status: EventStatus) -> Key {
    match status {
        EventStatus::Pending => Key::EventsStatusPending,
        EventStatus::InProgress => Key::EventsStatusInProgress,
        EventStatus::Ended => Key::EventsStatusEnded,
    }
}

/// Platforms tell a number with its country code but without the `+` that makes it one to dial.
pub fn shown_phone(phone: &str) -> String {
    ["+", phone.trim_start_matches('+')].concat()
}

/// The customer and the event.
#[component]
pub fn CustomerPanel(
    /// The customer.
    customer: Customer,
    /// The event.
    event: EventRow,
) -> impl IntoView {
    let name = shown_name(&customer.name);
    let channel = event.channel;
    let status = event_status_key(event.status);
    let (owner, last_inbound_at) = (event.owner, event.last_inbound_at);
    view! {
        <div class="customer-panel">
            <div class="customer-panel__who">
                <Avatar name=name.clone() />
                <h3 class="customer-panel__name">{name}</h3>
                <span class="customer-panel__channel">
                    <ChannelBadge channel is_decoration=true />
                    {move || channel_name(channel)}
                </span>
            </div>
            <dl class="customer-panel__facts">
                {customer
                    .phone
                    .map(|phone| {
                        view! {
                            <dt>{phrase(Key::CustomerPhone)}</dt>
                            <dd>{shown_phone(&phone)}</dd>
                        }
                    })}
                <dt>{phrase(Key::CustomerAccount)}</dt>
                <dd>{event.account}</dd>
                <dt>{phrase(Key::CustomerStatus)}</dt>
                <dd>{phrase(status)}</dd>
                <dt>{phrase(Key::CustomerOwner)}</dt>
                <dd>{move || owner.clone().unwrap_or_else(|| t(Key::CustomerNobody))}</dd>
                <dt>{phrase(Key::CustomerFirstContact)}</dt>
                <dd>{move || date_time(customer.created_at)}</dd>
                <dt>{phrase(Key::CustomerLastInbound)}</dt>
                <dd>{move || last_inbound_at.map_or_else(|| t(Key::CustomerNever), date_time)}</dd>
            </dl>
            <section class="customer-panel__tags">
                <h4>{phrase(Key::CustomerTags)}</h4>
                {if customer.tags.is_empty() {
                    view! { <p class="customer-panel__none">{phrase(Key::CustomerNoTags)}</p> }.into_any()
                } else {
                    let tags = customer
                        .tags
                        .into_iter()
                        .map(|tag| view! { <li><Chip text=tag /></li> })
                        .collect_view();
                    view! { <ul>{tags}</ul> }.into_any()
                }}
            </section>
        </div>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::components::customer_row::example_event;
    use crate::ui::Story;

    fn story(n: u64, phone: Option<&str>, tags: &[&str]) -> AnyView {
        let event = example_event(n);
        let customer = Customer {
            id: event.customer,
            name: event.name.clone(),
            phone: phone.map(str::to_owned),
            created_at: event.last_message_at,
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        };
        view! { <CustomerPanel customer event /> }.into_any()
    }

    vec![
        Story::new("with everything", || {
            story(
                1,
                Some("+886 912 345 678"),
                &["VIP", "生日月", "秋季新品預購名單"],
            )
        }),
        Story::new("hardly anything", || story(3, None, &[])),
    ]
}
