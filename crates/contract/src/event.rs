//! Events (對話事件): one stretch of a conversation, and how it moves between its statuses.

use serde::{Deserialize, Serialize};

use crate::{MemberId, ProblemCode};

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// 待處理: nobody follows it.
    Pending,
    /// 處理中: its owner follows it.
    InProgress,
    /// 已結束.
    Ended,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::InProgress, Self::Ended];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Ended => "ended",
        }
    }

    /// Reads [`EventStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The status after a message of the customer: an ended event becomes pending again,
    /// one in progress stays so.
    pub fn after_inbound(self) -> Self {
        match self {
            Self::Pending | Self::Ended => Self::Pending,
            Self::InProgress => Self::InProgress,
        }
    }
}

/// A list of the conversations page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventView {
    /// 我的事件－處理中.
    Mine,
    /// 團隊事件－處理中: all others'.
    Team,
    /// 待處理.
    Pending,
    /// 已結束.
    Ended,
}

impl EventView {
    /// Every view, in the order of the tabs.
    pub const ALL: [Self; 4] = [Self::Mine, Self::Team, Self::Pending, Self::Ended];

    /// The name on the wire and in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Team => "team",
            Self::Pending => "pending",
            Self::Ended => "ended",
        }
    }

    /// Reads [`EventView::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == text)
    }
}

/// What a member does to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventAction {
    /// 跟進: become its owner.
    Follow,
    /// 結束事件.
    End,
    /// 重啟事件: take an ended event up again.
    Reopen,
}

/// What an event becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The new status.
    pub status: EventStatus,
    /// The new owner; nobody where nobody followed it.
    pub owner: Option<MemberId>,
}

impl EventAction {
    /// What `member` makes of an event that is `status` and belongs to `owner`, or why they may not.
    ///
    /// 跟進 takes a pending event, or a colleague's in progress; one's own needs no following.
    /// 結束 ends an event in progress by its owner, or a pending one by anybody who sees it (then it has no owner).
    /// 重啟 takes an ended event up again.
    /// Whether the member sees the event at all is asked before.
    pub fn apply(
        self,
        status: EventStatus,
        owner: Option<MemberId>,
        member: MemberId,
    ) -> Result<Transition, ProblemCode> {
        let is_mine = owner == Some(member);
        match (self, status) {
            (Self::Follow, EventStatus::InProgress) if is_mine => {
                Err(ProblemCode::EventAlreadyYours)
            }
            (Self::Follow, EventStatus::Pending | EventStatus::InProgress)
            | (Self::Reopen, EventStatus::Ended) => Ok(Transition {
                status: EventStatus::InProgress,
                owner: Some(member),
            }),
            (Self::Follow, EventStatus::Ended) | (Self::End, EventStatus::Ended) => {
                Err(ProblemCode::EventEnded)
            }
            (Self::End, EventStatus::Pending) => Ok(Transition {
                status: EventStatus::Ended,
                owner: None,
            }),
            (Self::End, EventStatus::InProgress) if is_mine => Ok(Transition {
                status: EventStatus::Ended,
                owner,
            }),
            (Self::End, EventStatus::InProgress) => Err(ProblemCode::EventNotYours),
            (Self::Reopen, EventStatus::Pending | EventStatus::InProgress) => {
                Err(ProblemCode::EventNotEnded)
            }
        }
    }
}

/// Whether `member` may write to the customer in an event: only its owner, and only while it is in progress.
pub fn may_reply(
    status: EventStatus,
    owner: Option<MemberId>,
    member: MemberId,
) -> Result<(), ProblemCode> {
    match status {
        EventStatus::Pending => Err(ProblemCode::EventNotFollowed),
        EventStatus::Ended => Err(ProblemCode::EventEnded),
        EventStatus::InProgress if owner == Some(member) => Ok(()),
        EventStatus::InProgress => Err(ProblemCode::EventNotYours),
    }
}

