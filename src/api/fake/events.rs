//! Conversations: the lists, the thread, and what is done to an event.

use omocast_contract::api::{
    ActionRequest, BulkRefusal, BulkRequest, BulkResult, Customer, EventCounts, EventPage,
    EventQuery, EventRow, PageStart, Tags, Thread, parse_cursor,
};
use omocast_contract::draft::check_reply;
use omocast_contract::event::may_reply;
use omocast_contract::limit::MAX_BULK;
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::reach::window;
use omocast_contract::variable::fill_name;
use omocast_contract::{
    Channel, DeliveryStatus, EventId, EventStatus, EventView, Filter, Medium, MemberId, MessageId,
    OutgoingMessage, Problem, ProblemCode, Reach, Surface, Timestamp,
};

use super::audience::filter_facts;
use super::backend::{Answer, Backend, MEMBERS, member_name, refuse, sentinel};
use super::demo_data as demo;
use super::templates::number_of;

/// What differs from the demo data once somebody did something to an event.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) status: EventStatus,
    pub(super) owner: Option<MemberId>,
    pub(super) last_message_at: Timestamp,
    pub(super) last_inbound_at: Option<Timestamp>,
    pub(super) last_text: String,
    pub(super) last_medium: Medium,
    pub(super) unread: u32,
    pub(super) messages: Vec<Message>,
}

impl Backend {
    pub(super) fn channel(&self, number: u32) -> Channel {
        demo::channel(number, &self.options.channels)
    }

    pub(super) fn numbers_end(&self) -> u32 {
        self.options.rows + demo::OF_TEAM + demo::PENDING + demo::ENDED
    }

    pub(super) fn number(&self, event: EventId) -> Answer<u32> {
        let number = demo::number_of(event.0.as_u128());
        match u32::try_from(number) {
            Ok(number) if number < self.numbers_end() && demo::event_id(number.into()) == event => {
                Ok(number)
            }
            _ => refuse(ProblemCode::NotFound),
        }
    }

    pub(super) fn view_range(&self, view: EventView) -> std::ops::Range<u32> {
        let mine = self.options.rows;
        let team = mine + demo::OF_TEAM;
        let pending = team + demo::PENDING;
        match view {
            EventView::Mine => 0..mine,
            EventView::Team => mine..team,
            EventView::Pending => team..pending,
            EventView::Ended => pending..pending + demo::ENDED,
        }
    }

    pub(super) fn unchanged(&self, number: u32) -> Change {
        let view = EventView::ALL
            .into_iter()
            .find(|&view| self.view_range(view).contains(&number))
            .unwrap_or(EventView::Ended);
        let range = self.view_range(view);
        let last_message_at = demo::last_message_at(
            number - range.start,
            range.end - range.start,
            self.started_at,
        );
        let (status, owner) = match view {
            EventView::Mine => (EventStatus::InProgress, Some(self.me())),
            EventView::Team => (
                EventStatus::InProgress,
                Some(demo::member_id(1 + u64::from(number % 3))),
            ),
            EventView::Pending => (EventStatus::Pending, None),
            EventView::Ended => (EventStatus::Ended, Some(self.me())),
        };
        let text = demo::last_text(number);
        Change {
            status,
            owner,
            last_message_at,
            last_inbound_at: Some(last_message_at.plus(-demo::inbound_lag(number))),
            last_text: text.to_owned(),
            last_medium: if text.is_empty() {
                Medium::Image
            } else {
                Medium::Text
            },
            unread: if view == EventView::Ended {
                0
            } else {
                demo::unread(number)
            },
            messages: Vec::new(),
        }
    }

    pub(super) fn state(&self, number: u32) -> Change {
        self.changes
            .get(&number)
            .cloned()
            .unwrap_or_else(|| self.unchanged(number))
    }

