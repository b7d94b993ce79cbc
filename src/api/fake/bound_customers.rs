//! Bound customers: every fourth of the events' customers, some whose events have ended, and a few who never wrote.

use std::cmp::Reverse;

use omocast_contract::api::{
    BoundCustomerPage, BoundCustomerQuery, BoundCustomerRow, PageStart, Seller,
    parse_bound_customer_cursor,
};
use omocast_contract::{
    Binding, BoundView, CustomerId, Filter, FilterFacts, MemberId, Problem, ProblemCode, Role,
};

use super::backend::{Answer, Backend, member_name, refuse, sentinel};
use super::demo_data as demo;

impl Backend {
    /// The number of a customer of 我的名單.
    pub(super) fn bound_number(&self, customer: CustomerId) -> Option<u32> {
        let number = u32::try_from(demo::number_of(customer.0.as_u128())).ok()?;
        let is_known = demo::customer_id(number.into()) == customer;
        (is_known && self.seller(number) == Some(self.me())).then_some(number)
    }

    /// To whom a customer is bound: whoever has, or last had, their event.
    pub(super) fn seller(&self, number: u32) -> Option<MemberId> {
        if !self.channel(number).has_bindings() {
            return None;
        }
        if self.never_wrote(number) {
            return Some(self.me());
        }
        let is_bound = number < 8 || demo::scatter(number, 50).is_multiple_of(4);
        let is_of_event = number < self.numbers_end() && is_bound;
        is_of_event.then(|| self.unchanged(number).owner).flatten()
    }

    /// Whether a customer was added by their number and has no event yet.
    pub(super) fn never_wrote(&self, number: u32) -> bool {
        let first = self.numbers_end();
        self.options.rows > 0 && (first..first + demo::NEVER_WROTE).contains(&number)
    }

    /// The numbers of a view that the filter keeps, the last contact first.
    pub(super) fn bound(&self, view: BoundView, filter: &Filter) -> Vec<u32> {
        let me = self.me();
        let is_of_view = |number: &u32| match view {
            BoundView::Mine => self.seller(*number) == Some(me),
            BoundView::Team => self.seller(*number).is_some(),
        };
        let keeps = |number: &u32| {
            let (name, tags, phone) = (
                demo::name(*number),
                demo::tags(*number),
                demo::phone(*number, self.channel(*number)),
            );
            filter.keeps(&FilterFacts {
                channel: self.channel(*number),
                name: &name,
                tags: &tags,
                waba: self.waba(*number).as_ref(),
                phone: phone.as_deref(),
                shop: Some(self.shop_of(*number).0),
            })
        };
        let all = match self.options.rows {
            0 => 0,
            _ => self.numbers_end() + demo::NEVER_WROTE,
        };
        let mut numbers: Vec<u32> = (0..all)
            .filter(|number| is_of_view(number) && keeps(number))
            .collect();
        numbers.sort_by_cached_key(|&number| (Reverse(self.last_at(number)), number));
        numbers
    }

    /// The shop a customer is bound in, of those that the member works in.
    fn shop_of(&self, number: u32) -> (omocast_contract::ShopId, String) {
        let shops = self.shops();
        let shop = &shops[number as usize % shops.len()];
        (shop.id, shop.name.clone())
    }

    pub(super) fn list_bound_customers(
        &self,
        query: &BoundCustomerQuery,
    ) -> Answer<BoundCustomerPage> {
        self.signed_in()?;
        if !self.options.role.sees_bound(query.view) {
            return refuse(ProblemCode::RoleMayNotSee);
        }
        sentinel(&query.filter.name)?;
        query
            .filter
            .check()
            .map_err(|code| Problem::new(code).at("filter"))?;
        let numbers = self.bound(query.view, &query.filter);
        let start = match &query.from {
            PageStart::First => 0,
            PageStart::Row(row) => *row as usize,
            PageStart::After(cursor) => {
                let Some((at, customer)) = parse_bound_customer_cursor(cursor) else {
                    return Err(Problem::new(ProblemCode::MalformedRequest).at("from"));
                };
                let after = demo::number_of(customer.0.as_u128()) as u32;
                numbers.partition_point(|&number| {
                    (Reverse(self.last_at(number)), number) <= (Reverse(at), after)
                })
            }
        };
        let page = numbers
            .iter()
            .skip(start)
            .take(query.limit.clamp(1, 200) as usize);
        Ok(BoundCustomerPage {
            rows: page
                .map(|&number| self.bound_row(number, query.view))
                .collect(),
            total: numbers.len() as u64,
        })
    }

