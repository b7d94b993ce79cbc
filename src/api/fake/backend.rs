//! The fake's state and what each endpoint answers: the contract's rules over made-up data.

use std::collections::{BTreeMap, HashMap, HashSet};

use omocast_contract::api::{
    ActionRequest, BroadcastPage, BulkRefusal, BulkRequest, BulkResult, Customer, EventCounts,
    EventPage, EventQuery, EventRow, Me, Media, PageStart, RecipientPage, RecipientQuery, SignIn,
    Tags, Thread, parse_cursor,
};
use omocast_contract::audience::{ChannelCount, SkippedCount};
use omocast_contract::draft::check_messages;
use omocast_contract::event::may_reply;
use omocast_contract::limit::{MAX_BULK, MAX_UPLOAD_BYTES};
use omocast_contract::live::LiveEvent;
use omocast_contract::member::Scope;
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::reach::{Standing, window};
use omocast_contract::text::{fits, is_blank};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastRequest, BroadcastStatus,
    BroadcastSummary, Channel, Delivery, DeliveryStatus, EventId, EventStatus, EventView, Filter,
    MediaId, MemberId, MessageId, OutgoingMessage, Pick, Plan, Problem, ProblemCode, Progress,
    Reach, Reason, Recipient, Role, Surface, Timestamp,
};

use super::demo_data as demo;

/// How many customers one tick hands over.
const PER_TICK: u64 = 40;
const PAGE: usize = 20;
const RECIPIENT_PAGE: usize = 50;

/// How the demo stands when it begins.
#[derive(Clone, Debug)]
pub struct FakeOptions {
    /// The member's role.
    pub role: Role,
    /// The team's plan.
    pub plan: Plan,
    /// Events in 我的事件－處理中, those of the web channel among them.
    pub rows: u32,
    /// Whether somebody is signed in.
    pub is_signed_in: bool,
    /// Whether there are broadcasts from before.
    pub has_broadcasts: bool,
    /// How long each answer takes, in milliseconds.
    pub delay: u32,
    /// How often broadcasts move on by themselves, in milliseconds; none where a test moves them.
    pub tick_every: Option<u32>,
}

impl Default for FakeOptions {
    fn default() -> Self {
        Self {
            role: Role::SalesRep,
            plan: Plan::Omo,
            // Of which 1,204 can be ticked.
            rows: 1_244,
            is_signed_in: true,
            has_broadcasts: true,
            delay: 0,
            tick_every: None,
        }
    }
}

impl FakeOptions {
    /// Reads the page's address: `?role=admin&plan=standard&rows=100000&signed-out&empty&slow`.
    pub fn from_query(query: &str) -> Self {
        let mut options = Self {
            delay: 60,
            tick_every: Some(300),
            ..Self::default()
        };
        for part in query.trim_start_matches('?').split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "role" => options.role = Role::parse(value).unwrap_or(options.role),
                "plan" if value == "standard" => options.plan = Plan::Standard,
                "rows" => options.rows = value.parse().unwrap_or(options.rows),
                "signed-out" => options.is_signed_in = false,
                "empty" => {
                    options.rows = 0;
                    options.has_broadcasts = false;
                }
                "slow" => options.delay = 1_500,
                _ => {}
            }
        }
        options
    }
}

/// What differs from the demo data once somebody did something to an event.
#[derive(Clone, Debug)]
struct Change {
    status: EventStatus,
    owner: Option<MemberId>,
    last_message_at: Timestamp,
    last_inbound_at: Option<Timestamp>,
    last_text: String,
    last_is_image: bool,
    unread: u32,
    messages: Vec<Message>,
}

#[derive(Clone, Debug)]
struct Sent {
    id: BroadcastId,
    key: String,
    request: BroadcastRequest,
    sender: u64,
    created_at: Timestamp,
    /// Chosen customers in the order of their ids, each with its place in the queue or why it is skipped.
    recipients: Vec<(u32, Result<u32, Reason>)>,
    open: u64,
    ticks: u64,
}

/// The whole fake backend.
pub(super) struct Backend {
    pub(super) options: FakeOptions,
    started_at: Timestamp,
    changes: BTreeMap<u32, Change>,
    listed: Option<((EventView, Filter), Vec<u32>)>,
    broadcasts: Vec<Sent>,
    media: HashMap<MediaId, (Media, String)>,
    next_media: u64,
}