    /// The account that a customer writes to.
    pub(super) fn account(&self, number: u32) -> &'static str {
        match self.channel(number) {
            Channel::Whatsapp => number_of(number),
            channel => demo::account(channel),
        }
    }

    pub(super) fn row(&self, number: u32) -> EventRow {
        let state = self.state(number);
        let channel = self.channel(number);
        EventRow {
            id: demo::event_id(number.into()),
            customer: demo::customer_id(number.into()),
            name: demo::name(number),
            channel,
            account: self.account(number).to_owned(),
            account_id: demo::account_id(channel as u64),
            status: state.status,
            owner: state.owner.and_then(member_name).map(str::to_owned),
            owner_id: state.owner,
            last_text: state.last_text,
            last_medium: state.last_medium,
            last_message_at: state.last_message_at,
            last_inbound_at: state.last_inbound_at,
            unread: state.unread,
            is_blocked: demo::is_blocked(number, channel),
            tags: demo::tags(number),
        }
    }

    pub(super) fn view_of(&self, state: &Change) -> EventView {
        match state.status {
            EventStatus::Pending => EventView::Pending,
            EventStatus::Ended => EventView::Ended,
            EventStatus::InProgress if state.owner == Some(self.me()) => EventView::Mine,
            EventStatus::InProgress => EventView::Team,
        }
    }

    pub(super) fn sees(&self, state: &Change) -> bool {
        self.options.role.sees(self.view_of(state))
    }

    /// The numbers of a view that the filter keeps, newest first.
    pub(super) fn list(&mut self, view: EventView, filter: &Filter) -> &[u32] {
        let wanted = (view, filter.clone());
        if self
            .listed
            .as_ref()
            .is_none_or(|(made_for, _)| *made_for != wanted)
        {
            let numbers = self.compute_list(view, filter);
            self.listed = Some((wanted, numbers));
        }
        self.listed.as_ref().map_or(&[], |(_, numbers)| numbers)
    }

    pub(super) fn compute_list(&self, view: EventView, filter: &Filter) -> Vec<u32> {
        let keeps = |number: u32| {
            filter.is_empty() || {
                let name = if filter.name.trim().is_empty() {
                    String::new()
                } else {
                    demo::name(number)
                };
                let tags = if filter.tags.tags.is_empty() {
                    Vec::new()
                } else {
                    demo::tags(number)
                };
                filter.keeps(&filter_facts(
                    self.channel(number),
                    self.waba(number).as_ref(),
                    &name,
                    &tags,
                ))
            }
        };
        let mut numbers: Vec<u32> = self
            .view_range(view)
            .filter(|number| !self.changes.contains_key(number) && keeps(*number))
            .collect();
        for (&number, change) in &self.changes {
            if self.view_of(change) == view && keeps(number) {
                let at =
                    numbers.partition_point(|&other| self.last_at(other) > change.last_message_at);
                numbers.insert(at, number);
            }
        }
        numbers
    }

    pub(super) fn last_at(&self, number: u32) -> Timestamp {
        self.changes.get(&number).map_or_else(
            || self.unchanged(number).last_message_at,
            |change| change.last_message_at,
        )
    }

    pub(super) fn list_events(&mut self, query: &EventQuery) -> Answer<EventPage> {
        self.signed_in()?;
        if !self.options.role.sees(query.view) {
            return refuse(ProblemCode::RoleMayNotSee);
        }
        sentinel(&query.filter.name)?;
        query
            .filter
            .check()
            .map_err(|code| Problem::new(code).at("filter"))?;
        let start = match &query.from {
            PageStart::First => 0,
            PageStart::Row(row) => *row as usize,
            PageStart::After(cursor) => {
                let Some((at, id)) = parse_cursor(cursor) else {
                    return Err(Problem::new(ProblemCode::MalformedRequest).at("from"));
                };
                let after = demo::number_of(id.0.as_u128()) as u32;
                let list = self.list(query.view, &query.filter).to_vec();
                list.iter().position(|&number| number == after).map_or_else(
                    || list.partition_point(|&number| self.last_at(number) >= at),
                    |found| found + 1,
                )
            }
        };
        let channels = self.options.channels.clone();
        let list = self.list(query.view, &query.filter);
        let total = list.len() as u64;
        let selectable = list
            .iter()
            .filter(|&&n| demo::channel(n, &channels).takes_broadcasts())
            .count() as u64;
        let page: Vec<u32> = list
            .iter()
            .skip(start)
            .take(query.limit.clamp(1, 200) as usize)
            .copied()
            .collect();
        Ok(EventPage {
            rows: page.into_iter().map(|number| self.row(number)).collect(),
            total,
            selectable,
        })
    }

    pub(super) fn count_events(&self) -> Answer<EventCounts> {
        self.signed_in()?;
        let count = |view| {
            self.options
                .role
                .sees(view)
                .then(|| self.compute_list(view, &Filter::default()).len() as u64)
        };
        Ok(EventCounts {
            mine: count(EventView::Mine),
            team: count(EventView::Team),
            pending: count(EventView::Pending),
            ended: count(EventView::Ended),
        })
    }

    pub(super) fn find_thread(
        &mut self,
        event: EventId,
        before: Option<MessageId>,
    ) -> Answer<Thread> {
        self.signed_in()?;
        let number = self.number(event)?;
        let mut state = self.state(number);
        if !self.sees(&state) {
            return refuse(ProblemCode::NotFound);
        }
        if before.is_none() && state.unread > 0 && state.owner == Some(self.me()) {
            state.unread = 0;
            self.change(number, state.clone());
        }
        let unchanged = self.unchanged(number);
        let count = demo::message_count(number);
        let all = count + state.messages.len() as u32;
        let end = match before {
            None => all,
            Some(id) => (demo::number_of(id.0.as_u128()) & 0xffff) as u32,
        }
        .min(all);
        let start = end.saturating_sub(50);
        let sender = state.owner.and_then(member_name).unwrap_or(MEMBERS[1]);
        let channel = self.channel(number);
        let messages = (start..end)
            .map(|at| match at.checked_sub(count) {
                Some(later) => state.messages[later as usize].clone(),
                None => demo::message(number, at, channel, unchanged.last_message_at, sender),
            })
            .collect();
        let event = self.row(number);
        Ok(Thread {
            customer: Customer {
                id: event.customer,
                name: event.name.clone(),
                phone: demo::phone(number, event.channel),
                created_at: event
                    .last_message_at
                    .plus(-i64::from(demo::scatter(number, 21) % 700) * 86_400_000),
                tags: event.tags.clone(),
            },
            event,
            messages,
            has_older: start > 0,
        })
    }

    pub(super) fn change(&mut self, number: u32, state: Change) {
        self.changes.insert(number, state);
        self.listed = None;
    }

    pub(super) fn append(
        &mut self,
        number: u32,
        origin: MessageOrigin,
        content: MessageContent,
        now: Timestamp,
    ) -> Message {
        let mut state = self.state(number);
        let at = demo::message_count(number) + state.messages.len() as u32;
        let message = Message {
            id: demo::message_id(demo::message_number(number, at)),
            at: now,
            origin,
            content,
        };
        state.last_message_at = now;
        state.last_medium = message.content.medium();
        state.last_text = message.content.words().replace('\n', " ");
        state.messages.push(message.clone());
        self.change(number, state);
        message
    }

    pub(super) fn send_reply(
        &mut self,
        event: EventId,
        message: &OutgoingMessage,
        now: Timestamp,
    ) -> Answer<Message> {
        self.signed_in()?;
        let number = self.number(event)?;
        let state = self.state(number);
        if !self.sees(&state) {
            return refuse(ProblemCode::NotFound);
        }
        may_reply(state.status, state.owner, self.me())?;
        let channel = self.channel(number);
        if demo::is_blocked(number, channel) {
            return refuse(ProblemCode::CustomerBlocked);
        }
        if window(channel, state.last_inbound_at, now) != Reach::Open {
            return refuse(ProblemCode::WindowClosed);
        }
        if let Some(text) = message.words() {
            sentinel(text)?;
        }
        let name = demo::name(number);
        let facts = |id| self.find_media(id).map(|media| media.facts());
        check_reply(message, channel, Surface::Web, facts, &name)
            .map_err(|code| Problem::new(code).at("text"))?;
        let filled = |text: &str| fill_name(text, &name, "");
        let message = message.clone().with_words(filled);
        let content = MessageContent::of_sent(message, |id| self.find_media(id));
        let origin = MessageOrigin::Outbound {
            sender: MEMBERS[0].to_owned(),
            broadcast: None,
            status: DeliveryStatus::Sent,
            reason: None,
        };
        Ok(self.append(number, origin, content, now))
    }

    /// A customer writes: for tests, and for a demo that moves.
    pub(super) fn receive(&mut self, event: EventId, text: &str, now: Timestamp) -> Answer<()> {
        let number = self.number(event)?;
        let content = MessageContent::Text {
            text: text.to_owned(),
        };
        self.append(number, MessageOrigin::Inbound, content, now);
        let mut state = self.state(number);
        state.last_inbound_at = Some(now);
        state.unread += 1;
        state.status = state.status.after_inbound();
        if state.status == EventStatus::Pending {
            state.owner = None;
        }
        self.change(number, state);
        Ok(())
    }

    pub(super) fn act_on_event(
        &mut self,
        event: EventId,
        request: ActionRequest,
    ) -> Answer<EventRow> {
        self.signed_in()?;
        let number = self.number(event)?;
        let mut state = self.state(number);
        if !self.sees(&state) {
            return refuse(ProblemCode::NotFound);
        }
        let next = request.action.apply(state.status, state.owner, self.me())?;
        state.status = next.status;
        state.owner = next.owner;
        self.change(number, state);
        Ok(self.row(number))
    }

    pub(super) fn act_on_events(&mut self, request: &BulkRequest) -> Answer<BulkResult> {
        self.signed_in()?;
        if request.events.len() > MAX_BULK {
            return Err(Problem::new(ProblemCode::TooManyPicked).at("events"));
        }
        let mut result = BulkResult {
            done: 0,
            refused: Vec::new(),
        };
        for &event in &request.events {
            match self.act_on_event(
                event,
                ActionRequest {
                    action: request.action,
                },
            ) {
                Ok(_) => result.done += 1,
                Err(problem) => result.refused.push(BulkRefusal { event, problem }),
            }
        }
        Ok(result)
    }

    pub(super) fn list_tags(&self) -> Answer<Tags> {
        self.signed_in()?;
        Ok(Tags {
            tags: demo::TAGS.iter().map(|&tag| tag.to_owned()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::EventAction;

    use super::*;
    use crate::api::fake::tests::backend;

    fn query(from: PageStart) -> EventQuery {
        EventQuery {
            view: EventView::Mine,
            filter: Filter::default(),
            from,
            limit: 50,
        }
    }

    #[test]
    fn the_demo_has_1204_customers_to_tick() {
        let page = backend().list_events(&query(PageStart::First)).unwrap();
        assert_eq!(
            (page.total, page.selectable, page.rows.len()),
            (1_244, 1_204, 50)
        );
        assert_eq!(page.rows[0].name, "陳怡君");
    }

    #[test]
    fn a_page_goes_on_where_the_one_before_ended() {
        let mut backend = backend();
        let first = backend.list_events(&query(PageStart::First)).unwrap();
        let cursor = first.rows.last().unwrap().cursor();
        let next = backend
            .list_events(&query(PageStart::After(cursor)))
            .unwrap();
        let jumped = backend.list_events(&query(PageStart::Row(50))).unwrap();
        assert_eq!(next.rows, jumped.rows);
        let times: Vec<_> = first
            .rows
            .iter()
            .chain(&next.rows)
            .map(|row| row.last_message_at)
            .collect();
        assert!(times.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn an_ended_event_leaves_the_list() {
        let mut backend = backend();
        backend
            .act_on_event(
                demo::event_id(0),
                ActionRequest {
                    action: EventAction::End,
                },
            )
            .unwrap();
        let page = backend.list_events(&query(PageStart::First)).unwrap();
        assert_eq!((page.total, page.rows[0].name.as_str()), (1_243, "林志明"));
    }

    #[test]
    fn older_messages_come_before_newer_ones() {
        let mut backend = backend();
        let long = (0..1_000).find(|&n| demo::message_count(n) > 60).unwrap();
        let newest = backend
            .find_thread(demo::event_id(long.into()), None)
            .unwrap();
        assert!(newest.has_older && newest.messages.len() == 50);
        let older = backend
            .find_thread(newest.event.id, Some(newest.messages[0].id))
            .unwrap();
        let times: Vec<_> = older
            .messages
            .iter()
            .chain(&newest.messages)
            .map(|message| message.at)
            .collect();
        assert!(times.is_sorted(), "{times:?}");
    }
}