    fn bound_row(&self, number: u32, view: BoundView) -> BoundCustomerRow {
        let state = self.state(number);
        let channel = self.channel(number);
        let has_event = !self.never_wrote(number);
        let member = self.seller(number).unwrap_or_else(|| self.me());
        let (shop_id, shop) = self.shop_of(number);
        BoundCustomerRow {
            binding: Binding {
                customer: demo::customer_id(number.into()),
                member,
                shop: shop_id,
                bound_at: state.last_message_at,
            },
            name: demo::name(number),
            phone: demo::phone(number, channel),
            channel,
            account: self.account(number).to_owned(),
            account_id: demo::account_id(channel as u64),
            shop,
            last_contact_at: state.last_message_at,
            last_inbound_at: state.last_inbound_at.filter(|_| has_event),
            event: has_event.then(|| demo::event_id(number.into())),
            is_blocked: demo::is_blocked(number, channel),
            tags: demo::tags(number),
            seller: (view == BoundView::Team).then(|| Seller {
                role: if member == self.me() {
                    self.options.role
                } else {
                    Role::SalesRep
                },
                name: member_name(member).unwrap_or_default().to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::Channel;

    use super::*;
    use crate::api::fake::options::FakeOptions;
    use crate::api::fake::tests::{NOW, backend};

    fn query(view: BoundView, from: PageStart) -> BoundCustomerQuery {
        BoundCustomerQuery {
            view,
            filter: Filter::default(),
            from,
            limit: 50,
        }
    }

    #[test]
    fn pages_go_on_where_the_one_before_ended() {
        let backend = backend();
        let mine = |from| {
            backend
                .list_bound_customers(&query(BoundView::Mine, from))
                .unwrap()
        };
        let first = mine(PageStart::First);
        let cursor = first.rows.last().unwrap().cursor();
        assert_eq!(
            mine(PageStart::After(cursor)).rows,
            mine(PageStart::Row(50)).rows
        );
        assert!(first.total > 200, "{}", first.total);
        let last = mine(PageStart::Row(first.total - 10)).rows;
        assert!(last.iter().any(|row| row.event.is_none()));
    }

    #[test]
    fn the_team_list_is_the_sales_managers() {
        let refused = backend()
            .list_bound_customers(&query(BoundView::Team, PageStart::First))
            .unwrap_err();
        assert_eq!(refused.code, ProblemCode::RoleMayNotSee);
        let manager = Backend::new(
            FakeOptions {
                role: Role::SalesManager,
                ..FakeOptions::default()
            },
            NOW,
        );
        let team = manager
            .list_bound_customers(&query(BoundView::Team, PageStart::First))
            .unwrap();
        assert!(team.rows.iter().all(|row| row.seller.is_some()));
        let mine = manager
            .list_bound_customers(&query(BoundView::Mine, PageStart::First))
            .unwrap();
        assert!(team.total > mine.total);
    }

    #[test]
    fn a_customer_is_found_by_the_number_as_it_is_spoken() {
        let backend = backend();
        let all = backend.bound(BoundView::Mine, &Filter::default());
        let number = *all
            .iter()
            .find(|&&n| backend.channel(n) == Channel::Whatsapp)
            .unwrap();
        let phone = demo::phone(number, Channel::Whatsapp).unwrap();
        let spoken = phone.replacen("+886", "0", 1);
        let filter = Filter {
            name: spoken,
            ..Filter::default()
        };
        assert!(backend.bound(BoundView::Mine, &filter).contains(&number));
    }
}
