//! Broadcasts: those of the last weeks, those that are made, and how they move on.

use omocast_contract::api::{BroadcastPage, RecipientPage, RecipientQuery};
use omocast_contract::audience::ChannelCount;
use omocast_contract::control::HOLD;
use omocast_contract::draft::{check_messages, title};
use omocast_contract::link::count_links;
use omocast_contract::live::LiveEvent;
use omocast_contract::member::Scope;
use omocast_contract::reach::Outgoing;
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastRequest, BroadcastStatus,
    BroadcastSummary, Channel, Content, Delivery, DeliveryStatus, Filter, LogEntry, LogEvent,
    OutcomeCount, OutgoingMessage, Part, Problem, ProblemCode, Progress, Reach, Reason, Recipient,
    SentTemplate, Surface, Timestamp, Waits,
};

use super::audience::asked_of;
use super::backend::{Answer, Backend, MEMBERS, official_domains, refuse, sentinel};
use super::control::{is_short, starts_at};
use super::demo_data as demo;
use super::templates::links_of;

/// The name of the demo's account on LINE.
pub(super) const LINE_ACCOUNT: &str = "ATELIER 信義門市";
/// How many customers one tick hands over.
const PER_TICK: u64 = 40;
const PAGE: usize = 20;
const RECIPIENT_PAGE: usize = 50;

/// How far a broadcast as a whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Held { ticks_left: u64 },
    Scheduled,
    Overdue,
    Begun,
    Stopped,
    Cancelled,
}

#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) id: BroadcastId,
    pub(super) key: String,
    pub(super) request: BroadcastRequest,
    pub(super) template: Option<SentTemplate>,
    pub(super) sender: u64,
    pub(super) created_at: Timestamp,
    pub(super) starts_at: Timestamp,
    pub(super) stage: Stage,
    pub(super) retry_of: Option<BroadcastId>,
    pub(super) is_retried: bool,
    /// Whether the account on LINE takes nothing for now.
    pub(super) is_paused: bool,
    pub(super) log: Vec<LogEntry>,
    /// Chosen customers in the order of their ids, each with its place in the queue or why it is skipped.
    pub(super) recipients: Vec<(u32, Result<u32, Reason>)>,
    /// Those of them who never wrote.
    without_event: Vec<u32>,
    open: u64,
    ticks: u64,
    /// Where the demo's customers are.
    channels: Vec<Channel>,
}

