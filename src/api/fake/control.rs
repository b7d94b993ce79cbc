//! The check before sending, and what may be done with a broadcast once it is accepted.

use omocast_contract::control::{AccountQuota, HOLD, PausedAccount, check_retry, check_start};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    AudienceCount, Broadcast, BroadcastId, BroadcastRequest, Channel, Content, Control, Controlled,
    DeliveryStatus, Draft, DraftId, LocalTime, LogEvent, Preflight, Problem, ProblemCode, Reason,
    Timestamp,
};

use super::backend::{Answer, Backend, refuse};
use super::broadcasts::{LINE_ACCOUNT, Sent, Stage, standing, summary, words};
use super::demo_data as demo;

/// The demo team's clock, from UTC: that of Taipei, which has no summer time.
const ZONE: i64 = 8 * HOUR;
/// What a month of the demo's account on LINE holds, and what is left of it.
const MONTH: u64 = 10_000;
const LEFT: u64 = 6_180;

/// The moment that a time of the team's clock is; none for at once.
pub(super) fn starts_at(
    send_at: Option<LocalTime>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let Some(time) = send_at else {
        return Ok(None);
    };
    let at_time = |code| Problem::new(code).at("send_at");
    let starts_at = Timestamp::parse(&format!("{time}:00Z"))
        .map(|local| local.plus(-ZONE))
        .ok_or_else(|| at_time(ProblemCode::ScheduleTimeSkipped))?;
    check_start(starts_at, now).map_err(at_time)?;
    Ok(Some(starts_at))
}

/// What the demo's account on LINE may still send, if any of these are on LINE.
fn quota(content: &Content, count: &AudienceCount) -> Option<AccountQuota> {
    let is_line =
        |count: &&omocast_contract::audience::ChannelCount| count.channel == Channel::Line;
    let needed = count.reached.iter().find(is_line)?.customers;
    let is_short = words(content).any(|words| words.contains("fail-quota"));
    Some(AccountQuota {
        account: demo::account_id(0),
        name: LINE_ACCOUNT.to_owned(),
        channel: Channel::Line,
        needed,
        left: if is_short { needed / 2 } else { LEFT },
        limit: MONTH,
    })
}

pub(super) fn is_short(content: &Content, count: &AudienceCount) -> bool {
    quota(content, count).is_some_and(|quota| quota.is_short())
}

impl Backend {
    pub(super) fn preflight_broadcast(
        &self,
        request: &BroadcastRequest,
        now: Timestamp,
    ) -> Answer<Preflight> {
        self.may_broadcast()?;
        if words(&request.content).any(|words| words.contains("fail-check")) {
            return refuse(ProblemCode::Internal);
        }
        let (count, _) = self.check_request(request, now)?;
        Ok(Preflight {
            seconds: count.reached_total().div_ceil(80),
            hold: HOLD,
            quotas: quota(&request.content, &count).into_iter().collect(),
            count,
        })
    }

    pub(super) fn control_broadcast(
        &mut self,
        id: BroadcastId,
        control: Control,
        now: Timestamp,
    ) -> Answer<Controlled> {
        let sent = self.sent(id)?;
        let is_sender = sent.sender == 0;
        control.check(summary(sent).status, is_sender)?;
        let starts_at = match control {
            Control::Reschedule { send_at } => starts_at(Some(send_at), now)?,
            Control::Stop | Control::SendNow | Control::TryAccounts => None,
        };
        let sent = self.sent_mut(id)?;
        let mut draft = None;
        match control {
            Control::Stop => {
                sent.stop(now);
                if is_sender && sent.stage == Stage::Cancelled {
                    draft = self.keep_taken_back(id, now);
                }
            }
            Control::Reschedule { .. } => {
                if let Some(starts_at) = starts_at {
                    sent.stage = Stage::Scheduled;
                    sent.starts_at = starts_at;
                    sent.log(now, Some(0), LogEvent::Rescheduled { starts_at });
                }
            }
            Control::SendNow => sent.begin(now, Some(0)),
            Control::TryAccounts => {
                if std::mem::take(&mut sent.is_paused) {
                    let account = LINE_ACCOUNT.to_owned();
                    sent.log(now, None, LogEvent::AccountResumed { account });
                }
            }
        }
        let broadcast = self.find_broadcast(id)?;
        Ok(Controlled { broadcast, draft })
    }

