//! What happens, told to the open pages of those who may see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use omocast_contract::live::LiveEvent;
use omocast_contract::{EventId, MemberId, TeamId};
use tokio::sync::broadcast;

use crate::store::BoundTo;

/// How many notices a slow page may lag behind before it is told to load again.
const CAPACITY: usize = 1_024;

/// Something that happened, and what decides who hears of it.
#[derive(Clone, Debug)]
pub enum Notice {
    /// An event changed.
    Event {
        /// Whose.
        team: TeamId,
        /// Which one.
        event: EventId,
        /// Who owned it before, and who owns it now.
        owners: Vec<MemberId>,
    },
    /// Many events changed, more than are told one by one.
    Events {
        /// Whose.
        team: TeamId,
        /// Who owned any of them.
        owners: BTreeSet<MemberId>,
    },
    /// Lists of bound customers changed.
    BoundCustomers {
        /// Whose.
        team: TeamId,
        /// The sellers' lists, and those of the shops.
        lists: BTreeSet<BoundTo>,
    },
    /// A broadcast moved on.
    Broadcast {
        /// Whose.
        team: TeamId,
        /// Who sent it.
        sender: MemberId,
        /// What is told.
        progress: LiveEvent,
    },
    /// Another process changed something that is not known more closely.
    Everything,
    /// A session ended, and with it its stream.
    SignedOut {
        /// Which one.
        session: String,
    },
    /// The server stops.
    Stopping,
}

/// Tells open pages. Cheap to clone; clones tell the same pages.
#[derive(Clone, Debug)]
pub struct Live {
    sender: broadcast::Sender<Arc<Notice>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(CAPACITY),
        }
    }
}

impl Live {
    /// Tells that an event has a new message, status or owner. `owners` are those of before and of now.
    pub fn event_changed(&self, team: TeamId, event: EventId, owners: &[MemberId]) {
        self.tell(Notice::Event {
            team,
            event,
            owners: owners.to_vec(),
        });
    }

    /// Tells that many events have changed: pages load again what they show. `owners` are those of any of them.
    pub fn events_changed(&self, team: TeamId, owners: BTreeSet<MemberId>) {
        self.tell(Notice::Events { team, owners });
    }

    /// Tells that lists of bound customers have changed.
    pub fn bound_customers_changed(&self, team: TeamId, lists: BTreeSet<BoundTo>) {
        self.tell(Notice::BoundCustomers { team, lists });
    }

    /// Tells how far a broadcast is.
    pub fn broadcast_progress(&self, team: TeamId, sender: MemberId, progress: LiveEvent) {
        self.tell(Notice::Broadcast {
            team,
            sender,
            progress,
        });
    }

    /// Tells every page to load again what it shows.
    pub fn everything_changed(&self) {
        self.tell(Notice::Everything);
    }

    /// Ends the stream of a session.
    pub fn signed_out(&self, session: String) {
        self.tell(Notice::SignedOut { session });
    }

    /// Ends every stream.
    pub fn stop(&self) {
        self.tell(Notice::Stopping);
    }

    /// Hears everything from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.sender.subscribe()
    }

    fn tell(&self, notice: Notice) {
        // Nobody listening is no fault.
        drop(self.sender.send(Arc::new(notice)));
    }
}
