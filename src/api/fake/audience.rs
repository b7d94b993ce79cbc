//! Who an audience chooses, and who of them can be reached.

use std::cmp::Reverse;
use std::collections::HashSet;

use omocast_contract::api::{
    CountQuery, PreflightCustomer, PreflightPage, PreflightQuery, parse_preflight_cursor,
};
use omocast_contract::audience::{ChannelCount, SkippedCount};
use omocast_contract::reach::{Outgoing, Standing, Tie};
use omocast_contract::{
    Audience, AudienceCount, BoundView, BroadcastKind, BroadcastRequest, Channel, EventView,
    FilterFacts, Pick, Problem, ProblemCode, Reach, Source, Timestamp, WabaCount, WabaId,
};

use super::backend::{Answer, Backend, sentinel};
use super::demo_data as demo;
use super::templates::waba_of;

/// Customers in one page of a group of the check.
const PAGE: usize = 50;

impl Backend {
    /// The numbers an audience chooses, in their order.
    pub(super) fn resolve(&self, audience: &Audience) -> Vec<u32> {
        let mut numbers: Vec<u32> = match &audience.pick {
            pick if audience.source == Source::BoundCustomers => {
                let (Pick::Only(ids) | Pick::AllExcept(ids)) = pick;
                let named: HashSet<u32> = ids
                    .iter()
                    .filter_map(|id| self.bound_number(id.customer()))
                    .collect();
                let is_only = matches!(pick, Pick::Only(_));
                self.bound(BoundView::Mine, &audience.filter)
                    .into_iter()
                    .filter(|n| named.contains(n) == is_only)
                    .collect()
            }
            Pick::Only(ids) => ids
                .iter()
                .filter_map(|&id| self.number(id.event()).ok())
                .filter(|&n| {
                    let (name, tags) = (demo::name(n), demo::tags(n));
                    audience.filter.keeps(&filter_facts(
                        self.channel(n),
                        self.waba(n).as_ref(),
                        &name,
                        &tags,
                    ))
                })
                .collect(),
            // A set, because `Audience::picks` would look through the list for each of a hundred thousand rows.
            Pick::AllExcept(ids) => {
                let except: HashSet<u32> = ids
                    .iter()
                    .filter_map(|&id| self.number(id.event()).ok())
                    .collect();
                self.compute_list(EventView::Mine, &audience.filter)
                    .into_iter()
                    .filter(|n| self.channel(*n).takes_broadcasts() && !except.contains(n))
                    .collect()
            }
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The WhatsApp Business account that a customer writes to.
    pub(super) fn waba(&self, number: u32) -> Option<WabaId> {
        (self.channel(number) == Channel::Whatsapp).then(|| waba_of(number).id)
    }

    pub(super) fn reach(
        &self,
        number: u32,
        source: Source,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> Reach {
        let state = self.state(number);
        Standing {
            channel: self.channel(number),
            tie: match source {
                Source::MyEvents => Tie::Event {
                    status: state.status,
                    is_owner: state.owner == Some(self.me()),
                },
                Source::BoundCustomers => Tie::Binding {
                    is_bound: self.seller(number) == Some(self.me()),
                },
            },
            last_inbound_at: state.last_inbound_at.filter(|_| !self.never_wrote(number)),
            is_blocked: demo::is_blocked(number, self.channel(number)),
            has_opted_out: false,
        }
        .reach(outgoing, now)
    }

    fn outgoing(&self, query: &CountQuery) -> Outgoing {
        if query.kind == BroadcastKind::Messages {
            return Outgoing::Messages;
        }
        let found = self
            .templates
            .iter()
            .find(|found| Some(found.id) == query.template);
        found.map_or(Outgoing::ANY_TEMPLATE, |found| {
            Outgoing::of_template(found, found.updated_at)
        })
    }

    /// Those who will get a template, by account.
    fn count_wabas(
        &self,
        audience: &Audience,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> Vec<WabaCount> {
        let mut counts: Vec<WabaCount> = Vec::new();
        for number in self.resolve(audience) {
            if self.reach(number, audience.source, outgoing, now) != Reach::Open {
                continue;
            }
            let waba = waba_of(number);
            match counts.iter_mut().find(|count| count.waba == waba) {
                Some(count) => count.customers += 1,
                None => counts.push(WabaCount { waba, customers: 1 }),
            }
        }
        counts.sort_by(|a, b| a.waba.id.cmp(&b.waba.id));
        counts
    }

    pub(super) fn may_broadcast(&self) -> Answer<()> {
        self.signed_in()?;
        Ok(self.options.role.may_broadcast(self.options.plan)?)
    }

    pub(super) fn count_audience(
        &self,
        audience: &Audience,
        query: &CountQuery,
        now: Timestamp,
    ) -> Answer<AudienceCount> {
        self.may_broadcast()?;
        sentinel(&audience.filter.name)?;
        audience
            .check()
            .map_err(|code| Problem::new(code).at("audience"))?;
        let outgoing = self.outgoing(query);
        let mut count = AudienceCount::default();
        for number in self.resolve(audience) {
            let channel = self.channel(number);
            match self.reach(number, audience.source, outgoing, now) {
                Reach::Open => match count.reached.iter_mut().find(|c| c.channel == channel) {
                    Some(found) => found.customers += 1,
                    None => count.reached.push(ChannelCount {
                        channel,
                        customers: 1,
                    }),
                },
                Reach::Skipped(reason) => {
                    let found = count
                        .skipped
                        .iter_mut()
                        .find(|c| c.channel == channel && c.reason == reason);
                    match found {
                        Some(found) => found.customers += 1,
                        None => count.skipped.push(SkippedCount {
                            reason,
                            channel,
                            customers: 1,
                        }),
                    }
                }
            }
        }
        if query.kind == BroadcastKind::Template {
            count.wabas = self.count_wabas(audience, outgoing, now);
        }
        count.reached.sort_by_key(|c| c.channel);
        count.skipped.sort_by_key(|c| (c.reason, c.channel));
        Ok(count)
    }

    /// Those whom [`Backend::count_audience`] counts as skipped for a reason, or as reached.
    pub(super) fn list_preflight_customers(
        &self,
        request: &BroadcastRequest,
        query: &PreflightQuery,
        now: Timestamp,
    ) -> Answer<PreflightPage> {
        self.may_broadcast()?;
        self.check_request(request, now)?;
        let after = match &query.after {
            None => None,
            Some(cursor) => Some(
                parse_preflight_cursor(cursor)
                    .ok_or_else(|| Problem::new(ProblemCode::MalformedRequest).at("after"))?,
            ),
        };
        let audience = &request.audience;
        let outgoing = self.outgoing(&asked_of(request));
        let group = query.reason.map_or(Reach::Open, Reach::Skipped);
        let mut rows: Vec<PreflightCustomer> = self
            .resolve(audience)
            .into_iter()
            .filter(|&number| self.reach(number, audience.source, outgoing, now) == group)
            .map(|number| {
                let row = self.row(number);
                PreflightCustomer {
                    customer: row.customer,
                    event: row.id,
                    name: row.name,
                    channel: row.channel,
                    last_message_at: row.last_message_at,
                }
            })
            .filter(|row| after.is_none_or(|after| (row.last_message_at, row.customer) < after))
            .collect();
        rows.sort_by_key(|row| Reverse((row.last_message_at, row.customer)));
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| has_more);
        let next = next.map(PreflightCustomer::cursor);
        Ok(PreflightPage { rows, next })
    }
}

/// For what the audience of a broadcast is counted.
pub(super) fn asked_of(request: &BroadcastRequest) -> CountQuery {
    CountQuery {
        kind: request.content.kind(),
        template: request.content.template().map(|fill| fill.template),
    }
}

/// What the funnel goes by in a list of events.
pub(super) fn filter_facts<'a>(
    channel: Channel,
    waba: Option<&'a WabaId>,
    name: &'a str,
    tags: &'a [String],
) -> FilterFacts<'a> {
    FilterFacts {
        channel,
        name,
        tags,
        waba,
        phone: None,
        shop: None,
    }
}