const SAMPLE_IMAGE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='480' height='480'%3E%3CradialGradient id='g'%3E%3Cstop stop-color='wheat'/%3E%3Cstop offset='1' stop-color='lightcoral'/%3E%3C/radialGradient%3E%3Crect width='480' height='480' fill='url(%23g)'/%3E%3C/svg%3E";

type Answer<T> = Result<T, Problem>;

fn refuse<T>(code: ProblemCode) -> Answer<T> {
    Err(Problem::new(code))
}

/// Designers reach error states by writing this.
fn sentinel(text: &str) -> Answer<()> {
    if text.contains("fail-500") {
        let mut problem = Problem::new(ProblemCode::Internal);
        problem.request_id = Some("req-demo-500".to_owned());
        return Err(problem);
    }
    if text.contains("fail-platform") {
        return refuse(ProblemCode::PlatformRefused);
    }
    Ok(())
}

/// The members of the demo team; the first is signed in.
const MEMBERS: [&str; 4] = ["林佩珊", "周建宏", "何思涵", "吳宗霖"];

fn member_name(id: MemberId) -> Option<&'static str> {
    MEMBERS
        .get(demo::number_of(id.0.as_u128()) as usize)
        .copied()
}

impl Backend {
    pub(super) fn new(options: FakeOptions, now: Timestamp) -> Self {
        let mut backend = Self {
            options,
            started_at: now,
            changes: BTreeMap::new(),
            listed: None,
            broadcasts: Vec::new(),
            media: HashMap::new(),
            next_media: 2,
        };
        if backend.options.has_broadcasts {
            backend.make_history();
        }
        backend
    }

    /// Broadcasts of the last weeks.
    fn make_history(&mut self) {
        const TITLES: [&str; 9] = [
            "秋季新品已到店 🍂 本週六日於信義門市試穿，即可獲得九折優惠！",
            "您預約的試穿時間是本週六下午，期待見到您。",
            "會員週年慶：11/20 前全館外套滿萬折千。",
            "門市今日公休一天，造成不便敬請見諒。",
            "Dear customer, the new wool coats have arrived.",
            "您先前詢問的款式補貨了，歡迎回覆保留。",
            "生日禮金 500 元已存入您的會員帳戶 🎂",
            "新年假期營業時間調整：除夕至初二休息，初三起照常營業，詳情請見官網公告或直接回覆詢問。",
            "感謝您上週的蒞臨，附上保養說明。",
        ];
        for at in 0..27_u32 {
            let text = TITLES[at as usize % TITLES.len()].to_owned();
            let chosen = 20 + demo::scatter(at, 40) % 400;
            let first = demo::scatter(at, 41) % 300;
            let numbers = (first..first + chosen)
                .filter(|&n| n < self.options.rows && demo::channel(n) != Channel::Web);
            let created_at = self.started_at.plus(-i64::from(27 - at) * 31 * 3_600_000);
            let sender = u64::from(at % 5 == 2);
            let request = BroadcastRequest {
                audience: Audience::everything(Filter::default()),
                messages: vec![OutgoingMessage::Text { text }],
                surface: Surface::Web,
            };
            let numbers: Vec<u32> = numbers.collect();
            self.push_broadcast(
                format!("history-{at}"),
                request,
                sender,
                &numbers,
                created_at,
            );
        }
        for sent in &mut self.broadcasts {
            sent.ticks = 1_000;
        }
    }

    fn me(&self) -> MemberId {
        demo::member_id(0)
    }

    fn signed_in(&self) -> Answer<()> {
        if self.options.is_signed_in {
            Ok(())
        } else {
            refuse(ProblemCode::SignedOut)
        }
    }

    // Session.

    pub(super) fn sign_in(&mut self, request: &SignIn) -> Answer<Me> {
        if request.email.starts_with("fail@") {
            sentinel("fail-500")?;
        }
        if request.email.starts_with("wait@") {
            return refuse(ProblemCode::TooManyAttempts);
        }
        if request.email.trim().is_empty()
            || request.password.is_empty()
            || request.password == "wrong"
        {
            return refuse(ProblemCode::WrongCredentials);
        }
        self.options.is_signed_in = true;
        self.find_session()
    }