    pub(super) fn retry_broadcast(
        &mut self,
        id: BroadcastId,
        key: &str,
        now: Timestamp,
    ) -> Answer<Broadcast> {
        if let Some(known) = self.broadcasts.iter().find(|sent| sent.key == key) {
            return Ok(self.broadcast(known));
        }
        let sent = self.sent(id)?;
        check_retry(summary(sent).status, sent.sender == 0)?;
        let numbers: Vec<u32> = sent.retryable().collect();
        if numbers.is_empty() {
            return refuse(ProblemCode::NothingToRetry);
        }
        let request = BroadcastRequest {
            draft: None,
            send_at: None,
            ..sent.request.clone()
        };
        let template = sent.template.clone();
        self.push_broadcast(key.to_owned(), request, template, 0, &numbers, now);
        let new = self.broadcasts.last_mut().expect("one was just pushed");
        new.retry_of = Some(id);
        let broadcast = new.id;
        let sent = self.sent_mut(id)?;
        sent.is_retried = true;
        let recipients = numbers.len() as u64;
        let event = LogEvent::Retried {
            broadcast,
            recipients,
        };
        sent.log(now, Some(0), event);
        self.find_broadcast(broadcast)
    }

    fn sent_mut(&mut self, id: BroadcastId) -> Answer<&mut Sent> {
        let found = self.broadcasts.iter_mut().find(|sent| sent.id == id);
        found.ok_or_else(|| Problem::new(ProblemCode::NotFound))
    }

    /// What was taken back is a draft again, unless it is a template.
    fn keep_taken_back(&mut self, id: BroadcastId, now: Timestamp) -> Option<DraftId> {
        let request = &self.sent(id).ok()?.request;
        let messages = match &request.content {
            Content::Messages(messages) => messages.clone(),
            Content::Template(_) => return None,
        };
        let draft = Draft {
            id: demo::draft_id(1_000 + self.broadcasts.len() as u64),
            version: 1,
            updated_at: now,
            title: omocast_contract::draft::title(&messages),
            audience: Some(request.audience.clone()),
            media: self.media_of(&messages),
            messages,
            name_fallback: request.name_fallback.clone(),
            surface: request.surface,
        };
        let id = draft.id;
        self.drafts.insert(0, draft);
        Some(id)
    }
}

impl Sent {
    pub(super) fn put_off(&mut self, starts_at: Timestamp) {
        self.stage = Stage::Scheduled;
        self.starts_at = starts_at;
        if let Some(entry) = self.log.last_mut()
            && let LogEvent::Accepted { recipients } = entry.event
        {
            entry.event = LogEvent::Scheduled {
                starts_at,
                recipients,
            };
        }
    }

    fn stop(&mut self, now: Timestamp) {
        let is_left = |sent: &Self, number, place| {
            let (status, ..) = standing(sent, number, place);
            matches!(status, DeliveryStatus::Queued | DeliveryStatus::Sending)
        };
        let left: Vec<usize> = (0..self.recipients.len())
            .filter(|&at| {
                let (number, place) = self.recipients[at];
                is_left(self, number, place)
            })
            .collect();
        let open = self.recipients.iter().filter(|(_, place)| place.is_ok());
        let handed_over = (open.count() - left.len()) as u64;
        for &at in &left {
            self.recipients[at].1 = Err(Reason::Stopped);
        }
        let left = left.len() as u64;
        let (stage, event) = if handed_over == 0 {
            (Stage::Cancelled, LogEvent::Cancelled)
        } else {
            (Stage::Stopped, LogEvent::Stopped { handed_over, left })
        };
        self.stage = stage;
        self.log(now, Some(0), event);
    }

