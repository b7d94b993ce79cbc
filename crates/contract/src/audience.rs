//! The audience: the rule that selects the customers of a broadcast.
//!
//! A selection is never a list of 100,000 ids: it is a source, a filter, and what was ticked on top.

use serde::{Deserialize, Serialize};

use crate::binding::{digits, searched_digits};
use crate::limit::{MAX_PICKED, MAX_SEARCH_CHARS, MAX_SHOPS};
use crate::{Channel, ChannelSet, ProblemCode, Reason, RowId, ShopId, WabaCount, WabaId};

/// Where the customers are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// 我的事件－處理中: events, of whatever channels.
    #[default]
    MyEvents,
    /// 我的名單 of 綁定顧客: customers of one channel, LINE or WhatsApp, whatever becomes of their events.
    BoundCustomers,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::MyEvents, Self::BoundCustomers];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MyEvents => "my_events",
            Self::BoundCustomers => "bound_customers",
        }
    }

    /// Reads [`Source::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// What the funnel keeps. Fields are ANDed; an empty one keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Channels to keep; empty keeps all.
    pub channels: Vec<Channel>,
    /// Part of the customer's name, in any case; among bound customers of the phone number too.
    pub name: String,
    /// Tags of the customer.
    pub tags: TagFilter,
    /// Only customers of this WhatsApp Business account; none keeps all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waba: Option<WabaId>,
    /// Only customers bound in these shops; empty keeps all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shops: Vec<ShopId>,
}

/// What the funnel goes by: what is known of one row of the list.
#[derive(Clone, Copy, Debug)]
pub struct FilterFacts<'a> {
    /// Where the customer is.
    pub channel: Channel,
    /// The customer's name; empty when unknown.
    pub name: &'a str,
    /// The customer's tags.
    pub tags: &'a [String],
    /// The WhatsApp Business account of the number they write to; none on other channels.
    pub waba: Option<&'a WabaId>,
    /// The customer's phone number; none in a list of events, which is not searched by it.
    pub phone: Option<&'a str>,
    /// The shop they are bound in; none in a list of events.
    pub shop: Option<ShopId>,
}

/// A condition on tags; without tags it keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TagFilter {
    /// How the tags count.
    pub matching: TagMatch,
    /// The tags.
    pub tags: Vec<String>,
}

/// How several tags count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TagMatch {
    /// The customer has at least one of them.
    #[default]
    Any,
    /// The customer has every one.
    All,
    /// The customer has none.
    None,
}

impl Filter {
    /// Whether the filter keeps everything.
    pub fn is_empty(&self) -> bool {
        self.active() == 0
    }

    /// How many of its fields narrow the list; the number on the funnel.
    pub fn active(&self) -> usize {
        [
            !self.channels.is_empty(),
            !self.name.trim().is_empty(),
            !self.tags.tags.is_empty(),
            self.waba.is_some(),
            !self.shops.is_empty(),
        ]
        .into_iter()
        .filter(|&is_set| is_set)
        .count()
    }

    /// What is left of it when the funnel is cleared: the channel of bound customers is chosen before, not in the funnel.
    pub fn cleared(&self, source: Source) -> Self {
        Self {
            channels: match source {
                Source::MyEvents => Vec::new(),
                Source::BoundCustomers => self.channels.clone(),
            },
            ..Self::default()
        }
    }

    /// How many fields the funnel narrows the list by.
    pub fn narrowed(&self, source: Source) -> usize {
        self.active() - self.cleared(source).active()
    }

    /// Whether a row is kept. The store says the same in SQL.
    pub fn keeps(&self, facts: &FilterFacts<'_>) -> bool {
        let has = |tag: &String| facts.tags.contains(tag);
        let wanted = &self.tags.tags;
        let tags_kept = wanted.is_empty()
            || match self.tags.matching {
                TagMatch::Any => wanted.iter().any(has),
                TagMatch::All => wanted.iter().all(has),
                TagMatch::None => !wanted.iter().any(has),
            };
        let search = self.name.trim().to_lowercase();
        let is_in_phone = |phone| {
            searched_digits(&search).is_some_and(|searched| digits(phone).contains(&searched))
        };
        let name_kept =
            facts.name.to_lowercase().contains(&search) || facts.phone.is_some_and(is_in_phone);
        let channel_kept = self.channels.is_empty() || self.channels.contains(&facts.channel);
        let waba_kept = self.waba.is_none() || self.waba.as_ref() == facts.waba;
        let shop_kept =
            self.shops.is_empty() || facts.shop.is_some_and(|shop| self.shops.contains(&shop));
        tags_kept && name_kept && channel_kept && waba_kept && shop_kept
    }