    pub(super) fn sign_out(&mut self) {
        self.options.is_signed_in = false;
    }

    pub(super) fn find_session(&self) -> Answer<Me> {
        self.signed_in()?;
        Ok(Me {
            id: self.me(),
            name: MEMBERS[0].to_owned(),
            email: "pei@example.com".to_owned(),
            role: self.options.role,
            team: "ATELIER".to_owned(),
            plan: self.options.plan,
            time_zone: "Asia/Taipei".to_owned(),
            shops: vec!["信義門市".to_owned()],
        })
    }

    // Events.

    fn numbers_end(&self) -> u32 {
        self.options.rows + demo::OF_TEAM + demo::PENDING + demo::ENDED
    }

    fn number(&self, event: EventId) -> Answer<u32> {
        let number = demo::number_of(event.0.as_u128());
        match u32::try_from(number) {
            Ok(number) if number < self.numbers_end() && demo::event_id(number.into()) == event => {
                Ok(number)
            }
            _ => refuse(ProblemCode::NotFound),
        }
    }

    fn view_range(&self, view: EventView) -> std::ops::Range<u32> {
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

    fn unchanged(&self, number: u32) -> Change {
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
            last_is_image: text.is_empty(),
            unread: if view == EventView::Ended {
                0
            } else {
                demo::unread(number)
            },
            messages: Vec::new(),
        }
    }

    fn state(&self, number: u32) -> Change {
        self.changes
            .get(&number)
            .cloned()
            .unwrap_or_else(|| self.unchanged(number))
    }

    fn row(&self, number: u32) -> EventRow {
        let state = self.state(number);
        let channel = demo::channel(number);
        EventRow {
            id: demo::event_id(number.into()),
            customer: demo::customer_id(number.into()),
            name: demo::name(number),
            channel,
            account: demo::account(channel).to_owned(),
            account_id: demo::account_id(channel as u64),
            status: state.status,
            owner: state.owner.and_then(member_name).map(str::to_owned),
            owner_id: state.owner,
            last_text: state.last_text,
            last_is_image: state.last_is_image,
            last_message_at: state.last_message_at,
            last_inbound_at: state.last_inbound_at,
            unread: state.unread,
            is_blocked: demo::is_blocked(number),
            tags: demo::tags(number),
        }
    }

    fn view_of(&self, state: &Change) -> EventView {
        match state.status {
            EventStatus::Pending => EventView::Pending,
            EventStatus::Ended => EventView::Ended,
            EventStatus::InProgress if state.owner == Some(self.me()) => EventView::Mine,
            EventStatus::InProgress => EventView::Team,
        }
    }

    fn sees(&self, state: &Change) -> bool {
        self.options.role.sees(self.view_of(state))
    }

