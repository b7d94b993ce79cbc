//! The audience: the rule that selects the customers of a broadcast.
//!
//! A selection is never a list of 100,000 ids: it is a source, a filter, and what was ticked on top.

use serde::{Deserialize, Serialize};

use crate::limit::{MAX_PICKED, MAX_SEARCH_CHARS};
use crate::{Channel, ChannelSet, EventId, ProblemCode, Reason};

/// Where the customers are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// 我的事件－處理中.
    #[default]
    MyEvents,
}

/// What the funnel keeps. Fields are ANDed; an empty one keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Channels to keep; empty keeps all.
    pub channels: Vec<Channel>,
    /// Part of the customer's name, in any case.
    pub name: String,
    /// Tags of the customer.
    pub tags: TagFilter,
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
        ]
        .into_iter()
        .filter(|&is_set| is_set)
        .count()
    }

    /// Whether an event is kept, by what its row shows. The store says the same in SQL.
    pub fn keeps(&self, channel: Channel, name: &str, tags: &[String]) -> bool {
        let has = |tag: &String| tags.contains(tag);
        let wanted = &self.tags.tags;
        let tags_kept = wanted.is_empty()
            || match self.tags.matching {
                TagMatch::Any => wanted.iter().any(has),
                TagMatch::All => wanted.iter().all(has),
                TagMatch::None => !wanted.iter().any(has),
            };
        let name_kept = name
            .to_lowercase()
            .contains(&self.name.trim().to_lowercase());
        let channel_kept = self.channels.is_empty() || self.channels.contains(&channel);
        tags_kept && name_kept && channel_kept
    }

    /// Refuses what no honest funnel asks.
    pub fn check(&self) -> Result<(), ProblemCode> {
        let too_long = |text: &String| text.chars().count() > MAX_SEARCH_CHARS;
        if too_long(&self.name) || self.tags.tags.len() > 50 || self.tags.tags.iter().any(too_long)
        {
            return Err(ProblemCode::FilterTooLong);
        }
        Ok(())
    }
}

/// Which of the events that the filter keeps are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// 全選, minus those unticked afterwards.
    AllExcept(Vec<EventId>),
    /// Only those ticked.
    Only(Vec<EventId>),
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
    /// Everything in `source` that `filter` keeps.
    pub fn everything(filter: Filter) -> Self {
        Self {
            source: Source::MyEvents,
            filter,
            pick: Pick::AllExcept(Vec::new()),
        }
    }

    /// Whether an event that the filter keeps is chosen.
    pub fn picks(&self, event: EventId) -> bool {
        match &self.pick {
            Pick::AllExcept(ids) => !ids.contains(&event),
            Pick::Only(ids) => ids.contains(&event),
        }
    }

    /// Ticks or unticks one event.
    pub fn toggle(&mut self, event: EventId) {
        let (Pick::AllExcept(ids) | Pick::Only(ids)) = &mut self.pick;
        match ids.iter().position(|&id| id == event) {
            Some(at) => drop(ids.swap_remove(at)),
            None => ids.push(event),
        }
    }

    /// How many are chosen of `selectable` events that the filter keeps and that can be ticked.
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

    /// Refuses an audience that can't be resolved: nobody ticked, too many named, or a filter too long.
    pub fn check(&self) -> Result<(), ProblemCode> {
        self.filter.check()?;
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn event(number: u128) -> EventId {
        EventId(Uuid::from_u128(number))
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
            tagged(matching, wanted).keeps(Channel::Line, "陳怡君", &has),
            expected
        );
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
        assert!(Filter::default().keeps(Channel::Web, "", &[]) && Filter::default().is_empty());
    }

    #[test]
    fn names_match_in_any_case() {
        let filter = Filter {
            name: " amy ".to_owned(),
            ..Filter::default()
        };
        assert!(
            filter.keeps(Channel::Line, "Amy Chang", &[])
                && !filter.keeps(Channel::Line, "陳怡君", &[])
        );
        assert_eq!(filter.active(), 1);
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
