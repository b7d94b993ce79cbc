//! Who an audience chooses, and who of them can be reached.

use std::collections::HashSet;

use omocast_contract::api::CountQuery;
use omocast_contract::audience::{ChannelCount, SkippedCount};
use omocast_contract::reach::{Outgoing, Standing, Tie};
use omocast_contract::{
    Audience, AudienceCount, BoundView, BroadcastKind, Channel, EventView, FilterFacts, Pick,
    Problem, Reach, Source, TemplateId, Timestamp, WabaCount, WabaId,
};

use super::backend::{Answer, Backend, sentinel};
use super::demo_data as demo;
use super::templates::waba_of;

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

    fn outgoing(&self, template: Option<TemplateId>) -> Outgoing {
        let found = self
            .templates
            .iter()
            .find(|found| Some(found.id) == template);
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
        let outgoing = match query.kind {
            BroadcastKind::Messages => Outgoing::Messages,
            BroadcastKind::Template => self.outgoing(query.template),
        };
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
