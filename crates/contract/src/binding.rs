//! Bound customers (綁定顧客): customers of a seller and a shop, whatever becomes of their events.

use serde::{Deserialize, Serialize};

use crate::{Channel, CustomerId, MemberId, ProblemCode, Role, ShopId, Timestamp};

/// A customer bound to a seller in a shop; a customer is bound to one seller at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Binding {
    /// The customer.
    pub customer: CustomerId,
    /// The seller.
    pub member: MemberId,
    /// The shop.
    pub shop: ShopId,
    /// Since when.
    pub bound_at: Timestamp,
}

/// A list of bound customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BoundView {
    /// 我的名單: the member's own.
    Mine,
    /// 團隊名單: those of all sellers of the member's shops, to look at.
    Team,
}

impl BoundView {
    /// Every view, in the order of the tabs.
    pub const ALL: [Self; 2] = [Self::Mine, Self::Team];

    /// The name on the wire and in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Team => "team",
        }
    }

    /// Reads [`BoundView::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == text)
    }

    /// Whether customers may be picked from the list for a broadcast.
    pub fn may_pick(self) -> Result<(), ProblemCode> {
        match self {
            Self::Mine => Ok(()),
            Self::Team => Err(ProblemCode::CustomerNotYours),
        }
    }
}

impl Role {
    /// Whether the member sees a list of bound customers: sellers their own, 銷售經理 those of the shops too.
    pub fn sees_bound(self, view: BoundView) -> bool {
        match self {
            Self::SalesManager => true,
            Self::SalesRep => view == BoundView::Mine,
            Self::Admin
            | Self::Supervisor
            | Self::Marketing
            | Self::SupportManager
            | Self::SupportAgent => false,
        }
    }
}

impl Channel {
    /// Whether customers of this channel can be bound to a seller: LINE and WhatsApp alone.
    pub fn has_bindings(self) -> bool {
        match self {
            Self::Line | Self::Whatsapp => true,
            Self::Facebook | Self::Instagram | Self::Web => false,
        }
    }
}

/// Whether `member` may broadcast to a customer who is bound to `seller`: only to one's own,
/// a sales manager too.
pub fn may_broadcast(seller: Option<MemberId>, member: MemberId) -> Result<(), ProblemCode> {
    match seller {
        None => Err(ProblemCode::CustomerNotBound),
        Some(seller) if seller == member => Ok(()),
        Some(_) => Err(ProblemCode::CustomerNotYours),
    }
}

/// The digits to look for in phone numbers when somebody searches for `search`; none when it is no part of a number.
///
/// Numbers are kept as the platform writes them, with country code (`+886 912 345 678`), and searched as they
/// are spoken (`0912-345`): only digits count, without the zero before an area.
pub fn searched_digits(search: &str) -> Option<String> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '+' | '(' | ')');
    if !search.chars().all(is_number) {
        return None;
    }
    let digits = digits(search);
    let digits = digits.strip_prefix('0').unwrap_or(&digits);
    (!digits.is_empty()).then(|| digits.to_owned())
}

/// The digits of a phone number, in which [`searched_digits`] are looked for.
pub fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ME: MemberId = MemberId(Uuid::from_u128(1));
    const OTHER: MemberId = MemberId(Uuid::from_u128(2));

    #[test]
    fn only_ones_own_bound_customers_get_ones_broadcasts() {
        assert_eq!(may_broadcast(Some(ME), ME), Ok(()));
        assert_eq!(
            may_broadcast(Some(OTHER), ME),
            Err(ProblemCode::CustomerNotYours)
        );
        assert_eq!(may_broadcast(None, ME), Err(ProblemCode::CustomerNotBound));
    }

    #[test]
    fn the_team_list_is_only_to_look_at() {
        assert_eq!(BoundView::Mine.may_pick(), Ok(()));
        assert_eq!(
            BoundView::Team.may_pick(),
            Err(ProblemCode::CustomerNotYours)
        );
    }

    #[test]
    fn only_the_sales_manager_sees_the_team_list() {
        for role in Role::ALL {
            let is_sales = matches!(role, Role::SalesManager | Role::SalesRep);
            assert_eq!(role.sees_bound(BoundView::Mine), is_sales, "{role:?}");
            let is_manager = role == Role::SalesManager;
            assert_eq!(role.sees_bound(BoundView::Team), is_manager, "{role:?}");
        }
    }

    #[test]
    fn only_line_and_whatsapp_have_bindings() {
        let with: Vec<_> = Channel::ALL
            .into_iter()
            .filter(|channel| channel.has_bindings())
            .collect();
        assert_eq!(with, [Channel::Line, Channel::Whatsapp]);
    }

    #[track_caller]
    fn check_phone(search: &str, phone: &str, expected: bool) {
        let found = searched_digits(search).is_some_and(|part| digits(phone).contains(&part));
        assert_eq!(found, expected, "{search}");
    }

    #[test]
    fn a_number_is_found_as_it_is_spoken() {
        for search in ["0912-345-678", "912345", "+886 912", "(0912) 345", "345678"] {
            check_phone(search, "+886 912 345 678", true);
        }
        for search in ["0913", "", "-", "0", "怡君", "0912a"] {
            check_phone(search, "+886 912 345 678", false);
        }
    }

    #[test]
    fn names_read_back() {
        for view in BoundView::ALL {
            assert_eq!(BoundView::parse(view.as_str()), Some(view));
            assert_eq!(serde_json::to_value(view).unwrap(), view.as_str());
        }
    }
}