    /// Refuses what no honest funnel asks.
    pub fn check(&self) -> Result<(), ProblemCode> {
        let too_long = |text: &String| text.chars().count() > MAX_SEARCH_CHARS;
        let waba = self.waba.iter().map(|waba| &waba.0);
        let mut texts = self.tags.tags.iter().chain([&self.name]).chain(waba);
        if texts.any(too_long) || self.tags.tags.len() > 50 || self.shops.len() > MAX_SHOPS {
            return Err(ProblemCode::FilterTooLong);
        }
        Ok(())
    }
}

/// Which of the rows that the filter keeps are chosen: events, or bound customers, as the source has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// 全選, minus those unticked afterwards.
    AllExcept(Vec<RowId>),
    /// Only those ticked.
    Only(Vec<RowId>),
}

impl Default for Pick {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

/// The rule that selects the recipients of a broadcast.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Where the customers are taken from.
    #[serde(default)]
    pub source: Source,
    /// What the funnel keeps.
    #[serde(default)]
    pub filter: Filter,
    /// Which of those are chosen.
    pub pick: Pick,
}

impl Audience {
    /// Every event of 我的事件－處理中 that `filter` keeps.
    pub fn everything(filter: Filter) -> Self {
        Self {
            source: Source::MyEvents,
            filter,
            pick: Pick::AllExcept(Vec::new()),
        }
    }

    /// Nobody yet of one's bound customers on `channel`.
    pub fn bound(channel: Channel) -> Self {
        Self {
            source: Source::BoundCustomers,
            filter: Filter {
                channels: vec![channel],
                ..Filter::default()
            },
            pick: Pick::default(),
        }
    }

    /// Goes over to one's bound customers on another channel. Whoever was ticked is not there, so nobody stays ticked.
    pub fn switch_channel(&mut self, channel: Channel) {
        if self.filter.channels != [channel] {
            self.filter.channels = vec![channel];
            self.filter.waba = None;
            self.pick = Pick::default();
        }
    }

    /// Whom a template can be sent to of these: those on WhatsApp. Where the funnel keeps none of them, that is nobody.
    #[must_use]
    pub fn for_template(&self) -> Self {
        let mut audience = self.clone();
        let channels = &mut audience.filter.channels;
        if !channels.is_empty() && !channels.contains(&Channel::Whatsapp) {
            audience.pick = Pick::default();
        }
        *channels = vec![Channel::Whatsapp];
        audience
    }

    /// The one channel of an audience of bound customers, 只可單渠道發送 (the seed);
    /// none where channels may be mixed, as in 我的事件－處理中.
    pub fn only_channel(&self) -> Result<Option<Channel>, ProblemCode> {
        match (self.source, &self.filter.channels[..]) {
            (Source::MyEvents, _) => Ok(None),
            (Source::BoundCustomers, [channel]) if channel.has_bindings() => Ok(Some(*channel)),
            (Source::BoundCustomers, [] | [_]) => Err(ProblemCode::ChannelNotChosen),
            (Source::BoundCustomers, _) => Err(ProblemCode::ChannelsMixed),
        }
    }

    /// Whether a row that the filter keeps is chosen.
    pub fn picks(&self, row: impl Into<RowId>) -> bool {
        let row = row.into();
        match &self.pick {
            Pick::AllExcept(ids) => !ids.contains(&row),
            Pick::Only(ids) => ids.contains(&row),
        }
    }

    /// Ticks or unticks one row.
    pub fn toggle(&mut self, row: impl Into<RowId>) {
        let row = row.into();
        let (Pick::AllExcept(ids) | Pick::Only(ids)) = &mut self.pick;
        match ids.iter().position(|&id| id == row) {
            Some(at) => drop(ids.swap_remove(at)),
            None => ids.push(row),
        }
    }

    /// How many are chosen of `selectable` rows that the filter keeps and that can be ticked.
    pub fn picked(&self, selectable: u64) -> u64 {
        match &self.pick {
            Pick::AllExcept(ids) => selectable.saturating_sub(ids.len() as u64),
            Pick::Only(ids) => ids.len() as u64,
        }
    }

