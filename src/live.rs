//! What the server tells as it happens: one stream a tab, handed to whoever shows something it is about.

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
    stop: StoredValue<Option<StopListening>, LocalStorage>,
}

/// Provides the stream: open while somebody is signed in.
pub fn provide_live(api: &Api, session: Session) -> Live {
    let live = Live {
        listeners: StoredValue::new_local((0, BTreeMap::new())),
        is_lost: RwSignal::new(false),
        stop: StoredValue::new_local(None),
    };
    let member = Memo::new(move |_| session.me().map(|me| me.id));
    let api = api.clone();
    // An effect, because the stream is a thing outside that must follow the sign-in.
    Effect::new(move |_| {
        live.close();
        if member.get().is_some() {
            let stop = api.listen(Rc::new(move |news| live.take(news)));
            live.stop.set_value(Some(stop));
        }
    });
    on_cleanup(move || live.close());
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

    fn take(&self, news: LiveNews) {
        match news {
            LiveNews::Event(event) => self.tell(&event),
            LiveNews::Lost => {
                self.is_lost.try_set(true);
            }
            LiveNews::Connected => {
                // What happened meanwhile is not told again.
                if self.is_lost.try_update(std::mem::take) == Some(true) {
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
        self.is_lost.try_set(false);
    }
}