    /// The numbers of a view that the filter keeps, newest first.
    fn list(&mut self, view: EventView, filter: &Filter) -> &[u32] {
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

    fn compute_list(&self, view: EventView, filter: &Filter) -> Vec<u32> {
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
                filter.keeps(demo::channel(number), &name, &tags)
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

    fn last_at(&self, number: u32) -> Timestamp {
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
        let list = self.list(query.view, &query.filter);
        let total = list.len() as u64;
        let selectable = list
            .iter()
            .filter(|&&n| demo::channel(n).takes_broadcasts())
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
        let messages = (start..end)
            .map(|at| match at.checked_sub(count) {
                Some(later) => state.messages[later as usize].clone(),
                None => demo::message(number, at, unchanged.last_message_at, sender),
            })
            .collect();
        let event = self.row(number);
        Ok(Thread {
            customer: Customer {
                id: event.customer,
                name: event.name.clone(),
                phone: (event.channel == Channel::Whatsapp)
                    .then(|| format!("+8869{:08}", demo::scatter(number, 20) % 100_000_000)),
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

    fn change(&mut self, number: u32, state: Change) {
        self.changes.insert(number, state);
        self.listed = None;
    }

    fn append(
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
        state.last_is_image = matches!(message.content, MessageContent::Image { .. });
        state.last_text = match &message.content {
            MessageContent::Text { text } => text.replace('\n', " "),
            MessageContent::Image { .. } | MessageContent::Unsupported { .. } => String::new(),
        };
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
        let channel = demo::channel(number);
        if demo::is_blocked(number) {
            return refuse(ProblemCode::CustomerBlocked);
        }
        if window(channel, state.last_inbound_at, now) != Reach::Open {
            return refuse(ProblemCode::WindowClosed);
        }
        let content = match message {
            OutgoingMessage::Text { text } => {
                sentinel(text)?;
                let code = if is_blank(text) {
                    Some(ProblemCode::TextEmpty)
                } else {
                    (!fits(text, channel)).then_some(ProblemCode::TextTooLong)
                };
                if let Some(code) = code {
                    return Err(Problem::new(code).at("text"));
                }
                MessageContent::Text { text: text.clone() }
            }
            OutgoingMessage::Image { media } => {
                if !self.media.contains_key(media) {
                    return Err(Problem::new(ProblemCode::MediaNotFound).at("media"));
                }
                MessageContent::Image {
                    media: Some(*media),
                }
            }
        };
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

    // The audience.

    /// The numbers an audience chooses, in their order.
    fn resolve(&self, audience: &Audience) -> Vec<u32> {
        let mut numbers: Vec<u32> = match &audience.pick {
            Pick::Only(ids) => ids
                .iter()
                .filter_map(|&id| self.number(id).ok())
                .filter(|&n| {
                    audience
                        .filter
                        .keeps(demo::channel(n), &demo::name(n), &demo::tags(n))
                })
                .collect(),
            // A set, because `Audience::picks` would look through the list for each of a hundred thousand rows.
            Pick::AllExcept(ids) => {
                let except: HashSet<u32> =
                    ids.iter().filter_map(|&id| self.number(id).ok()).collect();
                self.compute_list(EventView::Mine, &audience.filter)
                    .into_iter()
                    .filter(|n| demo::channel(*n).takes_broadcasts() && !except.contains(n))
                    .collect()
            }
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn reach(&self, number: u32, now: Timestamp) -> Reach {
        let state = self.state(number);
        Standing {
            channel: demo::channel(number),
            status: state.status,
            is_owner: state.owner == Some(self.me()),
            last_inbound_at: state.last_inbound_at,
            is_blocked: demo::is_blocked(number),
        }
        .reach(now)
    }

    fn may_broadcast(&self) -> Answer<()> {
        self.signed_in()?;
        Ok(self.options.role.may_broadcast(self.options.plan)?)
    }

    pub(super) fn count_audience(
        &self,
        audience: &Audience,
        now: Timestamp,
    ) -> Answer<AudienceCount> {
        self.may_broadcast()?;
        sentinel(&audience.filter.name)?;
        audience
            .check()
            .map_err(|code| Problem::new(code).at("audience"))?;
        let mut count = AudienceCount::default();
        for number in self.resolve(audience) {
            let channel = demo::channel(number);
            match self.reach(number, now) {
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
        count.reached.sort_by_key(|c| c.channel);
        count.skipped.sort_by_key(|c| (c.reason, c.channel));
        Ok(count)
    }

    // Broadcasts.

    pub(super) fn create_broadcast(
        &mut self,
        request: BroadcastRequest,
        key: &str,
        now: Timestamp,
    ) -> Answer<Broadcast> {
        self.may_broadcast()?;
        for message in &request.messages {
            if let OutgoingMessage::Text { text } = message {
                sentinel(text)?;
            }
        }
        if !(8..=100).contains(&key.len()) {
            return refuse(ProblemCode::IdempotencyKeyMissing);
        }
        if let Some(sent) = self.broadcasts.iter().find(|sent| sent.key == key) {
            if sent.request == request {
                return Ok(self.broadcast(sent));
            }
            return refuse(ProblemCode::IdempotencyKeyReused);
        }
        let at_audience = |code| Problem::new(code).at("audience");
        let count = self.count_audience(&request.audience, now)?;
        if count.reached_total() + count.skipped_total() == 0 {
            return Err(at_audience(ProblemCode::AudienceEmpty));
        }
        if count.reached_total() == 0 {
            return Err(at_audience(ProblemCode::AudienceUnreachable));
        }
        let bytes = |id| self.media.get(&id).map(|(media, _)| media.bytes);
        let problems = check_messages(&request.messages, count.channels(), request.surface, bytes);
        if let Some(found) = problems.into_iter().next() {
            let mut problem = Problem::new(found.code).at(found.field());
            problem.channels = found.channels.iter().collect();
            return Err(problem);
        }
        let numbers = self.resolve(&request.audience);
        self.push_broadcast(key.to_owned(), request, 0, &numbers, now);
        let sent = self.broadcasts.last().expect("one was just pushed");
        Ok(self.broadcast(sent))
    }

    fn push_broadcast(
        &mut self,
        key: String,
        request: BroadcastRequest,
        sender: u64,
        numbers: &[u32],
        now: Timestamp,
    ) {
        let mut open = 0;
        let recipients = numbers
            .iter()
            .map(|&number| match self.reach(number, now) {
                Reach::Open => {
                    open += 1;
                    (number, Ok(open - 1))
                }
                Reach::Skipped(reason) => (number, Err(reason)),
            })
            .collect();
        self.broadcasts.push(Sent {
            id: demo::broadcast_id(self.broadcasts.len() as u64 + 1),
            key,
            request,
            sender,
            created_at: now,
            recipients,
            open: u64::from(open),
            ticks: 0,
        });
    }

    fn is_visible(&self, sent: &Sent) -> bool {
        match self.options.role.broadcasts_seen() {
            Scope::Team | Scope::Shops => true,
            Scope::Own => sent.sender == 0,
            Scope::None => false,
        }
    }

    fn may_see_broadcasts(&self) -> Answer<()> {
        self.signed_in()?;
        if self.options.role.broadcasts_seen() == Scope::None {
            return refuse(ProblemCode::RoleMayNotSee);
        }
        Ok(())
    }

    pub(super) fn list_broadcasts(&self, after: Option<BroadcastId>) -> Answer<BroadcastPage> {
        self.may_see_broadcasts()?;
        let mut rows: Vec<BroadcastSummary> = self
            .broadcasts
            .iter()
            .rev()
            .filter(|sent| self.is_visible(sent) && after.is_none_or(|after| sent.id < after))
            .take(PAGE + 1)
            .map(summary)
            .collect();
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        Ok(BroadcastPage { rows, next })
    }

    fn sent(&self, id: BroadcastId) -> Answer<&Sent> {
        self.may_see_broadcasts()?;
        self.broadcasts
            .iter()
            .find(|sent| sent.id == id && self.is_visible(sent))
            .ok_or_else(|| Problem::new(ProblemCode::NotFound))
    }

    fn broadcast(&self, sent: &Sent) -> Broadcast {
        let count = |wanted: &dyn Fn(Channel) -> bool| {
            sent.recipients
                .iter()
                .filter(|(number, _)| wanted(demo::channel(*number)))
                .count() as u64
        };
        Broadcast {
            summary: summary(sent),
            messages: sent.request.messages.clone(),
            channels: Channel::ALL
                .into_iter()
                .map(|channel| ChannelCount {
                    channel,
                    customers: count(&|c| c == channel),
                })
                .filter(|count| count.customers > 0)
                .collect(),
            tells_delivered: count(&Channel::tells_delivered),
            tells_read: count(&Channel::tells_read),
        }
    }

    pub(super) fn find_broadcast(&self, id: BroadcastId) -> Answer<Broadcast> {
        Ok(self.broadcast(self.sent(id)?))
    }

    pub(super) fn list_recipients(
        &self,
        id: BroadcastId,
        query: &RecipientQuery,
    ) -> Answer<RecipientPage> {
        let sent = self.sent(id)?;
        let after = query.after.map(|id| demo::number_of(id.0.as_u128()) as u32);
        let mut rows: Vec<Recipient> = sent
            .recipients
            .iter()
            .filter(|(number, _)| after.is_none_or(|after| *number > after))
            .map(|&(number, place)| recipient(sent, number, place))
            .filter(|recipient| query.status.is_none_or(|status| recipient.status == status))
            .take(RECIPIENT_PAGE + 1)
            .collect();
        let has_more = rows.len() > RECIPIENT_PAGE;
        rows.truncate(RECIPIENT_PAGE);
        let next = rows.last().filter(|_| has_more).map(|row| row.customer);
        Ok(RecipientPage { rows, next })
    }

    /// Time passes: every broadcast hands over a few more, and the platforms tell what arrived.
    pub(super) fn tick(&mut self) -> Vec<LiveEvent> {
        let mut told = Vec::new();
        for sent in &mut self.broadcasts {
            let last = sent.open / PER_TICK + 14;
            if sent.ticks < last {
                sent.ticks += 1;
                let summary = summary(sent);
                told.push(LiveEvent::BroadcastProgress {
                    broadcast: sent.id,
                    status: summary.status,
                    progress: summary.progress,
                });
            }
        }
        told
    }

    // Uploads.

    /// Keeps an upload; `url` is where the browser finds its bytes.
    pub(super) fn keep_media(
        &mut self,
        name: &str,
        mime: &str,
        bytes: u64,
        url: String,
    ) -> Answer<Media> {
        self.signed_in()?;
        sentinel(name)?;
        if bytes > MAX_UPLOAD_BYTES {
            return refuse(ProblemCode::UploadTooLarge);
        }
        if !matches!(mime, "image/jpeg" | "image/png") {
            return refuse(ProblemCode::NotAnImage);
        }
        let media = Media {
            id: demo::media_id(self.next_media),
            name: name.to_owned(),
            mime: mime.to_owned(),
            bytes,
        };
        self.next_media += 1;
        self.media.insert(media.id, (media.clone(), url));
        Ok(media)
    }

    /// Where the browser finds an upload's bytes.
    pub(super) fn media_url(&self, id: MediaId) -> Option<String> {
        // What customers sent in the demo is a picture made of nothing.
        let sample = || (id == demo::media_id(1)).then(|| SAMPLE_IMAGE.to_owned());
        self.media
            .get(&id)
            .map(|(_, url)| url.clone())
            .or_else(sample)
    }
}

fn summary(sent: &Sent) -> BroadcastSummary {
    let mut progress = Progress::default();
    for &(number, place) in &sent.recipients {
        progress.add(standing(sent, number, place).0, 1);
    }
    let is_done = sent.ticks * PER_TICK >= sent.open;
    let title = sent
        .request
        .messages
        .iter()
        .find_map(|message| match message {
            OutgoingMessage::Text { text } => Some(text.chars().take(40).collect()),
            OutgoingMessage::Image { .. } => None,
        });
    BroadcastSummary {
        id: sent.id,
        title: title.unwrap_or_default(),
        status: if is_done {
            BroadcastStatus::Completed
        } else {
            BroadcastStatus::Sending
        },
        sender: MEMBERS[sent.sender as usize].to_owned(),
        sender_id: demo::member_id(sent.sender),
        created_at: sent.created_at,
        completed_at: is_done.then(|| sent.created_at.plus((sent.open / PER_TICK * 500) as i64)),
        message_count: sent.request.messages.len() as u32,
        progress,
    }
}

/// What became of a recipient by now, and when it last changed.
fn standing(
    sent: &Sent,
    number: u32,
    place: Result<u32, Reason>,
) -> (
    DeliveryStatus,
    Option<Reason>,
    Option<&'static str>,
    Timestamp,
) {
    let place = match place {
        Ok(place) => u64::from(place),
        Err(reason) => return (DeliveryStatus::Skipped, Some(reason), None, sent.created_at),
    };
    let turn = place / PER_TICK + 1;
    let at = sent
        .created_at
        .plus((turn * 500) as i64 + (place % PER_TICK) as i64 * 12);
    let Some(age) = sent.ticks.checked_sub(turn) else {
        let status = if sent.ticks + 1 == turn {
            DeliveryStatus::Sending
        } else {
            DeliveryStatus::Queued
        };
        return (status, None, None, sent.created_at);
    };
    let channel = demo::channel(number);
    let lot = demo::scatter(number, sent.created_at.0 as u32);
    if lot.is_multiple_of(131) {
        let failures: [(Reason, Option<&'static str>); 3] = match channel {
            Channel::Whatsapp => [
                (Reason::WindowClosed, Some("131047")),
                (Reason::PlatformFault, Some("131016")),
                (Reason::HeldBackByPlatform, Some("131049")),
            ],
            Channel::Line | Channel::Facebook | Channel::Instagram | Channel::Web => [
                (Reason::Blocked, None),
                (Reason::RateLimited, Some("429")),
                (Reason::Unreachable, Some("400")),
            ],
        };
        let (reason, code) = failures[(lot / 131 % 3) as usize];
        return (DeliveryStatus::Failed, Some(reason), code, at);
    }
    if lot.is_multiple_of(409) {
        return (
            DeliveryStatus::Unknown,
            Some(Reason::NoAnswer),
            None,
            at.plus(30_000),
        );
    }
    if age >= 9 && channel.tells_read() && lot % 10 < 6 {
        (DeliveryStatus::Read, None, None, at.plus(4_000))
    } else if age >= 3 && channel.tells_delivered() {
        (DeliveryStatus::Delivered, None, None, at.plus(1_500))
    } else {
        (DeliveryStatus::Sent, None, None, at)
    }
}

fn recipient(sent: &Sent, number: u32, place: Result<u32, Reason>) -> Recipient {
    let (status, reason, code, updated_at) = standing(sent, number, place);
    let platform_code = code.map(str::to_owned);
    let deliveries: Vec<Delivery> = (0..sent.request.messages.len())
        .map(|at| match status {
            DeliveryStatus::Failed | DeliveryStatus::Unknown if at > 0 => Delivery {
                status: DeliveryStatus::Skipped,
                reason: Some(Reason::EarlierMessageFailed),
                platform_code: None,
            },
            _ => Delivery {
                status,
                reason,
                platform_code: platform_code.clone(),
            },
        })
        .collect();
    Recipient {
        customer: demo::customer_id(number.into()),
        event: demo::event_id(number.into()),
        name: demo::name(number),
        channel: demo::channel(number),
        status: DeliveryStatus::of_recipient(deliveries.iter().map(|delivery| delivery.status)),
        reason,
        platform_code,
        updated_at,
        deliveries,
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::EventAction;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn backend() -> Backend {
        Backend::new(FakeOptions::default(), NOW)
    }

    fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }

    fn request(text_of_first: &str) -> BroadcastRequest {
        BroadcastRequest {
            audience: Audience::everything(Filter::default()),
            messages: vec![text(text_of_first)],
            surface: Surface::Web,
        }
    }

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
    fn the_same_key_is_the_same_broadcast() {
        let mut backend = backend();
        let once = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap();
        let twice = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap();
        assert_eq!(once.summary.id, twice.summary.id);
        let other = backend
            .create_broadcast(request("壞"), "key-12345", NOW)
            .unwrap_err();
        assert_eq!(other.code, ProblemCode::IdempotencyKeyReused);
    }

    #[test]
    fn a_broadcast_moves_on_with_each_tick_until_nothing_waits() {
        let mut backend = backend();
        let id = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap()
            .summary
            .id;
        let count = backend
            .count_audience(&request("好").audience, NOW)
            .unwrap();
        let mut waiting = count.reached_total();
        while !backend.tick().is_empty() {
            let progress = backend.find_broadcast(id).unwrap().summary.progress;
            assert!(progress.waiting() <= waiting);
            waiting = progress.waiting();
        }
        let summary = backend.find_broadcast(id).unwrap().summary;
        assert_eq!((waiting, summary.status), (0, BroadcastStatus::Completed));
        assert_eq!(summary.progress.skipped, count.skipped_total());
        assert_eq!(summary.progress.total(), 1_204);
    }

    #[test]
    fn pages_of_recipients_hold_everybody_once() {
        let mut backend = backend();
        let id = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap()
            .summary
            .id;
        let (mut seen, mut after) = (0, None);
        loop {
            let page = backend
                .list_recipients(
                    id,
                    &RecipientQuery {
                        status: None,
                        after,
                    },
                )
                .unwrap();
            seen += page.rows.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 1_204);
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

    #[test]
    fn who_may_not_broadcast_is_told_why() {
        let options = FakeOptions {
            role: Role::Admin,
            ..FakeOptions::default()
        };
        let mut backend = Backend::new(options, NOW);
        let problem = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap_err();
        assert_eq!(problem.code, ProblemCode::RoleMayNotBroadcast);
    }
}