    /// How the box of 全選 stands.
    pub fn state(&self, selectable: u64) -> PickState {
        match (&self.pick, self.picked(selectable)) {
            (_, 0) => PickState::None,
            (Pick::AllExcept(ids), _) if ids.is_empty() => PickState::All,
            (Pick::Only(_), picked) if picked == selectable => PickState::All,
            _ => PickState::Some,
        }
    }

    /// Refuses an audience that can't be resolved: nobody ticked, too many named, a filter too long,
    /// or bound customers not of exactly one channel.
    pub fn check(&self) -> Result<(), ProblemCode> {
        self.filter.check()?;
        self.only_channel()?;
        match &self.pick {
            Pick::Only(ids) if ids.is_empty() => Err(ProblemCode::AudienceEmpty),
            Pick::Only(ids) | Pick::AllExcept(ids) if ids.len() > MAX_PICKED => {
                Err(ProblemCode::TooManyPicked)
            }
            Pick::Only(_) | Pick::AllExcept(_) => Ok(()),
        }
    }
}

/// How a selection stands to all that could be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickState {
    /// Nothing is chosen.
    None,
    /// Part is chosen.
    Some,
    /// Everything is chosen.
    All,
}

/// How many customers an audience has, and how many of them will not be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AudienceCount {
    /// Customers who will get the broadcast, by channel; channels without any are left out.
    pub reached: Vec<ChannelCount>,
    /// Customers who will be skipped, by reason and channel.
    pub skipped: Vec<SkippedCount>,
    /// Those of the reached who are on WhatsApp, by WhatsApp Business account; told when a template is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wabas: Vec<WabaCount>,
}

/// Customers of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelCount {
    /// The channel.
    pub channel: Channel,
    /// How many customers.
    pub customers: u64,
}

/// Customers of one channel who are skipped for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkippedCount {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub channel: Channel,
    /// How many customers.
    pub customers: u64,
}

impl AudienceCount {
    /// How many customers will get the broadcast.
    pub fn reached_total(&self) -> u64 {
        self.reached.iter().map(|count| count.customers).sum()
    }