    /// Those whom a retry may reach.
    pub(super) fn retryable(&self) -> impl Iterator<Item = u32> {
        self.recipients
            .iter()
            .filter(|_| !self.is_retried)
            .filter(|&&(number, place)| {
                let (status, reason, ..) = standing(self, number, place);
                status == DeliveryStatus::Failed && reason.is_some_and(Reason::may_be_retried)
            })
            .map(|&(number, _)| number)
    }

    /// What waits for the account on LINE, once it has begun.
    pub(super) fn paused(&self) -> Vec<PausedAccount> {
        let waiting = self
            .recipients
            .iter()
            .filter(|(number, place)| place.is_ok() && self.channel(*number) == Channel::Line)
            .count() as u64;
        let paused = PausedAccount {
            account: demo::account_id(0),
            name: LINE_ACCOUNT.to_owned(),
            channel: Channel::Line,
            reason: Reason::MonthlyLimit,
            platform_code: Some("429 You have reached your monthly limit.".to_owned()),
            since: self.starts_at,
            tried_at: self.starts_at.plus(HOUR),
            waiting,
        };
        self.is_paused.then_some(paused).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::{Audience, BroadcastStatus, Filter, Surface};

    use super::*;
    use crate::api::fake::tests::{NOW, backend, text};

    fn request(words: &str) -> BroadcastRequest {
        BroadcastRequest {
            audience: Audience::everything(Filter::default()),
            content: Content::Messages(vec![text(words)]),
            surface: Surface::Web,
            name_fallback: None,
            draft: None,
            send_at: None,
        }
    }

    #[track_caller]
    fn check_stop(ticks: u32, expected: BroadcastStatus, is_draft: bool) {
        let mut backend = backend();
        let sent = backend
            .create_broadcast(request("好"), "key-12345", NOW)
            .unwrap();
        assert_eq!(sent.summary.starts_at, NOW.plus(HOLD));
        for _ in 0..ticks {
            backend.tick(NOW);
        }
        let stopped = backend
            .control_broadcast(sent.summary.id, Control::Stop, NOW)
            .unwrap();
        let summary = stopped.broadcast.summary;
        assert_eq!((summary.status, summary.progress.waiting()), (expected, 0));
        assert_eq!(stopped.draft.is_some(), is_draft);
    }

    #[test]
    fn what_is_stopped_before_anything_was_handed_over_is_a_draft_again() {
        check_stop(0, BroadcastStatus::Cancelled, true);
        check_stop(3, BroadcastStatus::Stopped, false);
    }

    #[test]
    fn a_retry_goes_to_those_who_may_be_retried_and_only_once() {
        let mut backend = backend();
        let id = backend
            .create_broadcast(request("fail-some"), "key-12345", NOW)
            .unwrap()
            .summary
            .id;
        while !backend.tick(NOW).is_empty() {}
        let wanted = backend.find_broadcast(id).unwrap().retryable;
        let again = backend.retry_broadcast(id, "key-67890", NOW).unwrap();
        assert_eq!(again.summary.retry_of, Some(id));
        assert_eq!(again.summary.progress.total(), wanted);
        let refused = backend.retry_broadcast(id, "key-other", NOW).unwrap_err();
        assert_eq!(refused.code, ProblemCode::NothingToRetry);
    }

    #[test]
    fn what_is_put_off_begins_at_its_time() {
        let mut backend = backend();
        let later = BroadcastRequest {
            // An hour after NOW, in Taipei.
            send_at: LocalTime::parse("2026-11-18T20:06"),
            ..request("好")
        };
        let sent = backend.create_broadcast(later, "key-12345", NOW).unwrap();
        assert_eq!(sent.summary.status, BroadcastStatus::Scheduled);
        assert!(backend.tick(NOW).is_empty());
        backend.tick(sent.summary.starts_at);
        let status = backend.find_broadcast(sent.summary.id).unwrap();
        assert_eq!(status.summary.status, BroadcastStatus::Sending);
    }
}
