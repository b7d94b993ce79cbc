//! What the server tells as it happens: one stream a tab, handed to whoever shows something it is about.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::prelude::*;
use omocast_contract::live::LiveEvent;

use crate::api::Api;
use crate::session::Session;

/// News of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveNews {
    Event(LiveEvent),
    Connected,
    /// Lost, and being connected again.
    Lost,
}

/// Ends a stream when called.
pub type StopListening = Box<dyn FnOnce()>;

type Listener = Rc<dyn Fn(LiveEvent)>;

/// The context of the stream.
#[derive(Clone, Copy)]
pub struct Live {
    listeners: StoredValue<(u64, BTreeMap<u64, Listener>), LocalStorage>,
    is_lost: RwSignal<bool>,
    /// Grows when the stream is to be opened anew.
    turn: RwSignal<u32>,
    stop: StoredValue<Option<StopListening>, LocalStorage>,
}

/// Provides the stream: open while somebody is signed in.
pub fn provide_live(api: &Api, session: Session) -> Live {
    let live = Live {
        listeners: StoredValue::new_local((0, BTreeMap::new())),
        is_lost: RwSignal::new(false),
        turn: RwSignal::new(0),
        stop: StoredValue::new_local(None),
    };
    let member = Memo::new(move |_| session.me().map(|me| me.id));
    let api = api.clone();
    // An effect, because the stream is a thing outside that must follow the sign-in.
    Effect::new(move |before: Option<u32>| {
        let turn = live.turn.get();
        live.close();
        // Whoever reconnects sees that it is lost until it is not.
        if before == Some(turn) {
            live.is_lost.set(false);
        }
        if member.get().is_some() {
            // What was loaded before the stream was there may be out of date by then.
            let answered = api.answered();
            let counted = api.clone();
            let is_first = Cell::new(true);
            let take = move |news: LiveNews| {
                let is_late = news == LiveNews::Connected
                    && is_first.take()
                    && counted.answered() != answered;
                live.take(news, is_late);
            };
            let stop = api.listen(Rc::new(take));
            live.stop.set_value(Some(stop));
        }
        turn
    });
    // Requests may have failed while the stream looked alive.
    let online = window_event_listener_untyped("online", move |_| live.tell(&LiveEvent::Missed));
    on_cleanup(move || {
        online.remove();
        live.close();
    });
    provide_context(live);
    live
}

pub fn use_live() -> Live {
    expect_context()
}

impl Live {
    /// Calls `callback` with each event, until the owner is gone.
    pub fn on(&self, callback: impl Fn(LiveEvent) + 'static) {
        let listeners = self.listeners;
        let mut id = 0;
        listeners.update_value(|(next, listeners)| {
            id = *next;
            *next += 1;
            listeners.insert(id, Rc::new(callback));
        });
        on_cleanup(move || {
            listeners.try_update_value(|(_, listeners)| listeners.remove(&id));
        });
    }

    /// Whether the connection is lost at the moment.
    pub fn is_lost(&self) -> Signal<bool> {
        self.is_lost.into()
    }

    /// Opens the stream anew at once, instead of when its turn comes.
    pub fn reconnect(&self) {
        self.turn.update(|turn| *turn += 1);
    }

    fn take(&self, news: LiveNews, is_late: bool) {
        match news {
            LiveNews::Event(event) => self.tell(&event),
            LiveNews::Lost => {
                self.is_lost.try_set(true);
            }
            LiveNews::Connected => {
                // What happened meanwhile is not told again.
                if self.is_lost.try_update(std::mem::take) == Some(true) || is_late {
                    self.tell(&LiveEvent::Missed);
                }
            }
        }
    }

    fn tell(&self, event: &LiveEvent) {
        // A copy, because a listener may add or remove listeners.
        let listeners: Vec<Listener> = self
            .listeners
            .try_with_value(|(_, listeners)| listeners.values().cloned().collect())
            .unwrap_or_default();
        for listener in listeners {
            listener(event.clone());
        }
    }

    fn close(&self) {
        let stop = self.stop.try_update_value(Option::take).flatten();
        if let Some(stop) = stop {
            stop();
        }
    }
}
