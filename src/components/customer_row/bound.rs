//! A bound customer (綁定顧客) as a row: phone and shop, and in 團隊名單 the seller.

use omocast_contract::api::{BoundCustomerRow, Seller};
use omocast_contract::{Channel, RowId, Timestamp};

use super::CustomerRow;
use crate::components::customer_panel::shown_phone;
use crate::components::reason_text::role_text;
use crate::i18n::{Key, t_with};

impl CustomerRow for BoundCustomerRow {
    fn id(&self) -> RowId {
        self.binding.customer.into()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn channel(&self) -> Channel {
        self.channel
    }

    fn last_at(&self) -> Timestamp {
        self.last_contact_at
    }

    fn last_inbound_at(&self) -> Option<Timestamp> {
        self.last_inbound_at
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    fn words(&self) -> String {
        let seller = self.seller.as_ref().map(seller_words);
        let phone = self.phone.as_deref().map(shown_phone);
        // Where there is little room, what the list is about is read first.
        let facts = match seller {
            Some(seller) => [Some(seller), Some(self.shop.clone()), phone],
            None => [phone, Some(self.shop.clone()), None],
        };
        facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn account(&self) -> &str {
        &self.account
    }
}

/// 銷售人員－周建宏.
fn seller_words(seller: &Seller) -> String {
    let role = role_text(seller.role);
    t_with(Key::BoundSeller, &[("role", &role), ("name", &seller.name)])
}

/// A bound customer for stories and tests: the `n`th of a list.
#[cfg(feature = "preview")]
pub fn example_bound(n: u64, of_team: bool) -> BoundCustomerRow {
    use omocast_contract::{Binding, MemberId, Role, ShopId};

    let event = super::example_event(n);
    let channel = if n.is_multiple_of(3) {
        Channel::Whatsapp
    } else {
        Channel::Line
    };
    BoundCustomerRow {
        binding: Binding {
            customer: event.customer,
            member: MemberId(event.customer.0),
            shop: ShopId(event.customer.0),
            bound_at: event.last_message_at,
        },
        name: event.name,
        phone: (n % 4 != 1).then(|| format!("+886912{:06}", 345_678 + n)),
        channel,
        account: event.account,
        account_id: event.account_id,
        shop: ["信義門市", "中山門市"][n as usize % 2].to_owned(),
        last_contact_at: event.last_message_at,
        last_inbound_at: event.last_inbound_at,
        event: (n % 5 != 4).then_some(event.id),
        is_blocked: event.is_blocked,
        tags: event.tags,
        seller: of_team.then(|| Seller {
            role: Role::SalesRep,
            name: "周建宏".to_owned(),
        }),
    }
}