    /// How many customers will be skipped.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.iter().map(|count| count.customers).sum()
    }

    /// The channels of those who will be reached: what the composer has to fit.
    pub fn channels(&self) -> ChannelSet {
        self.reached.iter().map(|count| count.channel).collect()
    }

    /// As [`AudienceCount::channels`] for a broadcast that is put off: who can't be reached as things stand may be when
    /// it begins, so what is sent has to fit their channels, too.
    pub fn channels_by_then(&self) -> ChannelSet {
        let later = self
            .skipped
            .iter()
            .filter(|skipped| skipped.reason.may_pass());
        let later = later.map(|skipped| skipped.channel);
        self.reached
            .iter()
            .map(|count| count.channel)
            .chain(later)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn event(number: u128) -> RowId {
        RowId(Uuid::from_u128(number))
    }

    fn facts<'a>(name: &'a str, tags: &'a [String]) -> FilterFacts<'a> {
        FilterFacts {
            channel: Channel::Line,
            name,
            tags,
            waba: None,
            phone: None,
            shop: None,
        }
    }

    fn tagged(matching: TagMatch, tags: &[&str]) -> Filter {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Filter {
            tags: TagFilter { matching, tags },
            ..Filter::default()
        }
    }

    #[track_caller]
    fn check_tags(matching: TagMatch, wanted: &[&str], has: &[&str], expected: bool) {
        let has: Vec<_> = has.iter().map(|&tag| tag.to_owned()).collect();
        assert_eq!(
            tagged(matching, wanted).keeps(&facts("陳怡君", &has)),
            expected
        );
    }

    #[test]
    fn what_is_put_off_has_to_fit_those_who_may_be_reached_by_then() {
        let skipped = |reason, channel| SkippedCount {
            reason,
            channel,
            customers: 1,
        };
        let count = AudienceCount {
            reached: vec![ChannelCount {
                channel: Channel::Line,
                customers: 1,
            }],
            skipped: vec![
                skipped(Reason::WindowClosed, Channel::Instagram),
                skipped(Reason::WebChannel, Channel::Web),
            ],
            wabas: Vec::new(),
        };
        let set = |channels: &[Channel]| channels.iter().copied().collect::<ChannelSet>();
        assert_eq!(count.channels(), set(&[Channel::Line]));
        assert_eq!(
            count.channels_by_then(),
            set(&[Channel::Line, Channel::Instagram])
        );
    }

    #[test]
    fn names_of_sources_read_back() {
        for source in Source::ALL {
            assert_eq!(Source::parse(source.as_str()), Some(source));
            assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
        }
    }

    #[test]
    fn tags_any_all_none() {
        check_tags(TagMatch::Any, &["VIP", "新客"], &["VIP"], true);
        check_tags(TagMatch::Any, &["VIP", "新客"], &["熟客"], false);
        check_tags(TagMatch::All, &["VIP", "新客"], &["VIP"], false);
        check_tags(TagMatch::All, &["VIP", "新客"], &["新客", "VIP"], true);
        check_tags(TagMatch::None, &["VIP"], &["VIP"], false);
        check_tags(TagMatch::None, &["VIP"], &[], true);
    }

    #[test]
    fn an_empty_filter_keeps_everything() {
        assert!(Filter::default().keeps(&facts("", &[])) && Filter::default().is_empty());
    }

    #[test]
    fn names_match_in_any_case() {
        let filter = Filter {
            name: " amy ".to_owned(),
            ..Filter::default()
        };
        assert!(filter.keeps(&facts("Amy Chang", &[])) && !filter.keeps(&facts("陳怡君", &[])));
        assert_eq!(filter.active(), 1);
    }

    #[test]
    fn bound_customers_are_found_by_name_or_phone() {
        let keeps = |search: &str, phone| {
            let filter = Filter {
                name: search.to_owned(),
                ..Filter::default()
            };
            filter.keeps(&FilterFacts {
                phone,
                ..facts("Amy 0800", &[])
            })
        };
        assert!(keeps("amy", Some("+886912345678")));
        assert!(keeps(" 0912-345 ", Some("+886912345678")));
        assert!(keeps("0800", Some("+886912345678")));
        assert!(!keeps("0913", Some("+886912345678")));
        assert!(!keeps("0912-345", None));
    }

    #[test]
    fn the_filter_keeps_one_whatsapp_business_account() {
        let (kept, other) = (WabaId("1".to_owned()), WabaId("2".to_owned()));
        let filter = Filter {
            waba: Some(kept.clone()),
            ..Filter::default()
        };
        for (waba, expected) in [(Some(&kept), true), (Some(&other), false), (None, false)] {
            let facts = FilterFacts {
                waba,
                ..facts("", &[])
            };
            assert_eq!(filter.keeps(&facts), expected, "{waba:?}");
        }
        assert_eq!(filter.active(), 1);
    }

    #[test]
    fn the_filter_keeps_customers_bound_in_the_shops() {
        let (kept, other) = (ShopId(Uuid::from_u128(1)), ShopId(Uuid::from_u128(2)));
        let filter = Filter {
            shops: vec![kept],
            ..Filter::default()
        };
        for (shop, expected) in [(Some(kept), true), (Some(other), false), (None, false)] {
            let facts = FilterFacts {
                shop,
                ..facts("", &[])
            };
            assert_eq!(filter.keeps(&facts), expected, "{shop:?}");
        }
        assert_eq!(filter.active(), 1);
    }

    #[test]
    fn a_filter_is_written_without_what_it_does_not_ask() {
        let written = serde_json::to_value(Filter::default()).unwrap();
        let expected = serde_json::json!({
            "channels": [], "name": "", "tags": { "matching": "any", "tags": [] },
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn the_channel_of_bound_customers_is_not_the_funnels() {
        let filter = Filter {
            channels: vec![Channel::Line],
            name: "陳".to_owned(),
            ..Filter::default()
        };
        assert_eq!(filter.narrowed(Source::MyEvents), 2);
        assert_eq!(filter.cleared(Source::MyEvents), Filter::default());
        assert_eq!(filter.narrowed(Source::BoundCustomers), 1);
        let cleared = filter.cleared(Source::BoundCustomers);
        assert_eq!(cleared, Audience::bound(Channel::Line).filter);
    }

    #[track_caller]
    fn check_bound(channels: &[Channel], expected: Result<(), ProblemCode>) {
        let audience = Audience {
            source: Source::BoundCustomers,
            ..Audience::everything(Filter {
                channels: channels.to_vec(),
                ..Filter::default()
            })
        };
        assert_eq!(audience.check(), expected, "{channels:?}");
    }

    #[test]
    fn a_template_goes_to_those_on_whatsapp_alone() {
        let everybody = |channels: &[Channel]| {
            Audience::everything(Filter {
                channels: channels.to_vec(),
                ..Filter::default()
            })
        };
        for channels in [&[][..], &[Channel::Line, Channel::Whatsapp]] {
            let audience = everybody(channels).for_template();
            assert_eq!(audience, everybody(&[Channel::Whatsapp]));
        }
        let nobody = everybody(&[Channel::Line]).for_template();
        assert_eq!(nobody.check(), Err(ProblemCode::AudienceEmpty));
    }

    #[test]
    fn bound_customers_are_of_one_channel() {
        check_bound(&[Channel::Line], Ok(()));
        check_bound(&[Channel::Whatsapp], Ok(()));
        check_bound(
            &[Channel::Line, Channel::Whatsapp],
            Err(ProblemCode::ChannelsMixed),
        );
    }

    #[test]
    fn for_bound_customers_line_or_whatsapp_must_be_chosen() {
        check_bound(&[], Err(ProblemCode::ChannelNotChosen));
        check_bound(&[Channel::Facebook], Err(ProblemCode::ChannelNotChosen));
    }

    #[test]
    fn events_of_any_channels_may_be_mixed() {
        let audience = Audience::everything(Filter::default());
        assert_eq!(audience.only_channel(), Ok(None));
    }

    #[test]
    fn another_channel_unticks_everybody() {
        let customer = crate::CustomerId(Uuid::from_u128(1));
        let mut audience = Audience::bound(Channel::Line);
        audience.toggle(customer);
        audience.switch_channel(Channel::Line);
        assert!(audience.picks(customer));
        audience.switch_channel(Channel::Whatsapp);
        assert_eq!(audience, Audience::bound(Channel::Whatsapp));
    }

    #[test]
    fn a_pick_is_written_as_before() {
        let id = "00000000-0000-0000-0000-000000000007";
        let mut audience = Audience::default();
        audience.toggle(crate::EventId(Uuid::from_u128(7)));
        let written = serde_json::to_value(&audience).unwrap();
        assert_eq!(written["pick"], serde_json::json!({ "only": [id] }));
        assert_eq!(written["source"], "my_events");
    }

    #[test]
    fn an_audience_of_nobody_is_refused() {
        assert_eq!(Audience::default().check(), Err(ProblemCode::AudienceEmpty));
        assert_eq!(Audience::everything(Filter::default()).check(), Ok(()));
    }

    #[test]
    fn more_ticks_than_can_be_named_are_refused() {
        let ids: Vec<_> = (0..=MAX_PICKED as u128).map(event).collect();
        let audience = Audience {
            pick: Pick::Only(ids),
            ..Audience::default()
        };
        assert_eq!(audience.check(), Err(ProblemCode::TooManyPicked));
    }

    #[test]
    fn select_all_minus_the_unticked() {
        let mut audience = Audience::everything(Filter::default());
        assert_eq!(audience.state(10), PickState::All);
        audience.toggle(event(1));
        assert_eq!(
            (audience.picked(10), audience.state(10)),
            (9, PickState::Some)
        );
        assert!(!audience.picks(event(1)) && audience.picks(event(2)));
        audience.toggle(event(1));
        assert_eq!(audience.state(10), PickState::All);
    }

    proptest! {
        #[test]
        fn ticking_twice_changes_nothing(all in any::<bool>(), ticks in prop::collection::vec(0_u128..20, 0..30), extra in 0_u128..20) {
            let mut audience = if all { Audience::everything(Filter::default()) } else { Audience::default() };
            ticks.into_iter().for_each(|number| audience.toggle(event(number)));
            let before: Vec<_> = (0..20).map(|number| audience.picks(event(number))).collect();
            audience.toggle(event(extra));
            prop_assert_eq!(audience.picks(event(extra)), !before[extra as usize]);
            audience.toggle(event(extra));
            let after: Vec<_> = (0..20).map(|number| audience.picks(event(number))).collect();
            prop_assert_eq!(before, after);
        }

        #[test]
        fn the_count_is_the_number_of_ticked_rows(all in any::<bool>(), ticks in prop::collection::vec(0_u128..20, 0..30)) {
            let mut audience = if all { Audience::everything(Filter::default()) } else { Audience::default() };
            ticks.into_iter().for_each(|number| audience.toggle(event(number)));
            let ticked = (0..20).filter(|&number| audience.picks(event(number))).count() as u64;
            prop_assert_eq!(audience.picked(20), ticked);
        }
    }
}
