//! Ids: UUIDv7 newtypes, written as hyphenated text on the wire and in the store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A brand that uses this installation.
    TeamId,
    /// A shop (分店) of a team.
    ShopId,
    /// A member of staff who can sign in.
    MemberId,
    /// One account on one channel: a LINE official account, a WhatsApp number, a web chat.
    AccountId,
    /// A customer as one account knows them.
    CustomerId,
    /// An event (對話事件): one stretch of a conversation.
    EventId,
    /// One message of a conversation, in or out.
    MessageId,
    /// A broadcast.
    BroadcastId,
    /// An uploaded file.
    MediaId,
    /// A saved reply (預存回覆).
    SavedReplyId,
    /// A draft of a broadcast.
    DraftId,
    /// A WhatsApp template (訊息範本): one name in one language.
    TemplateId,
    /// A row of the list that an audience is picked from: an event of 我的事件－處理中, or a customer of 我的名單.
    RowId,
}

impl From<EventId> for RowId {
    fn from(event: EventId) -> Self {
        Self(event.0)
    }
}

impl From<CustomerId> for RowId {
    fn from(customer: CustomerId) -> Self {
        Self(customer.0)
    }
}

impl RowId {
    /// The event that the row is, where the list is one of events.
    pub fn event(self) -> EventId {
        EventId(self.0)
    }

    /// The customer that the row is, where the list is one of bound customers.
    pub fn customer(self) -> CustomerId {
        CustomerId(self.0)
    }
}