/// The staff code (員工編號) that a customer asks for in a text such as 「聯絡專員 S001」,
/// which a member's QR code or link opens ready to send.
/// Such a message takes a pending event straight to that member's 處理中.
pub fn asked_staff_code(text: &str) -> Option<&str> {
    let code = text
        .trim()
        .strip_prefix("聯絡專員")?
        .trim_start_matches([' ', '\u{3000}', ':', '：']);
    let is_code = (1..=20).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ME: MemberId = MemberId(Uuid::from_u128(1));
    const OTHER: MemberId = MemberId(Uuid::from_u128(2));

    #[track_caller]
    fn check(
        action: EventAction,
        status: EventStatus,
        owner: Option<MemberId>,
        expected: Result<(EventStatus, Option<MemberId>), ProblemCode>,
    ) {
        let expected = expected.map(|(status, owner)| Transition { status, owner });
        assert_eq!(action.apply(status, owner, ME), expected);
    }

    #[test]
    fn following_a_pending_event_makes_it_mine() {
        check(
            EventAction::Follow,
            EventStatus::Pending,
            None,
            Ok((EventStatus::InProgress, Some(ME))),
        );
    }

    #[test]
    fn following_takes_a_colleagues_event_over() {
        check(
            EventAction::Follow,
            EventStatus::InProgress,
            Some(OTHER),
            Ok((EventStatus::InProgress, Some(ME))),
        );
    }

    #[test]
    fn ones_own_event_needs_no_following() {
        check(
            EventAction::Follow,
            EventStatus::InProgress,
            Some(ME),
            Err(ProblemCode::EventAlreadyYours),
        );
    }

    #[test]
    fn an_ended_event_is_reopened_not_followed() {
        check(
            EventAction::Follow,
            EventStatus::Ended,
            Some(ME),
            Err(ProblemCode::EventEnded),
        );
        check(
            EventAction::Reopen,
            EventStatus::Ended,
            Some(OTHER),
            Ok((EventStatus::InProgress, Some(ME))),
        );
        check(
            EventAction::Reopen,
            EventStatus::InProgress,
            Some(ME),
            Err(ProblemCode::EventNotEnded),
        );
    }

    #[test]
    fn only_the_owner_ends_an_event_in_progress() {
        check(
            EventAction::End,
            EventStatus::InProgress,
            Some(ME),
            Ok((EventStatus::Ended, Some(ME))),
        );
        check(
            EventAction::End,
            EventStatus::InProgress,
            Some(OTHER),
            Err(ProblemCode::EventNotYours),
        );
    }

    #[test]
    fn a_pending_event_ends_without_an_owner() {
        check(
            EventAction::End,
            EventStatus::Pending,
            None,
            Ok((EventStatus::Ended, None)),
        );
    }

    #[test]
    fn a_customers_message_wakes_an_ended_event_and_leaves_one_in_progress() {
        assert_eq!(EventStatus::Ended.after_inbound(), EventStatus::Pending);
        assert_eq!(
            EventStatus::InProgress.after_inbound(),
            EventStatus::InProgress
        );
        assert_eq!(EventStatus::Pending.after_inbound(), EventStatus::Pending);
    }

    #[test]
    fn only_the_owner_replies_and_only_while_in_progress() {
        assert_eq!(may_reply(EventStatus::InProgress, Some(ME), ME), Ok(()));
        assert_eq!(
            may_reply(EventStatus::InProgress, Some(OTHER), ME),
            Err(ProblemCode::EventNotYours)
        );
        assert_eq!(
            may_reply(EventStatus::Pending, None, ME),
            Err(ProblemCode::EventNotFollowed)
        );
        assert_eq!(
            may_reply(EventStatus::Ended, Some(ME), ME),
            Err(ProblemCode::EventEnded)
        );
    }

    #[test]
    fn a_text_may_ask_for_a_member_of_staff() {
        assert_eq!(asked_staff_code("聯絡專員 S001"), Some("S001"));
        assert_eq!(asked_staff_code(" 聯絡專員：xy-2\n"), Some("xy-2"));
        for text in [
            "聯絡專員",
            "我要聯絡專員 S001",
            "聯絡專員 王小明",
            "S001",
            "聯絡專員 S001 謝謝",
        ] {
            assert_eq!(asked_staff_code(text), None, "{text}");
        }
    }

    #[test]
    fn names_read_back() {
        for status in EventStatus::ALL {
            assert_eq!(EventStatus::parse(status.as_str()), Some(status));
        }
        for view in EventView::ALL {
            assert_eq!(EventView::parse(view.as_str()), Some(view));
        }
    }
}