impl Backend {
    /// Broadcasts of the last weeks.
    pub(super) fn make_history(&mut self) {
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
                .filter(|&n| n < self.options.rows && self.channel(n) != Channel::Web);
            let created_at = self.started_at.plus(-i64::from(27 - at) * 31 * 3_600_000);
            let sender = u64::from(at % 5 == 2);
            let request = BroadcastRequest {
                audience: Audience::everything(Filter::default()),
                content: Content::Messages(vec![OutgoingMessage::Text { text }]),
                surface: Surface::Web,
                name_fallback: None,
                draft: None,
                send_at: None,
            };
            let numbers: Vec<u32> = numbers.collect();
            self.push_broadcast(
                format!("history-{at}"),
                request,
                None,
                sender,
                &numbers,
                created_at,
            );
        }
        for sent in &mut self.broadcasts {
            sent.stage = Stage::Begun;
            sent.ticks = 1_000;
            let at = sent.starts_at.plus(60_000);
            sent.log(at, None, LogEvent::Completed);
        }
    }

    pub(super) fn create_broadcast(
        &mut self,
        request: BroadcastRequest,
        key: &str,
        now: Timestamp,
    ) -> Answer<Broadcast> {
        self.may_broadcast()?;
        for words in words(&request.content) {
            sentinel(words)?;
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
        let (count, template) = self.check_request(&request, now)?;
        let starts_at = starts_at(request.send_at, now)?;
        if is_short(&request.content, &count) {
            return refuse(ProblemCode::QuotaShort);
        }
        let numbers = self.resolve(&request.audience);
        if let Some(draft) = request.draft {
            self.forget_draft(draft);
        }
        self.push_broadcast(key.to_owned(), request, template, 0, &numbers, now);
        let sent = self.broadcasts.last_mut().expect("one was just pushed");
        if let Some(starts_at) = starts_at {
            sent.put_off(starts_at);
        }
        Ok(self.broadcast(self.broadcasts.last().expect("one was just pushed")))
    }

    /// Who will get it, and the template that it sends, if it may be sent at all.
    pub(super) fn check_request(
        &self,
        request: &BroadcastRequest,
        now: Timestamp,
    ) -> Answer<(AudienceCount, Option<SentTemplate>)> {
        let at_audience = |code| Problem::new(code).at("audience");
        let asked = asked_of(request);
        let count = self.count_audience(&request.audience, &asked, now)?;
        if count.reached_total() + count.skipped_total() == 0 {
            return Err(at_audience(ProblemCode::AudienceEmpty));
        }
        if count.reached_total() == 0 {
            return Err(at_audience(ProblemCode::AudienceUnreachable));
        }
        let template = match &request.content {
            Content::Messages(messages) => {
                self.check_written(request, messages, &count)?;
                None
            }
            Content::Template(fill) => Some(self.check_template(request, fill, &count)?),
        };
        Ok((count, template))
    }

    /// Whether messages may be sent so to those who were counted.
    fn check_written(
        &self,
        request: &BroadcastRequest,
        messages: &[OutgoingMessage],
        count: &AudienceCount,
    ) -> Answer<()> {
        let problems = check_messages(
            messages,
            count.channels(),
            request.surface,
            |id| self.find_media(id).map(|media| media.facts()),
            request.name_fallback.as_deref(),
        );
        match problems.into_iter().next() {
            Some(found) => {
                let mut problem = Problem::new(found.code).at(found.field());
                problem.channels = found.channels.iter().collect();
                Err(problem)
            }
            None => Ok(()),
        }
    }

    pub(super) fn push_broadcast(
        &mut self,
        key: String,
        request: BroadcastRequest,
        template: Option<SentTemplate>,
        sender: u64,
        numbers: &[u32],
        now: Timestamp,
    ) {
        let mut open = 0;
        let source = request.audience.source;
        let without_event = numbers.iter().copied().filter(|&n| self.never_wrote(n));
        let without_event = without_event.collect();
        let outgoing = template.as_ref().map_or(Outgoing::Messages, |sent| {
            Outgoing::of_template(&sent.template, sent.fill.as_of)
        });
        let recipients = numbers
            .iter()
            .map(|&number| match self.reach(number, source, outgoing, now) {
                Reach::Open => {
                    open += 1;
                    (number, Ok(open - 1))
                }
                Reach::Skipped(reason) => (number, Err(reason)),
            })
            .collect();
        let is_paused = words(&request.content).any(|words| words.contains("fail-pause"));
        let mut sent = Sent {
            id: demo::broadcast_id(self.broadcasts.len() as u64 + 1),
            key,
            request,
            template,
            sender,
            created_at: now,
            starts_at: now.plus(HOLD),
            stage: Stage::Held {
                ticks_left: self.options.hold_ticks,
            },
            retry_of: None,
            is_retried: false,
            is_paused,
            log: Vec::new(),
            recipients,
            without_event,
            open: u64::from(open),
            ticks: 0,
            channels: self.options.channels.clone(),
        };
        let recipients = u64::from(open);
        sent.log(now, Some(sender), LogEvent::Accepted { recipients });
        self.broadcasts.push(sent);
    }

    pub(super) fn is_visible(&self, sent: &Sent) -> bool {
        match self.options.role.broadcasts_seen() {
            Scope::Team | Scope::Shops => true,
            Scope::Own => sent.sender == 0,
            Scope::None => false,
        }
    }

    pub(super) fn may_see_broadcasts(&self) -> Answer<()> {
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

    pub(super) fn sent(&self, id: BroadcastId) -> Answer<&Sent> {
        self.may_see_broadcasts()?;
        self.broadcasts
            .iter()
            .find(|sent| sent.id == id && self.is_visible(sent))
            .ok_or_else(|| Problem::new(ProblemCode::NotFound))
    }

    pub(super) fn broadcast(&self, sent: &Sent) -> Broadcast {
        let count = |wanted: &dyn Fn(Channel) -> bool| {
            sent.recipients
                .iter()
                .filter(|(number, _)| wanted(self.channel(*number)))
                .count() as u64
        };
        let reached = |wanted: &dyn Fn(Channel) -> bool| {
            sent.recipients
                .iter()
                .filter(|(number, turn)| turn.is_ok() && wanted(self.channel(*number)))
                .count() as u64
        };
        let paused = summary(sent).paused;
        let waiting_long = paused.iter().map(|paused| paused.waiting).sum::<u64>();
        Broadcast {
            summary: summary(sent),
            messages: sent.request.content.messages().to_vec(),
            template: sent.template.clone(),
            media: Self::uploads_of(&sent.request.content)
                .into_iter()
                .filter_map(|id| self.find_media(id))
                .collect(),
            name_fallback: sent.request.name_fallback.clone(),
            links: match &sent.template {
                Some(template) => links_of(template, sent.request.name_fallback.as_deref()),
                None => count_links(sent.request.content.messages(), &official_domains()),
            },
            channels: Channel::ALL
                .into_iter()
                .map(|channel| ChannelCount {
                    channel,
                    customers: count(&|c| c == channel),
                })
                .filter(|count| count.customers > 0)
                .collect(),
            tells_delivered: reached(&Channel::tells_delivered),
            tells_read: reached(&Channel::tells_read),
            outcomes: sent.outcomes(),
            retryable: sent.retryable().count() as u64,
            retries: self
                .broadcasts
                .iter()
                .filter(|other| other.retry_of == Some(sent.id))
                .map(summary)
                .collect(),
            seconds_left: (summary(sent).progress.waiting() - waiting_long).div_ceil(PER_TICK),
            waits: (waiting_long > 0).then(|| Waits {
                customers: waiting_long,
                until: sent.starts_at.plus(HOUR),
            }),
            log: sent.log.clone(),
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
            .map(|&(number, place)| {
                let state = self.state(number);
                let view = self.sees(&state).then(|| self.view_of(&state));
                Recipient {
                    view,
                    ..recipient(sent, number, place)
                }
            })
            .filter(|recipient| {
                query
                    .standing
                    .is_none_or(|standing| standing.statuses().contains(&recipient.status))
                    && query
                        .reason
                        .is_none_or(|reason| recipient.reason == Some(reason))
                    && query.got.is_none_or(|got| {
                        let messages = recipient.deliveries.iter();
                        let accepted = messages.filter(|each| each.status.is_accepted());
                        accepted.count() == got as usize
                    })
                    && query
                        .of
                        .is_none_or(|of| recipient.deliveries.len() == of as usize)
            })
            .take(RECIPIENT_PAGE + 1)
            .collect();
        let has_more = rows.len() > RECIPIENT_PAGE;
        rows.truncate(RECIPIENT_PAGE);
        let next = rows.last().filter(|_| has_more).map(|row| row.customer);
        Ok(RecipientPage { rows, next })
    }

    /// Time passes: every broadcast hands over a few more, and the platforms tell what arrived.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<LiveEvent> {
        let mut told = Vec::new();
        for sent in &mut self.broadcasts {
            if sent.move_on(now) {
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
}

impl Sent {
    /// Says in the log who did what; nobody where it is omocast's own doing.
    pub(super) fn log(&mut self, at: Timestamp, member: Option<u64>, event: LogEvent) {
        let member = member.map(|member| MEMBERS[member as usize].to_owned());
        self.log.push(LogEntry { at, member, event });
    }

    pub(super) fn title(&self) -> String {
        match &self.template {
            Some(sent) => sent.template.display_name().to_owned(),
            None => title(self.request.content.messages()),
        }
    }

    pub(super) fn channel(&self, number: u32) -> Channel {
        demo::channel(number, &self.channels)
    }

    /// Whether anything moved.
    fn move_on(&mut self, now: Timestamp) -> bool {
        match self.stage {
            Stage::Held { ticks_left } if ticks_left > 1 => {
                self.stage = Stage::Held {
                    ticks_left: ticks_left - 1,
                };
                false
            }
            Stage::Held { .. } => {
                self.begin(now, None);
                true
            }
            Stage::Scheduled if self.title().contains("fail-overdue") => {
                self.stage = Stage::Overdue;
                self.log(now, None, LogEvent::Overdue);
                true
            }
            Stage::Scheduled if now >= self.starts_at => {
                self.log(now, None, LogEvent::Started);
                self.begin(now, None);
                true
            }
            Stage::Scheduled | Stage::Overdue | Stage::Cancelled => false,
            Stage::Begun | Stage::Stopped => {
                let is_moving = self.ticks < self.open / PER_TICK + 14;
                let was_going = summary(self).status == BroadcastStatus::Sending;
                if is_moving {
                    self.ticks += 1;
                }
                if was_going && summary(self).status == BroadcastStatus::Completed {
                    self.log(now, None, LogEvent::Completed);
                }
                is_moving
            }
        }
    }

    /// It begins: by itself, or because a member said so.
    pub(super) fn begin(&mut self, now: Timestamp, member: Option<u64>) {
        if member.is_some() {
            self.log(now, member, LogEvent::Started);
        }
        self.stage = Stage::Begun;
        self.starts_at = now;
        if self.is_paused {
            let event = LogEvent::AccountPaused {
                account: LINE_ACCOUNT.to_owned(),
                reason: Reason::MonthlyLimit,
            };
            self.log(now, None, event);
        }
    }

    /// Whoever did not get it, by how, why and where, the most first.
    fn outcomes(&self) -> Vec<OutcomeCount> {
        let mut outcomes: Vec<OutcomeCount> = Vec::new();
        for &(number, place) in &self.recipients {
            let Recipient {
                status,
                reason,
                deliveries,
                ..
            } = recipient(self, number, place);
            let part = Part::of_messages(deliveries.iter().map(|delivery| delivery.status));
            let is_bad = matches!(
                status,
                DeliveryStatus::Failed | DeliveryStatus::Unknown | DeliveryStatus::Skipped
            );
            if !is_bad {
                continue;
            }
            let channel = self.channel(number);
            let known = outcomes.iter_mut().find(|known| {
                (known.status, known.reason, known.part, known.channel)
                    == (status, reason, part, channel)
            });
            match known {
                Some(known) => known.customers += 1,
                None => outcomes.push(OutcomeCount {
                    status,
                    reason,
                    part,
                    channel,
                    customers: 1,
                }),
            }
        }
        outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.customers));
        outcomes
    }
}

/// All that is written in a broadcast of messages.
pub(super) fn words(content: &Content) -> impl Iterator<Item = &str> {
    content.messages().iter().filter_map(OutgoingMessage::words)
}

/// A template is one.
fn message_count(sent: &Sent) -> usize {
    match &sent.request.content {
        Content::Messages(messages) => messages.len(),
        Content::Template(_) => 1,
    }
}

pub(super) fn summary(sent: &Sent) -> BroadcastSummary {
    let mut progress = Progress::default();
    for &(number, place) in &sent.recipients {
        progress.add(standing(sent, number, place).0, 1);
    }
    let status = match sent.stage {
        Stage::Held { .. } => BroadcastStatus::Held,
        Stage::Scheduled => BroadcastStatus::Scheduled,
        Stage::Overdue => BroadcastStatus::Overdue,
        Stage::Begun if progress.waiting() > 0 => BroadcastStatus::Sending,
        Stage::Begun => BroadcastStatus::Completed,
        Stage::Stopped => BroadcastStatus::Stopped,
        Stage::Cancelled => BroadcastStatus::Cancelled,
    };
    let is_going = status == BroadcastStatus::Sending;
    BroadcastSummary {
        id: sent.id,
        kind: sent.request.content.kind(),
        title: sent.title(),
        status,
        sender: MEMBERS[sent.sender as usize].to_owned(),
        sender_id: demo::member_id(sent.sender),
        created_at: sent.created_at,
        starts_at: sent.starts_at,
        retry_of: sent.retry_of,
        completed_at: (status == BroadcastStatus::Completed)
            .then(|| sent.starts_at.plus((sent.open / PER_TICK * 500) as i64)),
        message_count: message_count(sent) as u32,
        progress,
        stopped: sent
            .recipients
            .iter()
            .filter(|(_, place)| *place == Err(Reason::Stopped))
            .count() as u64,
        paused: if is_going { sent.paused() } else { Vec::new() },
    }
}

/// What became of a recipient by now, and when it last changed.
pub(super) fn standing(
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
    let channel = demo::channel(number, &sent.channels);
    let is_waiting = match sent.stage {
        Stage::Held { .. } | Stage::Scheduled | Stage::Overdue => true,
        Stage::Begun | Stage::Stopped | Stage::Cancelled => {
            sent.is_paused && channel == Channel::Line
        }
    };
    if is_waiting {
        return (DeliveryStatus::Queued, None, None, sent.created_at);
    }
    let turn = place / PER_TICK + 1;
    let at = sent
        .starts_at
        .plus((turn * 500) as i64 + (place % PER_TICK) as i64 * 12);
    let Some(age) = sent.ticks.checked_sub(turn) else {
        let status = if sent.ticks + 1 == turn {
            DeliveryStatus::Sending
        } else {
            DeliveryStatus::Queued
        };
        return (status, None, None, sent.created_at);
    };
    if place % 100 == 7 && words(&sent.request.content).any(|words| words.contains("fail-some")) {
        let code = Some("500");
        return (
            DeliveryStatus::Failed,
            Some(Reason::PlatformFault),
            code,
            at,
        );
    }
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

/// LINE takes all messages in one push, so that nobody gets a part of them.
fn channel_takes_one_by_one(sent: &Sent, number: u32) -> bool {
    sent.channel(number) != Channel::Line
}

fn recipient(sent: &Sent, number: u32, place: Result<u32, Reason>) -> Recipient {
    let (status, reason, code, updated_at) = standing(sent, number, place);
    let platform_code = code.map(str::to_owned);
    let count = message_count(sent);
    // Some who are refused a later message have the first one.
    let has_first = count > 1 && number.is_multiple_of(2) && channel_takes_one_by_one(sent, number);
    let deliveries: Vec<Delivery> = (0..count)
        .map(|at| match status {
            DeliveryStatus::Failed if has_first && at == 0 => Delivery {
                status: DeliveryStatus::Sent,
                reason: None,
                platform_code: None,
            },
            DeliveryStatus::Failed if has_first && at == 1 => Delivery {
                status,
                reason,
                platform_code: platform_code.clone(),
            },
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
        view: None,
        event: (!sent.without_event.contains(&number)).then(|| demo::event_id(number.into())),
        name: demo::name(number),
        channel: demo::channel(number, &sent.channels),
        status: DeliveryStatus::of_recipient(deliveries.iter().map(|delivery| delivery.status)),
        reason,
        platform_code,
        updated_at,
        deliveries,
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::Role;
    use omocast_contract::api::CountQuery;

    use super::*;
    use crate::api::fake::options::FakeOptions;
    use crate::api::fake::tests::{NOW, backend, text};

    fn request(text_of_first: &str) -> BroadcastRequest {
        BroadcastRequest {
            audience: Audience::everything(Filter::default()),
            content: Content::Messages(vec![text(text_of_first)]),
            surface: Surface::Web,
            name_fallback: None,
            draft: None,
            send_at: None,
        }
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
            .count_audience(&request("好").audience, &CountQuery::default(), NOW)
            .unwrap();
        let mut waiting = count.reached_total();
        while !backend.tick(NOW).is_empty() {
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
                        after,
                        ..RecipientQuery::default()
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
